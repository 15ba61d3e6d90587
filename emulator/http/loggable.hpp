// Text from outside, made fit for a line of the log: printable, on one line, and short. Whoever writes a request must
// not be able to forge log lines or to steer the terminal of whoever reads them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sagemaker::local::http {

inline std::string loggable(std::string_view text, std::size_t length_max = 200) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (const char c : text.substr(0, length_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      result += c;
    } else {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  if (text.size() > length_max) result += "...";
  return result;
}

}  // namespace sagemaker::local::http
