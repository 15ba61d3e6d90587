// AWS credentials: the values.
#pragma once

#include <optional>
#include <string>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;            // empty for long-lived keys
  std::optional<TimePoint> expiration;  // nullopt: they do not expire
};

}  // namespace sagemaker::aws
