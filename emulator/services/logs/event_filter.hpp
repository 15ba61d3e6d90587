// Filter patterns of CloudWatch Logs: terms ("ERROR", -debug, ?warn), phrases in quotes, %regular
// expressions%, JSON conditions ({ $.level = "error" && $.ms > 100 }) and conditions on the fields of
// space-delimited events ([ip, user, ..., code = 4*]).
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

// Throws ServiceFault InvalidParameterException for a pattern that makes no sense. An
// empty pattern matches everything.
std::unique_ptr<const EventFilter> parse_filter(std::string_view pattern);

// { ... } and [ ... ]: `pattern` with its braces or brackets.
std::unique_ptr<const EventFilter> parse_json_filter(std::string_view pattern);
std::unique_ptr<const EventFilter> parse_space_filter(std::string_view pattern);

}  // namespace sagemaker::local::services::cloudwatch_logs
