// Goal: every value that a range has can be proposed, none that it has not; texts and points are the same
// thing.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/tuning/auto_ranges.hpp"
#include "emulator/tuning/numbers.hpp"
#include "emulator/tuning/quasi_random.hpp"
#include "emulator/tuning/space.hpp"

using namespace sagemaker::local::tuning;

namespace {

Space one(std::variant<Continuous, Integer, Categorical> range) { return Space({{"x", std::move(range)}}); }

std::string at(const Space& space, double coordinate) {
  return space.assignment(std::vector<double>{coordinate}).at("x");
}

std::optional<double> back(const Space& space, const std::string& text) {
  const auto point = space.point({{"x", text}});
  return point ? std::optional(point->front()) : std::nullopt;
}

std::map<std::string, int> shares(const Space& space, int steps) {
  std::map<std::string, int> result;
  for (int i = 0; i < steps; ++i) ++result[at(space, (i + 0.5) / steps)];
  return result;
}

}  // namespace

TEST_CASE("numbers are read as the service has them") {
  CHECK(real_of("1e-05") == 1e-5);
  CHECK(real_of("+3") == 3);
  CHECK(real_of("-.5") == -0.5);
  for (const char* none : {"", "x", "1e999", "nan", "inf", "1 ", " 1", "0x10", "+-1", "++1", "1,5"}) {
    CAPTURE(none);
    CHECK_FALSE(real_of(none));
  }
  CHECK(integer_of("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const char* none : {"", "1.0", "1e3", "9223372036854775808", "+", "-"}) {
    CAPTURE(none);
    CHECK_FALSE(integer_of(none));
  }
  // Everywhere the same.
  CHECK(*back(one(Integer{0, 3}), "+1") == *back(one(Integer{0, 3}), "1"));
  CHECK_FALSE(back(one(Integer{-3, 3}), "+-1"));
  CHECK_FALSE(back(one(Continuous{-3, 3}), "+-1"));
  CHECK(std::get<Integer>(auto_range("x", "+64").range).max == 640);
}

TEST_CASE("a logarithmic range of great integers that are close together has all of them") {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t least : {kMax - 4, std::int64_t{1} << 53, std::int64_t{1} << 50}) {
    const Space space = one(Integer{least, least + 4, Scaling::logarithmic});
    const auto found = shares(space, 1000);
    CHECK(found.size() == 5);
    for (const auto& [text, share] : found) {
      CHECK_MESSAGE(share == 200, text);
      CHECK(at(space, *back(space, text)) == text);
    }
  }
}

TEST_CASE("texts are those of the service") {
  const Space linear = one(Continuous{0, 1, Scaling::linear});
  CHECK(at(linear, 0) == "0.0");
  CHECK(at(linear, 1) == "1.0");
  CHECK(at(linear, 0.1) == "0.1");
  CHECK(at(linear, 1e-4) == "0.0001");
  CHECK(at(linear, 1e-5) == "1e-05");
  CHECK(at(linear, 1.25e-8) == "1.25e-08");
  CHECK(at(one(Continuous{0, 1e17, Scaling::linear}), 1) == "1e+17");
  CHECK(at(one(Continuous{-1e15, 0, Scaling::linear}), 0) == "-1000000000000000.0");
  CHECK(at(one(Continuous{-0.0, 0.0, Scaling::linear}), 0) == "0.0");
  CHECK(at(one(Integer{-3, 3}), 0) == "-3");
  CHECK(at(one(Integer{-3, 3}), 0.5) == "0");
  CHECK(at(one(Categorical{{"adam", "sgd"}}), 0.49) == "adam");
  CHECK(at(one(Categorical{{"adam", "sgd"}}), 1) == "sgd");
}

TEST_CASE("scaled ranges are even") {
  const Space log = one(Continuous{1e-4, 1, Scaling::logarithmic});
  CHECK(std::stod(at(log, 0.5)) == doctest::Approx(1e-2));
  CHECK(std::stod(at(log, 0.25)) == doctest::Approx(1e-3));
  const Space reverse = one(Continuous{0.9, 0.9999, Scaling::reverse_logarithmic});
  CHECK(1 - std::stod(at(reverse, 1.0 / 3)) == doctest::Approx(1e-2));
  CHECK(at(reverse, 0) == "0.9");
  CHECK(at(reverse, 1) == "0.9999");
  CHECK(*back(log, "0.01") == doctest::Approx(0.5));
  CHECK(*back(log, "1e-4") == 0);
  CHECK(*back(reverse, "0.99") == doctest::Approx(1.0 / 3));
}

