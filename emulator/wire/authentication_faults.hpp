// The refusals of the authenticator: one function per reason, which knows the code, status, words and extra
// fields that each family of services uses for it. S3's were recorded from AWS; the others follow its common
// error documentation.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sagemaker/aws/sigv4.hpp>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/authenticator.hpp"
#include "emulator/wire/signature_v2.hpp"

namespace sagemaker::local::wire {

using Claim = aws::sigv4::Claim;
using Message = aws::sigv4::Message;

ServiceFault not_signed_fault(const Message& message, AuthenticationFamily family);
// The signature cannot be parsed; `error` has S3's words for S3 and the JSON services' otherwise.
ServiceFault unreadable_signature_fault(const aws::sigv4::SignatureFormatError& error,
                                        AuthenticationFamily family);
// Signature Version 4A, which only AWS's multi-Region access points need.
ServiceFault asymmetric_signature_fault();
// The request carries signatures in two places.
ServiceFault several_signatures_fault();
ServiceFault unknown_key_fault(const Claim& claim, AuthenticationFamily family);
ServiceFault wrong_token_fault(AuthenticationFamily family);
ServiceFault expired_token_fault(AuthenticationFamily family);
ServiceFault wrong_region_fault(const Claim& claim, AuthenticationFamily family, const std::string& expected);
ServiceFault wrong_service_fault(const Claim& claim, AuthenticationFamily family,
                                 const std::string& expected);
ServiceFault wrong_date_fault(const Claim& claim, AuthenticationFamily family);
ServiceFault headers_not_signed_fault(const std::vector<std::string>& names, AuthenticationFamily family);
// The header signature's date is further than `skew_max` from the server's.
ServiceFault skewed_fault(const Claim& claim, AuthenticationFamily family, aws::TimePoint now,
                          std::chrono::seconds skew_max);
ServiceFault presign_expires_fault(const Claim& claim, AuthenticationFamily family);
ServiceFault presigned_too_early_fault(const Claim& claim, AuthenticationFamily family, aws::TimePoint now,
                                       std::chrono::seconds skew_max);
ServiceFault presigned_expired_fault(const Claim& claim, AuthenticationFamily family, aws::TimePoint now);
ServiceFault wrong_signature_fault(const Message& message, const Claim& claim, AuthenticationFamily family);

// Signature Version 2, which is S3's alone.
ServiceFault invalid_expires_v2_fault(const std::string& expires);
ServiceFault expired_v2_fault(aws::TimePoint end, aws::TimePoint now);
ServiceFault wrong_signature_v2_fault(const ClaimV2& claim, const std::string& string_to_sign);

}  // namespace sagemaker::local::wire
