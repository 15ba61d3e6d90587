// sagemaker-local: parses the command line, announces its address on standard output, serves until SIGTERM or
// SIGINT.
#include <csignal>
#include <cstdio>
#include <exception>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "emulator/emulator.hpp"
#include "emulator/stop_signals.hpp"

int main(int argc, char** argv) {
  const sagemaker::local::Options options = sagemaker::local::parse_options(argc, argv);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sagemaker-local"));
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  std::signal(SIGPIPE, SIG_IGN);
  try {
    // Every thread inherits its mask. Children get a clean one from the runner.
    sagemaker::local::StopSignals signals;
    sagemaker::local::Emulator emulator(options);
    const sagemaker::local::StopSignals::Scope stopping(signals, [&emulator] { emulator.stop(); });
    std::printf("ready: %s\n", emulator.url().c_str());
    std::fflush(stdout);
    emulator.serve();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sagemaker-local: %s\n", error.what());
    return 1;
  }
  return 0;
}
