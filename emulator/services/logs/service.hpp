// Shared by the operations of CloudWatch Logs: members of a request, the faults that several of them answer
// with, tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/services/operation.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/store/logs.hpp"

namespace sagemaker::local::services::cloudwatch_logs {

inline constexpr std::size_t event_overhead_bytes = 26;   // what AWS adds to the bytes of every message
inline constexpr std::size_t page_bytes_max = 1'048'576;  // a batch in, and a page of GetLogEvents out
inline constexpr std::int64_t page_events_max = 10'000;

inline ServiceFault invalid_parameter(const std::string& message) {
  return ServiceFault("InvalidParameterException", 400, message);
}
inline ServiceFault invalid_token() { return invalid_parameter("The specified nextToken is invalid."); }
inline ServiceFault no_such_group() {
  return ServiceFault("ResourceNotFoundException", 400, "The specified log group does not exist.");
}
inline ServiceFault no_such_stream() {
  return ServiceFault("ResourceNotFoundException", 400, "The specified log stream does not exist.");
}

// Members of a request; nullopt where one is absent. A member of another type counts as absent: the wire
// layer has refused such requests already.
inline std::optional<std::string> text_member(const json& input, std::string_view name) {
  const auto found = input.find(name);
  if (found == input.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}
inline std::optional<std::int64_t> integer_member(const json& input, std::string_view name) {
  const auto found = input.find(name);
  if (found == input.end() || !found->is_number()) return std::nullopt;
  return found->get<std::int64_t>();
}
inline bool flag_member(const json& input, std::string_view name) {
  const auto found = input.find(name);
  return found != input.end() && found->is_boolean() && found->get<bool>();
}

// Worded as the wire layer words it.
ServiceFault missing_member(std::string_view name);
std::string required_text(const json& input, std::string_view name);
// A name of a group or stream, of AWS's length.
std::string required_name(const json& input, std::string_view name);
// The group that logGroupName or logGroupIdentifier (a name or an ARN) names; it exists.
std::string existing_group(const store::Logs& logs, const json& input);

// Tokens hold a place; to clients they are opaque.
std::string encode_token(const json& place);
json decode_token(const std::string& token);  // throws invalid_token()

// Deletes what the group keeps no longer. Lazily: whoever reads or writes the group does it.
void apply_retention(store::Logs& logs, const aws::Clock& clock, const std::string& group);

std::string group_arn(const CallContext& context, std::string_view group);  // without the ":*" behind it
// 56 digits, as AWS's sequence tokens, page tokens and event identifiers have.
std::string digits56(std::uint64_t high, std::uint64_t middle, std::uint64_t low);

class Groups {
 public:
  Groups(store::Logs& logs, std::shared_ptr<aws::Clock> clock) : logs_(logs), clock_(std::move(clock)) {}
  json create_group(const CallContext& context, const json& input) const;
  json delete_group(const CallContext& context, const json& input) const;
  json describe_groups(const CallContext& context, const json& input) const;
  json create_stream(const CallContext& context, const json& input) const;
  json delete_stream(const CallContext& context, const json& input) const;
  json describe_streams(const CallContext& context, const json& input) const;
  json put_retention(const CallContext& context, const json& input) const;
  json delete_retention(const CallContext& context, const json& input) const;

 private:
  store::Logs& logs_;
  std::shared_ptr<aws::Clock> clock_;
};

// Tags of log groups, by the group's ARN and by its name, as the older operations do it.
class Tagging {
 public:
  explicit Tagging(store::Logs& logs) : logs_(logs) {}
  json tag_resource(const CallContext& context, const json& input) const;
  json untag_resource(const CallContext& context, const json& input) const;
  json list_tags_for_resource(const CallContext& context, const json& input) const;
  json tag_group(const CallContext& context, const json& input) const;
  json untag_group(const CallContext& context, const json& input) const;
  json list_tags_of_group(const CallContext& context, const json& input) const;

 private:
  store::Logs& logs_;
};
// The member "tags" of a request; empty where it is absent.
store::Logs::Tags given_tags(const json& input);

json put_events(store::Logs& logs, const aws::Clock& clock, const json& input);
json get_events(store::Logs& logs, const aws::Clock& clock, const json& input);
json filter_events(store::Logs& logs, const aws::Clock& clock, const json& input);

}  // namespace sagemaker::local::services::cloudwatch_logs
