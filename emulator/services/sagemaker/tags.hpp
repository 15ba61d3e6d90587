// Tags of resources, by ARN.
#pragma once

#include <string>

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// Adds or replaces tags: [{"Key", "Value"}]. ValidationException beyond 50 in all.
void set_tags(Platform& platform, const std::string& arn, const json& tags);
// All tags of a resource: [{"Key", "Value"}].
json tags_of(const Platform& platform, const std::string& arn);
void erase_tags(Platform& platform, const std::string& arn);

// AddTags, ListTags, DeleteTags.
void add_tag_operations(OperationTable& table, Platform& platform);

}  // namespace sagemaker::local::services
