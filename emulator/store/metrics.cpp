#include "emulator/store/metrics.hpp"

#include <array>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::store {
namespace {

constexpr std::int64_t hour_s = 3'600, day_s = 24 * hour_s;
constexpr std::size_t portion = 2'000;  // summaries made coarser in one transaction

// How long summaries of one resolution are kept, and what becomes of them: 0: nothing.
struct Step {
  int resolution_s;
  std::int64_t kept_s;
  int next_s;
};
constexpr std::array<Step, 4> steps{Step{1, 3 * hour_s, 60}, Step{60, 15 * day_s, 300},
                                    Step{300, 63 * day_s, 3600}, Step{3600, 455 * day_s, 0}};

std::int64_t floor_to(std::int64_t time_s, std::int64_t step_s) {
  const std::int64_t rest = time_s % step_s;
  return time_s - (rest < 0 ? rest + step_s : rest);
}

// One text for one set of dimensions, so that the database can tell them apart.
std::string text_of(const MetricKey& key) {
  json list = json::array();
  for (const auto& [name, value] : key.dimensions) list.push_back({name, value});
  return aws::dump_json(list);
}

MetricKey key_of(const Statement& row) {
  MetricKey key{row.text(0), row.text(1), {}};
  for (const json& dimension : aws::parse_json(row.text(2)))
    key.dimensions.emplace_back(dimension.at(0).get<std::string>(), dimension.at(1).get<std::string>());
  return key;
}

MetricSummary summary_of(const Statement& row, int first) {
  MetricSummary summary{
      row.real(first), row.real(first + 1), row.real(first + 2), row.real(first + 3), {}, true};
  summary.set_spread(row.text(first + 4));
  return summary;
}

std::int64_t touch_metric(Connection& connection, const MetricSample& sample, std::int64_t now_s) {
  connection
      .prepare(
          "INSERT INTO metrics (space, name, dimensions, updated_s, latest_s) VALUES (?1, ?2, ?3, ?4, ?5) "
          "ON CONFLICT DO UPDATE SET updated_s = MAX(updated_s, ?4), latest_s = MAX(latest_s, ?5)")
      .bind(1, sample.key.space)
      .bind(2, sample.key.name)
      .bind(3, text_of(sample.key))
      .bind(4, now_s)
      .bind(5, sample.time_s)
      .run();
  Statement row =
      connection.prepare("SELECT id FROM metrics WHERE space = ? AND name = ? AND dimensions = ?");
  if (!row.bind(1, sample.key.space).bind(2, sample.key.name).bind(3, text_of(sample.key)).step())
    throw DatabaseError("database: the metric is gone");
  return row.integer(0);
}

struct Place {
  std::int64_t metric, start_s;
  int resolution_s;
  std::string unit;
};

void merge(Connection& connection, const Place& place, MetricSummary summary) {
  {
    Statement row = connection.prepare(
        "SELECT count, sum, minimum, maximum, spread FROM metric_points "
        "WHERE metric = ? AND start_s = ? AND resolution_s = ? AND unit = ?");
    row.bind(1, place.metric).bind(2, place.start_s).bind(3, place.resolution_s).bind(4, place.unit);
    if (row.step()) {
      MetricSummary before = summary_of(row, 0);
      before.add(summary);
      summary = std::move(before);
    }
  }
  connection
      .prepare(
          "INSERT OR REPLACE INTO metric_points "
          "(metric, start_s, resolution_s, unit, count, sum, minimum, maximum, spread) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(1, place.metric)
      .bind(2, place.start_s)
      .bind(3, place.resolution_s)
      .bind(4, place.unit)
      .bind(5, summary.count)
      .bind(6, summary.sum)
      .bind(7, summary.minimum)
      .bind(8, summary.maximum)
      .bind(9, summary.spread_text())
      .run();
}

// Moves up to `portion` summaries to the next resolution; false: there were none left.
bool coarsen(Connection& connection, const Step& step, std::int64_t before_s) {
  std::vector<std::pair<Place, MetricSummary>> old;
  {
    Statement row = connection.prepare(
        "SELECT metric, start_s, unit, count, sum, minimum, maximum, spread FROM metric_points "
        "WHERE resolution_s = ? AND start_s < ? ORDER BY start_s LIMIT ?");
    row.bind(1, step.resolution_s).bind(2, before_s).bind(3, portion);
    while (row.step())
      old.emplace_back(Place{row.integer(0), row.integer(1), step.resolution_s, row.text(2)},
                       summary_of(row, 3));
  }
  for (const auto& [place, summary] : old) {
    if (step.next_s != 0)
      merge(connection, {place.metric, floor_to(place.start_s, step.next_s), step.next_s, place.unit},
            summary);
    connection
        .prepare(
            "DELETE FROM metric_points WHERE metric = ? AND start_s = ? AND resolution_s = ? AND unit = ?")
        .bind(1, place.metric)
        .bind(2, place.start_s)
        .bind(3, place.resolution_s)
        .bind(4, place.unit)
        .run();
  }
  return old.size() == portion;
}

}  // namespace

std::string_view Metrics::schema() {
  return R"sql(
    CREATE TABLE IF NOT EXISTS metrics (
      id INTEGER PRIMARY KEY,
      space TEXT NOT NULL,
      name TEXT NOT NULL,
      dimensions TEXT NOT NULL,
      updated_s INTEGER NOT NULL,
      latest_s INTEGER NOT NULL,
      UNIQUE (space, name, dimensions));
    CREATE TABLE IF NOT EXISTS metric_points (
      metric INTEGER NOT NULL,
      start_s INTEGER NOT NULL,
      resolution_s INTEGER NOT NULL,
      unit TEXT NOT NULL,
      count REAL NOT NULL,
      sum REAL NOT NULL,
      minimum REAL NOT NULL,
      maximum REAL NOT NULL,
      spread TEXT NOT NULL,
      PRIMARY KEY (metric, start_s, resolution_s, unit)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS metric_points_by_age ON metric_points (resolution_s, start_s);
  )sql";
}

void Metrics::put(std::span<const MetricSample> samples, std::int64_t now_s) {
  if (samples.empty()) return;
  database_.write([&](Connection& connection) {
    for (const MetricSample& sample : samples) {
      const std::int64_t metric = touch_metric(connection, sample, now_s);
      merge(connection,
            {metric, floor_to(sample.time_s, sample.resolution_s), sample.resolution_s, sample.unit},
            sample.summary);
    }
  });
}

void Metrics::read(const MetricKey& key, const std::optional<std::string>& unit, std::int64_t from_s,
                   std::int64_t until_s, const std::function<void(const MetricPoint&)>& visit) const {
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(
        "SELECT start_s, unit, count, sum, minimum, maximum, spread FROM metric_points "
        "WHERE metric = (SELECT id FROM metrics WHERE space = ? AND name = ? AND dimensions = ?) "
        "AND start_s >= ? AND start_s < ? ORDER BY start_s");
    row.bind(1, key.space).bind(2, key.name).bind(3, text_of(key)).bind(4, from_s).bind(5, until_s);
    while (row.step()) {
      if (unit && *unit != row.text(1)) continue;
      visit({row.integer(0), row.text(1), summary_of(row, 2)});
    }
  });
}

