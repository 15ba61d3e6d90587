// Filter patterns of CloudWatch Logs: terms ("ERROR", -debug, ?warn), phrases in quotes, %regular
// expressions% and JSON conditions ({ $.level = "error" && $.ms > 100 }). Patterns for space-delimited events
// ([ip, user, ...]) are refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::local::services::cloudwatch_logs {

class EventFilter {
 public:
  virtual ~EventFilter() = default;
  virtual bool matches(std::string_view message) const = 0;
};

// Throws ServiceFault InvalidParameterException for a pattern that makes no sense or is not supported. An
// empty pattern matches everything.
std::unique_ptr<const EventFilter> parse_filter(std::string_view pattern);

// { ... }: `pattern` with its braces.
std::unique_ptr<const EventFilter> parse_json_filter(std::string_view pattern);

}  // namespace sagemaker::local::services::cloudwatch_logs
