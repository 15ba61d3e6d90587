// See lifecycle.hpp.
#include "emulator/services/s3/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::int64_t day_ms = 24ll * 60 * 60 * 1000;
constexpr std::size_t rules_max = 1000;
constexpr std::size_t id_length_max = 255;

// Midnight, and either a date or a number of days.
void check_moment(const json& action, const char* name) {
  if (has(action, "Date") && has(action, "Days")) throw malformed_xml();
  if (const std::optional<std::int64_t> date = number_of(action, "Date"); date && *date % day_ms != 0) {
    throw invalid_argument("'Date' must be at midnight GMT", "Date",
                           aws::format_iso8601(aws::from_epoch_ms(*date)));
  }
  const std::optional<std::int64_t> days = number_of(action, "Days");
  if (days && *days > std::numeric_limits<std::int32_t>::max()) throw malformed_xml();  // an xs:int
  const std::int64_t days_min = name == std::string("Expiration") ? 1 : 0;
  if (days && *days < days_min) {
    const std::string kind = days_min == 1 ? "a positive" : "a nonnegative";
    throw invalid_argument("'Days' for " + std::string(name) + " action must be " + kind + " integer", "Days",
                           std::to_string(*days));
  }
}

void check_tags(const json& tags) {
  std::set<std::string> keys;
  for (const json& tag : tags) {
    if (!keys.insert(text_of(tag, "Key")).second)
      throw invalid_request("Duplicate Tag Keys are not allowed.");
  }
}

void check_filter(const json& rule) {
  if (has(rule, "Filter") == has(rule, "Prefix")) throw malformed_xml();  // one of them, not both
  const json& filter = part_of(rule, "Filter");
  if (filter.size() > 1) throw malformed_xml();  // several conditions belong into And
  const json& all = part_of(filter, "And");
  if (all.is_null()) return;
  const std::size_t conditions = all.size() + part_of(all, "Tags").size() - (has(all, "Tags") ? 1 : 0);
  if (conditions < 2) throw malformed_xml();
  check_tags(part_of(all, "Tags"));
  const auto above = number_of(all, "ObjectSizeGreaterThan");
  const auto below = number_of(all, "ObjectSizeLessThan");
  if (above && below && *above >= *below) {
    throw invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'");
  }
}

void check_rule(const json& rule) {
  check_filter(rule);
  constexpr std::array actions = {"Expiration", "Transitions", "NoncurrentVersionExpiration",
                                  "NoncurrentVersionTransitions", "AbortIncompleteMultipartUpload"};
  const bool acts =
      std::any_of(actions.begin(), actions.end(), [&](const char* action) { return has(rule, action); });
  if (!acts) throw invalid_request("At least one action needs to be specified in a rule");
  const json& expiration = part_of(rule, "Expiration");
  if (expiration.is_object()) {
    if (expiration.size() != 1) throw malformed_xml();
    check_moment(expiration, "Expiration");
  }
  for (const json& transition : part_of(rule, "Transitions")) {
    if (!has(transition, "Date") && !has(transition, "Days")) throw malformed_xml();
    check_moment(transition, "Transition");
  }
  const json& noncurrent = part_of(rule, "NoncurrentVersionExpiration");
  if (noncurrent.is_object() && number_of(noncurrent, "NoncurrentDays").value_or(0) < 1) {
    throw invalid_argument(
        "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
        "NoncurrentDays", std::to_string(number_of(noncurrent, "NoncurrentDays").value_or(0)));
  }
  const json& abort = part_of(rule, "AbortIncompleteMultipartUpload");
  if (abort.is_object() && number_of(abort, "DaysAfterInitiation").value_or(0) < 1) {
    throw invalid_argument(
        "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
        "DaysAfterInitiation", std::to_string(number_of(abort, "DaysAfterInitiation").value_or(0)));
  }
}

bool has_tag(const LifecycleSubject& object, const json& tag) {
  return std::any_of(object.tags.begin(), object.tags.end(), [&](const json& own) {
    return text_of(own, "Key") == text_of(tag, "Key") && text_of(own, "Value") == text_of(tag, "Value");
  });
}

// The conditions of a filter, or of the And within one.
bool fits(const json& conditions, const LifecycleSubject& object) {
  if (!object.key.starts_with(text_of(conditions, "Prefix"))) return false;
  const auto size = static_cast<std::int64_t>(object.size);
  if (const auto above = number_of(conditions, "ObjectSizeGreaterThan"); above && size <= *above)
    return false;
  if (const auto below = number_of(conditions, "ObjectSizeLessThan"); below && size >= *below) return false;
  if (has(conditions, "Tag") && !has_tag(object, conditions["Tag"])) return false;
  const json& tags = part_of(conditions, "Tags");
  const bool tagged =
      std::all_of(tags.begin(), tags.end(), [&](const json& tag) { return has_tag(object, tag); });
  return tagged && (!has(conditions, "And") || fits(conditions["And"], object));
}

std::optional<std::int64_t> end_of(const json& rule, const LifecycleSubject& object) {
  if (text_of(rule, "Status") != "Enabled") return std::nullopt;
  if (!fits(has(rule, "Filter") ? rule["Filter"] : json{{"Prefix", text_of(rule, "Prefix")}}, object)) {
    return std::nullopt;
  }
  const json& expiration = part_of(rule, "Expiration");
  if (!expiration.is_object()) return std::nullopt;
  if (const auto date = number_of(expiration, "Date")) return date;
  const std::optional<std::int64_t> days = number_of(expiration, "Days");
  if (!days) return std::nullopt;
  // The midnight behind that many days.
  return (object.modified_ms + *days * day_ms) / day_ms * day_ms + day_ms;
}

}  // namespace

void check_lifecycle(json& configuration) {
  if (configuration["Rules"].size() > rules_max) throw malformed_xml();
  std::set<std::string> ids;
  for (json& rule : configuration["Rules"]) {
    check_rule(rule);
    if (text_of(rule, "ID").empty()) rule["ID"] = aws::uuid4();
    const std::string id = text_of(rule, "ID");
    if (id.size() > id_length_max) {
      throw invalid_argument("ID length should not exceed allowed limit of 255", "ID", id);
    }
    if (!ids.insert(id).second) {
      throw invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", id);
    }
  }
}

std::optional<std::string> expiration_of(const json& configuration, const LifecycleSubject& object) {
  std::optional<std::pair<std::int64_t, std::string>> first;
  for (const json& rule : part_of(configuration, "Rules")) {
    const std::optional<std::int64_t> end = end_of(rule, object);
    if (end && (!first || *end < first->first)) first.emplace(*end, text_of(rule, "ID"));
  }
  if (!first) return std::nullopt;
  return "expiry-date=\"" + aws::format_http_date(aws::from_epoch_ms(first->first)) + "\", rule-id=\"" +
         aws::uri_encode(first->second) + "\"";
}

}  // namespace sagemaker::local::services::s3
