// GetMetricData: many metrics at once, and expressions over them, page by page.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/metrics/expression.hpp"
#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {
namespace {

constexpr std::size_t queries_max = 500;
constexpr std::int64_t page_max = 100'800;     // points in one answer
constexpr std::size_t points_max = 1'000'000;  // read for one answer: what it may cost in memory

bool is_id(const std::string& id) {
  return !id.empty() && id[0] >= 'a' && id[0] <= 'z' && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

struct Query {
  std::string id, label;
  bool returned = true;
  std::optional<Expression> expression;
  // Otherwise: a metric.
  store::MetricKey key;
  std::optional<std::string> unit;
  std::optional<Statistic> statistic;
  std::int64_t period_s = 60;

  std::optional<MathValue> value;  // once it is known
  bool under_way = false;          // being evaluated: a second visit is a circle
};

void read_metric(Query& query, const json& stat, const std::string& path) {
  const json& metric = stat.at("Metric");
  query.key.space = metric.value("Namespace", "");
  query.key.name = metric.value("MetricName", "");
  if (query.key.space.empty())
    throw validation_error("The parameter " + path + ".MetricStat.Metric.Namespace is required.");
  if (query.key.name.empty())
    throw validation_error("The parameter " + path + ".MetricStat.Metric.MetricName is required.");
  query.key.dimensions = dimensions_of(metric, path + ".MetricStat.Metric.");
  query.unit = unit_of(stat);
  query.statistic.emplace(stat.at("Stat").get<std::string>(), path + ".MetricStat.Stat");
  query.period_s = stat.at("Period").get<std::int64_t>();
}

Query query_of(const json& given, const std::string& path, const CallContext& context) {
  Query query;
  query.id = given.at("Id").get<std::string>();
  if (!is_id(query.id))
    throw validation_error("The value " + query.id + " for parameter " + path +
                           ".Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.");
  if (given.value("AccountId", context.account) != context.account)
    throw validation_error("The value " + given.at("AccountId").get<std::string>() + " for parameter " +
                           path + ".AccountId is not this emulator's account.");
  query.returned = given.value("ReturnData", true);
  if (given.contains("MetricStat") == given.contains("Expression"))
    throw validation_error("Exactly one of the parameters " + path + ".MetricStat and " + path +
                           ".Expression must be specified.");
  if (given.contains("Expression")) {
    query.expression.emplace(given.at("Expression").get<std::string>());
    if (given.contains("Period")) query.period_s = given.at("Period").get<std::int64_t>();
  } else {
    read_metric(query, given.at("MetricStat"), path);
  }
  query.label = given.value("Label", query.expression ? query.id : query.key.name);
  return query;
}

class Evaluation {
 public:
  Evaluation(const Metrics& metrics, const CallContext& context, const json& input, Periods periods)
      : metrics_(metrics), input_(input), periods_(periods) {
    const json& given = input.at("MetricDataQueries");
    if (given.empty()) throw validation_error("The parameter MetricDataQueries is required.");
    if (given.size() > queries_max)
      throw validation_error("The collection MetricDataQueries must not have a size greater than " +
                             std::to_string(queries_max) + ".");
    for (const json& query : given) {
      queries_.push_back(query_of(query, member_path("MetricDataQueries", queries_.size()), context));
      if (!index_.emplace(queries_.back().id, queries_.size() - 1).second)
        throw validation_error("The values for parameter id in MetricDataQueries are not unique.");
    }
    scope_.find = [this](const std::string& id) { return value_of(id); };
    scope_.metrics = [this](const std::string& part) { return metrics_with(part); };
    scope_.window = window_of(input, shortest_period(), metrics.now_s(), periods);
  }

  struct Result {
    std::string id, label;
    std::vector<std::pair<std::int64_t, double>> points;
  };

  // What is to be returned, in the order of the queries; points in the order of `descending`.
  std::vector<Result> results(bool descending) {
    std::vector<Result> all;
    for (Query& query : queries_) {
      const MathValue value = value_of(query.id);
      if (!query.returned) continue;
      if (value.kind == MathValue::Kind::number)
        throw validation_error("Error in expression '" + query.id +
                               "': it gives a number, not a time series");
      for (const Series& series : value.series) {
        Result result{query.id, query.label, {}};
        for (const auto& [time, point] : series)
          if (std::isfinite(point)) result.points.emplace_back(time, point);
        if (descending) std::reverse(result.points.begin(), result.points.end());
        all.push_back(std::move(result));
      }
    }
    if (all.empty()) throw validation_error("At least one of the queries must return data.");
    return all;
  }

 private:
  std::int64_t shortest_period() const {
    std::optional<std::int64_t> shortest;
    for (const Query& query : queries_)
      if (!query.expression) shortest = std::min(shortest.value_or(query.period_s), query.period_s);
    return shortest.value_or(queries_.front().period_s);
  }

  MathValue value_of(const std::string& id) {
    const auto found = index_.find(id);
    if (found == index_.end())
      throw validation_error("Error in expression: there is no query with the id " + id);
    Query& query = queries_[found->second];
    if (query.value) return *query.value;
    if (query.under_way) throw validation_error("Error in expression '" + id + "': it refers to itself");
    query.under_way = true;
    query.value = query.expression ? query.expression->evaluate(scope_) : read(query);
    for (const Series& series : query.value->series) count_points(series.size());
    return *query.value;
  }

  MathValue read(const Query& query) {
    const Window window = window_of(input_, query.period_s, metrics_.now_s(), periods_);
    Series series;
    each_period(metrics_.store(), query.key, query.unit, window, false,
                [&](std::int64_t start_s, const std::string&, const store::MetricSummary& summary) {
                  if (series.size() > points_max) count_points(series.size());
                  if (const auto value = query.statistic->of(summary)) series[start_s] = *value;
                });
    return MathValue::of(std::move(series), query.period_s);
  }

  MathValue metrics_with(const std::string& part) {
    MathValue all{MathValue::Kind::list, 0, {}, scope_.window.period_s};
    for (const Query& query : queries_) {
      if (query.expression || query.id.find(part) == std::string::npos) continue;
      all.series.push_back(value_of(query.id).series[0]);
    }
    return all;
  }

  void count_points(std::size_t points) {
    points_ += points;
    if (points_ > points_max)
      throw validation_error("The request covers more than " + grouped_digits(points_max) +
                             " datapoints. Increase the periods, or decrease the time range.");
  }

  const Metrics& metrics_;
  const json& input_;
  const Periods periods_;
  std::vector<Query> queries_;
  std::map<std::string, std::size_t, std::less<>> index_;
  MathScope scope_;
  std::size_t points_ = 0;
};

// Where a page ended: in which result, and behind the point of which time. So pages stay right when points
// come in between.
struct Place {
  std::size_t result = 0;
  std::optional<std::int64_t> behind_s;  // nullopt: before its first point

  std::string token() const {
    return aws::base64_encode(aws::dump_json({result, behind_s ? json(*behind_s) : json()}));
  }
};

Place place_of(const json& input) {
  if (!input.contains("NextToken")) return {};
  const auto text = aws::base64_decode(input.at("NextToken").get<std::string>());
  try {
    if (text) {
      const json place = aws::parse_json(*text, 2);
      const bool sound = place.is_array() && place.size() == 2 && place[0].is_number_unsigned() &&
                         (place[1].is_null() || place[1].is_number_integer());
      if (sound)
        return {place[0].get<std::size_t>(),
                place[1].is_null() ? std::nullopt : std::optional(place[1].get<std::int64_t>())};
    }
  } catch (const aws::JsonError&) {
  }
  throw ServiceFault("InvalidNextToken", 400, "The specified NextToken is invalid.");
}

}  // namespace

json get_metric_data(const Metrics& metrics, const CallContext& context, const json& input, Periods periods) {
  const Place before = place_of(input);
  const std::int64_t wanted = input.value("MaxDatapoints", page_max);
  if (wanted < 1) throw validation_error("The parameter MaxDatapoints must be greater than or equal to 1.");
  std::size_t left = static_cast<std::size_t>(std::min(wanted, page_max));
  const bool descending = input.value("ScanBy", "TimestampDescending") == "TimestampDescending";
  Evaluation evaluation(metrics, context, input, periods);

  json output = {{"MetricDataResults", json::array()}, {"Messages", json::array()}};
  const auto results = evaluation.results(descending);
  for (std::size_t i = before.result; i < results.size(); ++i) {
    const auto& [id, label, points] = results[i];
    auto first = points.begin();
    if (i == before.result && before.behind_s)
      first = std::find_if(first, points.end(), [&](const std::pair<std::int64_t, double>& point) {
        return descending ? point.first < *before.behind_s : point.first > *before.behind_s;
      });
    const auto rest = static_cast<std::size_t>(points.end() - first);
    if (left == 0 && rest > 0) {
      output["NextToken"] = Place{i, std::nullopt}.token();
      break;
    }
    const auto last = first + static_cast<std::ptrdiff_t>(std::min(rest, left));
    json timestamps = json::array(), values = json::array();
    for (auto point = first; point != last; ++point) {
      timestamps.push_back(point->first);
      values.push_back(point->second);
    }
    left -= values.size();
    const bool complete = last == points.end();
    if (!complete) output["NextToken"] = Place{i, std::prev(last)->first}.token();
    output["MetricDataResults"].push_back({{"Id", id},
                                           {"Label", label},
                                           {"Timestamps", std::move(timestamps)},
                                           {"Values", std::move(values)},
                                           {"StatusCode", complete ? "Complete" : "PartialData"}});
    if (!complete) break;
  }
  return output;
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
