// Keys and X.509 certificates, on OpenSSL: made, signed, compared, and kept as PEM text. Knows no files and
// no policy.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace sagemaker::local::http {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;
using TimePoint = std::chrono::system_clock::time_point;

struct Validity {
  TimePoint begin;
  TimePoint end;
};

// std::runtime_error with OpenSSL's own words: `what` says what was tried. Empties OpenSSL's error queue.
[[noreturn]] void throw_openssl_error(const std::string& what);

Key make_key();  // P-256: as safe as RSA with 3072 bits, and made and used in microseconds

// A certificate that may sign others, and nothing else.
Certificate make_authority(const std::string& common_name, const Key& key, const Validity& validity);

// A server's certificate for `names`: host names, "*.name", or IP addresses in figures.
Certificate issue_certificate(const std::vector<std::string>& names, const Key& key,
                              const Certificate& authority, const Key& authority_key,
                              const Validity& validity);

// The names that a certificate is for, sorted; addresses in figures.
std::vector<std::string> names_of(const Certificate& certificate);
TimePoint end_of(const Certificate& certificate);
bool belongs_to(const Certificate& certificate, const Key& key);
bool issued_by(const Certificate& certificate, const Certificate& authority);

std::string to_pem(const Certificate& certificate);
std::string to_pem(const Key& key);
// Empty pointers where the text holds none. A key under a passphrase counts as none: nobody is there to ask.
Certificate certificate_from_pem(const std::string& text);
Key key_from_pem(const std::string& text);

}  // namespace sagemaker::local::http
