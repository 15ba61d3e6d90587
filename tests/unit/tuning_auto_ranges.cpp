// Goal: of an example becomes a range around it that can be searched.
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/tuning/auto_ranges.hpp"

using namespace sagemaker::local::tuning;

namespace {

Continuous continuous(const std::string& hint) { return std::get<Continuous>(auto_range("x", hint).range); }
Integer integer(const std::string& hint) { return std::get<Integer>(auto_range("x", hint).range); }
std::vector<std::string> values(const std::string& hint) {
  return std::get<Categorical>(auto_range("x", hint).range).values;
}

void check(const Continuous& range, double min, double max, Scaling scaling) {
  CHECK(range.min == doctest::Approx(min));
  CHECK(range.max == doctest::Approx(max));
  CHECK(range.scaling == scaling);
}
void check(const Integer& range, std::int64_t min, std::int64_t max, Scaling scaling) {
  CHECK(range.min == min);
  CHECK(range.max == max);
  CHECK(range.scaling == scaling);
}

}  // namespace

TEST_CASE("numbers have orders of magnitude around them") {
  check(continuous("0.001"), 1e-4, 1e-2, Scaling::logarithmic);
  check(continuous("1e-4"), 1e-5, 1e-3, Scaling::logarithmic);
  check(continuous("2.5"), 0.25, 25, Scaling::logarithmic);
  check(continuous("1.0"), 0.1, 10, Scaling::logarithmic);
  check(continuous("0.1"), 0.01, 0.91, Scaling::logarithmic);  // not up to 1: it may be a share
  check(continuous("0.9"), 0, 0.99, Scaling::reverse_logarithmic);
  check(continuous("0.99"), 0.9, 0.999, Scaling::reverse_logarithmic);
  check(continuous("0.0"), 0, 1, Scaling::linear);
  check(continuous("-2.5"), -25, -0.25, Scaling::linear);
  check(integer("64"), 6, 640, Scaling::logarithmic);
  check(integer("3"), 1, 30, Scaling::logarithmic);
  check(integer("0"), 0, 10, Scaling::linear);
  check(integer("-64"), -640, -6, Scaling::linear);
}

TEST_CASE("truths have their opposite, other texts only themselves") {
  CHECK(values("true") == std::vector<std::string>{"true", "false"});
  CHECK(values("False") == std::vector<std::string>{"False", "True"});
  CHECK(values("adam") == std::vector<std::string>{"adam"});
  CHECK(values("") == std::vector<std::string>{""});
  CHECK(values("nan") == std::vector<std::string>{"nan"});
  CHECK(values("[1, 2]") == std::vector<std::string>{"[1, 2]"});
}

TEST_CASE("every range can be searched and has its example in it") {
  for (const char* hint : {"0",
                           "1",
                           "-1",
                           "7",
                           "9223372036854775807",
                           "-9223372036854775808",
                           "99999999999999999999",
                           "0.5",
                           "0.25",
                           "0.75",
                           "0.999999",
                           "0.9999999999999999",
                           "1e-300",
                           "5e-324",
                           "1.0000001",
                           "1e308",
                           "-1e308",
                           "-0.0",
                           "true",
                           "relu"}) {
    const Space space({auto_range("x", hint)});
    CHECK_MESSAGE(space.point({{"x", hint}}), std::string(hint));
  }
}
