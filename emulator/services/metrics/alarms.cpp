#include "emulator/services/metrics/alarms.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services {
namespace {

using namespace cloudwatch_metrics;

constexpr std::string_view alarm_kind = "metric-alarm", history_kind = "alarm-history";
constexpr int late_periods = 2;  // read beyond those that are evaluated: values may come late
constexpr int everything = 1'000'000;

double seconds(std::int64_t epoch_ms) { return static_cast<double>(epoch_ms) / 1000.0; }

AlarmRule rule_of(const json& alarm) {
  AlarmRule rule;
  rule.comparison = alarm.at("ComparisonOperator");
  rule.threshold = alarm.at("Threshold");
  rule.evaluation_periods = alarm.at("EvaluationPeriods");
  rule.datapoints_to_alarm = alarm.value("DatapointsToAlarm", rule.evaluation_periods);
  rule.missing_data = alarm.value("TreatMissingData", "missing");
  return rule;
}

std::string statistic_of(const json& alarm) {
  return alarm.contains("ExtendedStatistic") ? alarm["ExtendedStatistic"].get<std::string>()
                                             : alarm.value("Statistic", "Average");
}

// The alarm's metric as the queries of GetMetricData; of several the last one that is returned counts.
json queries_of(const json& alarm) {
  if (alarm.contains("Metrics")) return alarm["Metrics"];
  json metric = {{"Namespace", alarm.at("Namespace")}, {"MetricName", alarm.at("MetricName")}};
  if (alarm.contains("Dimensions")) metric["Dimensions"] = alarm["Dimensions"];
  json stat = {{"Metric", std::move(metric)}, {"Period", alarm.at("Period")}, {"Stat", statistic_of(alarm)}};
  if (alarm.contains("Unit")) stat["Unit"] = alarm["Unit"];
  return json::array({{{"Id", "m1"}, {"MetricStat", std::move(stat)}}});
}

std::int64_t period_of(const json& alarm) {
  if (alarm.contains("Period")) return alarm["Period"].get<std::int64_t>();
  std::int64_t longest = 0;
  for (const json& query : alarm.value("Metrics", json::array()))
    longest =
        std::max(longest, query.contains("MetricStat") ? query["MetricStat"].at("Period").get<std::int64_t>()
                                                       : query.value("Period", std::int64_t{0}));
  return longest > 0 ? longest : 60;
}

// "1.0", as AWS writes thresholds and values.
std::string spelled(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
  }
  return aws::dump_json(json(value));
}

// "21/11/26 20:58:00"
std::string spelled_time(std::int64_t time_s) {
  const std::string iso = aws::format_iso8601(aws::from_epoch_ms(time_s * 1000));  // 2026-11-21T20:58:00Z
  return iso.substr(8, 2) + "/" + iso.substr(5, 2) + "/" + iso.substr(2, 2) + " " + iso.substr(11, 8);
}

struct Points {
  std::vector<std::optional<double>> values;  // newest first
  std::vector<std::int64_t> times;            // when each period began
  std::int64_t period_s = 60;
};

