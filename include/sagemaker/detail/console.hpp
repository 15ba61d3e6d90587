// Where progress and job logs go: a function of the program's, else standard output. On a terminal one line,
// or several, at the bottom show what is being waited for and for how long; they are gone when the wait is
// over, and the names of hosts have colours unless NO_COLOR is set (https://no-color.org). Several threads
// may print.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

namespace sagemaker::detail {

class Console {
 public:
  using Sink = std::function<void(std::string_view line)>;

  explicit Console(Sink sink) : sink_(std::move(sink)) {
    const char* terminal = std::getenv("TERM");
    terminal_ = !sink_ && ::isatty(STDOUT_FILENO) == 1;
    live_ = terminal_ && terminal != nullptr && std::string_view(terminal) != "dumb";
    const char* plain = std::getenv("NO_COLOR");
    colours_ = live_ && (plain == nullptr || *plain == '\0');
  }

  // One whole line, without its end. Control characters of a job's output could rewrite the user's terminal:
  // there only colours (SGR sequences) get through, and others are shown as "\x1b". A file or pipe gets all.
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

  // The line at the bottom, written where it changes; does nothing where there is no terminal.
  void show(std::string_view what, std::chrono::seconds elapsed) {
    if (!live_) return;
    const std::lock_guard lock(mutex_);
    char time[32];
    std::snprintf(time, sizeof time, "%02lld:%02lld ", static_cast<long long>(elapsed.count() / 60),
                  static_cast<long long>(elapsed.count() % 60));
    show_text(time + harmless(what));
  }
  // Several lines likewise, each cut to the width of the terminal.
  void show_lines(const std::vector<std::string>& lines) {
    if (!live_) return;
    const std::lock_guard lock(mutex_);
    const std::size_t width = size().ws_col;
    std::string text;
    for (const std::string& line : lines) {
      if (!text.empty()) text += '\n';
      std::string shown = line;
      std::replace(shown.begin(), shown.end(), '\n', ' ');
      text += harmless(cut(shown, width > 0 ? width - 1 : 79));
    }
    show_text(std::move(text));
  }
  // How many lines the terminal has.
  std::size_t height() const {
    const std::size_t rows = live_ ? size().ws_row : 0;
    return rows > 0 ? rows : 24;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    if (const std::string bytes = take_live_away(); !bytes.empty()) write(bytes);
  }

 private:
  static int colour_of(std::string_view host) {  // "algo-2": the second one
    constexpr int colours[] = {34, 35, 32, 36, 33};
    const std::size_t digits = host.find_last_not_of("0123456789") + 1;
    std::size_t number = 0;
    for (const char c : host.substr(digits)) number = number * 10 + static_cast<std::size_t>(c - '0');
    return colours[(number + std::size(colours) - 1) % std::size(colours)];
  }

  static struct winsize size() {
    struct winsize size {};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
    return size;
  }

  // The first characters of a text; one of UTF-8 may have several bytes.
  static std::string_view cut(std::string_view text, std::size_t characters) {
    std::size_t end = 0;
    while (end < text.size()) {
      const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
      if (begins && characters-- == 0) break;
      ++end;
    }
    return text.substr(0, end);
  }

  // What takes the lines at the bottom away and leaves the cursor where the first one began; nothing where
  // there are none.
  std::string take_live_away() {
    if (live_shown_.empty()) return "";
    std::string bytes = "\r\033[K";
    for (const char c : live_shown_) {
      if (c == '\n') bytes += "\033[A\033[K";
    }
    live_shown_.clear();
    return bytes;
  }
  void show_text(std::string text) {
    if (text == live_shown_) return;
    const std::string before = take_live_away();
    write((before.empty() ? "\r\033[K" : before) + text);
    live_shown_ = std::move(text);
  }

  void write_line(const std::string& prefix, std::string_view text) {
    std::string bytes = take_live_away();
    bytes += prefix;
    bytes += terminal_ ? harmless(text) : std::string(text);
    bytes += '\n';
    write(bytes);
  }

  // The length of the SGR sequence (ESC [ digits and semicolons m) that `text` starts with; 0 where there is
  // none.
  static std::size_t colour_length(std::string_view text) {
    if (!text.starts_with("\033[")) return 0;
    const std::size_t end = text.find_first_not_of("0123456789;", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
  }

  // Control characters: C0 but tab and line feed, DEL, and C1, which in UTF-8 are two bytes and which
  // terminals obey as well (U+009B is ESC [).
  static bool is_control(std::string_view text) {
    const auto code = static_cast<unsigned char>(text[0]);
    if (code < ' ') return code != '\t' && code != '\n';
    return code == 0x7f || (code == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0);
  }

  // What a terminal may be given of somebody else's text. Colours that it leaves on end with it.
  std::string harmless(std::string_view text) const {
    std::string shown;
    bool coloured = false;
    if (text.ends_with('\r')) text.remove_suffix(1);
    while (!text.empty()) {
      std::size_t length = live_ ? colour_length(text) : 0;
      if (length > 0) {
        coloured = true;
        shown += text.substr(0, length);
      } else if (is_control(text)) {
        length = text[0] == '\xc2' ? 2 : 1;
        char code[8];
        std::snprintf(code, sizeof code, "\\x%02x",
                      static_cast<unsigned>(static_cast<unsigned char>(text[length - 1])));
        shown += code;
      } else {
        length = 1;
        shown += text[0];
      }
      text.remove_prefix(length);
    }
    return coloured ? shown + "\033[0m" : shown;
  }

  static void write(const std::string& bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
  }

  std::mutex mutex_;
  Sink sink_;
  bool terminal_ = false;
  bool live_ = false;  // a terminal that can take a line back
  bool colours_ = false;
  std::string live_shown_;  // the lines at the bottom; empty where there are none
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
