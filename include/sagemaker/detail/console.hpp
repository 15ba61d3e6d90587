// Where progress and job logs go: a function of the program's, else standard output. On a terminal one line
// at the bottom shows what is being waited for and for how long; it is gone when the wait is over, and the
// names of hosts have colours unless NO_COLOR is set (https://no-color.org). Several threads may print.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
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
    const char* plain = std::getenv("NO_COLOR");
    colours_ = live_ && (plain == nullptr || *plain == '\0');
  }

  // One whole line, without its end. Control characters of a job's output could rewrite the user's terminal:
  // they are shown as '?' there, and kept in a file or pipe.
  void line(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (sink_) return sink_(text);
    write_line("", text);
  }

  // A line of one of several hosts: "[algo-2] text". The name has the colour of the host's number, in the
  // order in which the SageMaker Python SDK gives them to streams.
  void host_line(std::string_view host, std::string_view text) {
    const std::string name = "[" + std::string(host) + "]";
    const std::lock_guard lock(mutex_);
    if (sink_) return sink_(name + " " + std::string(text));
    write_line(colours_ ? "\033[" + std::to_string(colour_of(host)) + "m" + name + "\033[0m " : name + " ",
               text);
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
  static int colour_of(std::string_view host) {  // "algo-2": the second one
    constexpr int colours[] = {34, 35, 32, 36, 33};
    const std::size_t digits = host.find_last_not_of("0123456789") + 1;
    std::size_t number = 0;
    for (const char c : host.substr(digits)) number = number * 10 + static_cast<std::size_t>(c - '0');
    return colours[(number + std::size(colours) - 1) % std::size(colours)];
  }

  void write_line(const std::string& prefix, std::string_view text) {
    std::string bytes = std::exchange(live_shown_, false) ? "\r\033[K" : "";
    bytes += prefix;
    for (const char c : text) {
      const auto code = static_cast<unsigned char>(c);
      bytes += live_ && ((code < ' ' && c != '\t' && c != '\n') || code == 0x7f) ? '?' : c;
    }
    bytes += '\n';
    write(bytes);
  }

  static void write(const std::string& bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
  }

  std::mutex mutex_;
  Sink sink_;
  bool live_ = false;
  bool colours_ = false;
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
