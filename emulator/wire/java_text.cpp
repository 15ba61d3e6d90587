#include "emulator/wire/java_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::wire {
namespace {

using table::Kind;
using table::Shape;

constexpr std::size_t text_bytes_max = 32 * 1024;
constexpr std::string_view redacted = "*** Sensitive Data Redacted ***";

void print(const json& value, const Shape& shape, std::string& out);

bool full(const std::string& out) { return out.size() > text_bytes_max; }

void print_structure(const json& value, const Shape& shape, std::string& out) {
  out += table::text(shape.c);
  out += '(';
  const char* separator = "";
  for (const table::Member& member : table::members(shape)) {
    if (full(out)) return;
    const std::string_view name = table::text(member.name);
    out += separator;
    separator = ", ";
    out += static_cast<char>(name.front() >= 'A' && name.front() <= 'Z' ? name.front() + ('a' - 'A')
                                                                        : name.front());
    out += name.substr(1);
    out += '=';
    const auto found = value.find(name);
    if (found == value.end() || found->is_null()) {
      out += "null";
    } else {
      print(*found, table::shape(member.shape), out);
    }
  }
  out += ')';
}

void print_list(const json& value, const Shape& member, std::string& out) {
  out += '[';
  const char* separator = "";
  for (const json& element : value) {
    if (full(out)) return;
    out += separator;
    separator = ", ";
    print(element, member, out);
  }
  out += ']';
}

void print_map(const json& value, const Shape& member, std::string& out) {
  out += '{';
  const char* separator = "";
  for (const auto& [key, element] : value.items()) {
    if (full(out)) return;
    out += separator;
    separator = ", ";
    out += key;
    out += '=';
    print(element, member, out);
  }
  out += '}';
}

// java.util.Date: Tue Nov 14 22:13:20 UTC 2023
std::string date_text(double epoch_seconds) {
  if (!(std::abs(epoch_seconds) < 1e11)) return java_number(epoch_seconds, false);
  const auto t = aws::detail::civil_time(aws::from_epoch_seconds(epoch_seconds));
  return aws::detail::format_time("%s %s %02u %02u:%02u:%02u UTC %04d", aws::detail::weekday_names[t.weekday],
                                  aws::detail::month_names[t.month - 1], t.day, t.hour, t.minute, t.second,
                                  t.year);
}

void print(const json& value, const Shape& shape, std::string& out) {
  if (value.is_null()) {
    out += "null";
  } else if (shape.flags & table::sensitive) {
    out += redacted;
  } else if (value.is_string()) {
    out += value.get_ref<const std::string&>();
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? "true" : "false";
  } else if (value.is_object()) {
    shape.kind == Kind::map ? print_map(value, table::shape(shape.b), out)
                            : print_structure(value, shape, out);
  } else if (value.is_array()) {
    print_list(value, table::shape(shape.a), out);
  } else if (shape.kind == Kind::timestamp) {
    out += date_text(value.get<double>());
  } else if (shape.kind == Kind::float_number || shape.kind == Kind::double_number) {
    out += java_number(value.get<double>(), true);
  } else {
    // An integer has no negative zero, which is what is left of -0.5: the sum with 0 is 0.
    out += value.is_number_float() ? java_number(std::trunc(value.get<double>()) + 0.0, false) : value.dump();
  }
}

}  // namespace

std::string java_text(const json& value, const Shape& shape) {
  std::string out;
  print(value, shape, out);
  if (full(out)) {
    std::size_t end = text_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not inside a character
    out.resize(end);
    out += "...";
  }
  return out;
}

std::string java_number(double number, bool floating_point) {
  std::array<char, 400> buffer{};
  const bool plain = std::abs(number) < 1e7 || !floating_point;  // beyond it Java's Double changes to 1.0E7
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  std::string text(buffer.data(),
                   std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format).ptr);
  if (!floating_point) return text;
  if (plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  const std::size_t exponent = text.find('e');
  std::string mantissa = text.substr(0, exponent);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  return mantissa + "E" + std::to_string(std::stoi(text.substr(exponent + 1)));
}

}  // namespace sagemaker::local::wire
