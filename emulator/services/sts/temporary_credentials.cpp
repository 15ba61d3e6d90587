#include "emulator/services/sts/temporary_credentials.hpp"

#include <stdexcept>
#include <utility>

#include <openssl/rand.h>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::services {
namespace {

constexpr std::chrono::hours remembered{1};  // behind expiry

// Unguessable bytes.
std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
  return bytes;
}

// AWS's alphabet for identifiers: 32 capital letters and digits.
std::string random_identifier(std::string_view prefix, std::size_t count) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text(prefix);
  for (const char byte : random_bytes(count))
    text += alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
  return text;
}

}  // namespace

TemporaryCredentials::TemporaryCredentials(std::shared_ptr<const aws::Clock> clock)
    : clock_(std::move(clock)) {}

aws::Credentials TemporaryCredentials::issue(const Principal& principal, std::chrono::seconds lifetime) {
  const aws::TimePoint now = clock_->now();
  aws::Credentials credentials;
  credentials.access_key_id = random_identifier("ASIA", 16);
  credentials.secret_access_key = aws::base64_encode(random_bytes(30));  // 40 characters
  credentials.session_token = aws::base64_encode(random_bytes(192));
  credentials.expiration = now + lifetime;
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  entries_.insert_or_assign(credentials.access_key_id, Entry{credentials, principal});
  by_expiration_.emplace(*credentials.expiration, credentials.access_key_id);
  return credentials;
}

void TemporaryCredentials::forget_expired(aws::TimePoint now) {
  while (!by_expiration_.empty() &&
         (by_expiration_.begin()->first + remembered <= now || by_expiration_.size() >= count_max)) {
    entries_.erase(by_expiration_.begin()->second);
    by_expiration_.erase(by_expiration_.begin());
  }
}

std::optional<aws::Credentials> TemporaryCredentials::find(std::string_view access_key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(access_key);
  if (found == entries_.end()) return std::nullopt;
  return found->second.credentials;
}

std::optional<std::string> TemporaryCredentials::secret_for(std::string_view access_key,
                                                            std::string_view session_token) const {
  const auto credentials = find(access_key);
  if (!credentials || *credentials->expiration <= clock_->now()) return std::nullopt;
  if (!aws::constant_time_equal(credentials->session_token, session_token)) return std::nullopt;
  return credentials->secret_access_key;
}

std::optional<Principal> TemporaryCredentials::principal_of(std::string_view access_key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(access_key);
  if (found == entries_.end()) return std::nullopt;
  return found->second.principal;
}

}  // namespace sagemaker::local::services
