// Log groups and log streams: create, delete, list.
#include <algorithm>
#include <utility>
#include <vector>

#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr std::int64_t page_size_default = 50;

// AWS counts the bytes of a group hours later and those of a stream not at all any more; clients expect the
// member.
constexpr int stored_bytes = 0;

std::size_t page_size(const json& input) {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(
      integer_member(input, "limit").value_or(page_size_default), 1, page_size_default));
}

ServiceFault already_exists(const std::string& what) {
  return ServiceFault("ResourceAlreadyExistsException", 400, "The specified " + what + " already exists");
}

// What a group is asked for at its creation and cannot have here is refused rather than forgotten.
void refuse_unsupported(const CallContext& context, const std::string& group, const json& input) {
  if (text_member(input, "kmsKeyId")) {
    throw invalid_parameter(
        "The specified KMS key does not exist or is not allowed to be used with LogGroup '" +
        group_arn(context, group) + "'");
  }
  if (text_member(input, "logGroupClass").value_or("STANDARD") != "STANDARD") {
    throw invalid_parameter("sagemaker-local keeps log groups of the class STANDARD only.");
  }
  if (flag_member(input, "deletionProtectionEnabled")) {
    throw invalid_parameter("sagemaker-local does not protect log groups from deletion.");
  }
}

bool selected(const store::LogGroup& group, const CallContext& context, const json& input) {
  const auto part = text_member(input, "logGroupNamePattern");
  if (part && group.name.find(*part) == std::string::npos) return false;
  const auto identifiers = input.find("logGroupIdentifiers");
  if (identifiers == input.end() || !identifiers->is_array()) return true;
  return std::any_of(identifiers->begin(), identifiers->end(), [&](const json& identifier) {
    return identifier == group.name || identifier == group_arn(context, group.name);
  });
}

json describe(const store::LogGroup& group, const CallContext& context) {
  const std::string arn = group_arn(context, group.name);
  json description = {{"logGroupName", group.name}, {"creationTime", group.created_ms},
                      {"metricFilterCount", 0},     {"arn", arn + ":*"},
                      {"logGroupArn", arn},         {"logGroupClass", "STANDARD"},
                      {"storedBytes", stored_bytes}};
  if (group.retention_days) description["retentionInDays"] = *group.retention_days;
  return description;
}

json describe(const store::LogStream& stream, const CallContext& context, const std::string& group) {
  json description = {{"logStreamName", stream.name},
                      {"creationTime", stream.created_ms},
                      {"arn", group_arn(context, group) + ":log-stream:" + stream.name},
                      {"storedBytes", stored_bytes}};
  if (stream.first_event_ms) description["firstEventTimestamp"] = *stream.first_event_ms;
  if (stream.last_event_ms) description["lastEventTimestamp"] = *stream.last_event_ms;
  if (stream.last_ingestion_ms) {
    description["lastIngestionTime"] = *stream.last_ingestion_ms;
    description["uploadSequenceToken"] = digits56(49, 0, static_cast<std::uint64_t>(stream.event_count));
  }
  return description;
}

// How a list of streams is ordered, and where in it a page ended.
struct StreamOrder {
  bool by_event_time = false;
  bool descending = false;

  using Key = std::pair<std::int64_t, std::string>;
  Key key(const store::LogStream& stream) const {
    return {by_event_time ? stream.last_event_ms.value_or(0) : 0, stream.name};
  }
  bool before(const Key& a, const Key& b) const { return descending ? b < a : a < b; }

  json place(const Key& key) const { return {by_event_time, descending, key.first, key.second}; }
  Key place_of(const std::string& token) const {
    const json place = decode_token(token);
    if (!place.is_array() || place.size() != 4 || place[0] != by_event_time || place[1] != descending ||
        !place[2].is_number_integer() || !place[3].is_string()) {
      throw invalid_token();
    }
    return {place[2].get<std::int64_t>(), place[3].get<std::string>()};
  }
};

}  // namespace

json Groups::create_group(const CallContext& context, const json& input) const {
  const std::string group = required_name(input, "logGroupName");
  refuse_unsupported(context, group, input);
  if (!logs_.create_group(group, aws::to_epoch_ms(clock_->now()), given_tags(input)))
    throw already_exists("log group");
  return json::object();
}

json Groups::delete_group(const CallContext&, const json& input) const {
  if (!logs_.delete_group(required_name(input, "logGroupName"))) throw no_such_group();
  return json::object();
}

json Groups::describe_groups(const CallContext& context, const json& input) const {
  const auto prefix = text_member(input, "logGroupNamePrefix");
  if (prefix && text_member(input, "logGroupNamePattern")) {
    throw invalid_parameter(
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  std::string behind;
  if (const auto token = text_member(input, "nextToken")) {
    const json place = decode_token(*token);
    if (!place.is_string()) throw invalid_token();
    behind = place.get<std::string>();
  }
  json output = {{"logGroups", json::array()}};
  if (text_member(input, "logGroupClass").value_or("STANDARD") != "STANDARD") return output;
  const std::size_t limit = page_size(input);
  json& page = output["logGroups"];
  for (const store::LogGroup& group : logs_.groups(prefix.value_or(""))) {
    if (group.name <= behind || !selected(group, context, input)) continue;
    if (page.size() == limit) {
      output["nextToken"] = encode_token(page.back()["logGroupName"]);
      break;
    }
    page.push_back(describe(group, context));
  }
  return output;
}

json Groups::create_stream(const CallContext&, const json& input) const {
  const std::string group = required_name(input, "logGroupName");
  const std::string stream = required_name(input, "logStreamName");
  if (!logs_.group_exists(group)) throw no_such_group();
  if (!logs_.create_stream(group, stream, aws::to_epoch_ms(clock_->now())))
    throw already_exists("log stream");
  return json::object();
}

json Groups::delete_stream(const CallContext&, const json& input) const {
  const std::string group = required_name(input, "logGroupName");
  const std::string stream = required_name(input, "logStreamName");
  if (!logs_.group_exists(group)) throw no_such_group();
  if (!logs_.delete_stream(group, stream)) throw no_such_stream();
  return json::object();
}

json Groups::describe_streams(const CallContext& context, const json& input) const {
  const auto prefix = text_member(input, "logStreamNamePrefix");
  const StreamOrder order{text_member(input, "orderBy").value_or("LogStreamName") == "LastEventTime",
                          flag_member(input, "descending")};
  if (order.by_event_time && prefix) {
    throw invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  const std::string group = existing_group(logs_, input);
  apply_retention(logs_, *clock_, group);
  std::optional<StreamOrder::Key> behind;
  if (const auto token = text_member(input, "nextToken")) behind = order.place_of(*token);

  std::vector<store::LogStream> streams = logs_.streams(group, prefix.value_or(""));
  std::sort(streams.begin(), streams.end(), [&](const store::LogStream& a, const store::LogStream& b) {
    return order.before(order.key(a), order.key(b));
  });
  json output = {{"logStreams", json::array()}};
  json& page = output["logStreams"];
  const std::size_t limit = page_size(input);
  StreamOrder::Key last;
  for (const store::LogStream& stream : streams) {
    if (behind && !order.before(*behind, order.key(stream))) continue;
    if (page.size() == limit) {  // only now: readers take a token for the promise of more
      output["nextToken"] = encode_token(order.place(last));
      break;
    }
    page.push_back(describe(stream, context, group));
    last = order.key(stream);
  }
  return output;
}

}  // namespace sagemaker::local::services::cloudwatch_logs
