#include "emulator/wire/query_compatible.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::wire {
namespace {

// Code of the query protocol -> shape of the error in CloudWatch's model.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> error_shapes{{
    {"InvalidParameterValue", "InvalidParameterValueException"},
    {"InvalidParameterCombination", "InvalidParameterCombinationException"},
    {"MissingParameter", "MissingRequiredParameterException"},
    {"InternalServiceError", "InternalServiceFault"},
    {"ResourceNotFound", "ResourceNotFound"},
    {"LimitExceeded", "LimitExceededFault"},
    {"InvalidFormat", "InvalidFormatFault"},
}};

json spelled(const json& time) {
  return time.is_number() ? json(aws::format_iso8601(aws::from_epoch_seconds(time.get<double>()))) : time;
}

// The only map in CloudWatch's answers.
json entries_of(const json& map) {
  json entries = json::array();
  for (const auto& [key, value] : map.items()) entries.push_back({{"key", key}, {"value", value}});
  return {{"entry", std::move(entries)}};
}

}  // namespace

json query_compatible_error(const ServiceFault& fault) {
  json document = fault.fields();
  const auto shape = std::find_if(error_shapes.begin(), error_shapes.end(),
                                  [&](const auto& row) { return row.first == fault.code(); });
  document["__type"] = shape == error_shapes.end() ? fault.code() : std::string(shape->second);
  document["message"] = fault.message();
  return document;
}

std::string query_error_header(const ServiceFault& fault) {
  return fault.code() + (fault.http_status() >= 500 ? ";Receiver" : ";Sender");
}

bool is_time_member(std::string_view name) { return name.ends_with("Timestamp") || name == "Timestamps"; }

void spell_for_query(json& document) {
  if (document.is_array()) {
    for (json& element : document) spell_for_query(element);
  } else if (document.is_object()) {
    for (const auto& [name, value] : document.items()) {
      if (name == "ExtendedStatistics") {
        value = entries_of(value);
      } else if (!is_time_member(name)) {
        spell_for_query(value);
      } else if (value.is_array()) {
        for (json& time : value) time = spelled(time);
      } else {
        value = spelled(value);
      }
    }
  }
}

}  // namespace sagemaker::local::wire
