// Metric math: (m1 + m2) / 100, SUM(METRICS("errors")), IF(m1 > 5, m1, 0). An expression is read once and
// evaluated over the time series of a GetMetricData request.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {

using Series = std::map<std::int64_t, double>;  // by the second at which a period begins

// What an expression gives: a number, a time series, or several of them.
struct MathValue {
  enum class Kind { number, series, list };
  Kind kind = Kind::number;
  double number = 0;
  std::vector<Series> series;  // one, or those of the list
  std::int64_t period_s = 60;

  static MathValue of(double number) { return {Kind::number, number, {}, 60}; }
  static MathValue of(Series series, std::int64_t period_s) {
    return {Kind::series, 0, {std::move(series)}, period_s};
  }
};

// What an expression may refer to.
struct MathScope {
  std::function<MathValue(const std::string& id)> find;  // throws for an id that is none
  // METRICS(): the metrics of the request, not its expressions, whose ids contain `part`.
  std::function<MathValue(const std::string& part)> metrics;
  Window window;  // for what fills in values where there are none

  // What one request may cost: expressions that refer to each other are evaluated inside each other, and each
  // operator makes new series.
  mutable int depth = 0;
  mutable std::size_t points_left = 10'000'000;
  void charge(std::size_t points) const;  // throws where there are not so many left
};

class Expression {
 public:
  // Throws ServiceFault ValidationError for text that is none, and by name for a function that is not
  // implemented.
  explicit Expression(std::string_view text);
  ~Expression();
  Expression(Expression&&) noexcept;

  // Throws ServiceFault ValidationError where the kinds of values do not fit together.
  MathValue evaluate(const MathScope& scope) const;

  struct Node;

 private:
  std::unique_ptr<const Node> root_;
};

// The functions by name: ABS, AVG ... nullptr: there is none of this name.
struct MathFunction {
  std::string_view name;
  std::size_t arguments_min, arguments_max;
  MathValue (*apply)(const MathScope& scope, std::vector<MathValue>& arguments);
};
const MathFunction* find_math_function(std::string_view name);

// Element by element: numbers are taken for every point, series have the points that both have.
MathValue combine(const MathValue& a, const MathValue& b, double (*operation)(double, double));
MathValue transform(MathValue value, double (*operation)(double));

}  // namespace sagemaker::local::services::cloudwatch_metrics
