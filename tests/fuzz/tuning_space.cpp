// Ranges of hyperparameters and the values of earlier jobs: whatever a user's texts say, a space is refused
// or every point of it is a configuration within its ranges that reads back as the same one.
#include <charconv>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "emulator/tuning/auto_ranges.hpp"
#include "emulator/tuning/space.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using namespace local::tuning;

template <typename Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A range a line: its kind, its scaling, its bounds or values.
Parameter parameter(std::string_view line, std::string name) {
  Choices choices(line);
  const std::size_t kind = choices.below(4);
  const auto scaling = static_cast<Scaling>(choices.below(4));
  const std::size_t comma = line.find(',');
  const std::string_view first = line.substr(0, comma);
  const std::string_view second = comma == std::string_view::npos ? "" : line.substr(comma + 1);
  switch (kind) {
    case 0:
      return {std::move(name), Continuous{number<double>(first), number<double>(second), scaling}};
    case 1:
      return {std::move(name), Integer{number<std::int64_t>(first), number<std::int64_t>(second), scaling}};
    case 2:
      return {std::move(name), Categorical{{std::string(first), std::string(second)}}};
    default:
      return auto_range(std::move(name), std::string(line));
  }
}

void check(const Space& space, const Point& asked) {
  const Assignment assignment = space.assignment(asked);
  const auto point = space.point(assignment);
  require(point.has_value(), "a value lies within its range");
  require(*point == space.snapped(asked), "a point is where its configuration is");
  for (const double coordinate : *point)
    require(coordinate >= 0 && coordinate <= 1, "the cube is of unit size");
  const Assignment again = space.assignment(*point);
  require(space.point(again).has_value(), "and so does the middle of its cell");
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& parameter = space.parameters()[i];
    const auto* range = std::get_if<Integer>(&parameter.range);
    const bool exact = range && std::abs(static_cast<double>(range->min)) < 0x1p40 &&
                       std::abs(static_cast<double>(range->max)) < 0x1p40;
    if (!exact && !std::holds_alternative<Categorical>(parameter.range)) continue;
    require(again.at(parameter.name) == assignment.at(parameter.name), "a value is that of its own point");
  }
}

// Two ranges, then a value of an earlier job, then the coordinates.
const Registered registered(
    {"tuning_space",
     [](std::string_view input) {
       const std::string_view first = take_line(input), second = take_line(input), value = take_line(input);
       try {
         const Space space({parameter(first, "a"), parameter(second, "b")});
         if (const auto count = space.count()) require(*count > 0, "a space is not empty");
         check(space, {0, 1});
         check(space, {1, 0});
         Choices choices(input);
         for (int i = 0; i < 8; ++i) {
           const double x = static_cast<double>(choices.below(256)) / 255;
           check(space, {x, static_cast<double>(choices.below(256)) / 256});
         }
         // Written in another way than ours, it is the same value, or none of this space.
         if (const auto point = space.point({{"a", std::string(value)}, {"b", std::string(value)}}))
           check(space, *point);
       } catch (const std::invalid_argument&) {
       }
     },
     {std::string("\0\0", 2) + "0,1\n" + std::string("\1\0", 2) + "1,1024\n0.5\nabcdefgh",
      std::string("\0\2", 2) + "1e-5,0.1\n" + std::string("\2\0", 2) + "adam,sgd\nadam\nabcdefgh",
      std::string("\0\3", 2) + "0.9,0.999\n" + std::string("\1\2", 2) +
          "-9223372036854775808,9223372036854775807\n32.0\n~~~~",
      std::string("\3\0", 2) + "0.001\n" + std::string("\3\1", 2) + "64\n0.01\nabcdefgh"},
     {"1e-308", "5e-324", "1.7976931348623157e+308", "-1", "0.99999", "true", "False", "inf", "nan", ",",
      "\n"}});

}  // namespace
}  // namespace sagemaker::fuzz
