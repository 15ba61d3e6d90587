// Credentials that expire: kept until they are about to, then fetched again by one thread at a time, with
// botocore's two windows. Fifteen minutes before the end a refresh is tried, and its failure is overlooked;
// in the last ten minutes there must be new ones.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker::aws {

class RefreshingCredentials : public CredentialsProvider {
 public:
  static constexpr std::chrono::minutes advisory_window{15};
  static constexpr std::chrono::minutes mandatory_window{10};
  static constexpr std::chrono::minutes retry_pause{1};  // between two advisory refreshes

  explicit RefreshingCredentials(std::shared_ptr<Clock> clock) : clock_(std::move(clock)) {}

  std::optional<Credentials> load() final {
    const State before = state();
    if (before.need == Need::none) return before.credentials;
    std::unique_lock<std::mutex> fetching(fetch_mutex_, std::defer_lock);
    if (before.need == Need::mandatory) {
      fetching.lock();
    } else if (!fetching.try_lock()) {
      return before.credentials;  // another thread is at it, and these are still good
    }
    const State now = state();  // the other thread may have been quicker
    if (now.need == Need::none) return now.credentials;
    return now.need == Need::mandatory ? fetch_mandatory(now) : fetch_advisory(now);
  }

  bool refresh() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    rejected_ = current_.has_value();
    return rejected_;
  }

 protected:
  // Fetches credentials from where they come from. nullopt: there are none here.
  virtual std::optional<Credentials> fetch() = 0;
  Clock& clock() const { return *clock_; }

 private:
  enum class Need { none, advisory, mandatory };
  struct State {
    Need need = Need::mandatory;
    std::optional<Credentials> credentials;
  };

  State state() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!current_ || rejected_) return {Need::mandatory, current_};
    if (!current_->expiration) return {Need::none, current_};
    const auto left = *current_->expiration - clock_->now();
    if (left >= advisory_window) return {Need::none, current_};
    if (left < mandatory_window) return {Need::mandatory, current_};
    return {clock_->now() < next_try_ ? Need::none : Need::advisory, current_};
  }

  std::optional<Credentials> fetch_mandatory(const State& before) {
    auto fetched = fetch();
    if (!fetched) {
      if (!before.credentials) return std::nullopt;
      throw CredentialRetrievalError(name(),
                                     "Credential refresh failed, response did not contain: access_key, "
                                     "secret_key, token, expiry_time");
    }
    if (fetched->expiration && *fetched->expiration <= clock_->now()) {
      throw CredentialsError("Credentials were refreshed, but the refreshed credentials are still expired.");
    }
    return keep(std::move(*fetched));
  }

  std::optional<Credentials> fetch_advisory(const State& before) {
    try {
      auto fetched = fetch();
      if (fetched && (!fetched->expiration || *fetched->expiration > clock_->now())) {
        return keep(std::move(*fetched));
      }
    } catch (const std::exception&) {
      // The current ones are good for another ten minutes at least; what is wrong will show then.
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    next_try_ = clock_->now() + retry_pause;
    return before.credentials;
  }

  Credentials keep(Credentials fetched) {
    const std::lock_guard<std::mutex> lock(mutex_);
    current_ = std::move(fetched);
    rejected_ = false;
    next_try_ = clock_->now() + retry_pause;  // short-lived ones are in the window from the beginning
    return *current_;
  }

  const std::shared_ptr<Clock> clock_;
  std::mutex fetch_mutex_;    // held while one thread fetches
  mutable std::mutex mutex_;  // the members below
  std::optional<Credentials> current_;
  bool rejected_ = false;  // a service called them expired
  TimePoint next_try_{};
};

}  // namespace sagemaker::aws
