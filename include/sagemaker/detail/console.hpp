// Where progress and job logs go: a function of the program's, else standard output. On a terminal one line
// at the bottom shows what is being waited for and for how long; it is gone when the wait is over. Several
// threads may print.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace sagemaker::detail {

class Console {
 public:
  using Sink = std::function<void(std::string_view line)>;

  explicit Console(Sink sink) : sink_(std::move(sink)) {
    const char* terminal = std::getenv("TERM");
    live_ =
        !sink_ && ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  }

  // One whole line, without its end. Control characters of a job's output could rewrite the user's terminal:
  // they are shown as '?' there, and kept in a file or pipe.
  void line(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (sink_) return sink_(text);
    std::string bytes = live_shown_ ? "\r\033[K" : "";
    live_shown_ = false;
    for (const char c : text) bytes += live_ && (c == '\033' || c == '\r') ? '?' : c;
    bytes += '\n';
    write(bytes);
  }

  bool live() const { return live_; }

  // The line at the bottom; does nothing where there is no terminal.
  void show(std::string_view what, std::chrono::seconds elapsed) {
    if (!live_) return;
    const std::lock_guard lock(mutex_);
    char time[32];
    std::snprintf(time, sizeof time, "%02lld:%02lld ", static_cast<long long>(elapsed.count() / 60),
                  static_cast<long long>(elapsed.count() % 60));
    write("\r\033[K" + std::string(time) + std::string(what));
    live_shown_ = true;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(live_shown_, false)) write("\r\033[K");
  }

 private:
  static void write(const std::string& bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
  }

  std::mutex mutex_;
  Sink sink_;
  bool live_ = false;
  bool live_shown_ = false;
};

// Takes the line at the bottom away at scope end.
class ConsoleLine {
 public:
  explicit ConsoleLine(Console& console) : console_(console) {}
  ~ConsoleLine() { console_.clear(); }
  ConsoleLine(const ConsoleLine&) = delete;
  ConsoleLine& operator=(const ConsoleLine&) = delete;

 private:
  Console& console_;
};

}  // namespace sagemaker::detail
