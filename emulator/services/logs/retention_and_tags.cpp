// How long a log group keeps its events, and the tags of log groups.
#include <algorithm>
#include <array>

#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::size_t tags_max = 50;
constexpr std::array<int, 22> retention_days{1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                             365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};

int required_days(const json& input) {
  const auto days = integer_member(input, "retentionInDays");
  if (!days) throw missing_member("retentionInDays");
  if (std::find(retention_days.begin(), retention_days.end(), *days) == retention_days.end()) {
    std::string values;
    for (const int value : retention_days) values += (values.empty() ? "" : ", ") + std::to_string(value);
    throw invalid_parameter("1 validation error detected: Value '" + std::to_string(*days) +
                            "' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum " +
                            "value set: [" + values + "]");
  }
  return static_cast<int>(*days);
}

// The group that resourceArn names. Destinations and other kinds of resources do not exist here.
std::string group_of_arn(const CallContext& context, const json& input) {
  std::string arn = required_text(input, "resourceArn");
  if (arn.ends_with(":*")) arn.resize(arn.size() - 2);
  const std::string prefix = group_arn(context, "");
  if (!arn.starts_with(prefix)) {
    const bool other = arn.starts_with("arn:") && arn.find(":logs:") != std::string::npos;
    if (!other) throw invalid_parameter("Invalid resource ARN: " + arn);
    throw ServiceFault("ResourceNotFoundException", 400, "The specified resource does not exist.");
  }
  return arn.substr(prefix.size());
}

json add_tags(store::Logs& logs, const std::string& group, const json& input) {
  const store::Logs::Tags added = given_tags(input);
  const bool found = logs.update_tags(group, [&](store::Logs::Tags& tags) {
    for (const auto& [name, value] : added) tags.insert_or_assign(name, value);
    if (tags.size() <= tags_max) return;
    throw ServiceFault("TooManyTagsException", 400,
                       "The number of tags exceeds the limit of " + std::to_string(tags_max) + ".",
                       {{"resourceName", group}});
  });
  if (!found) throw no_such_group();
  return json::object();
}

json remove_tags(store::Logs& logs, const std::string& group, const json& input, const char* member) {
  const auto names = input.find(member);
  if (names == input.end() || !names->is_array()) throw missing_member(member);
  const bool found = logs.update_tags(group, [&](store::Logs::Tags& tags) {
    for (const json& name : *names)
      if (name.is_string()) tags.erase(name.get<std::string>());
  });
  if (!found) throw no_such_group();
  return json::object();
}

json tags_of(const store::Logs& logs, const std::string& group) {
  if (!logs.group_exists(group)) throw no_such_group();
  return {{"tags", logs.tags(group)}};
}

}  // namespace

void apply_retention(store::Logs& logs, const aws::Clock& clock, const std::string& group) {
  const auto found = logs.find_group(group);
  if (!found || !found->retention_days) return;
  logs.expire(group, aws::to_epoch_ms(clock.now()) - *found->retention_days * day_ms);
}

json Groups::put_retention(const CallContext&, const json& input) const {
  const std::string group = required_name(input, "logGroupName");
  const int days = required_days(input);
  if (!logs_.set_retention(group, days)) throw no_such_group();
  apply_retention(logs_, *clock_, group);
  return json::object();
}

json Groups::delete_retention(const CallContext&, const json& input) const {
  if (!logs_.set_retention(required_name(input, "logGroupName"), std::nullopt)) throw no_such_group();
  return json::object();
}

store::Logs::Tags given_tags(const json& input) {
  store::Logs::Tags tags;
  const auto given = input.find("tags");
  if (given == input.end() || !given->is_object()) return tags;
  for (const auto& [name, value] : given->items())
    if (value.is_string()) tags.emplace(name, value.get<std::string>());
  return tags;
}

json Tagging::tag_resource(const CallContext& context, const json& input) const {
  return add_tags(logs_, group_of_arn(context, input), input);
}

json Tagging::untag_resource(const CallContext& context, const json& input) const {
  return remove_tags(logs_, group_of_arn(context, input), input, "tagKeys");
}

json Tagging::list_tags_for_resource(const CallContext& context, const json& input) const {
  return tags_of(logs_, group_of_arn(context, input));
}

json Tagging::tag_group(const CallContext&, const json& input) const {
  return add_tags(logs_, required_name(input, "logGroupName"), input);
}

json Tagging::untag_group(const CallContext&, const json& input) const {
  return remove_tags(logs_, required_name(input, "logGroupName"), input, "tags");
}

json Tagging::list_tags_of_group(const CallContext&, const json& input) const {
  return tags_of(logs_, required_name(input, "logGroupName"));
}

}  // namespace sagemaker::local::services::cloudwatch_logs
