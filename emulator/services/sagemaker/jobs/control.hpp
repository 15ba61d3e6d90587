// What others may ask of a job that is being run: to stop for good, or to lose the instances of one attempt.
// Asked from any thread, obeyed by the thread that runs the job.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "emulator/runner/stop_signal.hpp"
#include "emulator/services/sagemaker/jobs/capacity.hpp"

namespace sagemaker::local::services {

class JobControl {
 public:
  // Why an attempt was ended from outside.
  enum class Cause {
    none,
    stop,         // StopTrainingJob, StopTransformJob, StopProcessingJob
    shutdown,     // of the emulator
    reclaimed,    // the spot instances of a training job
    breakdown,    // of an instance: an internal error
    out_of_time,  // MaxWaitTimeInSeconds
  };

  // `queue`: where the job may be waiting for instances; its claim is told of every request.
  explicit JobControl(Capacity& queue) : queue_(queue) {}
  JobControl(const JobControl&) = delete;
  JobControl& operator=(const JobControl&) = delete;

  void stop() { end(Cause::stop); }
  void shut_down() { end(Cause::shutdown); }
  // Ends the attempt that runs now. False where none does, or where it has been told to end already.
  bool take_instances(Cause cause) {
    const std::lock_guard lock(mutex_);
    if (!attempt_ || cause_ != Cause::none) return false;
    cause_ = cause;
    attempt_->request();
    return true;
  }

  // ---- for the thread that runs the job ----

  // `tell` is called at every stop and shutdown, on the thread that asks for it, and must not ask this
  // control anything: for a job that waits elsewhere. Empty: nobody is told any more, once this has returned.
  void on_over(std::function<void()> tell) {
    const std::lock_guard lock(mutex_);
    told_ = std::move(tell);
  }

  bool over() const {
    const std::lock_guard lock(mutex_);
    return over_ != Cause::none;
  }
  bool shutting_down() const {
    const std::lock_guard lock(mutex_);
    return over_ == Cause::shutdown;
  }

  // The signal of a new attempt; requested from the beginning where the job is to end.
  std::shared_ptr<runner::StopSignal> begin_attempt() {
    const std::lock_guard lock(mutex_);
    attempt_ = std::make_shared<runner::StopSignal>();
    cause_ = over_;
    if (over_ == Cause::stop) attempt_->request();
    if (over_ == Cause::shutdown) attempt_->request_now();
    return attempt_;
  }
  // From here on the attempt cannot be told anything; what is asked for later concerns the job.
  Cause end_attempt() {
    const std::lock_guard lock(mutex_);
    attempt_.reset();
    return cause_;
  }
  Cause cause() const {
    const std::lock_guard lock(mutex_);
    return cause_;
  }

  // Waits; false where the job is to end before.
  bool pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return over_ != Cause::none; });
  }
  // The same for what has to be done after a stop too: false at a shutdown.
  bool pause_until_shutdown(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return over_ == Cause::shutdown; });
  }

 private:
  void end(Cause cause) {
    {
      const std::lock_guard lock(mutex_);
      if (over_ != Cause::shutdown) over_ = cause;
      if (attempt_) {
        if (cause == Cause::shutdown)
          attempt_->request_now();
        else
          attempt_->request();
        if (cause_ == Cause::none) cause_ = cause;
      }
      if (told_) told_();
    }
    changed_.notify_all();
    queue_.wake(this);
  }

  Capacity& queue_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Cause over_ = Cause::none;  // stop or shutdown: for good
  Cause cause_ = Cause::none;
  std::shared_ptr<runner::StopSignal> attempt_;
  std::function<void()> told_;
};

}  // namespace sagemaker::local::services