TEST_CASE("automatic scaling follows the range") {
  const auto scaling = [](auto range) { return one(range).scaling(0); };
  CHECK(scaling(Continuous{1e-5, 1e-1}) == Scaling::logarithmic);
  CHECK(scaling(Continuous{0, 1}) == Scaling::linear);
  CHECK(scaling(Continuous{0.1, 1}) == Scaling::linear);
  CHECK(scaling(Continuous{-10, 1000}) == Scaling::linear);
  CHECK(scaling(Continuous{0.9, 0.9999}) == Scaling::reverse_logarithmic);
  CHECK(scaling(Continuous{0.5, 0.9}) == Scaling::linear);
  CHECK(scaling(Integer{1, 10}) == Scaling::linear);
  CHECK(scaling(Integer{1, 1024}) == Scaling::logarithmic);
  CHECK(scaling(Integer{0, 1024}) == Scaling::linear);
  CHECK(scaling(Categorical{{"a"}}) == Scaling::linear);
}

TEST_CASE("integers and categories have even shares") {
  for (const auto& [text, share] : shares(one(Integer{-2, 2}), 1000)) CHECK_MESSAGE(share == 200, text);
  for (const auto& [text, share] : shares(one(Categorical{{"a", "b", "c", "d"}}), 1000)) CHECK(share == 250);
  const auto log = shares(one(Integer{1, 4, Scaling::logarithmic}), 10000);
  REQUIRE(log.size() == 4);
  // From 0.5 to 4.5: a factor of three for the first, of 9/7 for the last.
  CHECK(log.at("1") == doctest::Approx(5000).epsilon(0.01));
  CHECK(log.at("4") == doctest::Approx(10000 * std::log(9.0 / 7) / std::log(9)).epsilon(0.01));
}

TEST_CASE("ranges of one value, of denormals and of everything") {
  for (const double share : {0.0, 0.3, 1.0}) {
    CHECK(at(one(Integer{7, 7}), share) == "7");
    CHECK(at(one(Continuous{0.3, 0.3}), share) == "0.3");
    CHECK(at(one(Categorical{{"only"}}), share) == "only");
  }
  CHECK(back(one(Integer{7, 7}), "7") == 0.5);
  CHECK(back(one(Continuous{0.3, 0.3}), "0.3") == 0.5);
  constexpr double kLeast = std::numeric_limits<double>::denorm_min(),
                   kMost = std::numeric_limits<double>::max();
  const Space denormal = one(Continuous{kLeast, 1e-310});
  CHECK(denormal.scaling(0) == Scaling::logarithmic);
  CHECK(at(denormal, 0) == "5e-324");
  CHECK(back(denormal, "5e-324") == 0.0);
  const Space everything = one(Continuous{-kMost, kMost});
  CHECK(at(everything, 0.5) == "0.0");
  CHECK(at(everything, 1) == "1.7976931348623157e+308");
  CHECK(*back(everything, "0.0") == 0.5);
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min(),
                 kMax = std::numeric_limits<std::int64_t>::max();
  const Space huge = one(Integer{kMin, kMax});
  CHECK(at(huge, 0) == "-9223372036854775808");
  CHECK(at(huge, 1) == "9223372036854775807");
  CHECK(*back(huge, "0") == 0.5);
  CHECK(at(one(Integer{1, kMax}), 1) == "9223372036854775807");
  CHECK(at(one(Integer{1, kMax}), 0) == "1");
  CHECK(at(one(Integer{kMax - 1, kMax}), 0.4) == "9223372036854775806");
  CHECK(*back(one(Integer{kMax - 1, kMax}), "9223372036854775806") == 0.25);
  CHECK(at(one(Integer{kMax - 1, kMax}), 1) == "9223372036854775807");
  for (const double odd : {-1.0, 2.0, std::nan("")}) {
    const double value = std::stod(at(one(Continuous{1, 2}), odd));
    CHECK((value >= 1 && value <= 2));
  }
}

