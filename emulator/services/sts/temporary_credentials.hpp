// The credentials that STS gave out. The authenticator asks here for keys that it does not know. They are
// kept in the store until an hour behind their expiry, so that a restart of the emulator does not end them.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/services/iam/principal.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

class TemporaryCredentials {
 public:
  static constexpr std::size_t count_max = 100'000;  // the first to expire go first beyond it

  struct Session {
    aws::Credentials credentials;
    Principal principal;
    json transitive_tags = json::object();  // key -> value: sessions that this one assumes inherit them
  };

  // Reads what `records` holds; it must outlive this object.
  explicit TemporaryCredentials(store::Records& records,
                                std::shared_ptr<const aws::Clock> clock = aws::system_clock());

  // New credentials with a session token. Thread-safe, as everything here.
  aws::Credentials issue(const Principal& principal, std::chrono::seconds lifetime,
                         const json& transitive_tags = json::object());

  // nullopt: unknown or long expired. Credentials that expired within the last hour are still found, so that
  // a request with them can be told that they expired: look at `expiration`.
  std::optional<Session> find(std::string_view access_key) const;

 private:
  void load();
  void remember(Session session);
  // Takes what expired long ago, or is too much, out of the memory; the caller erases it from the store.
  std::vector<std::string> forget_expired(aws::TimePoint now);

  store::Records& records_;
  std::shared_ptr<const aws::Clock> clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Session, std::less<>> sessions_;      // by access key
  std::multimap<aws::TimePoint, std::string> by_expiration_;  // access keys
};

}  // namespace sagemaker::local::services
