#include "emulator/services/runtime/shadow_traffic.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/hosting/model_error.hpp"

namespace sagemaker::local::services::runtime {
namespace {

using std::chrono::microseconds;

}  // namespace

ShadowTraffic::ShadowTraffic(Platform& platform, Gateway::Watcher tell, std::function<double()> random,
                             const Settings& settings)
    : platform_(platform), tell_(std::move(tell)), random_(std::move(random)), settings_(settings) {}

ShadowTraffic::~ShadowTraffic() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void ShadowTraffic::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  copies_.clear();
  bytes_ = 0;
  work_.notify_all();
}

std::uint64_t ShadowTraffic::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void ShadowTraffic::note(const InvocationEvent& event) {
  const auto& shadows = event.route.deployment->shadow();
  if (shadows.empty() || event.streamed) return;
  const double production = event.route.variant->weight();
  for (const auto& shadow : shadows) {
    const double share = production > 0 ? shadow->weight() / production : 1.0;
    if (random_() >= share) continue;
    Copy copy{event.request, {}, event.route.deployment, shadow};
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (copies_.size() >= settings_.requests_max ||
          bytes_ + event.request.body.size() > settings_.bytes_max) {
        if (dropped_++ % 1'000 == 0)
          spdlog::warn("requests for the shadow variant {} of endpoint {} are dropped: it is too slow",
                       shadow->name(), event.request.endpoint_name);
        continue;
      }
    }
    copy.body = event.request.body;
    add(std::move(copy));
  }
}

void ShadowTraffic::add(Copy copy) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  bytes_ += copy.body.size();
  copies_.push_back(std::move(copy));
  if (idle_ < copies_.size() && threads_.size() < settings_.threads) {
    try {
      threads_.emplace_back([this] { run(); });
    } catch (const std::system_error&) {
      // Those that are there do it, or the next one that finds a thread.
    }
  }
  work_.notify_one();
}

void ShadowTraffic::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_.wait(lock, [this] { return stopping_ || !copies_.empty(); });
    --idle_;
    if (stopping_) return;
    const Copy copy = std::move(copies_.front());
    copies_.pop_front();
    bytes_ -= copy.body.size();
    lock.unlock();
    try {
      carry(copy);
    } catch (const std::exception& error) {
      spdlog::warn("a request of endpoint {} did not reach its shadow variant: {}",
                   copy.request.endpoint_name, error.what());
    }
    lock.lock();
  }
}

void ShadowTraffic::carry(const Copy& copy) {
  using Clock = std::chrono::steady_clock;
  hosting::Route route;
  route.deployment = copy.deployment.lock();
  route.variant = copy.variant.lock();
  if (!route.deployment || !route.variant) return;  // replaced meanwhile
  InvokeRequest request = copy.request;
  request.body = copy.body;
  request.target_variant.clear();
  const Clock::time_point start = Clock::now();
  route.instance = route.variant->acquire(random_(), request.target_model);
  if (!route.instance) return;  // its container is being started again
  InvocationEvent event{.request = request, .route = route};
  ForwardResult result;
  const auto tell = [&] {
    event.model_latency = result.model_latency;
    event.overhead_latency =
        std::chrono::duration_cast<microseconds>(Clock::now() - start) - result.model_latency;
    event.load = result.load;
    event.multi_model = !request.target_model.empty();
    tell_(event);
  };
  try {
    forward(platform_, route.variant->plan(), *route.instance, request,
            {.timeout = platform_.limits.runner.invocation_timeout}, result);
  } catch (const ServiceFault& fault) {
    event.fault = &fault;
    return tell();
  }
  if (result.answer.kind == runner::InvocationResult::Kind::refused) return;
  const InvokeResponse response = response_of(route, result.answer.headers, std::move(result.answer.body));
  event.response = &response;
  tell();
}

}  // namespace sagemaker::local::services::runtime
