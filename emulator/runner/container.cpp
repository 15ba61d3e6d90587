// A container's life. One thread starts the process, signals it and sees its end (the kernel ties a child to
// the thread that made it, so this thread outlives the child); a second one reads the output, so that a slow
// reader of lines cannot delay a kill.
#include "emulator/runner/container.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "emulator/images/interpreter.hpp"
#include "emulator/runner/line_splitter.hpp"
#include "emulator/runner/process.hpp"
#include "emulator/runner/process_limit.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto delivery_retry = std::chrono::milliseconds(2);

// Where the emulator is built with a sanitizer that reserves terabytes of memory for itself, so are its own
// programs for containers: below a limit they would not even start.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool limits_memory = false;
#else
constexpr bool limits_memory = true;
#endif

// The number after "name": in what bubblewrap wrote; -1 where it is not there yet.
int status_number(const std::string& text, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  const std::size_t at = text.find(key);
  if (at == std::string::npos || text.find('}', at) == std::string::npos) return -1;
  return std::atoi(text.c_str() + at + key.size());
}

// The host's pid of the program in the PID namespace whose first process is `init`: there it has the pid 2.
pid_t program_below(pid_t init) {
  const std::string children_of =
      "/proc/" + std::to_string(init) + "/task/" + std::to_string(init) + "/children";
  std::vector<pid_t> candidates;
  if (std::ifstream children(children_of); children) {
    for (pid_t pid = 0; children >> pid;) candidates.push_back(pid);
  } else {  // a kernel without that file
    std::error_code error;
    for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
      if (const pid_t pid = std::atoi(it->path().filename().c_str()); pid > 0) candidates.push_back(pid);
    }
  }
  for (const pid_t pid : candidates) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    bool is_child = false;
    for (std::string line; std::getline(status, line);) {
      if (line == "PPid:\t" + std::to_string(init)) is_child = true;
      if (line.starts_with("NSpid:") && line.ends_with("\t2") && is_child) return pid;
    }
  }
  return -1;
}

