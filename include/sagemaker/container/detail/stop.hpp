// Bodies of stop.hpp: a signal handler, two flags and alarm(), all of them safe in a handler.
#pragma once

#include <algorithm>
#include <atomic>

#include <signal.h>
#include <unistd.h>

#include <sagemaker/container/stop.hpp>

namespace sagemaker::container::detail {

struct StopState {
  std::atomic<bool> requested{false};
  std::atomic<bool> asked{false};  // the program looks at stop_requested()
  std::atomic<unsigned> grace_s{110};
};

SAGEMAKER_CONTAINER_FUNCTION StopState& stop_state() {
  static StopState state;
  return state;
}

inline constexpr unsigned stop_grace_unasked_s = 10;
inline constexpr int stop_exit_code = 128 + SIGTERM;

SAGEMAKER_CONTAINER_FUNCTION void on_stop_signal(int signal) {
  if (signal == SIGALRM) ::_exit(stop_exit_code);
  StopState& state = stop_state();
  if (state.requested.exchange(true)) return;
  const unsigned grace_s = state.grace_s.load();
  ::alarm(state.asked.load() ? grace_s : std::min(grace_s, stop_grace_unasked_s));
}

SAGEMAKER_CONTAINER_FUNCTION void watch_for_stop(unsigned grace_s) {
  stop_state().grace_s = std::max(1u, grace_s);
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGALRM, &action, nullptr);
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION bool stop_requested() {
  detail::StopState& state = detail::stop_state();
  if (!state.requested.load(std::memory_order_relaxed)) {
    if (!state.asked.load(std::memory_order_relaxed)) state.asked = true;
    return false;
  }
  // A program that asks for the first time after the signal gets the whole grace from then on.
  if (!state.asked.exchange(true)) ::alarm(state.grace_s.load());
  return true;
}

}  // namespace sagemaker::container
