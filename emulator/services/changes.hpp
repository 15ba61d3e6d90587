// News about records: whoever waits for a job or an endpoint to change is woken when it does. For answers
// that are held back until there is something to tell (long polls).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace sagemaker::local::services {

class Changes {
 public:
  // `waits_max`: how many may wait at once; further ones do not wait at all.
  explicit Changes(std::size_t waits_max) : waits_max_(waits_max) {}
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  // The record of this kind and name was written or erased. From any thread.
  void notify(std::string_view kind, std::string_view name);
  // All waits end now, and there are no more: the emulator ends.
  void close();
  // Returns when `settled` says true, which is asked at once and after each change of the record, but after
  // `longest` at the latest. A request that waits here keeps no thread from other requests.
  void wait(std::string_view kind, std::string_view name, std::chrono::milliseconds longest,
            const std::function<bool()>& settled);

 private:
  struct Waiter;
  class Place;
  using Waiters = std::multimap<std::string, Waiter*, std::less<>>;
  static std::string key_of(std::string_view kind, std::string_view name);

  const std::size_t waits_max_;
  std::mutex mutex_;
  Waiters waiters_;  // by kind and name
  bool closed_ = false;
};

}  // namespace sagemaker::local::services
