// SIGTERM and SIGINT: the first one stops the emulator in good order, a second one ends the process at once.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace sagemaker::local {

class StopSignals {
 public:
  // Blocks the signals in the calling thread and all that it starts later, and takes them in one of its own.
  // To be made before what it stops, so that a second signal also ends a start or an end that takes long.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // While it lives the first signal calls `stop`, at once where the signal has come already. The end of the
  // scope waits for a call that is under way.
  class Scope {
   public:
    Scope(StopSignals& signals, std::function<void()> stop);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StopSignals& signals_;
  };

 private:
  void take_signals();
  void call_stop();  // with the lock held

  sigset_t signals_;
  std::mutex mutex_;
  bool received_ = false;
  std::atomic<bool> ending_{false};
  std::function<void()> stop_;
  std::thread stopping_;  // a call of stop_, so that the next signal is seen meanwhile
  std::thread thread_;
};

}  // namespace sagemaker::local
