// What a caller wants of the session that it starts: policies that narrow it, tags, and how long it lasts.
#pragma once

#include <chrono>
#include <optional>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services {

struct SessionTags {
  json transitive = json::object();  // key -> value: what the session hands on, inherited ones among them
};

// Reads Tags and TransitiveTagKeys; `inherited` is what the calling session hands on. Throws ServiceFault
// InvalidParameterValue.
SessionTags read_session_tags(const json& input, const json& inherited);

// Checks Policy and PolicyArns; nullopt where the request has neither, nor tags: AWS then leaves the member
// out. Else the percentage of the space for policies and tags that they take. Throws ServiceFault
// MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError.
std::optional<int> packed_policy_size(const json& input);

std::chrono::seconds lifetime_of(const json& input, std::chrono::seconds fallback);

}  // namespace sagemaker::local::services
