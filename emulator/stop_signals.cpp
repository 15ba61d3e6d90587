#include "emulator/stop_signals.hpp"

#include <cstdlib>
#include <utility>

#include <pthread.h>
#include <spdlog/spdlog.h>

namespace sagemaker::local {
namespace {

constexpr int kEndOfThread = SIGUSR1;
constexpr int kEndedBySignal = 128;  // the exit status of a shell for it, plus the signal's number

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, kEndOfThread);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { take_signals(); });
}

StopSignals::~StopSignals() {
  ending_ = true;
  pthread_kill(thread_.native_handle(), kEndOfThread);
  thread_.join();
}

void StopSignals::take_signals() {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0) continue;
    if (signal == kEndOfThread) {
      if (ending_) return;
      continue;  // somebody else's: without this thread nothing but SIGKILL would end the process
    }
    const char* name = signal == SIGINT ? "SIGINT" : "SIGTERM";
    const std::lock_guard lock(mutex_);
    if (received_) {
      // Containers die with this process; what was stored is as safe as after a crash.
      spdlog::warn("{} again: ending at once", name);
      spdlog::shutdown();
      std::_Exit(kEndedBySignal + signal);
    }
    spdlog::info("{}: stopping; once more to end at once", name);
    received_ = true;
    call_stop();
  }
}

void StopSignals::call_stop() {
  if (stop_) stopping_ = std::thread(std::exchange(stop_, nullptr));
}

StopSignals::Scope::Scope(StopSignals& signals, std::function<void()> stop) : signals_(signals) {
  const std::lock_guard lock(signals_.mutex_);
  signals_.stop_ = std::move(stop);
  if (signals_.received_) signals_.call_stop();
}

StopSignals::Scope::~Scope() {
  std::thread stopping;
  {
    const std::lock_guard lock(signals_.mutex_);
    signals_.stop_ = nullptr;
    stopping = std::move(signals_.stopping_);
  }
  if (stopping.joinable()) stopping.join();
}

}  // namespace sagemaker::local
