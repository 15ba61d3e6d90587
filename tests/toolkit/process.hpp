// A child process with its own environment and its output in a file: what the tests of the container contract
// start.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sagemaker::tests {

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

class Process {
 public:
  using Variables = std::map<std::string, std::string>;

  // Standard output and error go to `log`. `variables` are added to PATH and HOME.
  Process(const std::vector<std::string>& argv, Variables variables, std::filesystem::path log)
      : log_(std::move(log)) {
    for (const char* name : {"PATH", "HOME"}) {
      if (const char* value = std::getenv(name)) variables.emplace(name, value);
    }
    std::vector<std::string> environment;
    for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
    std::vector<char*> arguments = pointers(argv);
    std::vector<char*> pairs = pointers(environment);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      const int out = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      ::execve(arguments.front(), arguments.data(), pairs.data());
      ::_exit(127);
    }
  }
  ~Process() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const { ::kill(pid_, number); }

  // The exit code, or 128 + signal.
  int wait() {
    int status = 0;
    while (!ended_ && ::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) throw std::runtime_error("waitpid");
    }
    return ended_ ? code_ : end(status);
  }
  bool running() {
    int status = 0;
    if (ended_) return false;
    if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
    end(status);
    return false;
  }
  std::string output() const { return read_text(log_); }

  // Until `text` appears in the output; false where the process ends or a minute passes without it.
  bool wait_for(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      const bool more = running();
      if (output().find(text) != std::string::npos) return true;
      if (!more) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

 private:
  static std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
  }
  int end(int status) {
    ended_ = true;
    code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return code_;
  }

  std::filesystem::path log_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int code_ = 0;
};

}  // namespace sagemaker::tests
