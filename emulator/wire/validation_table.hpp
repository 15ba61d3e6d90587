// Read access to validation_table.inc, the generated constraints: plain constant tables in read-only memory,
// nothing to initialise at start. Shapes refer to each other and to texts by index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "emulator/services/pattern/pattern.hpp"

namespace sagemaker::local::wire::table {

enum class Kind : std::uint8_t {
  structure,
  string,
  integer,
  long_integer,
  float_number,
  double_number,
  boolean,
  timestamp,
  blob,
  list,
  map
};

inline constexpr std::uint8_t has_min = 1, has_max = 2, sensitive = 4, is_union = 8;

struct Shape {
  Kind kind;
  std::uint8_t flags;
  std::uint16_t range;    // lengths of strings, lists and maps; values of numbers
  std::uint16_t a, b, c;  // structure: first member, members, name. string: 1 + pattern or 0, first enum
                          // value, enum values. list: member shape. map: key shape, value shape
};

struct Member {
  std::uint16_t name, shape;
  std::uint8_t required;
};

struct Range {
  double min, max;
};

struct OperationInput {
  std::uint16_t name, shape;
};

struct ModelOperations {
  std::uint16_t first, count;
};

std::string_view text(std::size_t index);
const Shape& shape(std::size_t index);
const Range& range(const Shape& shape);
std::span<const Member> members(const Shape& structure);
std::span<const std::uint16_t> enumeration(const Shape& string);  // indices of texts; empty: any text
std::string_view pattern_text(const Shape& string);               // empty: any text
// The compiled pattern of a string that has one. Compiled on first use, once for the process; thread-safe.
const Pattern& pattern(const Shape& string);
// The input structure; nullptr: the model has no such operation. `model` counts in the order of the
// generator's MODELS.
const Shape* input_of(std::size_t model, std::string_view operation);

// For tests of the table itself.
std::size_t pattern_count();
const Pattern& pattern_at(std::size_t index);
std::span<const OperationInput> operations_of(std::size_t model);

}  // namespace sagemaker::local::wire::table
