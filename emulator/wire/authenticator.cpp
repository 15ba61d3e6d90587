// See authenticator.hpp. The order of the checks is S3's: form, scope, key, token, time, coverage, signature.
#include "emulator/wire/authenticator.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "emulator/wire/authentication_faults.hpp"
#include "emulator/wire/s3_address.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr std::string_view kContentHashHeader = "x-amz-content-sha256";

Message message_of(const http::Request& request) {
  Message message;
  message.method = request.method;
  message.path = request.path;
  message.query = request.query;
  message.headers = request.headers;
  return message;
}

bool has_v4_query(const Message& message) {
  return ("&" + message.query).find("&X-Amz-Algorithm=") != std::string::npos;
}

// Signature Version 4A: elliptic curves instead of a shared secret.
bool is_asymmetric(const Message& message) {
  constexpr std::string_view algorithm = "AWS4-ECDSA-P256-SHA256";
  return message.headers.get("Authorization").starts_with(algorithm) ||
         ("&" + message.query).find("&X-Amz-Algorithm=" + std::string(algorithm)) != std::string::npos;
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::optional<PayloadKind> payload_kind(std::string_view content_hash) {
  if (content_hash == aws::sigv4::unsigned_payload) return PayloadKind::unsigned_payload;
  if (content_hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") return PayloadKind::streaming_signed;
  if (content_hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
    return PayloadKind::streaming_signed_trailer;
  if (content_hash == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") return PayloadKind::streaming_unsigned_trailer;
  if (is_sha256_hex(content_hash)) return PayloadKind::literal;
  return std::nullopt;
}

ServiceFault invalid_content_hash_fault(const std::string& value) {
  json fields = {{"ArgumentName", kContentHashHeader}};
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (plain) fields["ArgumentValue"] = value;
  return ServiceFault(
      "InvalidArgument", 400,
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid "
      "sha256 value.",
      std::move(fields));
}

bool names_header(const Claim& claim, std::string_view lower_name) {
  const std::vector<std::string> names = aws::sigv4::detail::split_names(claim.signed_headers);
  return std::find(names.begin(), names.end(), lower_name) != names.end();
}

// S3 wants every x-amz- header under the signature: one that is not could have been added by somebody else.
std::vector<std::string> headers_not_signed(const Message& message, const Claim& claim,
                                            AuthenticationFamily family) {
  std::vector<std::string> missing;
  if (!names_header(claim, "host")) missing.push_back("host");
  if (family != AuthenticationFamily::s3) return missing;
  for (const aws::Header& header : message.headers) {
    const std::string name = aws::to_lower(std::string_view(header.name));
    if (!name.starts_with("x-amz-") || names_header(claim, name)) continue;
    // Clients add it to presigned requests too; it has no meaning there.
    if (claim.presigned && name == kContentHashHeader) continue;
    missing.push_back(name);
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing;
}

// Sets what S3's signature says about the payload, in the message and in `identity`.
void read_s3_payload(Message& message, const std::optional<Claim>& claim, bool required, Identity& identity) {
  const std::string* header = message.headers.find(kContentHashHeader);
  const bool counts = header && (!claim || !claim->presigned || names_header(*claim, kContentHashHeader));
  if (!counts) {
    if (required && claim && !claim->presigned) {
      throw ServiceFault("InvalidRequest", 400,
                         "Missing required header for this request: x-amz-content-sha256");
    }
    message.payload_hash = aws::sigv4::unsigned_payload;
    return;
  }
  const auto kind = payload_kind(*header);
  if (!kind) {
    if (required) throw invalid_content_hash_fault(*header);
    return;
  }
  message.payload_hash = *header;
  identity.payload = *kind;
  if (*kind == PayloadKind::literal) identity.payload_hash = aws::to_lower(std::string_view(*header));
}

}  // namespace

Authenticator::Authenticator(std::map<std::string, std::string> credentials, bool required,
                             const WireLimits& limits, std::shared_ptr<const aws::Clock> clock,
                             KeySource further_keys)
    : credentials_(std::move(credentials)),
      required_(required),
      limits_(limits),
      clock_(std::move(clock)),
      further_keys_(std::move(further_keys)) {}

Identity Authenticator::authenticate_s3(const http::Request& request, const Scope& expected) const {
  Message message = message_of(request);
  message.s3_path = true;
  if (has_signature_v2(message)) return authenticate_s3_v2(request, message);
  const std::optional<Claim> claim = read_claim(message, AuthenticationFamily::s3);
  Identity payload;
  read_s3_payload(message, claim, required_, payload);
  if (!claim) return payload;
  Identity identity = check(message, *claim, AuthenticationFamily::s3, expected);
  identity.payload = payload.payload;
  identity.payload_hash = std::move(payload.payload_hash);
  const bool signed_chunks = identity.payload == PayloadKind::streaming_signed ||
                             identity.payload == PayloadKind::streaming_signed_trailer;
  if (signed_chunks && identity.verified) {
    const Key key = find_key(*claim, AuthenticationFamily::s3);
    identity.chunks = aws::sigv4::ChunkContext{
        aws::sigv4::signing_key(key.secret, claim->date, claim->region, claim->service), claim->amz_date,
        claim->scope()};
    identity.seed_signature = claim->signature;
  }
  return identity;
}

// Version 2 covers no payload. What x-amz-content-sha256 says counts all the same: it is a signed header.
Identity Authenticator::authenticate_s3_v2(const http::Request& request, const Message& message) const {
  Message copy = message;
  Identity identity;
  read_s3_payload(copy, std::nullopt, required_, identity);
  ClaimV2 claim;
  try {
    claim = read_claim_v2(message);
  } catch (const ServiceFault&) {
    if (required_) throw;
    return identity;
  }
  identity.access_key = claim.access_key;
  if (!required_) return identity;

  const std::string query = "&" + message.query;
  const bool in_query = query.find("&Signature=") != std::string::npos || has_v4_query(message);
  if (claim.presigned ? has_v4_query(message) : in_query) throw several_signatures_fault();
  Claim shared;  // what the two versions have in common
  shared.access_key = claim.access_key;
  shared.security_token = claim.security_token;
  const Key key = find_key(shared, AuthenticationFamily::s3);
  check_token(key, shared, AuthenticationFamily::s3);
  check_time_v2(claim);
  const std::string bucket = bucket_of_host(request.headers.get("Host"));
  const auto matches = [&](const std::string& text) {
    return aws::constant_time_equal(signature_v2(key.secret, text), claim.signature);
  };
  const std::string text = string_to_sign_v2(message, claim, bucket);
  bool right = matches(text);
  if (!right && bucket.empty() && message.path.rfind('/') == 0 && message.path.size() > 1) {
    copy.path = message.path + "/";  // botocore signs "/bucket/" where it sends "/bucket"
    right = matches(string_to_sign_v2(copy, claim, bucket));
  }
  if (!right) throw wrong_signature_v2_fault(claim, text);
  if (identity.payload == PayloadKind::streaming_signed ||
      identity.payload == PayloadKind::streaming_signed_trailer)
    throw ServiceFault("InvalidRequest", 400,
                       "Signed chunks need a signature of version 4. Please use AWS4-HMAC-SHA256.");
  identity.account = key.account;
  identity.verified = true;
  return identity;
}

void Authenticator::check_time_v2(const ClaimV2& claim) const {
  const aws::TimePoint now = clock_->now();
  if (claim.presigned) {
    std::int64_t seconds = 0;
    const char* const last = claim.expires.data() + claim.expires.size();
    const auto [end, error] = std::from_chars(claim.expires.data(), last, seconds);
    if (error != std::errc() || end != last || seconds < 0) throw invalid_expires_v2_fault(claim.expires);
    // Compared as numbers: a time point cannot hold every end that a client may choose.
    if (aws::to_epoch_ms(now) / 1000 > seconds)
      throw expired_v2_fault(aws::from_epoch_ms(seconds * 1000), now);
    return;
  }
  std::string date = claim.date;  // s3cmd writes the zone as mail does
  if (date.ends_with("+0000")) date.replace(date.size() - 5, 5, "GMT");
  auto signed_at = aws::parse_http_date(date);
  if (!signed_at) signed_at = aws::parse_amz_date(claim.date);
  if (!signed_at)
    throw ServiceFault("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header");
  const auto skew = limits_.signature_skew_max + std::chrono::seconds(1);
  if (*signed_at <= now - skew || *signed_at >= now + skew) {
    Claim shared;
    shared.amz_date = claim.date;
    throw skewed_fault(shared, AuthenticationFamily::s3, now, limits_.signature_skew_max);
  }
}

Identity Authenticator::authenticate(const http::Request& request, std::string_view body,
                                     AuthenticationFamily family, const Scope& expected) const {
  Message message = message_of(request);
  const std::optional<Claim> claim = read_claim(message, family);
  Identity identity;
  if (claim) {
    // Whatever the client says about its payload, what counts is what arrived.
    if (required_) message.payload_hash = aws::sha256_hex(body);
    identity = check(message, *claim, family, expected);
  }
  identity.payload = PayloadKind::literal;
  identity.payload_hash = message.payload_hash;
  return identity;
}

void Authenticator::check_before_body(const http::Request& request, AuthenticationFamily family,
                                      const Scope& expected) const {
  if (!required_) return;
  const Message message = message_of(request);
  if (const std::optional<Claim> claim = read_claim(message, family))
    check_claim(message, *claim, family, expected);
}

std::optional<Claim> Authenticator::read_claim(const Message& message, AuthenticationFamily family) const {
  if (required_ && is_asymmetric(message)) throw asymmetric_signature_fault();
  try {
    std::optional<Claim> claim = aws::sigv4::claim_of(message);
    if (!claim && required_) throw not_signed_fault(message, family);
    if (claim && required_ && !claim->presigned && family == AuthenticationFamily::s3 &&
        (has_v4_query(message) || ("&" + message.query).find("&Signature=") != std::string::npos)) {
      throw several_signatures_fault();
    }
    return claim;
  } catch (const aws::sigv4::SignatureFormatError& error) {
    if (required_) throw unreadable_signature_fault(error, family);
    return std::nullopt;
  }
}

Identity Authenticator::check(const Message& message, const Claim& claim, AuthenticationFamily family,
                              const Scope& expected) const {
  Identity identity;
  identity.access_key = claim.access_key;
  identity.region = claim.region;
  identity.service = claim.service;
  if (!required_) return identity;
  const Key key = check_claim(message, claim, family, expected);
  if (!aws::sigv4::verify(message, claim, key.secret)) throw wrong_signature_fault(message, claim, family);
  identity.account = key.account;
  identity.verified = true;
  return identity;
}

Authenticator::Key Authenticator::check_claim(const Message& message, const Claim& claim,
                                              AuthenticationFamily family, const Scope& expected) const {
  if (claim.date != std::string_view(claim.amz_date).substr(0, 8)) throw wrong_date_fault(claim, family);
  if (!expected.region.empty() && claim.region != expected.region &&
      (expected.second_region.empty() || claim.region != expected.second_region)) {
    throw wrong_region_fault(claim, family, expected.region);
  }
  if (!expected.service.empty() && claim.service != expected.service) {
    throw wrong_service_fault(claim, family, expected.service);
  }
  Key key = find_key(claim, family);
  check_token(key, claim, family);
  check_time(claim, family);
  if (const auto missing = headers_not_signed(message, claim, family); !missing.empty()) {
    throw headers_not_signed_fault(missing, family);
  }
  return key;
}

Authenticator::Key Authenticator::find_key(const Claim& claim, AuthenticationFamily family) const {
  if (const auto found = credentials_.find(claim.access_key); found != credentials_.end()) {
    Key key;
    key.secret = found->second;
    return key;
  }
  if (further_keys_) {
    if (auto key = further_keys_(claim.access_key)) return *std::move(key);
  }
  throw unknown_key_fault(claim, family);
}

// Long-lived keys need no token; one that is sent all the same does no harm, and SDKs that have a stale one
// do that.
void Authenticator::check_token(const Key& key, const Claim& claim, AuthenticationFamily family) const {
  if (!key.session_token.empty() && !aws::constant_time_equal(key.session_token, claim.security_token)) {
    // Without its token S3 does not know the key at all.
    if (claim.security_token.empty()) throw unknown_key_fault(claim, family);
    throw wrong_token_fault(family);
  }
  if (key.expiration && *key.expiration <= clock_->now()) throw expired_token_fault(family);
}

void Authenticator::check_time(const Claim& claim, AuthenticationFamily family) const {
  if (claim.presigned) return check_validity_of_presigned(claim, family);
  const aws::TimePoint now = clock_->now();
  const auto signed_at = aws::parse_amz_date(claim.amz_date);
  // The header has whole seconds: so has the window.
  const auto skew = limits_.signature_skew_max + std::chrono::seconds(1);
  if (!signed_at || *signed_at <= now - skew || *signed_at >= now + skew) {
    throw skewed_fault(claim, family, now, limits_.signature_skew_max);
  }
}

void Authenticator::check_validity_of_presigned(const Claim& claim, AuthenticationFamily family) const {
  const aws::TimePoint now = clock_->now();
  const std::chrono::seconds lifetime(claim.expires_s.value_or(0));
  if (lifetime.count() < 0 || lifetime > limits_.presign_expires_max)
    throw presign_expires_fault(claim, family);
  const auto signed_at = aws::parse_amz_date(claim.amz_date);
  if (!signed_at || *signed_at > now + limits_.signature_skew_max) {
    throw presigned_too_early_fault(claim, family, now, limits_.signature_skew_max);
  }
  if (now > *signed_at + lifetime) throw presigned_expired_fault(claim, family, now);
}

}  // namespace sagemaker::local::wire
