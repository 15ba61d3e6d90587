#include "emulator/services/sagemaker/tuning/trial_listing.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr const char* member = "TrainingJobSummaries";

// A place in the order by objective: the value and, among equal ones, the number of the trial.
using Place = std::pair<double, std::int64_t>;

std::string token_of(const std::string& arn, bool descending, const Place& last) {
  return aws::base64_encode(aws::dump_json(json{arn, descending, last.first, last.second}));
}

std::optional<Place> place_of(const std::string& text, const std::string& arn, bool descending) {
  const auto decoded = aws::base64_decode(text);
  if (!decoded) return std::nullopt;
  try {
    const json token = aws::parse_json(*decoded, 2);
    const bool ours = token.is_array() && token.size() == 4 && token[0] == arn && token[1] == descending &&
                      token[2].is_number() && token[3].is_number_integer();
    return ours ? std::optional(Place{token[2], token[3]}) : std::nullopt;
  } catch (const aws::JsonError&) {
    return std::nullopt;
  }
}

// Training jobs without an objective are not listed, as AWS says.
json list_by_objective(const store::Records& records, const std::string& arn, const json& input) {
  const bool descending = input.at("SortOrder") == "Descending";
  const std::string status = input.value("StatusEquals", "");
  std::vector<std::pair<Place, TrialJob>> trials;
  for (TrialJob& trial : trials_of(records, arn)) {
    if (!trial.objective || (!status.empty() && trial.job.status != status)) continue;
    const Place place{*trial.objective, trial.number};
    trials.emplace_back(place, std::move(trial));
  }
  const auto before = [&](const Place& a, const Place& b) { return descending ? b < a : a < b; };
  std::sort(trials.begin(), trials.end(),
            [&](const auto& a, const auto& b) { return before(a.first, b.first); });
  auto next = trials.begin();
  if (const std::string token = input.value("NextToken", ""); !token.empty()) {
    const auto last = place_of(token, arn, descending);
    if (!last) throw validation_fault("Invalid pagination token given.");
    next = std::find_if(trials.begin(), trials.end(),
                        [&](const auto& trial) { return before(*last, trial.first); });
  }
  json output = {{member, json::array()}};
  for (auto room = input.value("MaxResults", std::size_t{10}); room > 0 && next != trials.end();
       --room, ++next)
    output[member].push_back(summary(next->second));
  if (next != trials.end() && next != trials.begin())
    output["NextToken"] = token_of(arn, descending, std::prev(next)->first);
  return output;
}

}  // namespace

json list_trials(const store::Records& records, const store::Record& tuning_job, const json& input) {
  json wanted = input;
  wanted.emplace("SortBy", "Name");
  wanted.emplace("SortOrder", "Ascending");
  if (wanted["SortBy"] == "FinalObjectiveMetricValue")
    return list_by_objective(records, tuning_job.arn, wanted);
  store::RecordQuery query = list_query(wanted);
  query.name_prefix = tuning_job.name + "-";
  query.accept = [&](const store::Record& job) { return is_trial_of(job, tuning_job.arn); };
  return list_records(records, training_job_kind, query, member,
                      [](const store::Record& job) { return summary(trial_of(job)); });
}

}  // namespace sagemaker::local::services::tuning_job
