// Lifecycle rules: checked when they are set; and when an object would expire by them, which answers about it
// tell. Nothing is expired here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

// Throws ServiceFault; gives rules without an ID one.
void check_lifecycle(json& configuration);

struct LifecycleSubject {
  std::string key;
  std::uint64_t size = 0;
  std::int64_t modified_ms = 0;
  json tags = json::array();  // [{"Key": ..., "Value": ...}]
};

// x-amz-expiration of an object: by the rule that ends it first; nullopt: none does.
std::optional<std::string> expiration_of(const json& configuration, const LifecycleSubject& object);

}  // namespace sagemaker::local::services::s3
