// What a search may choose from: the ranges of hyperparameters, and their values as the service writes them.
// Every search works in the unit cube, one coordinate a parameter, in which scaled ranges are even.
// https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sagemaker::local::tuning {

enum class Scaling {
  automatic,            // logarithmic where the range is positive and spans orders of magnitude
  linear,               //
  logarithmic,          // positive ranges
  reverse_logarithmic,  // 0 <= x < 1: log(1 - x), for what approaches 1
};

struct Continuous {
  double min = 0, max = 1;
  Scaling scaling = Scaling::automatic;
};
struct Integer {
  std::int64_t min = 0, max = 1;
  Scaling scaling = Scaling::automatic;
};
struct Categorical {
  std::vector<std::string> values;  // one or more
};

struct Parameter {
  std::string name;
  std::variant<Continuous, Integer, Categorical> range;
};

// A configuration: the value of each parameter, by name, as a training job gets it.
using Assignment = std::map<std::string, std::string>;
using Point = std::vector<double>;  // of the unit cube: a coordinate a parameter, in the order of the space

class Space {
 public:
  explicit Space(std::vector<Parameter> parameters);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::size_t size() const { return parameters_.size(); }
  // How many configurations there are; nullopt where there is a continuous parameter, or beyond 2^62.
  std::optional<std::uint64_t> count() const;

  // The configuration of a point. An integer gets an even share of its (scaled) range, a category an even
  // share of [0, 1]; continuous values have as many digits as a double needs.
  Assignment assignment(std::span<const double> point) const;
  // The middle of the cell of a configuration; nullopt where it lacks a parameter or a value lies outside.
  std::optional<Point> point(const Assignment& assignment) const;
  // The same point after assignment() and point(): where integers and categories really are.
  Point snapped(std::span<const double> point) const;

 private:
  std::vector<Parameter> parameters_;
};

}  // namespace sagemaker::local::tuning
