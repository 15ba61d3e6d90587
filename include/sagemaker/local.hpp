// Starts a sagemaker-local for a program or a test and stops it at scope end:
//   sagemaker::LocalEmulator emulator;
//   sagemaker::Session session = emulator.session();
// The emulator does not outlive this program, even where that is killed; a temporary folder may stay then.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sagemaker/aws/config.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/detail/child_process.hpp>
#include <sagemaker/detail/temporary_folder.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker {

struct LocalEmulatorOptions {
  std::filesystem::path program =
      {};  // empty: SAGEMAKER_LOCAL_BIN, PATH, then the build tree around this program
  std::filesystem::path data_dir = {};      // empty: a temporary folder that is removed at the end
  std::vector<std::string> arguments = {};  // further command-line arguments of sagemaker-local
  std::filesystem::path log_file = {};      // its log; empty: a file in a temporary folder
  std::string region = "us-east-1";
  bool tls = false;  // HTTPS, with certificates that the emulator makes and config() trusts
  std::chrono::milliseconds startup_timeout{30'000};
  std::chrono::milliseconds stop_timeout{10'000};  // between SIGTERM and SIGKILL
};

namespace detail {

inline bool is_program(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

// Throws ConfigError that says where it looked.
inline std::filesystem::path find_emulator_program() {
  namespace fs = std::filesystem;
  if (const char* named = std::getenv("SAGEMAKER_LOCAL_BIN"); named != nullptr && *named != '\0') {
    if (is_program(named)) return fs::absolute(named);
    throw ConfigError(std::string("SAGEMAKER_LOCAL_BIN is \"") + named + "\", which is not a program");
  }
  std::vector<fs::path> folders;
  const char* search = std::getenv("PATH");
  std::string_view rest = search != nullptr ? search : "";
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    if (end != 0) folders.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 5 && !folder.empty(); ++level, folder = folder.parent_path()) {
    folders.push_back(folder);
    folders.push_back(folder / "bin");
    folders.push_back(folder / "build" / "bin");
  }
  for (const fs::path& candidate : folders) {
    if (is_program(candidate / "sagemaker-local")) return fs::absolute(candidate / "sagemaker-local");
  }
  throw ConfigError(
      "sagemaker-local was not found: neither in PATH nor in the build tree around this program. Build it "
      "(cmake --build build --target sagemaker-local) or name it in SAGEMAKER_LOCAL_BIN");
}

}  // namespace detail

class LocalEmulator {
 public:
  // Returns when the emulator answers. Throws ConfigError where there is no such program, Error with the end
  // of its log where it does not come up.
  explicit LocalEmulator(LocalEmulatorOptions options = {}) : options_(std::move(options)) {
    if (options_.program.empty()) options_.program = detail::find_emulator_program();
    if (options_.data_dir.empty()) options_.data_dir = folder_.path() / "data";
    if (options_.log_file.empty()) options_.log_file = folder_.path() / "sagemaker-local.log";
    start("0");
  }
  ~LocalEmulator() { stop(); }
  LocalEmulator(const LocalEmulator&) = delete;
  LocalEmulator& operator=(const LocalEmulator&) = delete;

  const std::string& endpoint_url() const { return endpoint_url_; }  // http://127.0.0.1:PORT, https with tls
  // What other clients have to trust (AWS_CA_BUNDLE); empty without tls. It stays the same over restarts.
  std::filesystem::path ca_bundle() const {
    return options_.tls ? options_.data_dir / "tls" / "ca.pem" : std::filesystem::path();
  }
  const std::filesystem::path& data_dir() const { return options_.data_dir; }
  const std::filesystem::path& log_file() const { return options_.log_file; }
  pid_t pid() const { return process_ ? process_->pid() : -1; }
  bool running() const { return process_ && process_->running(); }

  // Everything that a client needs to talk to it; environment and profiles have no say.
  ClientConfig config() const {
    ClientConfig config;
    config.region = options_.region;
    config.endpoint_url = endpoint_url_;
    config.ca_bundle = ca_bundle().string();
    config.credentials = aws::Credentials{"test", "test", "", std::nullopt};
    return config;
  }
  Session session() const {
    SessionOptions options;
    options.config = config();
    return Session(std::move(options));
  }

  // Ends it in good order: SIGTERM, and SIGKILL after stop_timeout.
  void stop() {
    if (process_) process_->stop(options_.stop_timeout);
    process_.reset();
  }
  // Ends it as a crash would: SIGKILL. What it had stored is still there for restart().
  void kill() {
    if (process_) process_->kill();
    process_.reset();
  }
  // Starts it again on the same data and the same port, so that sessions and URLs stay good.
  void restart() {
    stop();
    start(endpoint_url_.substr(endpoint_url_.rfind(':') + 1));
  }

 private:
  void start(const std::string& port) {
    const std::filesystem::path output = folder_.path() / "stdout";
    std::vector<std::string> command{options_.program.string(),  "--port",   port,           "--data-dir",
                                     options_.data_dir.string(), "--region", options_.region};
    if (options_.tls) command.push_back("--tls");
    command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
    process_ = std::make_unique<detail::ChildProcess>(
        detail::ChildProcess::Options{std::move(command), output, options_.log_file});
    try {
      endpoint_url_ = wait_until_ready(output);
    } catch (...) {
      kill();
      throw;
    }
  }

  // The first line of its output is `ready: URL`.
  std::string wait_until_ready(const std::filesystem::path& output) const {
    const auto deadline = std::chrono::steady_clock::now() + options_.startup_timeout;
    while (true) {
      const bool ended = !process_->running();  // before reading: what it wrote is complete then
      std::ifstream file(output);
      std::string line;
      if (std::getline(file, line) && !file.eof()) {
        constexpr std::string_view prefix = "ready: ";
        if (line.starts_with(prefix)) return line.substr(prefix.size());
        fail("its first line is \"" + line + "\" and not \"ready: URL\"");
      }
      if (ended) fail("it " + process_->state());
      if (std::chrono::steady_clock::now() >= deadline) {
        fail("it was not ready after " + std::to_string(options_.startup_timeout.count()) + " ms");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  [[noreturn]] void fail(const std::string& reason) const {
    const std::string log = detail::file_tail(options_.log_file);
    throw Error("sagemaker-local (" + options_.program.string() + ") did not start: " + reason +
                (log.empty() ? ". It wrote nothing." : ". It wrote:\n" + log));
  }

  LocalEmulatorOptions options_;
  detail::TemporaryFolder folder_;
  std::unique_ptr<detail::ChildProcess> process_;
  std::string endpoint_url_;
};

}  // namespace sagemaker