TEST_CASE("a text never leaves its range, and every point leads back to its configuration") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < 2000; ++i) {
    // From 4e-18 to 20.
    const double low = std::exp(uniform(random) * 43 - 40);
    const double high = low * (i % 2 == 0 ? 1 + 1e-15 * uniform(random) : std::exp(uniform(random) * 20));
    const auto whole = static_cast<std::int64_t>(std::exp(uniform(random) * 21));
    const Space space({{"log", Continuous{low, high, Scaling::logarithmic}},
                       {"lin", Continuous{-high, low}},
                       {"rev", Continuous{1 - std::exp(-low), 1 - 0.5 * std::exp(-std::min(high, 30.0))}},
                       {"int", Integer{-whole, 2 * whole}},
                       {"steps", Integer{1, whole, Scaling::logarithmic}},
                       {"cat", Categorical{{"a", "b", "c"}}}});
    const Point point = {uniform(random), uniform(random), uniform(random),
                         uniform(random), uniform(random), uniform(random)};
    const Assignment assignment = space.assignment(point);
    const auto middle = space.point(assignment);
    REQUIRE(middle);  // every value lies within its range
    CHECK(*middle == space.snapped(point));
    const Assignment again = space.assignment(*middle);
    for (const char* name : {"int", "steps", "cat"}) CHECK(again.at(name) == assignment.at(name));
    CHECK(std::stod(again.at("log")) == doctest::Approx(std::stod(assignment.at("log"))).epsilon(1e-12));
    for (const double coordinate : *middle) CHECK((coordinate >= 0 && coordinate <= 1));
  }
}

TEST_CASE("every integer of a range is the configuration of its own point") {
  for (const Scaling scaling : {Scaling::linear, Scaling::logarithmic}) {
    const Space space = one(Integer{1, 3000, scaling});
    double before = -1;
    for (int i = 1; i <= 3000; ++i) {
      const double here = *back(space, std::to_string(i));
      CHECK(here > before);
      before = here;
      REQUIRE(at(space, here) == std::to_string(i));
    }
  }
  for (const std::int64_t far : {std::int64_t{1} << 31, std::int64_t{1} << 40}) {
    const Space space = one(Integer{1, far, Scaling::logarithmic});
    for (const std::int64_t value : {far, far - 1, far / 3, std::int64_t{1}, std::int64_t{2}}) {
      CHECK(at(space, *back(space, std::to_string(value))) == std::to_string(value));
    }
  }
}

TEST_CASE("what does not belong to the space has no point") {
  const Space space(
      {{"lr", Continuous{0.1, 1}}, {"units", Integer{8, 64}}, {"kind", Categorical{{"a", "b"}}}});
  const Assignment good = {{"lr", "0.5"}, {"units", "32"}, {"kind", "b"}, {"epochs", "3"}};
  CHECK(space.point(good));
  const auto with = [&](const std::string& name, const std::string& value) {
    Assignment changed = good;
    changed[name] = value;
    return space.point(changed).has_value();
  };
  CHECK(with("lr", "5e-1"));
  CHECK(with("lr", "1"));
  CHECK(with("units", "32.0"));
  for (const char* bad : {"", "0.09", "1.01", "nan", "inf", "0.5 ", "abc", "0x1", "1e999"}) {
    CHECK_FALSE_MESSAGE(with("lr", bad), std::string(bad));
  }
  for (const char* bad : {"", "7", "65", "32.5", "9223372036854775808", "1e30", "-"}) {
    CHECK_FALSE_MESSAGE(with("units", bad), std::string(bad));
  }
  CHECK_FALSE(with("kind", "c"));
  Assignment fewer = good;
  fewer.erase("lr");
  CHECK_FALSE(space.point(fewer));
}

