// The settings of a bucket, all alike: put, get and delete of a document, and what AWS says where there is
// none. What is special about one is a check of its own (see setting_checks.hpp, cors.hpp, ...).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/s3/setting_checks.hpp"

namespace sagemaker::local::services::s3 {

struct BucketSetting {
  using Check = void (*)(const SettingSubject& subject, json& document);

  std::string_view name;           // in the store
  std::string_view put_operation;  // "": not to be set here
  std::string_view get_operation;
  std::string_view delete_operation;
  const char* member;      // of the input of put
  Check check;             // nullptr: the form of the document is all
  const char* document;    // what a bucket has on which nothing was set, as JSON; nullptr: nothing, an error
  const char* error_code;  // nullptr: cannot be missing
  const char* error;
};

enum class SettingAction { put, get, erase };
struct SettingOperation {
  const BucketSetting* setting;
  SettingAction action;
};
std::optional<SettingOperation> setting_operation(std::string_view operation);

// The document of a setting, or the default; null where there is neither.
json setting_of(const store::BucketSettings::Documents& documents, std::string_view name);
// "BucketOwnerEnforced", "BucketOwnerPreferred" or "ObjectWriter".
std::string ownership_of(const store::BucketSettings::Documents& documents);
// Whether this flag of the public access block is on.
bool blocks(const store::BucketSettings::Documents& documents, const char* flag);

// The input of an operation that makes an object, with what the bucket has by default.
json with_default_encryption(const CallContext& context, json input,
                             const store::BucketSettings::Documents& documents);

}  // namespace sagemaker::local::services::s3
