#include "emulator/wire/validation.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/java_text.hpp"
#include "emulator/wire/validation_table.hpp"

namespace sagemaker::local::wire {
namespace {

using table::Kind;
using table::Shape;

constexpr std::size_t errors_listed_max = 10;  // AWS's front end stops there

// What AWS answers for a wrong type, as recorded from several JSON services: "NUMBER_VALUE can not be
// converted to a String", "Expected list or null", ... Types are checked in the whole document before any
// constraint is.
[[noreturn]] void serialization_fault(const std::string& message) {
  throw ServiceFault("SerializationException", 400, message);
}

std::string_view token_name(const json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "TRUE_VALUE" : "FALSE_VALUE";
  return value.is_string() ? "STRING_VALUE" : "NUMBER_VALUE";
}

// The words for a value that is no `expected`, which is a scalar type.
[[noreturn]] void scalar_fault(const json& value, std::string_view expected) {
  if (value.is_array()) serialization_fault("Start of list found where not expected");
  if (value.is_object()) serialization_fault("Start of structure or map found where not expected.");
  serialization_fault(std::string(token_name(value)) + " can not be converted to " + std::string(expected));
}

void check_types(const json& value, const Shape& shape);

void check_structure_types(const json& value, const Shape& shape) {
  if (value.is_array()) serialization_fault("Start of list found where not expected");
  if (!value.is_object()) serialization_fault("Expected null");
  int present = 0;
  for (const table::Member& member : table::members(shape)) {
    const auto found = value.find(table::text(member.name));
    if (found == value.end() || found->is_null()) continue;
    check_types(*found, table::shape(member.shape));
    ++present;
  }
  if ((shape.flags & table::is_union) && present > 1) {
    serialization_fault("Only one member of " + std::string(table::text(shape.c)) + " may be set");
  }
}

void check_list_types(const json& value, const Shape& shape) {
  if (value.is_object()) serialization_fault("Start of structure or map found where not expected.");
  if (!value.is_array()) serialization_fault("Expected list or null");
  for (const json& element : value) {
    if (!element.is_null()) check_types(element, table::shape(shape.a));
  }
}

void check_map_types(const json& value, const Shape& shape) {
  if (value.is_array()) serialization_fault("Start of list found where not expected");
  if (!value.is_object()) serialization_fault("Expected map or null");
  for (const json& element : value) {
    if (!element.is_null()) check_types(element, table::shape(shape.b));
  }
}

void check_types(const json& value, const Shape& shape) {
  switch (shape.kind) {
    case Kind::structure:
      return check_structure_types(value, shape);
    case Kind::list:
      return check_list_types(value, shape);
    case Kind::map:
      return check_map_types(value, shape);
    case Kind::string:
      if (!value.is_string()) scalar_fault(value, "a String");
      return;
    case Kind::blob:
      if (!value.is_string()) scalar_fault(value, "a Blob");
      if (!aws::base64_decode(value.get_ref<const std::string&>())) {
        serialization_fault("'" + java_text(value, shape) + "' can not be converted to a Blob");
      }
      return;
    case Kind::integer:
      if (!value.is_number()) scalar_fault(value, "an Integer");
      return;
    case Kind::long_integer:
      if (!value.is_number()) scalar_fault(value, "a Long");
      return;
    case Kind::float_number:
      if (!value.is_number()) scalar_fault(value, "a Float");
      return;
    case Kind::double_number:
      if (!value.is_number()) scalar_fault(value, "a Double");
      return;
    case Kind::boolean:
      if (!value.is_boolean()) scalar_fault(value, "a Boolean");
      return;
    case Kind::timestamp:
      if (!value.is_number()) scalar_fault(value, "milliseconds since epoch");
      return;
  }
}

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Each function below calls report(satisfied, words) for every constraint of a shape, in the order in which
// AWS lists them; `words` makes the text, so that nothing is formatted for requests that are in order.
template <typename Report>
void each_bound(double value, const Shape& shape, std::string_view what, bool floating_point,
                Report&& report) {
  const auto words = [&](const char* relation, double bound) {
    return "Member must have " + std::string(what) + " " + relation + " than or equal to " +
           java_number(bound, floating_point);
  };
  const table::Range& range = table::range(shape);
  if (shape.flags & table::has_max) report(value <= range.max, [&] { return words("less", range.max); });
  if (shape.flags & table::has_min) report(value >= range.min, [&] { return words("greater", range.min); });
}

template <typename Report>
void each_string_constraint(std::string_view text, const Shape& shape, Report&& report) {
  if (shape.flags & (table::has_max | table::has_min)) {
    each_bound(static_cast<double>(character_count(text)), shape, "length", false, report);
  }
  if (const std::string_view pattern = table::pattern_text(shape); !pattern.empty()) {
    report(table::pattern(shape).matches(text),
           [&] { return "Member must satisfy regular expression pattern: " + std::string(pattern); });
  }
  if (const auto values = table::enumeration(shape); !values.empty()) {
    const bool known =
        std::any_of(values.begin(), values.end(), [&](auto index) { return table::text(index) == text; });
    report(known, [&] {
      std::string words = "Member must satisfy enum value set: [";
      for (std::size_t i = 0; i < values.size(); ++i)
        words.append(i ? ", " : "").append(table::text(values[i]));
      return words + "]";
    });
  }
}

std::pair<std::int64_t, std::int64_t> integer_limits(Kind kind) {
  using Int = std::numeric_limits<std::int32_t>;
  using Long = std::numeric_limits<std::int64_t>;
  return kind == Kind::integer ? std::pair<std::int64_t, std::int64_t>(Int::min(), Int::max())
                               : std::pair<std::int64_t, std::int64_t>(Long::min(), Long::max());
}

bool is_above(const json& number, std::int64_t max) {
  if (number.is_number_float()) return number.get<double>() >= static_cast<double>(max) + 1.0;
  if (number.is_number_unsigned()) return number.get<std::uint64_t>() > static_cast<std::uint64_t>(max);
  return number.get<std::int64_t>() > max;
}

bool is_below(const json& number, std::int64_t min) {
  if (number.is_number_float()) return std::trunc(number.get<double>()) < static_cast<double>(min);
  return number.is_number_integer() && !number.is_number_unsigned() && number.get<std::int64_t>() < min;
}

template <typename Report>
void each_number_constraint(const json& value, const Shape& shape, Report&& report) {
  const bool floating_point = shape.kind == Kind::float_number || shape.kind == Kind::double_number;
  const double number = floating_point ? value.get<double>() : std::trunc(value.get<double>());
  each_bound(number, shape, "value", floating_point, report);
  if (floating_point) return;
  // AWS clamps what its integers cannot hold. Here such a number is refused, in the words of a bound.
  const auto [min, max] = integer_limits(shape.kind);
  if (!(shape.flags & table::has_max) && is_above(value, max)) {
    report(false,
           [max = max] { return "Member must have value less than or equal to " + std::to_string(max); });
  }
  if (!(shape.flags & table::has_min) && is_below(value, min)) {
    report(false,
           [min = min] { return "Member must have value greater than or equal to " + std::to_string(min); });
  }
}

template <typename Report>
void each_constraint(const json& value, const Shape& shape, Report&& report) {
  switch (shape.kind) {
    case Kind::string:
      return each_string_constraint(value.get_ref<const std::string&>(), shape, report);
    case Kind::integer:
    case Kind::long_integer:
    case Kind::float_number:
    case Kind::double_number:
      return each_number_constraint(value, shape, report);
    case Kind::list:
    case Kind::map:
      return each_bound(static_cast<double>(value.size()), shape, "length", false, report);
    default:
      return;
  }
}

// Walks a document of the right types in the model's order and collects what is wrong with it.
class Inspection {
 public:
  void check_structure(const json& value, const Shape& shape) {
    for (const table::Member& member : table::members(shape)) {
      if (errors_.size() >= errors_listed_max) return;
      const std::string_view name = table::text(member.name);
      const auto found = value.find(name);
      const bool absent = found == value.end() || found->is_null();
      if (absent && !member.required) continue;
      const std::size_t length = enter_member(name);
      if (absent) {
        errors_.push_back("Value null at '" + path_ +
                          "' failed to satisfy constraint: Member must not be null");
      } else {
        check_value(*found, table::shape(member.shape));
      }
      path_.resize(length);
    }
  }

