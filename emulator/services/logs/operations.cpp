#include "emulator/services/logs/operations.hpp"

#include <array>
#include <cstdio>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services {
namespace cloudwatch_logs {

ServiceFault missing_member(std::string_view name) {
  return invalid_parameter("1 validation error detected: Value null at '" + std::string(name) +
                           "' failed to satisfy constraint: Member must not be null");
}

std::string required_text(const json& input, std::string_view name) {
  if (auto text = text_member(input, name)) return *std::move(text);
  throw missing_member(name);
}

std::string required_name(const json& input, std::string_view name) {
  std::string text = required_text(input, name);
  if (text.size() > 512) {
    throw invalid_parameter(
        "Invalid LogGroup or LogStream, both must have length less than or equal to 512.");
  }
  return text;
}

std::string existing_group(const store::Logs& logs, const json& input) {
  const auto identifier = text_member(input, "logGroupIdentifier");
  std::string group;
  if (!identifier) {
    group = required_name(input, "logGroupName");
  } else if (text_member(input, "logGroupName")) {
    throw validation_fault("LogGroup name and LogGroup ARN are mutually exclusive parameters.");
  } else {
    constexpr std::string_view marker = ":log-group:";
    const std::size_t at = identifier->starts_with("arn:") ? identifier->find(marker) : std::string::npos;
    group = at == std::string::npos ? *identifier : identifier->substr(at + marker.size());
    if (group.ends_with(":*")) group.resize(group.size() - 2);
  }
  if (!logs.group_exists(group)) throw no_such_group();
  return group;
}

std::string encode_token(const json& place) { return aws::base64_encode(aws::dump_json(place)); }

json decode_token(const std::string& token) {
  const auto text = aws::base64_decode(token);
  if (!text) throw invalid_token();
  try {
    return aws::parse_json(*text, 4);
  } catch (const aws::JsonError&) {
    throw invalid_token();
  }
}

std::string group_arn(const CallContext& context, std::string_view group) {
  return "arn:" + context.partition + ":logs:" + context.region + ":" + context.account +
         ":log-group:" + std::string(group);
}

std::string digits56(std::uint64_t high, std::uint64_t middle, std::uint64_t low) {
  std::array<char, 64> buffer{};
  constexpr std::uint64_t high_limit = 10'000'000'000'000'000ull;  // 16 digits, and 20 for each of the others
  std::snprintf(buffer.data(), buffer.size(), "%016llu%020llu%020llu",
                static_cast<unsigned long long>(high % high_limit), static_cast<unsigned long long>(middle),
                static_cast<unsigned long long>(low));
  return buffer.data();
}

}  // namespace cloudwatch_logs

OperationTable logs_operations(store::Logs& logs, std::shared_ptr<aws::Clock> clock) {
  using cloudwatch_logs::Groups;
  using cloudwatch_logs::Tagging;
  const auto groups = std::make_shared<const Groups>(logs, clock);
  const auto bound = [&](json (Groups::*method)(const CallContext&, const json&) const) -> Operation {
    return [groups, method](const CallContext& context, const json& input) {
      return ((*groups).*method)(context, input);
    };
  };
  const auto tagging = std::make_shared<const Tagging>(logs);
  const auto tags = [&](json (Tagging::*method)(const CallContext&, const json&) const) -> Operation {
    return [tagging, method](const CallContext& context, const json& input) {
      return ((*tagging).*method)(context, input);
    };
  };
  OperationTable table;
  table["CreateLogGroup"] = bound(&Groups::create_group);
  table["DeleteLogGroup"] = bound(&Groups::delete_group);
  table["DescribeLogGroups"] = bound(&Groups::describe_groups);
  table["CreateLogStream"] = bound(&Groups::create_stream);
  table["DeleteLogStream"] = bound(&Groups::delete_stream);
  table["DescribeLogStreams"] = bound(&Groups::describe_streams);
  table["PutRetentionPolicy"] = bound(&Groups::put_retention);
  table["DeleteRetentionPolicy"] = bound(&Groups::delete_retention);
  table["TagResource"] = tags(&Tagging::tag_resource);
  table["UntagResource"] = tags(&Tagging::untag_resource);
  table["ListTagsForResource"] = tags(&Tagging::list_tags_for_resource);
  table["TagLogGroup"] = tags(&Tagging::tag_group);
  table["UntagLogGroup"] = tags(&Tagging::untag_group);
  table["ListTagsLogGroup"] = tags(&Tagging::list_tags_of_group);
  table["PutLogEvents"] = [&logs, clock](const CallContext&, const json& input) {
    return cloudwatch_logs::put_events(logs, *clock, input);
  };
  table["GetLogEvents"] = [&logs, clock](const CallContext&, const json& input) {
    return cloudwatch_logs::get_events(logs, *clock, input);
  };
  table["FilterLogEvents"] = [&logs, clock](const CallContext&, const json& input) {
    return cloudwatch_logs::filter_events(logs, *clock, input);
  };
  return table;
}

}  // namespace sagemaker::local::services
