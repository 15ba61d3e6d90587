// sagemaker-local: parses the command line, announces its address on standard output, serves until SIGTERM or SIGINT.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <thread>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "emulator/emulator.hpp"

int main(int argc, char** argv) {
  const sagemaker::local::Options options = sagemaker::local::parse_options(argc, argv);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sagemaker-local"));
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  // Every thread inherits this mask; the signals are taken by the one below. Children get a clean mask from the runner.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);  // wakes the signal thread when serving ends without a signal
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  try {
    sagemaker::local::Emulator emulator(options);
    std::printf("ready: %s\n", emulator.url().c_str());
    std::fflush(stdout);
    std::thread signal_thread([&] {
      int received = 0;
      sigwait(&signals, &received);
      if (received != SIGUSR1) spdlog::info("{}: stopping", received == SIGINT ? "SIGINT" : "SIGTERM");
      emulator.stop();
    });
    emulator.serve();
    pthread_kill(signal_thread.native_handle(), SIGUSR1);
    signal_thread.join();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sagemaker-local: %s\n", error.what());
    return 1;
  }
  return 0;
}