void write_hosts_file(const fs::path& file, const std::vector<HostEntry>& hosts) {
  std::ofstream out(file, std::ios::trunc);
  out << "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  for (const HostEntry& host : hosts) out << host.address << ' ' << host.name << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

class ContainerProcess final : public Container {
 public:
  ContainerProcess(ContainerSpec spec, const Sandbox& sandbox, const RunnerLimits& limits)
      : spec_(std::move(spec)), isolated_(sandbox.isolated()), line_bytes_max_(limits.log_line_bytes_max) {
    prepare(sandbox);
    std::promise<void> started;
    std::future<void> result = started.get_future();
    watcher_ = std::thread([this, &started] { watch(started); });
    try {
      result.get();
    } catch (...) {
      watcher_.join();
      throw;
    }
    if (!network_) return;
    try {
      if (spec_.on_network) spec_.on_network(*network_);
    } catch (...) {
      stop(std::chrono::milliseconds(0));
      watcher_.join();
      throw;
    }
    network_->open();
  }

  ~ContainerProcess() override {
    stop(std::chrono::milliseconds(0));
    watcher_.join();
  }

  bool running() const override {
    const std::lock_guard lock(mutex_);
    return !exit_;
  }

  std::optional<ExitStatus> wait_for(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [this] { return exit_.has_value(); });
    return exit_;
  }

  void stop(std::chrono::milliseconds grace) override {
    {
      const std::lock_guard lock(mutex_);
      const Clock::time_point deadline = Clock::now() + grace;
      if (!kill_at_ || deadline < *kill_at_) kill_at_ = deadline;
    }
    signal_event(commands_);
  }

  int pid() const override { return process_.pid; }
  std::shared_ptr<PrivateNetwork> network() const override { return network_; }

 private:
  void prepare(const Sandbox& sandbox) {
    spec_.root = fs::absolute(spec_.root).lexically_normal();
    if (spec_.argv.empty()) throw std::runtime_error("a container needs a command");
    for (const char* folder : {"ml", "work"}) fs::create_directories(spec_.root / folder);
    write_hosts_file(spec_.root / "hosts", spec_.hosts);
    if (!isolated_) {
      spec_.environment["SAGEMAKER_BASE_DIR"] = (spec_.root / "ml").string();
      for (std::string& argument : spec_.argv) {
        if (argument == "/opt/ml" || argument.starts_with("/opt/ml/")) {
          argument = (spec_.root / "ml").string() + argument.substr(7);
        }
      }
    }
    check_program();
    request_.argv = sandbox.wrap(spec_);
    request_.environment = spec_.environment;
    request_.directory = isolated_ ? fs::path("/") : spec_.root / "work";
    if (isolated_)
      std::erase_if(request_.environment, [](const auto& item) { return item.first.starts_with("LD_"); });
    limit_resources();
    commands_ = make_event();
    output_ended_ = make_event();
    output_ = make_pipe();
    status_ = make_pipe();
    request_.output = output_.write.get();
    request_.status = status_.write.get();
    if (spec_.private_network) make_network(sandbox);
  }

  void make_network(const Sandbox& sandbox) {
    if (!sandbox.private_networks())
      throw std::runtime_error("a container cannot have a network of its own: " +
                               sandbox.no_network_reason());
    SocketPair pair = make_socket_pair();
    network_ = std::make_shared<PrivateNetwork>(std::move(pair.ours));
    network_end_ = std::move(pair.theirs);
    request_.network = network_end_.get();
  }

  void limit_resources() {
    const auto set = [&](int resource, std::uint64_t value) {
      if (value > 0) request_.limits.push_back({resource, value});
    };
    if (limits_memory) set(RLIMIT_DATA, spec_.limits.memory_bytes);
    set(RLIMIT_FSIZE, spec_.limits.file_bytes);
    if (spec_.limits.processes == 0) return;
    set(RLIMIT_NPROC, process_rlimit(spec_.limits.processes));
    process_limit_ = ProcessLimit::make(spec_.limits.processes);
    if (process_limit_) request_.join_file = process_limit_->join_file();
  }

  // A wrong name is an error of the request, to be told at once, and not a line of the sandbox in the job's
  // log.
  void check_program() {
    const std::string& program = spec_.argv[0];
    std::string on_host = program;
    if (isolated_ && program.starts_with("/opt/ml/"))
      on_host = (spec_.root / "ml").string() + program.substr(7);
    const fs::path found = find_program(on_host, spec_.environment);
    if (found.empty()) {
      throw std::runtime_error("cannot execute '" + program + "': " +
                               (fs::exists(fs::path(on_host)) && program.find('/') != std::string::npos
                                    ? "it is not an executable file"
                                    : "no such program"));
    }
    const auto path = spec_.environment.find("PATH");
    const std::string fault =
        images::interpreter_fault(found, path == spec_.environment.end() ? "/usr/bin:/bin" : path->second);
    if (!fault.empty()) throw std::runtime_error("cannot execute '" + program + "': " + fault);
    if (program.find('/') == std::string::npos) spec_.argv[0] = found.string();
  }

  // ---- the watcher thread ---------------------------------------------------------------------

  void watch(std::promise<void>& started) {
    try {
      reader_ =
          std::thread([this] { read_output(); });  // first: without a thread for it nothing may be started
      process_ = isolated_ ? spawn(request_) : spawn_supervised(request_);
      output_.write.reset();
      status_.write.reset();
      network_end_.reset();
      if (!isolated_) check_supervised_start();
    } catch (...) {
      signal_event(output_ended_);
      if (reader_.joinable()) reader_.join();
      started.set_exception(std::current_exception());
      return;
    }
    started.set_value();  // the promise is gone after this
    follow();
    const Clock::time_point ended_at = Clock::now();
    ExitStatus exit = reap();
    exit.at = ended_at;
    signal_event(output_ended_);
    reader_.join();
    const std::lock_guard lock(mutex_);
    exit_ = exit;
    changed_.notify_all();
  }

  void check_supervised_start() {
    int error = ECHILD;
    const ssize_t length = ::read(status_.read.get(), &error, sizeof error);
    if (length == sizeof error && error == 0) return;
    ::waitpid(process_.pid, nullptr, 0);
    throw std::runtime_error("cannot execute '" + spec_.argv[0] +
                             "': " + std::generic_category().message(error));
  }

  void follow() {
    std::array<pollfd, 3> watched{
        {{process_.pidfd.get(), POLLIN, 0}, {status_.read.get(), POLLIN, 0}, {commands_.get(), POLLIN, 0}}};
    for (;;) {
      const int timeout = act_on_stop();
      if (::poll(watched.data(), watched.size(), timeout) < 0) continue;  // EINTR
      if (watched[2].revents) {
        std::uint64_t ignored = 0;
        (void)!::read(commands_.get(), &ignored, sizeof ignored);
      }
      if (watched[1].revents && !read_status()) watched[1].fd = -1;
      if (watched[0].revents) return;
    }
  }

  // Sends what is due; the time until the next thing is due, in ms, -1: none.
  int act_on_stop() {
    std::optional<Clock::time_point> deadline;
    {
      const std::lock_guard lock(mutex_);
      deadline = kill_at_;
    }
    if (!deadline) return -1;
    const Clock::time_point now = Clock::now();
    if (now >= *deadline) {
      kill_tree();
      return 50;  // the kill may have come before bubblewrap had told its child
    }
    auto wait = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now);
    if (!terminated_ && !(terminated_ = deliver_term())) wait = std::min(wait, delivery_retry);
    return static_cast<int>(std::min<std::int64_t>(wait.count(), 3'600'000));
  }

  // False where the program has not been started yet.
  bool deliver_term() {
    if (!isolated_) return send_signal(process_.pidfd, SIGTERM);
    // bubblewrap forwards no signal, and the first process of the namespace ignores them: the program is
    // looked up.
    if (init_pid_ <= 0) return false;
    const pid_t program = program_below(init_pid_);
    if (program <= 0) return false;
    const UniqueFd pidfd = open_pidfd(program);
    return program_below(init_pid_) == program && send_signal(pidfd, SIGTERM);  // still the same process
  }

  void kill_tree() {
    if (!isolated_) {
      send_signal(process_.pidfd, SIGUSR1);
    } else if (!send_signal(init_pidfd_, SIGKILL)) {  // takes its whole PID namespace with it
      send_signal(process_.pidfd, SIGKILL);           // die-with-parent
    }
  }

  // False at the end of the stream.
  bool read_status() {
    char buffer[512];
    const ssize_t length = ::read(status_.read.get(), buffer, sizeof buffer);
    if (length <= 0) return length < 0 && errno == EINTR;
    status_text_.append(buffer, static_cast<std::size_t>(length));
    if (isolated_ && init_pid_ <= 0) {
      init_pid_ = status_number(status_text_, "child-pid");
      if (init_pid_ > 0) init_pidfd_ = open_pidfd(init_pid_);
    }
    return true;
  }

  ExitStatus reap() {
    int wait_status = 0;
    while (::waitpid(process_.pid, &wait_status, 0) < 0 && errno == EINTR) continue;
    while (read_status()) continue;
    if (!isolated_) {
      int program_status = SIGKILL;
      if (status_text_.size() >= sizeof program_status) {
        std::copy_n(status_text_.data(), sizeof program_status, reinterpret_cast<char*>(&program_status));
      }
      return exit_status_of(program_status);
    }
    // When the first process of the namespace has ended, the kernel has ended all others before.
    send_signal(init_pidfd_, SIGKILL);
    ended(init_pidfd_, -1);
    ExitStatus exit = exit_status_of(wait_status);
    if (const int code = status_number(status_text_, "exit-code"); code >= 0) exit = {code, 0};
    if (exit.signal == 0 && exit.code > 128 && exit.code <= 128 + SIGRTMAX) exit.signal = exit.code - 128;
    return exit;
  }

  // ---- the reader thread ----------------------------------------------------------------------

  void read_output() {
    LineSplitter lines(line_bytes_max_, [this](std::string_view line) {
      try {
        if (spec_.on_line) spec_.on_line(line);
      } catch (const std::exception&) {  // a log that cannot be written must not end the container
      }
    });
    std::vector<char> buffer(64 * 1024);
    std::array<pollfd, 2> watched{{{output_.read.get(), POLLIN, 0}, {output_ended_.get(), POLLIN, 0}}};
    ::fcntl(output_.read.get(), F_SETFL, O_NONBLOCK);
    for (;;) {
      if (::poll(watched.data(), watched.size(), -1) < 0) continue;
      const bool tree_ended = watched[1].revents != 0;
      const ssize_t length = ::read(output_.read.get(), buffer.data(), buffer.size());
      if (length > 0) {
        lines.append({buffer.data(), static_cast<std::size_t>(length)});
      } else if (length == 0 || (errno == EAGAIN && tree_ended)) {
        break;  // closed, or all that could write has ended and its last bytes were read
      }
    }
    lines.finish();
  }

  ContainerSpec spec_;
  const bool isolated_;
  const std::size_t line_bytes_max_;
  SpawnRequest request_;
  std::unique_ptr<ProcessLimit> process_limit_;
  Process process_;
  Pipe output_, status_;
  std::shared_ptr<PrivateNetwork> network_;
  UniqueFd network_end_;
  UniqueFd commands_, output_ended_;
  std::string status_text_;
  pid_t init_pid_ = -1;
  UniqueFd init_pidfd_;
  bool terminated_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Clock::time_point> kill_at_;
  std::optional<ExitStatus> exit_;
  std::thread reader_, watcher_;
};

}  // namespace

std::unique_ptr<Container> Container::start(ContainerSpec spec, const Sandbox& sandbox,
                                            const RunnerLimits& limits) {
  return std::make_unique<ContainerProcess>(std::move(spec), sandbox, limits);
}

}  // namespace sagemaker::local::runner
