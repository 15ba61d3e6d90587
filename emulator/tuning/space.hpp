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
  automatic,            // see Space::scaling
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
  std::vector<std::string> values;  // one or more; a repeated one counts once
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
  // Throws std::invalid_argument where a name comes twice, a range is empty or not finite, or its scaling
  // does not allow it: logarithmic ranges are positive, reverse logarithmic ones are continuous and within
  // [0, 1).
  explicit Space(std::vector<Parameter> parameters);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::size_t size() const { return parameters_.size(); }
  // How many configurations there are; nullopt where there is a continuous parameter with more than one
  // value, or beyond 2^62.
  std::optional<std::uint64_t> count() const;
  // What parameter `index` is searched with, never automatic: that is logarithmic for a positive range whose
  // bounds are a factor of 100 apart, reverse logarithmic for a continuous range from 0.5 upwards whose
  // distances to 1 are, and else linear. Categories are linear.
  Scaling scaling(std::size_t index) const { return axes_[index].scaling; }

  // The configuration of a point; coordinates outside of [0, 1] are taken as the nearest within. An integer
  // gets an even share of its scaled range, from half a step before the least to half a step behind the
  // greatest; a category an even share of [0, 1]. The texts are those of the service: integers as such,
  // continuous values with as many digits as a double needs (0.1, 1.0, 1.5e-08), never outside of their
  // range.
  Assignment assignment(std::span<const double> point) const;
  // The middle of the cell of a configuration, whose further parameters do not matter; nullopt where it lacks
  // a parameter or a value lies outside. Exact in both directions up to the precision of a double: integers
  // beyond 2^53 (logarithmic: 2^44) share cells with their neighbours.
  std::optional<Point> point(const Assignment& assignment) const;
  // The same point after assignment() and point(): where integers and categories really are.
  Point snapped(std::span<const double> point) const;

 private:
  struct Axis {
    Scaling scaling = Scaling::linear;
    double low = 0, high = 0;  // of the scaled range, with the half steps of integers
    std::uint64_t values = 0;  // 0: too many to count
  };
  static Axis axis(const Parameter& parameter);
  double coordinate(const Axis& axis, double value) const;
  std::string text(std::size_t index, double coordinate) const;
  std::optional<double> middle(std::size_t index, const std::string& text) const;

  std::vector<Parameter> parameters_;
  std::vector<Axis> axes_;
};

}  // namespace sagemaker::local::tuning
