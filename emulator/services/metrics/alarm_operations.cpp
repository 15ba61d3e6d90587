// DescribeAlarms and its relatives: which alarms, and page by page.
#include <algorithm>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/metrics/alarms.hpp"
#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services {
namespace {

using namespace cloudwatch_metrics;

constexpr int history_max = 1'000'000;

// The items of one page behind those that `input`'s NextToken has counted.
json page_of(const std::vector<json>& items, const json& input, const char* list, std::size_t size) {
  std::size_t first = 0;
  if (input.contains("NextToken")) {
    const auto text = aws::base64_decode(input["NextToken"].get<std::string>());
    const bool number = text && !text->empty() && text->size() < 10 &&
                        text->find_first_not_of("0123456789") == std::string::npos;
    if (!number) throw ServiceFault("InvalidNextToken", 400, "The specified NextToken is invalid.");
    first = std::stoul(*text);
  }
  json output = {{list, json::array()}};
  std::size_t next = std::min(first, items.size());
  for (; next < items.size() && next - first < size; ++next) output[list].push_back(items[next]);
  if (next < items.size()) output["NextToken"] = aws::base64_encode(std::to_string(next));
  return output;
}

bool wants_metric_alarms(const json& input) {
  if (!input.contains("AlarmTypes")) return true;
  const json& types = input["AlarmTypes"];
  return std::find(types.begin(), types.end(), "MetricAlarm") != types.end();
}

bool has_action(const json& alarm, const std::string& prefix) {
  for (const char* actions : {"OKActions", "AlarmActions", "InsufficientDataActions"})
    for (const json& action : alarm.at(actions))
      if (action.get_ref<const std::string&>().starts_with(prefix)) return true;
  return false;
}

}  // namespace

json Alarms::describe(const json& input) {
  for (const char* member : {"ChildrenOfAlarmName", "ParentsOfAlarmName"})
    if (input.contains(member))
      throw validation_error(std::string(member) + " is not implemented by sagemaker-local yet.");
  std::vector<json> chosen;
  for (json& alarm : all()) {
    const auto& name = alarm.at("AlarmName").get_ref<const std::string&>();
    const json names = input.value("AlarmNames", json::array());
    const bool wanted =
        wants_metric_alarms(input) &&
        (names.empty() || std::find(names.begin(), names.end(), name) != names.end()) &&
        name.starts_with(input.value("AlarmNamePrefix", "")) &&
        input.value("StateValue", alarm["StateValue"]) == alarm["StateValue"] &&
        (!input.contains("ActionPrefix") || has_action(alarm, input["ActionPrefix"].get<std::string>()));
    if (wanted) chosen.push_back(std::move(alarm));
  }
  const auto size = static_cast<std::size_t>(input.value("MaxRecords", 50));
  json output = page_of(chosen, input, "MetricAlarms", size);
  output["CompositeAlarms"] = json::array();
  return output;
}

json Alarms::describe_for_metric(const json& input) {
  const auto wanted_dimensions = dimensions_of(input, "");
  json output = {{"MetricAlarms", json::array()}};
  for (json& alarm : all()) {
    const bool same = alarm.value("MetricName", "") == input.at("MetricName") &&
                      alarm.value("Namespace", "") == input.at("Namespace") &&
                      dimensions_of(alarm, "") == wanted_dimensions;
    if (!same) continue;
    bool wanted = true;
    for (const char* member : {"Statistic", "ExtendedStatistic", "Period", "Unit"})
      if (input.contains(member) && alarm.value(member, json()) != input[member]) wanted = false;
    if (wanted) output["MetricAlarms"].push_back(std::move(alarm));
  }
  return output;
}

json Alarms::history(const json& input) const {
  store::RecordQuery query;
  query.limit = history_max;
  query.descending = input.value("ScanBy", "TimestampDescending") == "TimestampDescending";
  query.accept = [&](const store::Record& entry) {
    for (const char* member : {"AlarmName", "HistoryItemType"})
      if (input.contains(member) && entry.document.at(member) != input[member]) return false;
    const double time = entry.document.at("Timestamp");
    return wants_metric_alarms(input) && time >= input.value("StartDate", time) &&
           time <= input.value("EndDate", time);
  };
  std::vector<json> items;
  for (store::Record& entry : records_.list("alarm-history", query).records)
    items.push_back(std::move(entry.document));
  return page_of(items, input, "AlarmHistoryItems", static_cast<std::size_t>(input.value("MaxRecords", 50)));
}

void add_alarm_operations(OperationTable& table, Alarms& alarms) {
  table["PutMetricAlarm"] = [&alarms](const CallContext&, const json& input) {
    alarms.put(input);
    return json::object();
  };
  table["DeleteAlarms"] = [&alarms](const CallContext&, const json& input) {
    alarms.erase(input.at("AlarmNames"));
    return json::object();
  };
  table["DescribeAlarms"] = [&alarms](const CallContext&, const json& input) {
    return alarms.describe(input);
  };
  table["DescribeAlarmsForMetric"] = [&alarms](const CallContext&, const json& input) {
    return alarms.describe_for_metric(input);
  };
  table["DescribeAlarmHistory"] = [&alarms](const CallContext&, const json& input) {
    return alarms.history(input);
  };
  table["SetAlarmState"] = [&alarms](const CallContext&, const json& input) {
    alarms.set_state(input);
    return json::object();
  };
  table["EnableAlarmActions"] = [&alarms](const CallContext&, const json& input) {
    alarms.enable_actions(input.at("AlarmNames"), true);
    return json::object();
  };
  table["DisableAlarmActions"] = [&alarms](const CallContext&, const json& input) {
    alarms.enable_actions(input.at("AlarmNames"), false);
    return json::object();
  };
}

}  // namespace sagemaker::local::services