TEST_CASE("configurations are counted where they can be") {
  CHECK(Space({{"a", Integer{1, 3}}, {"b", Categorical{{"x", "y"}}}}).count() == 6);
  CHECK(Space({{"b", Categorical{{"x", "y", "x"}}}}).count() == 2);
  CHECK(Space({{"a", Continuous{1, 1}}}).count() == 1);
  CHECK(Space(std::vector<Parameter>{}).count() == 1);
  CHECK_FALSE(Space({{"a", Continuous{0, 1}}}).count());
  CHECK_FALSE(Space({{"a", Integer{std::numeric_limits<std::int64_t>::min(), 0}}}).count());
  CHECK_FALSE(
      Space({{"a", Integer{0, std::int64_t{1} << 31}}, {"b", Integer{0, std::int64_t{1} << 31}}}).count());
  CHECK(Space({{"a", Integer{1, std::int64_t{1} << 31}}, {"b", Integer{1, std::int64_t{1} << 31}}}).count() ==
        std::uint64_t{1} << 62);
}

TEST_CASE("ranges that cannot be searched are refused") {
  const double nan = std::nan("");
  CHECK_THROWS_AS(one(Continuous{1, 0}), std::invalid_argument);
  CHECK_THROWS_AS(one(Continuous{0, nan}), std::invalid_argument);
  CHECK_THROWS_AS(one(Continuous{0, 1, Scaling::logarithmic}), std::invalid_argument);
  CHECK_THROWS_AS(one(Continuous{0, 1, Scaling::reverse_logarithmic}), std::invalid_argument);
  CHECK_THROWS_AS(one(Integer{2, 1}), std::invalid_argument);
  CHECK_THROWS_AS(one(Integer{0, 1, Scaling::logarithmic}), std::invalid_argument);
  CHECK_THROWS_AS(one(Integer{0, 1, Scaling::reverse_logarithmic}), std::invalid_argument);
  CHECK_THROWS_AS(one(Categorical{}), std::invalid_argument);
  CHECK_THROWS_AS(Space({{"a", Integer{}}, {"a", Integer{}}}), std::invalid_argument);
  CHECK_THROWS_AS(one(Integer{}).assignment(Point{}), std::invalid_argument);
}

TEST_CASE("a quasi-random sequence fills every axis and every plane evenly, whatever its seed") {
  for (const std::uint64_t seed : {0ULL, 1ULL, ~0ULL}) {
    const QuasiRandom sequence(6, seed);
    // 64 = 2^6 consecutive points of base 2, and 81 = 3^4 of base 3, each in a cell of their own.
    std::vector<int> twos(64), threes(81), plane(36);
    for (std::uint64_t i = 0; i < 64; ++i) ++twos[static_cast<std::size_t>(sequence.point(640 + i)[0] * 64)];
    for (std::uint64_t i = 0; i < 81; ++i)
      ++threes[static_cast<std::size_t>(sequence.point(810 + i)[1] * 81)];
    for (std::uint64_t i = 0; i < 36; ++i) {
      const Point point = sequence.point(i);
      ++plane[static_cast<std::size_t>(point[0] * 4) * 9 + static_cast<std::size_t>(point[1] * 9)];
    }
    CHECK(twos == std::vector<int>(64, 1));
    CHECK(threes == std::vector<int>(81, 1));
    CHECK(plane == std::vector<int>(36, 1));
    CHECK(sequence.point(5) == QuasiRandom(6, seed).point(5));
  }
  CHECK(QuasiRandom(2, 1).point(0) != QuasiRandom(2, 2).point(0));
  CHECK(QuasiRandom(0, 1).point(3).empty());
}

TEST_CASE("the axes of many dimensions are not correlated") {
  const QuasiRandom sequence(30, 5);
  constexpr int kPoints = 300;
  double sum = 0, products = 0, squares = 0;
  for (int i = 0; i < kPoints; ++i) {
    const Point point = sequence.point(static_cast<std::uint64_t>(i));
    for (const double coordinate : point) CHECK((coordinate >= 0 && coordinate < 1));
    const double a = point[28] - 0.5, b = point[29] - 0.5;
    sum += a;
    products += a * b;
    squares += a * a;
  }
  CHECK(std::abs(sum / kPoints) < 0.05);
  CHECK(std::abs(products / squares) < 0.2);
}
