// Tags of resources, by ARN.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// Adds or replaces tags: [{"Key", "Value"}]. ValidationException beyond 50 in all.
void set_tags(Platform& platform, const std::string& arn, const json& tags);
// All tags of a resource: [{"Key", "Value"}].
json tags_of(const Platform& platform, const std::string& arn);
void erase_tags(Platform& platform, const std::string& arn);

// Keeps the record of a new resource with its tags: wherever the record is seen, its tags are, also after a
// kill in between. False: there is one of this name.
bool insert_tagged(Platform& platform, std::string_view kind, const store::Record& resource,
                   const json& tags);
// As Records::erase(), with the tags; those of a new resource of this name are left alone.
bool erase_tagged(Platform& platform, std::string_view kind, const store::Record& resource,
                  const std::function<void(const store::Record&)>& check = {});

// AddTags, ListTags, DeleteTags.
void add_tag_operations(OperationTable& table, Platform& platform);

}  // namespace sagemaker::local::services
