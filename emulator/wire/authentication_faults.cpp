// See authentication_faults.hpp.
#include "emulator/wire/authentication_faults.hpp"

#include <string_view>
#include <utility>

#include <sagemaker/aws/uri.hpp>

namespace sagemaker::local::wire {
namespace {

constexpr int kForbidden = 403;
constexpr std::string_view wrong_signature =
    "The request signature we calculated does not match the signature you provided. Check your ";

// 20130524T000000Z as 2013-05-24T00:00:00Z, which is how S3 writes times into its errors.
std::string iso_time(std::string_view amz_date) {
  if (amz_date.size() != 16) return std::string(amz_date);
  const auto part = [amz_date](std::size_t begin, std::size_t size) {
    return std::string(amz_date.substr(begin, size));
  };
  return part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" + part(9, 2) + ":" + part(11, 2) + ":" +
         part(13, 3);
}

std::string iso_time(aws::TimePoint time) { return iso_time(aws::format_amz_date(time)); }

// Request texts go back to the client in the error document, which must stay valid JSON and XML.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte >= 0x7f) c = '?';
  }
  return result;
}

std::string hex_bytes(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!result.empty()) result += ' ';
    result += aws::to_hex(std::span<const unsigned char>(&byte, 1));
  }
  return result;
}

ServiceFault fault(std::string code, int status, const std::string& message, json fields = json::object()) {
  return ServiceFault(std::move(code), status, message, std::move(fields));
}

// A signature that was read and cannot be accepted, in the services other than S3.
ServiceFault invalid_signature(AuthenticationFamily family, const std::string& message) {
  const bool query = family == AuthenticationFamily::query;
  return fault(query ? "SignatureDoesNotMatch" : "InvalidSignatureException", kForbidden, message);
}

ServiceFault malformed_scope(const Claim& claim, const std::string& what, json fields = json::object()) {
  if (claim.presigned) {
    return fault("AuthorizationQueryParametersError", 400,
                 "Error parsing the X-Amz-Credential parameter; " + what, std::move(fields));
  }
  return fault("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; " + what,
               std::move(fields));
}

}  // namespace

ServiceFault not_signed_fault(const Message& message, AuthenticationFamily family) {
  const std::string* authorization = message.headers.find("Authorization");
  if (family == AuthenticationFamily::s3) {
    if (authorization) {
      return fault("InvalidArgument", 400, "Unsupported Authorization Type",
                   {{"ArgumentName", "Authorization"}});
    }
    return fault("AccessDenied", kForbidden, "Access Denied");
  }
  const bool query = family == AuthenticationFamily::query;
  if (authorization) {
    const std::string scheme = printable(authorization->substr(0, authorization->find(' ')));
    return fault(
        query ? "IncompleteSignature" : "IncompleteSignatureException", 400,
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
        "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=" +
            scheme);
  }
  if (query)
    return fault("MissingAuthenticationToken", kForbidden, "Request is missing Authentication Token");
  return fault("MissingAuthenticationTokenException", kForbidden, "Missing Authentication Token");
}

ServiceFault unreadable_signature_fault(const aws::sigv4::SignatureFormatError& error,
                                        AuthenticationFamily family) {
  const std::string message = printable(error.what());
  switch (family) {
    case AuthenticationFamily::s3:
      return fault(error.code(), error.http_status(), message);
    case AuthenticationFamily::query:
      return fault("IncompleteSignature", 400, message);
    case AuthenticationFamily::json:
      break;
  }
  return fault("IncompleteSignatureException", 400, message);
}

ServiceFault asymmetric_signature_fault() {
  return fault(
      "NotImplemented", 501,
      "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not implemented by sagemaker-local: sign with "
      "AWS4-HMAC-SHA256.");
}

ServiceFault several_signatures_fault() {
  return fault("InvalidArgument", 400,
               "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
               "string parameter or the Authorization header should be specified");
}

