// See json_text.hpp.
#include "emulator/services/sagemaker/transform/json_text.hpp"

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::transform {
namespace {

constexpr int levels_max = 128;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view skip_spaces(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

// The number of bytes of the string at the start of `text`, with its quotes.
std::size_t string_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

// The number of bytes of the value at the start of `text`.
std::size_t value_length(std::string_view text) {
  std::size_t depth = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"') {
      i += string_length(text.substr(i));
      if (depth == 0) return i;
      continue;
    }
    if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return i;  // behind a number or a literal
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      return i;
    }
    ++i;
  }
  return i;
}

// Takes the value at the start of `rest`, and what separates it from the next one.
std::string_view take_value(std::string_view& rest) {
  const std::string_view value = rest.substr(0, value_length(rest));
  rest = skip_spaces(rest.substr(value.size()));
  if (!rest.empty() && (rest.front() == ',' || rest.front() == ':')) rest = skip_spaces(rest.substr(1));
  return value;
}

// What stands between the brackets of an array or object.
std::string_view inside(std::string_view value) {
  value = trim_json(value);
  return skip_spaces(value.substr(1, value.size() - 2));
}

bool begins_with(std::string_view value, char c) {
  value = trim_json(value);
  return !value.empty() && value.front() == c;
}

}  // namespace

bool is_json(std::string_view text) {
  try {
    aws::detail::check_json_text(text, levels_max);
  } catch (const aws::JsonError&) {
    return false;
  }
  return json::accept(text.data(), text.data() + text.size());
}

std::string_view trim_json(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  text = skip_spaces(text);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_object(std::string_view value) { return begins_with(value, '{'); }
bool is_array(std::string_view value) { return begins_with(value, '['); }

std::vector<std::string_view> elements_of(std::string_view value) {
  std::vector<std::string_view> elements;
  if (is_object(value)) {
    for (const auto& [name, member] : members_of(value)) elements.push_back(member);
  } else if (is_array(value)) {
    for (std::string_view rest = inside(value); !rest.empty();) elements.push_back(take_value(rest));
  }
  return elements;
}

std::vector<std::pair<std::string_view, std::string_view>> members_of(std::string_view object) {
  std::vector<std::pair<std::string_view, std::string_view>> members;
  for (std::string_view rest = inside(object); !rest.empty();) {
    const std::string_view name = take_value(rest);
    members.emplace_back(name, take_value(rest));
  }
  return members;
}

std::string name_of(std::string_view written) {
  if (written.find('\\') == std::string_view::npos) {
    return std::string(written.substr(1, written.size() - 2));
  }
  return json::parse(written.data(), written.data() + written.size()).get<std::string>();
}

std::string written_name(std::string_view name) { return aws::dump_json(json(std::string(name))); }

void append_compact(std::string& target, std::string_view value) {
  value = trim_json(value);
  target.reserve(target.size() + value.size());
  while (!value.empty()) {
    std::size_t length = 0;
    while (length < value.size() && !is_space(value[length]) && value[length] != '"') ++length;
    if (length < value.size() && value[length] == '"') length += string_length(value.substr(length));
    target.append(value.substr(0, length));
    value = skip_spaces(value.substr(length));
  }
}

}  // namespace sagemaker::local::services::transform
