// What of a script's output becomes the ErrorMessage of its failure: as in AWS's training toolkit, the lines
// from the first one on that names a Python exception, each once (sagemaker-training-toolkit, process.py).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::local::images {

class ErrorLines {
 public:
  // Output as it comes, lines cut anywhere.
  void append(std::string_view text);
  // At the end. Where no line names an exception that is known: the last line of the last traceback.
  std::string text();

 private:
  void add(std::string_view line);

  std::string unfinished_;
  std::vector<std::string> lines_;
  std::size_t bytes_ = 0;
  bool in_traceback_ = false;
  std::string traceback_end_;
};

// The package that a "No module named 'x.y'" in `text` misses ("x"); empty: none.
std::string missing_module(std::string_view text);

}  // namespace sagemaker::local::images
