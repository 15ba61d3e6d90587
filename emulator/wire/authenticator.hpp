// Who sent a request: checks Signature Version 4, for S3 also version 2, in the Authorization header or in a
// presigned query against the known credentials, as strictly as AWS does, and refuses with the codes and
// words that the family of the service uses.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/sigv4.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/http/message.hpp"
#include "emulator/limits.hpp"
#include "emulator/wire/signature_v2.hpp"

namespace sagemaker::local::wire {

// Services that share a dialect of authentication errors.
enum class AuthenticationFamily {
  s3,     // SignatureDoesNotMatch, AccessDenied, ...; the payload is checked while it is stored
  json,   // SageMaker, its runtime, logs: InvalidSignatureException, UnrecognizedClientException, ...
  query,  // STS: SignatureDoesNotMatch, InvalidClientTokenId, ...
};

// How the signature covers the payload: what x-amz-content-sha256 says, or how the service always does it.
enum class PayloadKind {
  literal,                    // a SHA-256 in hexadecimal
  unsigned_payload,           // UNSIGNED-PAYLOAD, and presigned requests
  streaming_signed,           // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  streaming_signed_trailer,   // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  streaming_unsigned_trailer  // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};

// What is known about the sender of a request.
struct Identity {
  std::string access_key;  // empty: not signed, which passes only where signatures are not required
  std::string account;     // empty: the emulator's own account
  std::string region;      // of the credential scope
  std::string service;
  bool verified = false;  // false with --auth off
  PayloadKind payload = PayloadKind::unsigned_payload;
  std::string payload_hash;  // literal: lower-case hex, to be compared with the bytes that arrive
  // streaming_signed*, verified: with these the first chunk's signature is made.
  std::optional<aws::sigv4::ChunkContext> chunks;
  std::string seed_signature;
};

struct PolicySignature;

class Authenticator {
 public:
  // A key pair that is accepted, and what else a request with it must show.
  struct Key {
    std::string secret;
    std::string account;        // empty: the emulator's own
    std::string session_token;  // not empty: requests must carry it
    std::optional<aws::TimePoint> expiration;
  };
  // Further keys by access key id, such as those that STS gave out; nullopt: unknown.
  using KeySource = std::function<std::optional<Key>(const std::string& access_key)>;

  // What the scope of a signature must name; an empty string accepts any.
  struct Scope {
    std::string region;
    std::string service;
    std::string second_region;  // accepted as well; empty: none
  };

  // `credentials`: secret keys by access key id. With `required` off every request passes, and what it claims
  // is only read. `limits` must outlive this object.
  Authenticator(std::map<std::string, std::string> credentials, bool required, const WireLimits& limits,
                std::shared_ptr<const aws::Clock> clock = aws::system_clock(), KeySource further_keys = {});

  // S3: the signature covers what x-amz-content-sha256 says; the body is not read. Throws ServiceFault.
  Identity authenticate_s3(const http::Request& request, const Scope& expected) const;
  // All other services: the signature covers the SHA-256 of `body`. Throws ServiceFault.
  Identity authenticate(const http::Request& request, std::string_view body, AuthenticationFamily family,
                        const Scope& expected) const;
  // What can be held against such a request before its body is here: for clients that ask whether to send it.
  // Throws ServiceFault; passing says nothing about the signature itself.
  void check_before_body(const http::Request& request, AuthenticationFamily family,
                         const Scope& expected) const;
  // An upload from a form: the signature covers its policy. Returns the access key, "" where nobody signed
  // and nobody must. Throws ServiceFault. In authenticator_forms.cpp.
  std::string authenticate_policy(const std::optional<PolicySignature>& signature, const std::string& policy,
                                  const Scope& expected) const;

 private:
  using Claim = aws::sigv4::Claim;
  using Message = aws::sigv4::Message;

  Identity authenticate_s3_v2(const http::Request& request, const Message& message) const;
  void check_time_v2(const ClaimV2& claim) const;
  std::optional<Claim> read_claim(const Message& message, AuthenticationFamily family) const;
  Identity check(const Message& message, const Claim& claim, AuthenticationFamily family,
                 const Scope& expected) const;
  // All that is checked before the signature itself. The key that it must have been made with.
  Key check_claim(const Message& message, const Claim& claim, AuthenticationFamily family,
                  const Scope& expected) const;
  Key find_key(const Claim& claim, AuthenticationFamily family) const;
  void check_token(const Key& key, const Claim& claim, AuthenticationFamily family) const;
  void check_time(const Claim& claim, AuthenticationFamily family) const;
  void check_validity_of_presigned(const Claim& claim, AuthenticationFamily family) const;

  const std::map<std::string, std::string> credentials_;
  const bool required_;
  const WireLimits& limits_;
  const std::shared_ptr<const aws::Clock> clock_;
  const KeySource further_keys_;
};

}  // namespace sagemaker::local::wire