  // "2 validation errors detected: ...; ..."; empty: there are none.
  std::string message() const {
    if (errors_.empty()) return {};
    std::string text = std::to_string(errors_.size()) + " validation error" +
                       (errors_.size() > 1 ? "s" : "") + " detected: ";
    for (std::size_t i = 0; i < errors_.size(); ++i) text.append(i ? "; " : "").append(errors_[i]);
    return text;
  }

 private:
  std::size_t enter_member(std::string_view name) {
    const std::size_t length = path_.size();
    if (!path_.empty()) path_ += '.';
    const char first = name.front();
    path_ += static_cast<char>(first >= 'A' && first <= 'Z' ? first + ('a' - 'A') : first);
    path_ += name.substr(1);
    return length;
  }

  std::size_t enter_element(std::string_view key) {
    const std::size_t length = path_.size();
    path_.append(".").append(key).append(".member");
    return length;
  }

  void report(const json& value, const Shape& shape, const std::string& constraint) {
    if (errors_.size() >= errors_listed_max) return;
    const std::string shown = shape.flags & table::sensitive ? "" : " '" + java_text(value, shape) + "'";
    errors_.push_back("Value" + shown + " at '" + path_ + "' failed to satisfy constraint: " + constraint);
  }

  void check_value(const json& value, const Shape& shape) {
    each_constraint(value, shape, [&](bool satisfied, auto&& words) {
      if (!satisfied) report(value, shape, words());
    });
    check_children(value, shape);
  }

