#include "emulator/services/sagemaker/training/objective_feed.hpp"

#include <utility>

namespace sagemaker::local::services {

ObjectiveFeed::Listener::Listener(ObjectiveFeed& feed, std::string tuning_job_arn)
    : feed_(feed), arn_(std::move(tuning_job_arn)) {
  const std::lock_guard lock(feed_.mutex_);
  feed_.listeners_[arn_] = this;
}

ObjectiveFeed::Listener::~Listener() {
  const std::lock_guard lock(feed_.mutex_);
  // A new tuning job may have taken the name of this one already.
  if (feed_.listener_of(arn_) == this) feed_.listeners_.erase(arn_);
}

ObjectiveFeed::News ObjectiveFeed::Listener::wait(Clock::time_point until) {
  std::unique_lock lock(feed_.mutex_);
  const auto told = [this] { return woken_ || !news_.reported.empty() || !news_.ended.empty(); };
  if (until == Clock::time_point::max())
    changed_.wait(lock, told);
  else
    changed_.wait_until(lock, until, told);
  woken_ = false;
  return std::exchange(news_, {});
}

void ObjectiveFeed::Listener::wake() {
  const std::lock_guard lock(feed_.mutex_);
  woken_ = true;
  changed_.notify_one();
}

ObjectiveFeed::Source::Source(ObjectiveFeed& feed, std::string tuning_job_arn, std::string job,
                              std::string metric)
    : feed_(feed), arn_(std::move(tuning_job_arn)), job_(std::move(job)), metric_(std::move(metric)) {
  begin({});
}

ObjectiveFeed::Source::~Source() {
  const std::lock_guard lock(feed_.mutex_);
  feed_.curves_.erase(job_);
  if (Listener* listener = feed_.listener_of(arn_)) {
    listener->news_.reported.erase(job_);
    listener->news_.ended.insert(job_);
    listener->changed_.notify_one();
  }
}

void ObjectiveFeed::Source::begin(Curve before) {
  const std::lock_guard lock(feed_.mutex_);
  feed_.curves_[job_] = std::move(before);
}

void ObjectiveFeed::Source::report(const std::string& metric, double value) {
  if (metric != metric_) return;
  const std::lock_guard lock(feed_.mutex_);
  Curve& curve = feed_.curves_[job_];
  if (curve.size() < values_max)
    curve.push_back(value);
  else
    curve.back() = value;
  if (Listener* listener = feed_.listener_of(arn_)) {
    listener->news_.reported.insert(job_);
    listener->changed_.notify_one();
  }
}

ObjectiveFeed::Curve ObjectiveFeed::Source::curve() const { return feed_.curve(job_).value_or(Curve()); }

std::optional<ObjectiveFeed::Curve> ObjectiveFeed::curve(const std::string& job) const {
  const std::lock_guard lock(mutex_);
  const auto found = curves_.find(job);
  return found == curves_.end() ? std::nullopt : std::optional(found->second);
}

ObjectiveFeed::Listener* ObjectiveFeed::listener_of(const std::string& arn) {
  const auto found = listeners_.find(arn);
  return found == listeners_.end() ? nullptr : found->second;
}

}  // namespace sagemaker::local::services
