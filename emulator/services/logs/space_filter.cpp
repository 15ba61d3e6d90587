// Conditions on the fields of events that are separated by spaces, as access logs are:
// [ip, user, ..., status = 4* && status != 404, bytes > 1000]. Text in quotation marks or square brackets is
// one field. "..." stands for any number of fields, also none.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "emulator/services/logs/event_filter.hpp"
#include "emulator/services/logs/filter_scanner.hpp"
#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr std::size_t fields_max = 1'000;  // of one event; an event with more matches no pattern

using Fields = std::vector<std::string_view>;

// nullopt: too many.
std::optional<Fields> split(std::string_view message) {
  constexpr std::string_view spaces = " \t\r\n";
  Fields fields;
  for (;;) {
    const std::size_t first = message.find_first_not_of(spaces);
    if (first == std::string_view::npos) return fields;
    if (fields.size() == fields_max) return std::nullopt;
    message.remove_prefix(first);
    const char opening = message.front();
    if (opening == '"' || opening == '[') {
      const std::size_t end = message.find(opening == '"' ? '"' : ']', 1);
      if (end != std::string_view::npos) {
        fields.push_back(message.substr(1, end - 1));
        message.remove_prefix(end + 1);
        continue;
      }
    }
    const std::size_t end = std::min(message.find_first_of(spaces), message.size());
    fields.push_back(message.substr(0, end));
    message.remove_prefix(end);
  }
}

using FieldCondition = Condition<std::string_view>;

class SpaceFilter final : public EventFilter {
 public:
  bool matches(std::string_view message) const override {
    const auto fields = split(message);
    if (!fields) return false;
    const std::size_t named = before.size() + behind.size();
    if (open ? fields->size() < named : fields->size() != named) return false;
    for (std::size_t i = 0; i < before.size(); ++i)
      if (before[i] && !before[i]((*fields)[i])) return false;
    const std::size_t tail = fields->size() - behind.size();
    for (std::size_t i = 0; i < behind.size(); ++i)
      if (behind[i] && !behind[i]((*fields)[tail + i])) return false;
    return true;
  }

  // The fields before "..." and those behind it; without it all are in `before`. Empty: any text will do.
  std::vector<FieldCondition> before, behind;
  bool open = false;  // "..." is there
};

// name, or name = value && name != value ...
FieldCondition read_field(FilterScanner& scanner) {
  std::string name;
  FilterScanner ahead = scanner;
  ahead.skip_spaces();
  if (!ahead.rest().starts_with('(')) {
    name = ahead.name();
    ahead.skip_spaces();
    if (ahead.rest().starts_with(',') || ahead.rest().starts_with(']')) {
      scanner = ahead;
      return {};
    }
  }
  return read_conditions<std::string_view>(scanner, [&](FilterScanner& inner) -> FieldCondition {
    inner.skip_spaces();
    const std::string field = inner.name();
    if (name.empty()) name = field;
    if (field != name)
      throw invalid_pattern("the condition on the field '" + name + "' names '" + field + "'");
    const auto comparison = std::make_shared<const Comparison>(inner.comparison(" \t\r\n&|(),]\""));
    return [comparison](const std::string_view& text) { return comparison->holds(text, number_of(text)); };
  });
}

}  // namespace

std::unique_ptr<const EventFilter> parse_space_filter(std::string_view pattern) {
  auto filter = std::make_unique<SpaceFilter>();
  FilterScanner scanner(pattern);
  scanner.expect("[");
  do {
    if (scanner.accept("...")) {
      if (filter->open) throw invalid_pattern("'...' may stand there once");
      filter->open = true;
    } else {
      (filter->open ? filter->behind : filter->before).push_back(read_field(scanner));
    }
  } while (scanner.accept(","));
  scanner.expect("]");
  scanner.expect_end();
  return filter;
}

}  // namespace sagemaker::local::services::cloudwatch_logs
