// The client-side rate limiter of the adaptive retry mode, with botocore's numbers (botocore: retries/
// adaptive.py, throttling.py, bucket.py). It stays out of the way until a service throttles; then requests
// wait for tokens, whose rate falls with each throttled answer and grows again along a cubic curve.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::aws {

class RateLimiter {
 public:
  explicit RateLimiter(std::shared_ptr<Clock> clock) : clock_(std::move(clock)), start_(clock_->steady()) {}

  // Before a request goes out: waits until it may.
  void acquire() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!enabled_) return;
    refill();
    while (tokens_ < 1) {
      const double seconds = (1 - tokens_) / fill_rate_;
      lock.unlock();
      clock_->sleep_for(std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000))));
      lock.lock();
      refill();
    }
    tokens_ -= 1;
  }

  // After each answer.
  void answered(bool throttled) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const double now = seconds();
    measure(now);
    double rate = 0;
    if (throttled) {
      rate_max_ = enabled_ ? std::min(measured_rate_, fill_rate_) : measured_rate_;
      flat_at_ = std::cbrt(rate_max_ * (1 - beta) / scale);
      last_throttled_ = now;
      rate = rate_max_ * beta;
      refill();
      enabled_ = true;
    } else {
      rate = scale * std::pow(now - last_throttled_ - flat_at_, 3) + rate_max_;
    }
    set_rate(std::min(rate, 2 * measured_rate_));
  }

  bool enabled() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return enabled_;
  }
  double rate() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return fill_rate_;
  }

 private:
  static constexpr double scale = 0.4;      // of the cubic curve
  static constexpr double beta = 0.7;       // what is left of the rate after a throttled answer
  static constexpr double smoothing = 0.8;  // of the newest measurement
  static constexpr double rate_min = 0.5;

  double seconds() const { return std::chrono::duration<double>(clock_->steady() - start_).count(); }

  // Requests a second, taken anew every half second.
  void measure(double now) {
    const double slot = std::floor(now * 2) / 2;
    ++count_;
    if (slot <= last_slot_) return;
    const double current = count_ / (slot - last_slot_);
    measured_rate_ = current * smoothing + measured_rate_ * (1 - smoothing);
    count_ = 0;
    last_slot_ = slot;
  }

  void refill() {
    const double now = seconds();
    tokens_ = std::min(capacity_, tokens_ + (now - last_refill_) * fill_rate_);
    last_refill_ = now;
  }

  void set_rate(double rate) {
    refill();
    fill_rate_ = std::max(rate, rate_min);
    capacity_ = std::max(rate, 1.0);
    tokens_ = std::min(tokens_, capacity_);
  }

  const std::shared_ptr<Clock> clock_;
  const std::chrono::steady_clock::time_point start_;
  mutable std::mutex mutex_;
  bool enabled_ = false;
  double tokens_ = 0, capacity_ = 1, fill_rate_ = 1, last_refill_ = 0;
  double count_ = 0, measured_rate_ = 0, last_slot_ = 0;
  double rate_max_ = 0, flat_at_ = 0, last_throttled_ = 0;
};

}  // namespace sagemaker::aws
