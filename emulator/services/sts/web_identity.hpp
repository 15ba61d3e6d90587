// The ID token of an OpenID Connect provider, as AssumeRoleWithWebIdentity takes it: a JSON Web Token. Its
// form, its claims and its expiry are checked; its signature is not, because the provider's keys are not
// known here.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::services {

struct WebIdentity {
  std::string issuer;    // iss
  std::string subject;   // sub
  std::string audience;  // aud, or the first of several
};

// Throws ServiceFault InvalidIdentityToken or ExpiredTokenException.
WebIdentity read_web_identity(std::string_view token, aws::TimePoint now);

}  // namespace sagemaker::local::services