void Metrics::list(const Selection& selection, const std::function<bool(const MetricKey&)>& visit) const {
  std::string sql =
      "SELECT space, name, dimensions FROM metrics WHERE updated_s >= ?1 AND latest_s >= ?2 "
      "AND (space, name, dimensions) > (?3, ?4, ?5)";
  if (selection.space) sql += " AND space = ?6";
  if (selection.name) sql += " AND name = ?7";
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(sql + " ORDER BY space, name, dimensions");
    const MetricKey behind = selection.behind.value_or(MetricKey{});
    row.bind(1, selection.updated_since_s).bind(2, selection.value_since_s);
    row.bind(3, behind.space).bind(4, behind.name);
    row.bind(5, selection.behind ? text_of(behind) : std::string());
    if (selection.space) row.bind(6, *selection.space);
    if (selection.name) row.bind(7, *selection.name);
    while (row.step())
      if (!visit(key_of(row))) return;
  });
}

void Metrics::compact(std::int64_t now_s) {
  for (const Step& step : steps) {
    const std::int64_t before_s =
        floor_to(now_s - step.kept_s, step.next_s == 0 ? step.resolution_s : step.next_s);
    for (bool more = true; more;)
      database_.write([&](Connection& connection) { more = coarsen(connection, step, before_s); });
  }
  database_.write([&](Connection& connection) {
    connection
        .prepare(
            "DELETE FROM metrics WHERE updated_s < ? AND NOT EXISTS "
            "(SELECT 1 FROM metric_points WHERE metric = metrics.id)")
        .bind(1, now_s - 15 * day_s)
        .run();
  });
}

}  // namespace sagemaker::local::store
