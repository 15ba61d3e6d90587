// When a failed request is sent again: botocore's standard mode with its exact numbers (botocore:
// retries/standard.py, quota.py). Three attempts, exponential delay with full jitter up to 20 s, and a quota
// that keeps a client from hammering a service that is down. The adaptive mode adds a rate limiter to that
// (rate_limiter.hpp); the legacy mode has five attempts and neither cap nor quota. The clock and the random
// numbers come from the caller.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

#include <unistd.h>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker::aws {

enum class RetryMode { legacy, standard, adaptive };

inline std::string_view name_of(RetryMode mode) {
  return mode == RetryMode::legacy ? "legacy" : mode == RetryMode::adaptive ? "adaptive" : "standard";
}

inline int default_attempts(RetryMode mode) { return mode == RetryMode::legacy ? 5 : 3; }

inline bool is_throttling_code(std::string_view code) {
  static constexpr std::array<std::string_view, 14> codes{"Throttling",
                                                          "ThrottlingException",
                                                          "ThrottledException",
                                                          "RequestThrottledException",
                                                          "TooManyRequestsException",
                                                          "ProvisionedThroughputExceededException",
                                                          "TransactionInProgressException",
                                                          "RequestLimitExceeded",
                                                          "BandwidthLimitExceeded",
                                                          "LimitExceededException",
                                                          "RequestThrottled",
                                                          "SlowDown",
                                                          "PriorRequestNotComplete",
                                                          "EC2ThrottledException"};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

inline bool is_transient(int http_status, std::string_view code) {
  return http_status == 500 || http_status == 502 || http_status == 503 || http_status == 504 ||
         code == "RequestTimeout" || code == "RequestTimeoutException" || code == "PriorRequestNotComplete" ||
         code == "IDPCommunicationError";  // STS's model calls this one retryable
}

inline bool is_retryable(int http_status, std::string_view code) {
  return is_transient(http_status, code) || is_throttling_code(code);
}

// Tokens that retries are paid with. Successes pay them back, so a healthy service never runs dry.
// Thread-safe.
class RetryQuota {
 public:
  static constexpr int capacity = 500;
  static constexpr int retry_cost = 5;
  static constexpr int timeout_cost = 10;
  static constexpr int success_refund = 1;

  bool acquire(int cost) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (cost > available_) return false;
    available_ -= cost;
    return true;
  }
  void release(int amount) {
    const std::lock_guard<std::mutex> lock(mutex_);
    available_ = std::min(capacity, available_ + amount);
  }
  int available() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return available_;
  }

 private:
  mutable std::mutex mutex_;
  int available_ = capacity;
};

using RandomSource = std::function<double()>;  // evenly from [0, 1); called from several threads

inline RandomSource system_random() {
  return [] {
    std::uint32_t bits = 0;
    ::getentropy(&bits, sizeof bits);
    return bits / 4294967296.0;
  };
}

// What a failed attempt was like.
struct FailedAttempt {
  enum class Kind { connect, connect_timeout, timeout, reset, transient, throttling, permanent };
  Kind kind = Kind::permanent;
  // Whether the service may have carried the request out: not where no connection came about, nor with
  // throttling.
  bool may_have_run() const {
    return kind != Kind::connect && kind != Kind::connect_timeout && kind != Kind::throttling;
  }
  bool timed_out() const { return kind == Kind::connect_timeout || kind == Kind::timeout; }
};

inline FailedAttempt classify(int http_status, std::string_view code, RetryMode mode = RetryMode::standard) {
  using Kind = FailedAttempt::Kind;
  if (is_throttling_code(code)) return {Kind::throttling};
  // The legacy mode also repeats what S3 says about bytes that were damaged on their way.
  if (mode == RetryMode::legacy && (http_status == 509 || code == "BadDigest")) return {Kind::transient};
  return {is_transient(http_status, code) ? Kind::transient : Kind::permanent};
}

inline FailedAttempt classify(TransportError::Kind kind) {
  using Kind = FailedAttempt::Kind;
  switch (kind) {
    case TransportError::Kind::connect:
      return {Kind::connect};
    case TransportError::Kind::connect_timeout:
      return {Kind::connect_timeout};
    case TransportError::Kind::timeout:
      return {Kind::timeout};
    case TransportError::Kind::reset:
      return {Kind::reset};
    case TransportError::Kind::tls:
      break;
  }
  return {Kind::permanent};
}

// The retries of one call. Ask next_delay() after each failure; tell succeeded() about a success.
class RetrySession {
 public:
  // `idempotent` false: a request that may have run is not sent again.
  RetrySession(RetryQuota& quota, int attempts_max, bool idempotent, RetryMode mode = RetryMode::standard)
      : quota_(quota), attempts_max_(attempts_max), idempotent_(idempotent), mode_(mode) {}

  int attempt() const { return attempt_; }  // the current one, from 1

  // How long to wait before the next attempt; nullopt: give up and report the failure.
  std::optional<std::chrono::milliseconds> next_delay(const FailedAttempt& failure,
                                                      const RandomSource& random) {
    using Kind = FailedAttempt::Kind;
    if (failure.kind == Kind::permanent || attempt_ >= attempts_max_) return std::nullopt;
    if (!idempotent_ && failure.may_have_run()) return std::nullopt;
    if (mode_ == RetryMode::legacy) return delay(random() * std::pow(2.0, attempt_ - 1));
    const int cost = failure.timed_out() ? RetryQuota::timeout_cost : RetryQuota::retry_cost;
    if (!quota_.acquire(cost)) return std::nullopt;
    last_cost_ = cost;
    return delay(random() * std::min(std::pow(2.0, attempt_ - 1), 20.0));
  }

  // Another attempt that costs nothing: the request was repaired (a clock, expired credentials), not merely
  // repeated.
  bool repair() {
    if (attempt_ >= attempts_max_) return false;
    ++attempt_;
    return true;
  }

  void succeeded() {
    if (mode_ == RetryMode::legacy) return;
    quota_.release(last_cost_ > 0 ? last_cost_ : RetryQuota::success_refund);
  }

 private:
  std::chrono::milliseconds delay(double seconds) {
    ++attempt_;
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000.0));
  }

  RetryQuota& quota_;
  int attempts_max_;
  bool idempotent_;
  RetryMode mode_;
  int attempt_ = 1;
  int last_cost_ = 0;
};

}  // namespace sagemaker::aws
