// What the training jobs of tuning jobs report while they run: the values of their objective go to the tuning
// job that waits for them, and so does the news that a job has ended.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services {

class ObjectiveFeed {
 public:
  using Clock = std::chrono::steady_clock;
  using Curve = std::vector<double>;

  // Values of one job that are kept. A job that reports more of them goes on with the last in its place, so
  // that the final value is always there. Hyperband counts no further than this.
  static constexpr std::size_t values_max = 20'000;

  struct News {
    std::set<std::string> reported;  // jobs with new values
    std::set<std::string> ended;     // jobs that are not run any more; their records say what became of them
  };

  // A tuning job that wants to know; the feed must outlive it.
  class Listener {
   public:
    Listener(ObjectiveFeed& feed, std::string tuning_job_arn);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Waits for news, a wake() or the time; what came since the last call.
    News wait(Clock::time_point until);
    void wake();

   private:
    friend class ObjectiveFeed;
    ObjectiveFeed& feed_;
    const std::string arn_;
    std::condition_variable changed_;
    News news_;
    bool woken_ = false;
  };

  // A training job from the beginning of its run in this emulator to the end of that.
  class Source {
   public:
    Source(ObjectiveFeed& feed, std::string tuning_job_arn, std::string job, std::string metric);
    ~Source();
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    // A new attempt, which goes on behind these values.
    void begin(Curve before);
    void report(const std::string& metric, double value);  // of other metrics too, which are left out
    Curve curve() const;

   private:
    ObjectiveFeed& feed_;
    const std::string arn_, job_, metric_;
  };

  ObjectiveFeed() = default;
  ObjectiveFeed(const ObjectiveFeed&) = delete;
  ObjectiveFeed& operator=(const ObjectiveFeed&) = delete;

  // What a job that runs has reported so far; nullopt where it does not run.
  std::optional<Curve> curve(const std::string& job) const;

 private:
  Listener* listener_of(const std::string& arn);  // with the mutex held

  mutable std::mutex mutex_;
  std::map<std::string, Listener*> listeners_;  // by the ARN of the tuning job
  std::map<std::string, Curve> curves_;         // by the name of the training job
};

}  // namespace sagemaker::local::services
