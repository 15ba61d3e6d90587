// ListMetrics: which metrics there are, 500 a page.
#include <algorithm>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {
namespace {

constexpr std::size_t page_max = 500;
constexpr std::int64_t listed_for_s = 14 * 86'400, recently_s = 3 * 3'600;

// A token holds the last metric of its page: pages stay right whatever comes and goes in between.
std::string encode_place(const store::MetricKey& key) {
  json dimensions = json::array();
  for (const auto& [name, value] : key.dimensions) dimensions.push_back({name, value});
  return aws::base64_encode(aws::dump_json({key.space, key.name, dimensions}));
}

store::MetricKey decode_place(const std::string& token) {
  const auto text = aws::base64_decode(token);
  try {
    if (!text) throw aws::JsonError("no base64", 0);
    const json place = aws::parse_json(*text, 4);
    store::MetricKey key{place.at(0).get<std::string>(), place.at(1).get<std::string>(), {}};
    for (const json& dimension : place.at(2))
      key.dimensions.emplace_back(dimension.at(0).get<std::string>(), dimension.at(1).get<std::string>());
    return key;
  } catch (const aws::JsonError&) {
  } catch (const json::exception&) {
  }
  throw invalid_value("The value " + token + " for parameter NextToken is invalid.");
}

bool has_dimensions(const store::MetricKey& key, const json& input) {
  const auto filters = input.find("Dimensions");
  if (filters == input.end()) return true;
  return std::all_of(filters->begin(), filters->end(), [&](const json& filter) {
    const auto value = filter.find("Value");
    return std::any_of(key.dimensions.begin(), key.dimensions.end(), [&](const auto& dimension) {
      return filter.at("Name") == dimension.first && (value == filter.end() || *value == dimension.second);
    });
  });
}

json describe(const store::MetricKey& key) {
  json dimensions = json::array();
  for (const auto& [name, value] : key.dimensions) dimensions.push_back({{"Name", name}, {"Value", value}});
  return {{"Namespace", key.space}, {"MetricName", key.name}, {"Dimensions", std::move(dimensions)}};
}

}  // namespace

json list_metrics(const Metrics& metrics, const json& input) {
  const std::int64_t now_s = metrics.now_s();
  store::Metrics::Selection selection;
  if (input.contains("Namespace")) selection.space = input.at("Namespace").get<std::string>();
  if (input.contains("MetricName")) selection.name = input.at("MetricName").get<std::string>();
  if (input.contains("NextToken")) selection.behind = decode_place(input.at("NextToken").get<std::string>());
  selection.updated_since_s = now_s - listed_for_s;
  if (input.contains("RecentlyActive")) selection.value_since_s = now_s - recently_s;
  json output = {{"Metrics", json::array()}};
  json& page = output["Metrics"];
  store::MetricKey last;
  std::string next;
  metrics.store().list(selection, [&](const store::MetricKey& key) {
    if (!has_dimensions(key, input)) return true;
    if (page.size() == page_max) {
      next = encode_place(last);
      return false;
    }
    page.push_back(describe(key));
    last = key;
    return true;
  });
  if (!next.empty()) output["NextToken"] = next;
  return output;
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
