// How long sagemaker-local takes from exec to its `ready:` line, and how much memory it has when idle. Floor: starting
// /bin/true and waiting for its end.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "tests/bench/bench.hpp"

extern char** environ;

namespace {
using namespace sagemaker::bench;

// A child whose standard output is a pipe; gone, by SIGTERM, at scope end.
class Child {
 public:
  explicit Child(std::vector<std::string> command) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    const int error = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
    if (error != 0) throw std::system_error(error, std::generic_category(), command[0]);
  }
  ~Child() {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
    wait();
    ::close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  std::string first_line() const {
    std::string line;
    for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  void wait() {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

void measure() {
  constexpr int rounds = 20;
  const std::string program = sagemaker::detail::find_emulator_program();
  std::vector<double> floor_ms, ready_ms, idle_mb;
  for (int round = 0; round < rounds; ++round) {
    auto start = Steady::now();
    Child nothing({"/bin/true"});
    nothing.wait();
    floor_ms.push_back(ms_since(start));

    const sagemaker::detail::TemporaryFolder data;
    start = Steady::now();
    const Child emulator({program, "--port", "0", "--data-dir", data.path() / "data"});
    const std::string line = emulator.first_line();
    ready_ms.push_back(ms_since(start));
    if (!line.starts_with("ready: ")) throw std::runtime_error("sagemaker-local said \"" + line + "\"");
    idle_mb.push_back(memory_mb(emulator.pid(), "VmRSS"));
  }
  print({"sagemaker-local: start to ready, p50", "ms", percentile(ready_ms, 0.5),
         {"start and end of /bin/true", percentile(floor_ms, 0.5)}, {100}});
  print({"sagemaker-local: idle memory", "MB", percentile(idle_mb, 1.0), {}, {30}});
}
}  // namespace

int main() { return run("bench_startup", measure); }