ServiceFault unknown_key_fault(const Claim& claim, AuthenticationFamily family) {
  if (family == AuthenticationFamily::s3) {
    return fault("InvalidAccessKeyId", kForbidden,
                 "The AWS Access Key Id you provided does not exist in our records.",
                 {{"AWSAccessKeyId", printable(claim.access_key)}});
  }
  return fault(family == AuthenticationFamily::query ? "InvalidClientTokenId" : "UnrecognizedClientException",
               kForbidden, "The security token included in the request is invalid.");
}

ServiceFault wrong_token_fault(AuthenticationFamily family) {
  if (family == AuthenticationFamily::s3) {
    return fault("InvalidToken", 400, "The provided token is malformed or otherwise invalid.");
  }
  return unknown_key_fault({}, family);
}

ServiceFault expired_token_fault(AuthenticationFamily family) {
  if (family == AuthenticationFamily::s3)
    return fault("ExpiredToken", 400, "The provided token has expired.");
  return fault(family == AuthenticationFamily::query ? "ExpiredToken" : "ExpiredTokenException", kForbidden,
               "The security token included in the request is expired");
}

ServiceFault wrong_region_fault(const Claim& claim, AuthenticationFamily family,
                                const std::string& expected) {
  const std::string region = printable(claim.region);
  if (family == AuthenticationFamily::s3) {
    return malformed_scope(claim, "the region '" + region + "' is wrong; expecting '" + expected + "'",
                           {{"Region", expected}});
  }
  return invalid_signature(family, "Credential should be scoped to a valid region, not '" + region +
                                       "'. This endpoint serves '" + expected + "'.");
}

ServiceFault wrong_service_fault(const Claim& claim, AuthenticationFamily family,
                                 const std::string& expected) {
  if (family == AuthenticationFamily::s3) {
    return malformed_scope(claim, "incorrect service \"" + printable(claim.service) +
                                      "\". This endpoint belongs to \"" + expected + "\".");
  }
  return invalid_signature(family, "Credential should be scoped to correct service: '" + expected + "'.");
}

ServiceFault wrong_date_fault(const Claim& claim, AuthenticationFamily family) {
  const std::string date = printable(claim.date);
  if (family == AuthenticationFamily::s3) {
    return malformed_scope(claim, "Invalid credential date \"" + date +
                                      "\". This date is not the same as X-Amz-Date: \"" +
                                      claim.amz_date.substr(0, 8) + "\".");
  }
  return invalid_signature(
      family, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
                  date + "' != '" + claim.amz_date.substr(0, 8) + "', from '" + claim.amz_date + "'.");
}

