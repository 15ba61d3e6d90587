// See session_options.hpp.
#include "emulator/services/sts/session_options.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/iam/policy_document.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::size_t policy_arns_max = 10;
// AWS packs policies and tags into a binary form whose size it does not publish; here their characters count.
constexpr std::size_t packed_characters_max = 4096;

ServiceFault invalid_value(const std::string& message) {
  return ServiceFault("InvalidParameterValue", 400, message);
}

}  // namespace

SessionTags read_session_tags(const json& input, const json& inherited) {
  std::map<std::string, json> by_lower_key;
  for (const json& tag : input.value("Tags", json::array())) {
    const std::string key = aws::to_lower(tag.at("Key").get<std::string>());
    if (key.starts_with("aws:"))
      throw invalid_value("Tag keys must not begin with the reserved prefix aws:.");
    if (!by_lower_key.emplace(key, tag).second)
      throw invalid_value("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  }
  SessionTags tags{inherited};
  for (const auto& [key, value] : inherited.items()) {
    if (by_lower_key.contains(aws::to_lower(key)))
      throw invalid_value(
          "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag "
          "key from the calling session.");
  }
  for (const json& key : input.value("TransitiveTagKeys", json::array())) {
    const auto tag = by_lower_key.find(aws::to_lower(key.get<std::string>()));
    if (tag == by_lower_key.end())
      throw invalid_value("The specified transitive tag key must be included in the requested tags.");
    tags.transitive[tag->second.at("Key").get<std::string>()] = tag->second.at("Value");
  }
  return tags;
}

std::optional<int> packed_policy_size(const json& input) {
  std::size_t characters = 0;
  bool any = false;
  if (const auto policy = input.find("Policy"); policy != input.end()) {
    any = true;
    const auto& text = policy->get_ref<const std::string&>();
    check_policy(text, PolicyKind::identity);
    characters += text.size();
  }
  if (const auto arns = input.find("PolicyArns"); arns != input.end() && !arns->empty()) {
    any = true;
    if (arns->size() > policy_arns_max)
      throw ServiceFault("ValidationError", 400,
                         "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "
                         "Member must have length less than or equal to 10");
    for (const json& policy : *arns) characters += policy.value("arn", std::string()).size();
  }
  for (const json& tag : input.value("Tags", json::array())) {
    any = true;
    characters += tag.at("Key").get_ref<const std::string&>().size() +
                  tag.at("Value").get_ref<const std::string&>().size();
  }
  if (!any) return std::nullopt;
  const int percent =
      static_cast<int>((characters * 100 + packed_characters_max - 1) / packed_characters_max);
  if (percent > 100)
    throw ServiceFault("PackedPolicyTooLarge", 400,
                       "Packed size of session tags and policies consumes " + std::to_string(percent) +
                           "% of allotted space.");
  return percent;
}

std::chrono::seconds lifetime_of(const json& input, std::chrono::seconds fallback) {
  const auto found = input.find("DurationSeconds");
  return found == input.end() ? fallback : std::chrono::seconds(found->get<std::int64_t>());
}

}  // namespace sagemaker::local::services
