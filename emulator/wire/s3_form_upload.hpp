// Uploads from HTML forms: POST of multipart/form-data to a bucket, with a signed policy instead of a signed
// request. The file is streamed: it is never in memory as a whole, and is an object only when all of it was
// there and every condition held.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <sagemaker/aws/time.hpp>

#include "emulator/http/message.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::wire {

// What a form says about who signed its policy.
struct PolicySignature {
  bool version_2 = false;  // HMAC-SHA1 of the policy by the secret key itself, as old clients make it
  std::string credential;  // the access key, and for version 4 the scope
  std::string date;        // version 4: yyyymmddThhmmssZ
  std::string signature;
  std::string security_token;
};

// Returns the access key, or throws ServiceFault; nullopt: a form without any signature.
using PolicyVerifier =
    std::function<std::string(const std::optional<PolicySignature>& signature, const std::string& policy)>;

bool is_s3_form_upload(const http::Request& request);

// Throws ServiceFault.
http::Response handle_s3_form_upload(services::s3::Service& service, CallContext& context,
                                     http::Request& request, const PolicyVerifier& verify,
                                     aws::TimePoint now);

}  // namespace sagemaker::local::wire