std::string plural(int count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

// In CloudWatch's words.
std::string reason_of(const AlarmRule& rule, const Points& points, const std::string& state) {
  std::string listed;
  int shown = 0, matching = 0;
  const bool alarm = state == "ALARM";
  for (std::size_t i = 0; i < points.values.size() && shown < rule.evaluation_periods; ++i) {
    if (!points.values[i]) continue;
    matching += breaches(rule, *points.values[i]) == alarm;
    listed += (shown++ ? ", " : "") + spelled(*points.values[i]) + " (" + spelled_time(points.times[i]) + ")";
  }
  const int missing = rule.evaluation_periods - shown;
  if (state == "INSUFFICIENT_DATA")
    return "Insufficient Data: " + plural(missing, "datapoint") + (missing == 1 ? " was" : " were") +
           " unknown.";
  static const std::map<std::string, std::string> relations = {
      {"GreaterThanThreshold", "greater than"},
      {"GreaterThanOrEqualToThreshold", "greater than or equal to"},
      {"LessThanThreshold", "less than"},
      {"LessThanOrEqualToThreshold", "less than or equal to"}};
  const int needed =
      alarm ? rule.datapoints_to_alarm : rule.evaluation_periods - rule.datapoints_to_alarm + 1;
  if (shown == 0)
    return "Threshold Crossed: no datapoints were received for " + plural(missing, "period") + " and " +
           plural(missing, "missing datapoint") + (missing == 1 ? " was" : " were") + " treated as [" +
           (alarm ? "Breaching" : "NonBreaching") + "].";
  return "Threshold Crossed: " + std::to_string(matching) + " out of the last " + plural(shown, "datapoint") +
         " [" + listed + "] " + (matching == 1 ? "was " : "were ") + (alarm ? "" : "not ") +
         relations.at(rule.comparison) + " the threshold (" + spelled(rule.threshold) + ") (minimum " +
         plural(needed, "datapoint") + " for " + (alarm ? "OK -> ALARM" : "ALARM -> OK") + " transition).";
}

// What the alarm compares, one value a period, from the stored metrics.
Points read_points(const Metrics& metrics, const json& alarm, const CallContext& context,
                   std::int64_t minute_s) {
  const auto scaled = [minute_s](std::int64_t period_s) {
    return minute_s == 60 ? period_s : std::max<std::int64_t>(1, period_s * minute_s / 60);
  };
  Points points;
  points.period_s = scaled(period_of(alarm));
  const int count = alarm.at("EvaluationPeriods").get<int>() + late_periods;
  const std::int64_t end_s = metrics.now_s() / points.period_s * points.period_s;  // whole periods only
  json queries = queries_of(alarm);
  for (json& query : queries)
    if (query.contains("MetricStat"))
      query["MetricStat"]["Period"] = scaled(query["MetricStat"].at("Period").get<std::int64_t>());
  const json input = {{"MetricDataQueries", std::move(queries)},
                      {"StartTime", end_s - count * points.period_s},
                      {"EndTime", end_s}};
  const json data = get_metric_data(metrics, context, input, Periods::any);
  std::map<std::int64_t, double> by_time;
  const json& result = data.at("MetricDataResults").back();
  for (std::size_t i = 0; i < result.at("Values").size(); ++i)
    by_time[result["Timestamps"][i].get<std::int64_t>()] = result["Values"][i].get<double>();
  for (int i = 1; i <= count; ++i) {
    const std::int64_t time_s = end_s - i * points.period_s;
    const auto found = by_time.find(time_s);
    points.times.push_back(time_s);
    points.values.push_back(found == by_time.end() ? std::nullopt : std::optional(found->second));
  }
  return points;
}

json reason_data(const json& alarm, const Points& points, std::int64_t now_s) {
  json recent = json::array();
  for (std::size_t i = points.values.size(); i-- > 0;)
    if (points.values[i]) recent.push_back(*points.values[i]);
  const auto time = [](std::int64_t time_s) {
    return aws::format_iso8601(aws::from_epoch_ms(time_s * 1000));
  };
  return {{"version", "1.0"},
          {"queryDate", time(now_s)},
          {"startDate", time(points.times.back())},
          {"statistic", statistic_of(alarm)},
          {"period", period_of(alarm)},
          {"recentDatapoints", std::move(recent)},
          {"threshold", alarm.at("Threshold")}};
}

// As DescribeAlarms shows it: members with '_' are this emulator's own.
json shown(const store::Record& alarm) {
  json document = alarm.document;
  for (auto member = document.begin(); member != document.end();)
    member = member.key().starts_with('_') ? document.erase(member) : std::next(member);
  return document;
}

void check(const json& input) {
  const auto refuse = [](const char* what) {
    throw validation_error(std::string(what) + " is not implemented by sagemaker-local yet.");
  };
  if (input.contains("ThresholdMetricId")) refuse("ThresholdMetricId");
  if (input.value("EvaluateLowSampleCountPercentile", "evaluate") != "evaluate")
    refuse("EvaluateLowSampleCountPercentile");
  if (!input.contains("Threshold")) throw missing_parameter("The parameter Threshold is required.");
  static const std::set<std::string> comparisons = {"GreaterThanThreshold", "GreaterThanOrEqualToThreshold",
                                                    "LessThanThreshold", "LessThanOrEqualToThreshold"};
  if (comparisons.count(input.at("ComparisonOperator").get<std::string>()) == 0)
    refuse(input.at("ComparisonOperator").get_ref<const std::string&>().c_str());
  const int periods = input.at("EvaluationPeriods");
  if (input.value("DatapointsToAlarm", 1) > periods)
    throw validation_error(
        "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
  static const std::set<std::string> treatments = {"missing", "breaching", "notBreaching", "ignore"};
  if (treatments.count(input.value("TreatMissingData", "missing")) == 0)
    throw validation_error("The value " + input["TreatMissingData"].get<std::string>() +
                           " for parameter TreatMissingData is invalid.");
  if (input.contains("Metrics")) {
    for (const char* member : {"MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period"})
      if (input.contains(member))
        throw validation_error(std::string("The parameters Metrics and ") + member +
                               " are mutually exclusive.");
  } else {
    for (const char* member : {"MetricName", "Namespace", "Period"})
      if (!input.contains(member))
        throw missing_parameter(std::string("The parameter ") + member + " is required.");
    if (input.contains("Statistic") == input.contains("ExtendedStatistic"))
      throw validation_error("Exactly one of Statistic and ExtendedStatistic must be specified.");
  }
  if (period_of(input) * periods > 86'400 * 7)
    throw validation_error("Metrics cannot be checked across more than seven days.");
}

}  // namespace

Alarms::Alarms(Metrics& metrics, store::Records& records, std::shared_ptr<aws::Clock> clock, Place place)
    : metrics_(metrics), records_(records), clock_(std::move(clock)), place_(std::move(place)) {}

std::vector<store::Record> Alarms::stored() const {
  return records_
      .list(alarm_kind,
            {.sort_by = store::RecordQuery::SortBy::name, .descending = false, .limit = everything})
      .records;
}

void Alarms::note(const std::string& alarm, const std::string& type, const std::string& summary,
                  const json& data) {
  store::Record entry;
  entry.name = aws::uuid4();
  entry.created_ms = aws::to_epoch_ms(clock_->now());
  entry.document = {
      {"AlarmName", alarm},      {"AlarmType", "MetricAlarm"}, {"Timestamp", seconds(entry.created_ms)},
      {"HistoryItemType", type}, {"HistorySummary", summary},  {"HistoryData", aws::dump_json(data)}};
  records_.insert(history_kind, entry);
}

void Alarms::put(const json& input) {
  check(input);
  const std::int64_t now_ms = aws::to_epoch_ms(clock_->now());
  store::Record alarm;
  alarm.name = input.at("AlarmName");
  alarm.arn = "arn:aws:cloudwatch:" + place_.region + ":" + place_.account + ":alarm:" + alarm.name;
  alarm.status = "INSUFFICIENT_DATA";
  alarm.created_ms = alarm.modified_ms = now_ms;
  json& document = alarm.document = input;
  document.erase("Tags");
  document["AlarmArn"] = alarm.arn;
  document.emplace("ActionsEnabled", true);
  for (const char* actions : {"OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"})
    document.emplace(actions, json::array());
  document["AlarmConfigurationUpdatedTimestamp"] = seconds(now_ms);
  document["StateValue"] = alarm.status;
  document["StateReason"] = "Unchecked: Initial alarm creation";
  document["StateUpdatedTimestamp"] = document["StateTransitionedTimestamp"] = seconds(now_ms);
  try {
    read_points(metrics_, document, {place_.account, place_.region, "aws", "", "", {}}, place_.minute_s);
  } catch (const ServiceFault& fault) {  // an expression that is none, for example
    throw validation_error(fault.message());
  }
  if (records_.insert(alarm_kind, alarm))
    return note(alarm.name, "ConfigurationUpdate", "Alarm \"" + alarm.name + "\" created", input);
  records_.update(alarm_kind, alarm.name, [&](store::Record& known) {
    for (const char* member : {"StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp",
                               "StateTransitionedTimestamp"})
      if (known.document.contains(member)) document[member] = known.document[member];
    known.document = document;
    known.modified_ms = now_ms;
  });
  note(alarm.name, "ConfigurationUpdate", "Alarm \"" + alarm.name + "\" updated", input);
}

void Alarms::erase(const std::string& name) {
  if (records_.erase(alarm_kind, name))
    note(name, "ConfigurationUpdate", "Alarm \"" + name + "\" deleted", json::object());
}

store::Record Alarms::evaluated(store::Record alarm) {
  const std::int64_t now_ms = aws::to_epoch_ms(clock_->now());
  if (alarm.document.value("_held_until_ms", std::int64_t{0}) > now_ms) return alarm;
  const AlarmRule rule = rule_of(alarm.document);
  Points points;
  try {
    points = read_points(metrics_, alarm.document, {place_.account, place_.region, "aws", "", "", {}},
                         place_.minute_s);
  } catch (const ServiceFault& fault) {  // too many values for one answer, for example
    spdlog::warn("the alarm {} cannot be evaluated: {}", alarm.name, fault.message());
    return alarm;
  }
  const std::string state = alarm_state(rule, points.values);
  const auto newest = std::find_if(points.values.begin(), points.values.end(),
                                   [](const auto& value) { return value.has_value(); });
  const json value = newest == points.values.end() ? json() : json(**newest);
  if ((state.empty() || state == alarm.status) && alarm.document.value("_value", json()) == value)
    return alarm;
  std::string before;
  const auto updated = records_.update(alarm_kind, alarm.name, [&](store::Record& known) {
    json& document = known.document;
    before = known.status;
    // Set or changed by somebody since it was read: what was found out here is of an alarm that is no more.
    if (known.modified_ms != alarm.modified_ms || document.value("_held_until_ms", std::int64_t{0}) > now_ms)
      return;
    document["_value"] = value;
    document.erase("_held_until_ms");
    if (state.empty() || state == before) return;
    known.status = state;
    document["StateValue"] = state;
    document["StateReason"] = reason_of(rule, points, state);
    document["StateReasonData"] = aws::dump_json(reason_data(document, points, now_ms / 1000));
    document["StateUpdatedTimestamp"] = document["StateTransitionedTimestamp"] = seconds(now_ms);
  });
  if (!updated) return alarm;  // deleted meanwhile
  if (before != updated->status)
    note(
        alarm.name, "StateUpdate", "Alarm updated from " + before + " to " + updated->status,
        {{"version", "1.0"},
         {"oldState", {{"stateValue", before}}},
         {"newState", {{"stateValue", updated->status}, {"stateReason", updated->document["StateReason"]}}}});
  return *updated;
}

std::optional<json> Alarms::find(const std::string& name) {
  const auto alarm = records_.find(alarm_kind, name);
  return alarm ? std::optional(shown(evaluated(*alarm))) : std::nullopt;
}

bool Alarms::in_alarm(const std::string& name) {
  const auto alarm = find(name);
  return alarm && alarm->at("StateValue") == "ALARM";
}

std::vector<json> Alarms::all() {
  std::vector<json> alarms;
  for (const store::Record& alarm : stored()) alarms.push_back(shown(evaluated(alarm)));
  return alarms;
}

std::optional<double> Alarms::value(const std::string& name) const {
  const auto alarm = records_.find(alarm_kind, name);
  if (!alarm || !alarm->document.value("_value", json()).is_number()) return std::nullopt;
  return alarm->document["_value"].get<double>();
}

void Alarms::set_state(const json& input) {
  const std::string name = input.at("AlarmName"), state = input.at("StateValue");
  const std::int64_t now_ms = aws::to_epoch_ms(clock_->now());
  std::string before;
  const auto updated = records_.update(alarm_kind, name, [&](store::Record& alarm) {
    before = alarm.status;
    alarm.status = state;
    json& document = alarm.document;
    document["StateValue"] = state;
    document["StateReason"] = input.at("StateReason");
    document.erase("StateReasonData");
    if (input.contains("StateReasonData")) document["StateReasonData"] = input["StateReasonData"];
    document["StateUpdatedTimestamp"] = seconds(now_ms);
    if (before != state) document["StateTransitionedTimestamp"] = seconds(now_ms);
    // Until the next evaluation, which on AWS comes with the next minute.
    document["_held_until_ms"] = now_ms + place_.minute_s * 1000;
  });
  if (!updated) throw ServiceFault("ResourceNotFound", 404, "Unknown");
  note(name, "StateUpdate", "Alarm updated from " + before + " to " + state,
       {{"version", "1.0"},
        {"oldState", {{"stateValue", before}}},
        {"newState", {{"stateValue", state}, {"stateReason", input.at("StateReason")}}}});
}

void Alarms::enable_actions(const json& names, bool enabled) {
  for (const json& name : names)
    records_.update(alarm_kind, name.get<std::string>(),
                    [&](store::Record& alarm) { alarm.document["ActionsEnabled"] = enabled; });
}

void Alarms::erase(const json& names) {
  for (const json& name : names)
    if (!records_.find(alarm_kind, name.get<std::string>()))
      throw ServiceFault("ResourceNotFound", 404, "Alarm " + name.get<std::string>() + " does not exist.");
  for (const json& name : names) erase(name.get<std::string>());
}

}  // namespace sagemaker::local::services
