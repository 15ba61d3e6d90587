// The credentials that STS gave out and that have not expired. The authenticator asks here for keys that it
// does not know. They live in memory: a restart of the emulator ends them, as expiry would.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::services {

// Whom credentials stand for.
struct Principal {
  std::string arn;
  std::string user_id;
};

class TemporaryCredentials {
 public:
  static constexpr std::size_t count_max = 100'000;  // the oldest go first beyond it

  explicit TemporaryCredentials(std::shared_ptr<const aws::Clock> clock = aws::system_clock());

  // New credentials with a session token. Thread-safe, as everything here.
  aws::Credentials issue(const Principal& principal, std::chrono::seconds lifetime);

  // nullopt: unknown or long expired. Credentials that expired within the last hour are still found, so that
  // a request with them can be told that they expired: look at `expiration`.
  std::optional<aws::Credentials> find(std::string_view access_key) const;
  // The secret key to check a signature with; nullopt: unknown, expired, or with another token.
  std::optional<std::string> secret_for(std::string_view access_key, std::string_view session_token) const;
  std::optional<Principal> principal_of(std::string_view access_key) const;

 private:
  struct Entry {
    aws::Credentials credentials;
    Principal principal;
  };
  void forget_expired(aws::TimePoint now);

  std::shared_ptr<const aws::Clock> clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;         // by access key
  std::multimap<aws::TimePoint, std::string> by_expiration_;  // access keys
};

}  // namespace sagemaker::local::services
