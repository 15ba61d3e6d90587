// LocalEmulator against programs that pretend to be sagemaker-local: starting, failing to start, ending, and
// never staying behind.
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sagemaker/local.hpp>

#include "tests/support/support.hpp"

using namespace sagemaker;
using sagemaker::tests::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

class FakeProgram {
 public:
  explicit FakeProgram(const std::string& body) {
    std::ofstream(path()) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(path(), fs::perms::owner_all);
  }
  fs::path path() const { return folder_ / "sagemaker-local"; }
  fs::path file(const std::string& name) const { return folder_ / name; }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  TemporaryDirectory folder_;
};

// Answers its arguments in a file beside it, is ready at once, and ends at SIGTERM.
const std::string well_behaved = R"(here=$(dirname "$0")
echo "$@" >> "$here/arguments"
trap 'echo ended >> "$here/end"; exit 0' TERM
port=$2
[ "$port" = 0 ] && port=45671
echo "ready: http://127.0.0.1:$port"
while :; do sleep 0.02; done)";

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("it is started on a free port with a folder of its own, and ended in good order") {
  FakeProgram program(well_behaved);
  pid_t pid = 0;
  fs::path data;
  {
    LocalEmulator emulator(
        {.program = program.path(), .data_dir = {}, .arguments = {"--log-level", "debug"}, .log_file = {}});
    pid = emulator.pid();
    data = emulator.data_dir();
    CHECK(emulator.running());
    CHECK(emulator.endpoint_url() == "http://127.0.0.1:45671");
    CHECK(program.read("arguments") ==
          "--port 0 --data-dir " + data.string() + " --region us-east-1 --log-level debug\n");
    const Session session = emulator.session();
    CHECK(session.region() == "us-east-1");
    CHECK(session.is_local());
    CHECK(session.sagemaker().service().credentials().access_key_id == "test");
    CHECK(session.s3().service().config().endpoint.port == 45671);
  }
  CHECK(program.read("end") == "ended\n");
  CHECK_FALSE(is_alive(pid));
  CHECK_FALSE(fs::exists(data.parent_path()));
}

TEST_CASE("with tls it is told to speak HTTPS, and its certificate authority is trusted") {
  FakeProgram program(well_behaved);
  LocalEmulator emulator({.program = program.path(), .data_dir = {}, .tls = true});
  CHECK(program.read("arguments").find(" --region us-east-1 --tls\n") != std::string::npos);
  CHECK(emulator.ca_bundle() == emulator.data_dir() / "tls/ca.pem");
  CHECK(emulator.config().ca_bundle == emulator.ca_bundle().string());
  LocalEmulator plain({.program = program.path()});
  CHECK(plain.ca_bundle().empty());
  CHECK(plain.config().ca_bundle.empty());
}

TEST_CASE("after a crash it is started again on the same data and the same port") {
  FakeProgram program(well_behaved);
  TemporaryDirectory data;
  LocalEmulator emulator(
      {.program = program.path(), .data_dir = data.path(), .arguments = {}, .log_file = {}});
  const pid_t first = emulator.pid();
  emulator.kill();
  CHECK_FALSE(emulator.running());
  CHECK_FALSE(is_alive(first));
  CHECK_FALSE(fs::exists(program.file("end")));
  emulator.restart();
  CHECK(emulator.running());
  CHECK(emulator.pid() != first);
  CHECK(emulator.endpoint_url() == "http://127.0.0.1:45671");
  CHECK(program.read("arguments").find("--port 45671 --data-dir " + data.path().string()) !=
        std::string::npos);
  emulator.stop();
  CHECK(program.read("end") == "ended\n");
  CHECK(fs::exists(data.path()));
}

TEST_CASE("a program that does not come up is reported with what it wrote") {
  const auto start = [](const std::string& body, int timeout_ms = 10'000) {
    FakeProgram program(body);
    LocalEmulatorOptions options;
    options.program = program.path();
    options.startup_timeout = std::chrono::milliseconds(timeout_ms);
    return message_of([&] { LocalEmulator emulator(options); });
  };
  const std::string failed = start("echo 'cannot open the data folder' >&2; exit 4");
  CHECK(failed.find("it exited with status 4") != std::string::npos);
  CHECK(failed.find("cannot open the data folder") != std::string::npos);
  CHECK(start("kill -9 $$").find("was ended by signal 9") != std::string::npos);
  CHECK(start("echo hello; sleep 30").find("its first line is \"hello\"") != std::string::npos);
  CHECK(start("exec sleep 30", 100).find("not ready after 100 ms. It wrote nothing.") != std::string::npos);
  LocalEmulatorOptions missing;
  missing.program = "/nowhere/sagemaker-local";
  CHECK(message_of([&] {
          LocalEmulator emulator(missing);
        }).find("cannot execute: No such file or directory") != std::string::npos);
}

TEST_CASE("one that ignores SIGTERM is killed") {
  FakeProgram program("trap '' TERM; echo 'ready: http://127.0.0.1:1'; while :; do sleep 0.02; done");
  LocalEmulatorOptions options;
  options.program = program.path();
  options.stop_timeout = std::chrono::milliseconds(50);
  pid_t pid = 0;
  {
    LocalEmulator emulator(options);
    pid = emulator.pid();
  }
  CHECK_FALSE(is_alive(pid));
}

TEST_CASE("it may be made in a thread that ends before it") {
  FakeProgram program(well_behaved);
  std::unique_ptr<LocalEmulator> emulator;
  LocalEmulatorOptions options;
  options.program = program.path();
  std::thread([&] { emulator = std::make_unique<LocalEmulator>(options); }).join();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(emulator->running());
}

TEST_CASE("it does not outlive a program that is killed") {
  FakeProgram program(well_behaved);
  const fs::path pid_file = program.file("pid");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("TMPDIR", pid_file.parent_path().c_str(), 1);  // nobody is left to remove its folder
    LocalEmulatorOptions options;
    options.program = program.path();
    LocalEmulator emulator(options);
    std::ofstream(pid_file.string() + ".part") << emulator.pid();
    fs::rename(pid_file.string() + ".part", pid_file);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  const pid_t orphan = std::stoi(program.read("pid"));
  bool gone = false;
  for (int look = 0; look < 500 && !gone; ++look) {
    std::ifstream stat("/proc/" + std::to_string(orphan) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    gone = text.empty() || text.find(") Z ") != std::string::npos;  // a zombie waits for whoever adopted it
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(gone);
}

TEST_CASE("the program is found by its variable, then by PATH") {
  FakeProgram program(well_behaved);
  const char* before = std::getenv("SAGEMAKER_LOCAL_BIN");
  const std::string named = before != nullptr ? before : "";
  const std::string path = std::getenv("PATH");
  ::setenv("SAGEMAKER_LOCAL_BIN", program.path().c_str(), 1);
  CHECK(detail::find_emulator_program() == program.path());
  ::setenv("SAGEMAKER_LOCAL_BIN", "/nowhere/x", 1);
  CHECK(message_of([] { detail::find_emulator_program(); }).find("SAGEMAKER_LOCAL_BIN is \"/nowhere/x\"") ==
        0);
  ::unsetenv("SAGEMAKER_LOCAL_BIN");
  ::setenv("PATH", (program.path().parent_path().string() + ":" + path).c_str(), 1);
  CHECK(detail::find_emulator_program() == program.path());
  ::setenv("PATH", path.c_str(), 1);
  if (before != nullptr) ::setenv("SAGEMAKER_LOCAL_BIN", named.c_str(), 1);
}