ServiceFault headers_not_signed_fault(const std::vector<std::string>& names, AuthenticationFamily family) {
  if (family == AuthenticationFamily::s3) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return fault("AccessDenied", kForbidden,
                 "There were headers present in the request which were not signed",
                 {{"HeadersNotSigned", list}});
  }
  return invalid_signature(family,
                           "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

ServiceFault skewed_fault(const Claim& claim, AuthenticationFamily family, aws::TimePoint now,
                          std::chrono::seconds skew_max) {
  if (family == AuthenticationFamily::s3) {
    const auto skew_ms = std::chrono::duration_cast<std::chrono::milliseconds>(skew_max).count();
    return fault("RequestTimeTooSkewed", kForbidden,
                 "The difference between the request time and the current time is too large.",
                 {{"RequestTime", claim.amz_date},
                  {"ServerTime", iso_time(now)},
                  {"MaxAllowedSkewMilliseconds", std::to_string(skew_ms)}});
  }
  const std::string current = aws::format_amz_date(now);
  const std::string minutes =
      std::to_string(std::chrono::duration_cast<std::chrono::minutes>(skew_max).count());
  if (claim.amz_date < current) {
    return invalid_signature(family, "Signature expired: " + claim.amz_date + " is now earlier than " +
                                         aws::format_amz_date(now - skew_max) + " (" + current + " - " +
                                         minutes + " min.)");
  }
  return invalid_signature(family, "Signature not yet current: " + claim.amz_date + " is still later than " +
                                       aws::format_amz_date(now + skew_max) + " (" + current + " + " +
                                       minutes + " min.)");
}

ServiceFault presign_expires_fault(const Claim& claim, AuthenticationFamily family) {
  const std::string message = claim.expires_s.value_or(0) < 0
                                  ? "X-Amz-Expires must be non-negative"
                                  : "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                                    "X-Amz-Expires must be less than 604800 seconds";
  if (family != AuthenticationFamily::s3) return invalid_signature(family, message);
  return fault("AuthorizationQueryParametersError", 400, message);
}

ServiceFault presigned_too_early_fault(const Claim& claim, AuthenticationFamily family, aws::TimePoint now,
                                       std::chrono::seconds skew_max) {
  if (family != AuthenticationFamily::s3) return skewed_fault(claim, family, now, skew_max);
  return fault("AccessDenied", kForbidden, "Request is not valid yet",
               {{"RequestTime", iso_time(claim.amz_date)}, {"ServerTime", iso_time(now)}});
}

ServiceFault presigned_expired_fault(const Claim& claim, AuthenticationFamily family, aws::TimePoint now) {
  const std::chrono::seconds lifetime(claim.expires_s.value_or(0));
  const aws::TimePoint end = aws::parse_amz_date(claim.amz_date).value_or(now) + lifetime;
  if (family != AuthenticationFamily::s3) {
    return invalid_signature(family, "Signature expired: " + aws::format_amz_date(end) +
                                         " is now earlier than " + aws::format_amz_date(now));
  }
  return fault("AccessDenied", kForbidden, "Request has expired",
               {{"X-Amz-Expires", std::to_string(lifetime.count())},
                {"Expires", iso_time(end)},
                {"ServerTime", iso_time(now)}});
}

ServiceFault invalid_expires_v2_fault(const std::string& expires) {
  return fault("AccessDenied", kForbidden,
               "Invalid date (should be seconds since epoch): " + printable(expires));
}

ServiceFault expired_v2_fault(aws::TimePoint end, aws::TimePoint now) {
  return fault("AccessDenied", kForbidden, "Request has expired",
               {{"Expires", iso_time(end)}, {"ServerTime", iso_time(now)}});
}

ServiceFault wrong_signature_v2_fault(const ClaimV2& claim, const std::string& string_to_sign) {
  return fault("SignatureDoesNotMatch", kForbidden, std::string(wrong_signature) + "key and signing method.",
               {{"AWSAccessKeyId", printable(claim.access_key)},
                {"StringToSign", printable(string_to_sign)},
                {"SignatureProvided", printable(claim.signature)},
                {"StringToSignBytes", hex_bytes(string_to_sign)}});
}

ServiceFault wrong_signature_fault(const Message& message, const Claim& claim, AuthenticationFamily family) {
  if (family != AuthenticationFamily::s3) {
    return invalid_signature(
        family, std::string(wrong_signature) +
                    "AWS Secret Access Key and signing method. Consult the service documentation "
                    "for details.");
  }
  const std::string canonical =
      aws::sigv4::canonical_request(message, aws::sigv4::detail::split_names(claim.signed_headers));
  const std::string text = aws::sigv4::string_to_sign(claim.amz_date, claim.scope(), canonical);
  return fault("SignatureDoesNotMatch", kForbidden, std::string(wrong_signature) + "key and signing method.",
               {{"AWSAccessKeyId", printable(claim.access_key)},
                {"StringToSign", printable(text)},
                {"SignatureProvided", printable(claim.signature)},
                {"StringToSignBytes", hex_bytes(text)},
                {"CanonicalRequest", printable(canonical)},
                {"CanonicalRequestBytes", hex_bytes(canonical)}});
}

}  // namespace sagemaker::local::wire