  void check_children(const json& value, const Shape& shape) {
    if (shape.kind == Kind::structure) {
      check_structure(value, shape);
    } else if (shape.kind == Kind::list) {
      check_elements(value, shape, table::shape(shape.a), "Member must satisfy constraint: [");
    } else if (shape.kind == Kind::map) {
      check_keys(value, shape);
      check_elements(value, shape, table::shape(shape.b), "Map value must satisfy constraint: [");
    }
  }

  // AWS reports the elements of a list or a map once, at the container, with every constraint that an element
  // has.
  template <typename Visit>
  void check_together(const json& container, const Shape& shape, const char* prefix, Visit&& visit) {
    bool satisfied = true;
    visit([&](bool element_satisfied, auto&&) { satisfied = satisfied && element_satisfied; });
    if (satisfied) return;
    std::vector<std::string> texts;
    visit([&](bool, auto&& words) {
      std::string text = words();
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
    });
    std::string joined = prefix;
    for (std::size_t i = 0; i < texts.size(); ++i) joined.append(i ? ", " : "").append(texts[i]);
    report(container, shape, joined + "]");
  }

  void check_keys(const json& value, const Shape& shape) {
    const Shape& key_shape = table::shape(shape.a);
    check_together(value, shape, "Map keys must satisfy constraint: [", [&](auto&& each) {
      for (const auto& item : value.items()) each_string_constraint(item.key(), key_shape, each);
    });
  }

  void check_elements(const json& value, const Shape& shape, const Shape& element_shape, const char* prefix) {
    check_together(value, shape, prefix, [&](auto&& each) {
      for (const json& element : value) {
        if (!element.is_null()) each_constraint(element, element_shape, each);
      }
    });
    const bool nested = element_shape.kind == Kind::structure || element_shape.kind == Kind::list ||
                        element_shape.kind == Kind::map;
    if (!nested) return;
    std::size_t position = 0;
    for (const auto& item : value.items()) {
      ++position;
      if (item.value().is_null()) continue;
      if (errors_.size() >= errors_listed_max) return;
      const std::size_t length = enter_element(value.is_array() ? std::to_string(position) : item.key());
      check_children(item.value(), element_shape);
      path_.resize(length);
    }
  }

  std::string path_;
  std::vector<std::string> errors_;
};

std::string_view validation_code(Model model) {
  switch (model) {
    case Model::logs:
      return "InvalidParameterException";
    case Model::sts:
    case Model::iam:
    case Model::metrics:
      return "ValidationError";
    case Model::sagemaker:
    case Model::autoscaling:
      break;
  }
  return "ValidationException";
}

const Shape* find_input(Model model, std::string_view operation) {
  return table::input_of(static_cast<std::size_t>(model), operation);
}

[[noreturn]] void malformed_query(const std::string& message) {
  throw ServiceFault("MalformedInput", 400, message);
}

template <typename Number>
json parsed_number(const std::string& text, std::string_view type) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    malformed_query("'" + text + "' can not be converted to " + std::string(type));
  }
  return number;
}

json converted(const std::string& text, const Shape& shape) {
  switch (shape.kind) {
    case Kind::integer:
      return parsed_number<std::int64_t>(text, "an Integer");
    case Kind::long_integer:
      return parsed_number<std::int64_t>(text, "a Long");
    case Kind::float_number:
      return parsed_number<double>(text, "a Float");
    case Kind::double_number:
      return parsed_number<double>(text, "a Double");
    case Kind::boolean:
      if (text != "true" && text != "false")
        malformed_query("'" + text + "' can not be converted to a Boolean");
      return text == "true";
    case Kind::timestamp:
      if (const auto time = aws::parse_iso8601(text)) return aws::to_epoch_seconds(*time);
      malformed_query("'" + text + "' can not be converted to milliseconds since epoch");
    case Kind::list:  // how the protocol spells an empty one
      if (text.empty()) return json::array();
      return text;
    default:
      return text;
  }
}

void convert(json& value, const Shape& shape) {
  if (value.is_string()) {
    value = converted(value.get<std::string>(), shape);
  } else if (shape.kind == Kind::structure && value.is_object()) {
    for (const table::Member& member : table::members(shape)) {
      const auto found = value.find(table::text(member.name));
      if (found != value.end()) convert(*found, table::shape(member.shape));
    }
  } else if ((shape.kind == Kind::list && value.is_array()) ||
             (shape.kind == Kind::map && value.is_object())) {
    for (json& element : value) convert(element, table::shape(shape.kind == Kind::list ? shape.a : shape.b));
  }
}

