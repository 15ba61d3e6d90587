// What AWS refuses in the settings of a bucket beyond the form of their documents. Each throws ServiceFault
// in AWS's words and may complete the document, as with ids that nobody gave.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/operation.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/store/bucket_settings.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::s3 {

// Whom a setting is for, and what else is known there.
struct SettingSubject {
  const CallContext& context;
  const json& input;
  const store::Bucket& bucket;
  const store::Objects& objects;
  const store::BucketSettings::Documents& settings;  // as they are before
};

// [{"Key": ..., "Value": ...}]. What a system tag is called differs between the operations that set tags.
void check_bucket_tags(const json& tags, const ServiceFault& system_tag);

void check_tagging(const SettingSubject& subject, json& document);
void check_ownership(const SettingSubject& subject, json& document);
void check_encryption(const SettingSubject& subject, json& document);
void check_public_access_block(const SettingSubject& subject, json& document);
void check_website(const SettingSubject& subject, json& document);
void check_notification(const SettingSubject& subject, json& document);
void check_logging(const SettingSubject& subject, json& document);
void check_acceleration(const SettingSubject& subject, json& document);

}  // namespace sagemaker::local::services::s3
