// JSON documents: what every operation takes and returns. Parsing is bounded in depth, because nlohmann::json
// recurses when it copies and dumps, and writing never throws on bytes that are not UTF-8, because log lines
// hold such bytes.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace sagemaker {
using json = nlohmann::json;
}

namespace sagemaker::aws {

// Text that is not JSON, or JSON that is nested too deeply. `offset` counts bytes from 0.
class JsonError : public std::runtime_error {
 public:
  JsonError(const std::string& message, std::size_t offset) : std::runtime_error(message), offset_(offset) {}
  std::size_t offset() const { return offset_; }

 private:
  std::size_t offset_;
};

namespace detail {

// Brackets outside strings, counted before anything is built: a hostile document costs one pass and no
// memory. The same pass refuses a NUL byte between values, which nlohmann::json takes for the end of the
// text.
inline void check_json_text(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > depth_max) {
        throw JsonError("JSON is nested deeper than " + std::to_string(depth_max) + " levels", i);
      }
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == '\0') {
      throw JsonError("invalid JSON: a NUL byte", i);
    }
  }
}

}  // namespace detail

// Throws JsonError: a syntax error (a NUL byte anywhere is one) with its byte offset, a number out of range,
// or more than `depth_max` levels.
inline json parse_json(std::string_view text, int depth_max = 128) {
  detail::check_json_text(text, depth_max);
  try {
    return json::parse(text.data(), text.data() + text.size());
  } catch (const json::parse_error& error) {
    const std::size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    std::string what = error.what();
    if (const auto bracket = what.find("] "); bracket != std::string::npos) what.erase(0, bracket + 2);
    throw JsonError("invalid JSON: " + what, offset);
  } catch (const json::exception& error) {
    std::string what = error.what();
    if (const auto bracket = what.find("] "); bracket != std::string::npos) what.erase(0, bracket + 2);
    throw JsonError("invalid JSON: " + what, 0);
  }
}

// Never throws on invalid UTF-8: such bytes become U+FFFD. `indent` as in nlohmann::json: -1 is one line.
inline std::string dump_json(const json& value, int indent = -1) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace sagemaker::aws