// JSON has no word for them: "NaN", "Infinity" and "-Infinity" stand for what a double holds and JSON does
// not.
void read_special_numbers(json& value, const Shape& shape) {
  if (shape.kind == Kind::structure && value.is_object()) {
    for (const table::Member& member : table::members(shape)) {
      const auto found = value.find(table::text(member.name));
      if (found != value.end()) read_special_numbers(*found, table::shape(member.shape));
    }
  } else if (shape.kind == Kind::list && value.is_array()) {
    for (json& element : value) read_special_numbers(element, table::shape(shape.a));
  } else if (shape.kind == Kind::double_number && value.is_string()) {
    using Limits = std::numeric_limits<double>;
    if (value == "NaN") value = Limits::quiet_NaN();
    if (value == "Infinity") value = Limits::infinity();
    if (value == "-Infinity") value = -Limits::infinity();
  }
}

// What AWS's integers make of 3.7 (3) and of 1e2: the bounds of the shape have been checked.
void cut_fraction(json& number, Kind kind) {
  const double value = number.get<double>();
  const auto [min, max] = integer_limits(kind);
  if (std::isnan(value)) {
    number = 0;
  } else if (is_above(number, max) || is_below(number, min)) {
    number = value < 0 ? min : max;
  } else {
    number = static_cast<std::int64_t>(value);
  }
}

// Keeps what the model names and drops the rest, as AWS does: a record made from the request would hold it
// otherwise, and a stray "TrainingStartTime" would stand where the service keeps its own. And lets integers
// be integers.
void keep_known(json& value, const Shape& shape) {
  if (shape.kind == Kind::structure && value.is_object()) {
    const std::span<const table::Member> members = table::members(shape);
    for (auto item = value.begin(); item != value.end();) {
      const auto known = std::find_if(members.begin(), members.end(), [&](const table::Member& member) {
        return table::text(member.name) == item.key();
      });
      if (known == members.end()) {
        item = value.erase(item);
      } else {
        keep_known(*item++, table::shape(known->shape));
      }
    }
  } else if ((shape.kind == Kind::list && value.is_array()) ||
             (shape.kind == Kind::map && value.is_object())) {
    const Shape& element_shape = table::shape(shape.kind == Kind::list ? shape.a : shape.b);
    for (json& element : value) keep_known(element, element_shape);
  } else if ((shape.kind == Kind::integer || shape.kind == Kind::long_integer) && value.is_number_float()) {
    cut_fraction(value, shape.kind);
  }
}

}  // namespace

bool known_operation(std::string_view operation) { return known_operation(Model::sagemaker, operation); }
bool known_operation(Model model, std::string_view operation) {
  return find_input(model, operation) != nullptr;
}

void validate(std::string_view operation, const json& input) { validate(Model::sagemaker, operation, input); }

void validate(Model model, std::string_view operation, const json& input) {
  const Shape* shape = find_input(model, operation);
  if (!shape) return;  // routing answers UnknownOperationException
  if (!input.is_object() && !input.is_array()) serialization_fault("The request body must be a JSON object");
  check_types(input, *shape);
  Inspection inspection;
  inspection.check_structure(input, *shape);
  const std::string message = inspection.message();
  if (!message.empty()) throw ServiceFault(std::string(validation_code(model)), 400, message);
}

void drop_nulls(json& document) {
  if (document.is_object()) {
    for (auto member = document.begin(); member != document.end();) {
      if (member->is_null()) {
        member = document.erase(member);
      } else {
        drop_nulls(*member++);
      }
    }
  } else if (document.is_array()) {
    auto& elements = document.get_ref<json::array_t&>();
    std::erase_if(elements, [](const json& element) { return element.is_null(); });
    for (json& element : elements) drop_nulls(element);
  }
}

void convert_query_values(Model model, std::string_view operation, json& input) {
  if (const Shape* shape = find_input(model, operation)) convert(input, *shape);
}

OperationTable checked(Model model, OperationTable operations) {
  OperationTable result;
  for (auto& [name, operation] : operations) {
    result.emplace(name, [model, name = name, operation = std::move(operation)](const CallContext& context,
                                                                                const json& input) {
      json clean = input;
      if (const Shape* shape = find_input(model, name); shape && model == Model::metrics)
        read_special_numbers(clean, *shape);  // the only service here whose doubles may be any
      validate(model, name, clean);
      drop_nulls(clean);
      if (const Shape* shape = find_input(model, name)) keep_known(clean, *shape);
      return operation(context, clean);
    });
  }
  return result;
}

}  // namespace sagemaker::local::wire
