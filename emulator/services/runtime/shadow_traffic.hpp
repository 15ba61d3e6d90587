// Shadow variants: a share of the requests of the production variant is asked of the shadow variant too,
// after the client has its answer. Nobody gets what it answers; metrics and captured data tell how it does.
// https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "emulator/services/runtime/gateway.hpp"

namespace sagemaker::local::services::runtime {

class ShadowTraffic {
 public:
  struct Settings {
    std::size_t threads = 8;           // requests under way; they start with the first ones
    std::size_t requests_max = 1'000;  // that wait; more are dropped
    std::size_t bytes_max = 128ull << 20;
  };

  // `tell`: of every invocation of a shadow variant. `random`: uniform in [0, 1), thread-safe.
  ShadowTraffic(Platform& platform, Gateway::Watcher tell, std::function<double()> random,
                const Settings& settings);
  ~ShadowTraffic();  // waits for those that are under way
  ShadowTraffic(const ShadowTraffic&) = delete;
  ShadowTraffic& operator=(const ShadowTraffic&) = delete;

  // An invocation of a production variant. Copies the request where it is replicated, and never waits.
  void note(const InvocationEvent& event);
  // No more: what waits is forgotten.
  void stop();
  std::uint64_t dropped() const;

 private:
  struct Copy {
    InvokeRequest request;
    std::string body;
    std::weak_ptr<hosting::Deployment> deployment;  // an update does not wait for copies
    std::weak_ptr<hosting::Variant> variant;
  };

  void add(Copy copy);
  void run();
  void carry(const Copy& copy);

  Platform& platform_;
  const Gateway::Watcher tell_;
  const std::function<double()> random_;
  const Settings settings_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Copy> copies_;
  std::size_t bytes_ = 0, idle_ = 0;
  std::uint64_t dropped_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sagemaker::local::services::runtime
