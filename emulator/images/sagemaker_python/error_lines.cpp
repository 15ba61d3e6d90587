// See error_lines.hpp.
#include "emulator/images/sagemaker_python/error_lines.hpp"

#include <algorithm>
#include <iterator>

namespace sagemaker::local::images {
namespace {

constexpr std::size_t kept_bytes_max = 16 * 1024;  // a job's FailureReason shows 1024
constexpr std::size_t line_bytes_max = 4 * 1024;

// Python's own exceptions, and what TensorFlow and pip say.
constexpr std::string_view marks[] = {"Exception",
                                      "ArithmeticError",
                                      "AssertionError",
                                      "AttributeError",
                                      "BlockingIOError",
                                      "BrokenPipeError",
                                      "BufferError",
                                      "ChildProcessError",
                                      "ConnectionAbortedError",
                                      "ConnectionError",
                                      "ConnectionRefusedError",
                                      "ConnectionResetError",
                                      "EOFError",
                                      "EnvironmentError",
                                      "FileExistsError",
                                      "FileNotFoundError",
                                      "FloatingPointError",
                                      "IOError",
                                      "ImportError",
                                      "IndentationError",
                                      "IndexError",
                                      "InterruptedError",
                                      "InvalidArgumentError",
                                      "IsADirectoryError",
                                      "KeyError",
                                      "LookupError",
                                      "MemoryError",
                                      "ModuleNotFoundError",
                                      "NameError",
                                      "NotADirectoryError",
                                      "NotImplementedError",
                                      "OSError",
                                      "OutOfRangeError",
                                      "OverflowError",
                                      "PermissionError",
                                      "ProcessLookupError",
                                      "RecursionError",
                                      "ReferenceError",
                                      "ResourceExhaustedError",
                                      "RuntimeError",
                                      "SyntaxError",
                                      "SystemError",
                                      "TabError",
                                      "TimeoutError",
                                      "TypeError",
                                      "UnboundLocalError",
                                      "UnicodeDecodeError",
                                      "UnicodeEncodeError",
                                      "UnicodeError",
                                      "UnicodeTranslateError",
                                      "ValueError",
                                      "ZeroDivisionError",
                                      "Invalid requirement"};

bool names_exception(std::string_view line) {
  // Most lines of a log are told apart by this.
  if (line.find("Error") == line.npos && line.find("Exc") == line.npos && line.find("Inv") == line.npos)
    return false;
  return std::any_of(std::begin(marks), std::end(marks),
                     [&](std::string_view mark) { return line.find(mark) != std::string_view::npos; });
}

std::string_view trimmed(std::string_view line) {
  const auto first = line.find_first_not_of(" :\r\n");
  const auto last = line.find_last_not_of(" :\r\n");
  return first == std::string_view::npos ? std::string_view() : line.substr(first, last - first + 1);
}

}  // namespace

void ErrorLines::append(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view part = text.substr(0, end);
    if (unfinished_.size() < line_bytes_max)
      unfinished_.append(part.substr(0, line_bytes_max - unfinished_.size()));
    if (end == std::string_view::npos) return;
    add(unfinished_);
    unfinished_.clear();
    text.remove_prefix(end + 1);
  }
}

void ErrorLines::add(std::string_view line) {
  if (line.starts_with("Traceback (most recent call last)")) {
    in_traceback_ = true;
  } else if (in_traceback_ && !line.empty() && line.front() != ' ') {
    in_traceback_ = false;
    traceback_end_ = trimmed(line);
  }
  if (lines_.empty() && !names_exception(line)) return;
  std::string kept(trimmed(line));
  if (kept.find_first_not_of("^~ ") == std::string::npos) return;  // Python 3.11 points at the place
  if (bytes_ + kept.size() > kept_bytes_max) return;
  if (std::find(lines_.begin(), lines_.end(), kept) != lines_.end()) return;
  bytes_ += kept.size();
  lines_.push_back(std::move(kept));
}

std::string ErrorLines::text() {
  if (!unfinished_.empty()) append("\n");
  if (lines_.empty()) return traceback_end_;
  std::string text;
  for (const std::string& line : lines_) text += (text.empty() ? "" : "\n ") + line;
  return text;
}

std::string missing_module(std::string_view text) {
  const std::string_view mark = "No module named ";
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return "";
  std::string_view name = text.substr(at + mark.size());
  const bool quoted = name.starts_with('\'');
  if (quoted) name.remove_prefix(1);
  return std::string(name.substr(0, name.find_first_of("'. \n\"")));
}

}  // namespace sagemaker::local::images
