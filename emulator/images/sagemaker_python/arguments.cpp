// See arguments.hpp.
#include "emulator/images/sagemaker_python/arguments.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace sagemaker::local::images {
namespace {

// Python writes the shortest text that reads back, with an exponent below 1e-4 and from 1e16 on.
std::string repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::array<char, 512> buffer{};
  const auto written = [&](std::chars_format format) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format).ptr;
    return std::string(buffer.data(), end);
  };
  const std::string scientific = written(std::chars_format::scientific);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  if (number != 0 && (exponent < -4 || exponent >= 16)) return scientific;
  std::string fixed = written(std::chars_format::fixed);
  return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

std::string repr(const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += std::string("\\") + c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string repr(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "None";
    case json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case json::value_t::string:
      return repr(value.get_ref<const std::string&>());
    case json::value_t::number_float:
      return repr(value.get<double>());
    case json::value_t::array: {
      std::string items;
      for (const json& item : value) items += (items.empty() ? "" : ", ") + repr(item);
      return "[" + items + "]";
    }
    case json::value_t::object: {
      std::string items;
      for (const auto& [name, item] : value.items())
        items += (items.empty() ? "" : ", ") + repr(name) + ": " + repr(item);
      return "{" + items + "}";
    }
    default:
      return value.dump();
  }
}

std::string argument_of(const json& value) {
  if (!value.is_object()) return python_text(value);
  std::string pairs;
  for (const auto& [name, item] : value.items()) {
    pairs += (pairs.empty() ? "" : ",") + name + "=" + (item.is_null() ? "None" : python_text(item));
  }
  return pairs;
}

}  // namespace

std::string python_text(const json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : repr(value);
}

std::vector<std::string> script_arguments(
    const std::map<std::string, container::Hyperparameter>& parameters) {
  std::vector<std::string> arguments;
  for (const auto& [name, parameter] : parameters) {
    if (name == "_tuning_objective_metric") continue;
    arguments.push_back((name.size() == 1 ? "-" : "--") + name);
    arguments.push_back(argument_of(parameter.value));
  }
  return arguments;
}

}  // namespace sagemaker::local::images
