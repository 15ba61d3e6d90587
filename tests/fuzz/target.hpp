// What every fuzz target shares. A target is a function of arbitrary bytes that says with require() what must
// hold for all of them; fuzz.cpp runs the one that FUZZ_TARGET names under libFuzzer. Seeds show the fuzzer
// what real input looks like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::fuzz {

struct Target {
  std::string name;
  void (*body)(std::string_view input) = nullptr;
  std::vector<std::string> seeds;
  std::vector<std::string> words;  // a dictionary: what is worth trying anywhere
};

std::vector<Target>& targets();

// A static object of this type makes a target known.
struct Registered {
  explicit Registered(Target target) { targets().push_back(std::move(target)); }
};

// Ends the process, which libFuzzer reports together with the input.
void require(bool holds, const char* what);

// Small numbers taken from the input itself, so that the fuzzer chooses them.
class Choices {
 public:
  explicit Choices(std::string_view& input) : input_(&input) {}

  // 0 to count - 1; 0 where the input is used up.
  std::size_t below(std::size_t count) {
    if (input_->empty() || count == 0) return 0;
    const auto byte = static_cast<unsigned char>(input_->front());
    input_->remove_prefix(1);
    return byte % count;
  }
  bool coin() { return below(2) == 1; }

 private:
  std::string_view* input_;
};

// Takes everything up to the next line feed, which goes as well.
inline std::string_view take_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  return line;
}

// Hands `text` on in pieces of every size that occurs on a network: all at once (0), byte by byte (1), or as
// large as the text's own bytes say (2).
inline constexpr int divisions = 3;
inline void in_pieces(std::string_view text, int division,
                      const std::function<void(std::string_view)>& receive) {
  std::size_t state = text.size();
  while (!text.empty()) {
    std::size_t count = division == 0 ? text.size() : 1;
    if (division == 2) {
      state = state * 31 + static_cast<unsigned char>(text.front());
      count = 1 + state % 7;
    }
    const std::string_view piece = text.substr(0, count);
    text.remove_prefix(piece.size());
    receive(piece);
  }
}

}  // namespace sagemaker::fuzz
