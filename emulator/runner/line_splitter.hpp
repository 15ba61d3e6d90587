// Cuts a stream of bytes into lines: complete ones at once, pieces of an overlong one when the limit is
// reached, and what is left at the end. Bytes are passed on as they are.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sagemaker::local::runner {

class LineSplitter {
 public:
  LineSplitter(std::size_t line_bytes_max, std::function<void(std::string_view)> on_line)
      : line_bytes_max_(line_bytes_max > 0 ? line_bytes_max : 1), on_line_(std::move(on_line)) {}

  void append(std::string_view data) {
    while (!data.empty()) {
      const std::size_t end = data.find('\n');
      const bool complete = end != std::string_view::npos;
      take(data.substr(0, complete ? end : data.size()));
      if (complete) {
        // A line of exactly the limit was passed on already: its newline is not another, empty line.
        if (!pending_.empty() || !cut_) emit();
        cut_ = false;
      }
      data.remove_prefix(complete ? end + 1 : data.size());
    }
  }

  void finish() {
    if (!pending_.empty()) emit();
    cut_ = false;
  }

 private:
  void take(std::string_view piece) {
    while (pending_.size() + piece.size() >= line_bytes_max_ && !piece.empty()) {
      const std::size_t taken = line_bytes_max_ - pending_.size();
      pending_ += piece.substr(0, taken);
      piece.remove_prefix(taken);
      emit();
      cut_ = true;
    }
    pending_ += piece;
  }

  void emit() {
    std::string_view line = pending_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (on_line_) on_line_(line);
    pending_.clear();
  }

  std::size_t line_bytes_max_;
  std::function<void(std::string_view)> on_line_;
  std::string pending_;
  bool cut_ = false;  // the current line was passed on in part
};

}  // namespace sagemaker::local::runner
