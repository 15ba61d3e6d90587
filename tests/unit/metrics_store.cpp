// Summaries: what is kept of many values, and how they become coarser with age.
#include <cmath>

#include <doctest/doctest.h>

#include "tests/unit/metrics_fixture.hpp"

using namespace sagemaker::local::store;
using sagemaker::tests::TemporaryDirectory;

namespace {

constexpr std::int64_t start_s = 1'700'000'040, day_s = 86'400;

struct Fixture {
  TemporaryDirectory directory;
  Database database{directory / "metrics.db", Metrics::schema(), Durability::process};
  Metrics metrics{database};
  MetricKey key{"App", "m", {{"Host", "a"}}};

  void put(double value, std::int64_t time_s, int resolution_s = 60) {
    const MetricSample sample{key, "None", time_s, resolution_s, MetricSummary::of(value)};
    metrics.put({&sample, 1}, time_s);
  }
  std::vector<MetricPoint> points() const {
    std::vector<MetricPoint> all;
    metrics.read(key, std::nullopt, 0, start_s + 1'000 * day_s,
                 [&](const MetricPoint& point) { all.push_back(point); });
    return all;
  }
  std::size_t listed() const {
    std::size_t count = 0;
    metrics.list({}, [&](const MetricKey&) { return ++count > 0; });
    return count;
  }
};

}  // namespace

TEST_CASE("a summary adds up, and gives percentiles of what was in it") {
  MetricSummary summary;
  for (int value = 100; value >= 1; --value) summary.add(MetricSummary::of(value));
  CHECK(summary.count == 100);
  CHECK(summary.sum == 5'050);
  CHECK(summary.average() == 50.5);
  CHECK(summary.percentile(0) == 1);
  CHECK(summary.percentile(50) == 50);
  CHECK(summary.percentile(99) == 99);
  CHECK(summary.percentile(99.5) == 100);
  CHECK(summary.percentile(100) == 100);
}

TEST_CASE("a statistic set has no percentiles, unless all of its values are the same") {
  CHECK_FALSE(MetricSummary::of_set(2, 3, 1, 2).percentile(50));
  CHECK(MetricSummary::of_set(2, 3, 1.5, 1.5).percentile(50) == 1.5);
  MetricSummary mixed = MetricSummary::of(1);
  mixed.add(MetricSummary::of_set(2, 3, 1, 2));
  CHECK(mixed.count == 3);
  CHECK_FALSE(mixed.percentile(50));
}

TEST_CASE("the spread is bounded, and stays near the truth") {
  MetricSummary summary;
  for (int i = 1; i <= 20'000; ++i) summary.add(MetricSummary::of(i * (i % 2 ? 0.001 : -0.001)));
  CHECK(summary.spread.size() <= 256);
  CHECK(summary.count == 20'000);
  CHECK(*summary.percentile(95) == doctest::Approx(18.0).epsilon(0.15));
  CHECK(*summary.percentile(5) == doctest::Approx(-18.0).epsilon(0.15));
  CHECK(summary.percentile(100) <= 19.999);
}

TEST_CASE("a spread survives as text") {
  MetricSummary summary = MetricSummary::of(0.1, 3);
  CHECK(summary.spread_text().empty());
  summary.add(MetricSummary::of(-1e300));
  MetricSummary copy = summary;
  copy.set_spread(summary.spread_text());
  CHECK(copy.spread == summary.spread);
  copy.set_spread("1 2 nonsense");
  CHECK(copy.spread.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "many values of one minute cost one summary") {
  for (int i = 0; i < 500; ++i) put(i, start_s + i % 60);
  REQUIRE(points().size() == 1);
  CHECK(points().front().start_s == start_s);
  CHECK(points().front().summary.count == 500);
  CHECK(points().front().summary.percentile(10) == doctest::Approx(50).epsilon(0.05));
}

TEST_CASE_FIXTURE(Fixture, "with age seconds become minutes, 5 minutes and hours, and are gone in the end") {
  for (int i = 0; i < 130; ++i) put(1, start_s + i, 1);
  const auto shape = [&] {
    std::pair<std::size_t, double> result{points().size(), 0};
    for (const MetricPoint& point : points()) result.second += point.summary.count;
    return result;
  };
  CHECK(shape() == std::pair<std::size_t, double>(130, 130));
  metrics.compact(start_s + 3'600);
  CHECK(shape().first == 130);
  metrics.compact(start_s + 4 * 3'600);
  CHECK(shape() == std::pair<std::size_t, double>(3, 130));
  metrics.compact(start_s + 16 * day_s);
  CHECK(shape() == std::pair<std::size_t, double>(2, 130));
  CHECK(points().front().start_s % 300 == 0);
  metrics.compact(start_s + 64 * day_s);
  CHECK(shape() == std::pair<std::size_t, double>(1, 130));
  CHECK(points().front().start_s % 3'600 == 0);
  CHECK(listed() == 1);
  metrics.compact(start_s + 457 * day_s);
  CHECK(points().empty());
  CHECK(listed() == 0);
}
