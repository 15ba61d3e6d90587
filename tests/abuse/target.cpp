// See target.hpp.
#include "tests/abuse/target.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/http_server.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {
namespace {

// 0 where all of this is built with a sanitizer, whose own memory says nothing about the server: what is
// freed stays with it for a while.
long resident_kb_of([[maybe_unused]] const std::string& process) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 0;
#else
  std::ifstream status("/proc/" + process + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  return -1;
#endif
}

class ServerTarget final : public Target {
 public:
  int port() const override { return server_.port(); }
  long resident_kb() const override { return resident_kb_of("self"); }

 private:
  static local::http::Response answer(local::http::Request& request) {
    if (request.method == "GET" && request.path == "/bucket/large")
      return text_response(std::string(8 << 20, 'x'));
    return text_response(std::to_string(local::http::read_all(*request.body, 64 << 20).size()));
  }
  RunningServer server_{local::HttpLimits{}, answer};
};

class EmulatorTarget final : public Target {
 public:
  explicit EmulatorTarget(const std::string& program) {
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    const std::string log = folder_ / "log";
    const std::string data = folder_ / "data";
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(file, STDERR_FILENO);
      ::execl(program.c_str(), program.c_str(), "--port", "0", "--data-dir", data.c_str(), "--log-level",
              "debug", "--durability", "process", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(out[1]);
    std::string line;
    char c = 0;
    while (::read(out[0], &c, 1) == 1 && c != '\n') line += c;
    ::close(out[0]);
    const std::size_t colon = line.rfind(':');
    if (!line.starts_with("ready: http://") || colon == std::string::npos) {
      stop();
      throw std::runtime_error("sagemaker-local did not start: " + this->log());
    }
    port_ = std::atoi(line.c_str() + colon + 1);
  }
  ~EmulatorTarget() override { stop(); }

  int port() const override { return port_; }
  long resident_kb() const override { return resident_kb_of(std::to_string(process_)); }
  std::string log() const override {
    std::ifstream file(folder_ / "log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  void stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGTERM);
    for (int i = 0; i < 1'000; ++i) {
      if (::waitpid(process_, nullptr, WNOHANG) != 0) {
        process_ = -1;
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  TemporaryDirectory folder_;
  pid_t process_ = -1;
  int port_ = 0;
};

}  // namespace

std::unique_ptr<Target> emulator_target() {
  const char* program = std::getenv("SAGEMAKER_LOCAL_BIN");
  if (!program || ::access(program, X_OK) != 0) {
    skip("sagemaker-local is not built");
    return nullptr;
  }
  return std::make_unique<EmulatorTarget>(program);
}

std::unique_ptr<Target> each_target() {
  std::unique_ptr<Target> target;
  SUBCASE("the HTTP server alone") { target = std::make_unique<ServerTarget>(); }
  SUBCASE("sagemaker-local") { target = emulator_target(); }
  return target;
}

std::string Target::ordinary_request() { return "GET /_local/health HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

bool Target::answers() const { return RawSocket(port()).exchange(ordinary_request()).status == 200; }

std::chrono::milliseconds Target::time_to_answer() const {
  std::vector<std::chrono::milliseconds> times;
  for (int i = 0; i < 7; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (!answers()) return std::chrono::hours(1);
    times.push_back(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

aws::sigv4::Message Call::sign() const {
  aws::sigv4::Message message;
  message.method = method;
  message.path = path;
  message.query = query;
  message.headers = headers;
  message.headers.set("Host", "127.0.0.1");
  message.payload_hash = payload_hash.empty() ? aws::sha256_hex(body) : payload_hash;
  message.s3_path = service == "s3";
  aws::sigv4::sign(message, {access_key, secret, "", std::nullopt}, {region, service},
                   std::chrono::system_clock::now() + clock_shift);
  return message;
}

std::string text_of(const aws::sigv4::Message& message, const std::string& body) {
  std::string text = message.method + " " + message.path;
  if (!message.query.empty()) text.append("?").append(message.query);
  text += " HTTP/1.1\r\n";
  for (const aws::Header& header : message.headers)
    text.append(header.name).append(": ").append(header.value) += "\r\n";
  text.append("Content-Length: ").append(std::to_string(body.size())) += "\r\n\r\n";
  return text + body;
}

std::string Call::text() const { return text_of(sign(), body); }

Call json_call(const std::string& target, const std::string& body) {
  Call call;
  call.headers = {{"X-Amz-Target", target}, {"Content-Type", "application/x-amz-json-1.1"}};
  call.body = body;
  return call;
}

Call s3_call(const std::string& method, const std::string& path, const std::string& body) {
  Call call;
  call.service = "s3";
  call.method = method;
  call.path = path;
  call.body = body;
  return call;
}

}  // namespace sagemaker::tests
