// Goal: the training jobs of a tuning job are found by what their own records say, and are listed in pages
// that stay stable while jobs come and end, a thousand of them in an instant.
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/tuning/lost_trials.hpp"
#include "emulator/services/sagemaker/tuning/operations.hpp"
#include "emulator/services/sagemaker/tuning/trial_listing.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"
#include "emulator/services/sagemaker/tuning/warm_start.hpp"
#include "emulator/services/service_error.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::services::tuning_job;
using sagemaker::json;
using sagemaker::local::services::training_job_kind;
using sagemaker::tests::TemporaryDirectory;

namespace {

using Names = std::vector<std::string>;

struct Trials {
  TemporaryDirectory directory;
  store::Database database{directory / "data.db", store::Records::schema(), store::Durability::process};
  store::Records records{database};
  const std::string arn = "arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/tune";
  const store::Record tuning{.name = "tune", .arn = arn};
  Definition definition{.name = "",
                        .objective = {tuning::Goal::minimize, "loss"},
                        .space = tuning::Space({}),
                        .document = json::object(),
                        .max_resource = {}};

  store::Record job(std::int64_t number, const std::string& status) {
    store::Record record;
    record.name = trial_job_name("tune", number, 0xab2e9b77);
    record.arn = "arn:" + record.name;
    record.status = status;
    record.created_ms = record.modified_ms = 1'000 * number;
    record.document = {{"TrainingJobName", record.name}};
    return record;
  }
  // A trial that has ended with an objective, or without one.
  void add(std::int64_t number, std::optional<double> objective, const std::string& status = "Completed") {
    store::Record record = job(number, status);
    mark_trial(record, arn, number, definition, {{"lr", std::to_string(number)}});
    if (objective) note_curve(record, {1.0, *objective});
    CHECK(records.insert(training_job_kind, record));
  }
  json page(json input) const { return list_trials(records, tuning, input); }
  Names names(const json& output) const {
    Names found;
    for (const json& summary : output.at("TrainingJobSummaries"))
      found.push_back(summary.at("TrainingJobName").get<std::string>().substr(5, 3));
    return found;
  }
  // All pages; `between` is called after each.
  Names all(json input, const std::function<void()>& between = {}) const {
    Names found;
    for (;;) {
      const json output = page(input);
      for (const std::string& name : names(output)) found.push_back(name);
      if (!output.contains("NextToken")) return found;
      input["NextToken"] = output["NextToken"];
      if (between) between();
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Trials, "what a trial is lies in the record of its training job") {
  CHECK(trial_job_name("mnist-tuning", 17, 0xab2e9b77) == "mnist-tuning-017-ab2e9b77");
  CHECK(trial_job_name("t", 1234, 0x1) == "t-1234-00000001");
  store::Record record = job(7, "InProgress");
  mark_trial(record, arn, 7, definition, {{"lr", "0.1"}, {"momentum", "0.9"}});
  CHECK(record.document["TuningJobArn"] == arn);
  TrialJob trial = trial_of(record);
  CHECK(trial.number == 7);
  CHECK(trial.tuned == tuning::Assignment{{"lr", "0.1"}, {"momentum", "0.9"}});
  CHECK(trial.status == ObjectiveStatus::pending);
  CHECK(trial.curve.empty());
  CHECK_FALSE(trial.objective);
  note_curve(record, {0.75, 0.25});
  trial = trial_of(record);
  CHECK(trial.status == ObjectiveStatus::pending);
  record.status = "Completed";
  trial = trial_of(record);
  CHECK(trial.curve == tuning::Curve{0.75, 0.25});
  CHECK(trial.status == ObjectiveStatus::succeeded);
  CHECK(trial.objective == 0.25);
  CHECK(trial.tuned.size() == 2);
}

TEST_CASE_FIXTURE(Trials, "a summary says what AWS says") {
  store::Record record = job(1, "Failed");
  record.document["FailureReason"] = "AlgorithmError: ";
  mark_trial(record, arn, 1, definition, {{"lr", "0.1"}});
  CHECK(services::tuning_job::summary(trial_of(record)) == json{{"TrainingJobName", record.name},
                                                                {"TrainingJobArn", record.arn},
                                                                {"CreationTime", 1.0},
                                                                {"TrainingJobStatus", "Failed"},
                                                                {"FailureReason", "AlgorithmError: "},
                                                                {"ObjectiveStatus", "Failed"},
                                                                {"TunedHyperParameters", {{"lr", "0.1"}}}});
  definition.name = "small";
  mark_trial(record, arn, 1, definition, {});
  note_curve(record, {2.0});
  record.status = "Stopped";  // early: its objective counts
  const json shown = services::tuning_job::summary(trial_of(record));
  CHECK(shown["TrainingJobDefinitionName"] == "small");
  CHECK(shown["FinalHyperParameterTuningJobObjectiveMetric"] ==
        json{{"MetricName", "loss"}, {"Value", 2.0}, {"Type", "Minimize"}});
}

TEST_CASE_FIXTURE(Trials,
                  "a trial that was deleted before anybody looked at its end has a summary all the same") {
  store::Record record = job(2, "InProgress");
  mark_trial(record, arn, 2, definition, {{"lr", "0.1"}});
  const json with = summary(lost_trial(trial_of(record), 0.25));
  CHECK(with["TrainingJobName"] == record.name);
  CHECK(with["TrainingJobStatus"] == "Stopped");
  CHECK(with["ObjectiveStatus"] == "Succeeded");
  CHECK(with["TunedHyperParameters"]["lr"] == "0.1");
  CHECK(with["FinalHyperParameterTuningJobObjectiveMetric"] == json{{"MetricName", "loss"}, {"Value", 0.25}});
  const json without = summary(lost_trial(trial_of(record), std::nullopt));
  CHECK(without["ObjectiveStatus"] == "Failed");
  CHECK_FALSE(without.contains("FinalHyperParameterTuningJobObjectiveMetric"));
}

TEST_CASE_FIXTURE(Trials,
                  "the records of trials are found and counted, also where what they try cannot be read") {
  add(1, 0.5);
  store::Record unreadable = job(2, "InProgress");
  mark_trial(unreadable, arn, 2, definition, {});
  unreadable.document["_notes"]["tuning"]["tuned"] = 5;
  CHECK(records.insert(training_job_kind, unreadable));
  store::Record stopping = job(3, "Stopping");
  mark_trial(stopping, arn, 3, definition, {});
  CHECK(records.insert(training_job_kind, stopping));
  CHECK(records.insert(training_job_kind, job(4, "InProgress")));  // bears no mark
  const std::vector<store::Record> found = trial_records(records, arn);
  CHECK(found.size() == 3);
  const Counters counters = counters_of(found);
  CHECK(counters.completed == 1);
  CHECK(counters.in_progress == 2);
  CHECK(counters.succeeded == 1);
  CHECK(counters.pending == 2);
  unreadable.status = "Stopped";
  stopping.status = "Failed";
  stopping.document["FailureReason"] = "InternalServerError: lost";
  const Counters ended = counters_of(std::vector{unreadable, stopping});
  CHECK(ended.in_progress == 0);
  CHECK(ended.stopped == 1);
  CHECK(ended.retryable_error == 1);
  CHECK(ended.failed == 2);
}

TEST_CASE_FIXTURE(Trials, "a parent's best training job is learnt from also where it was deleted") {
  const json config = {
      {"Strategy", "Random"},
      {"HyperParameterTuningJobObjective", {{"Type", "Minimize"}, {"MetricName", "loss"}}},
      {"ResourceLimits", {{"MaxNumberOfTrainingJobs", 3}, {"MaxParallelTrainingJobs", 1}}},
      {"ParameterRanges",
       {{"ContinuousParameterRanges", {{{"Name", "lr"}, {"MinValue", "0"}, {"MaxValue", "10"}}}}}}};
  store::Record parent = tuning;
  parent.status = "Completed";
  parent.document = {{"HyperParameterTuningJobName", "tune"},
                     {"HyperParameterTuningJobConfig", config},
                     {"TrainingJobDefinition", {{"StaticHyperParameters", {{"epochs", "3"}}}}}};
  add(1, 0.5);
  add(2, 0.25);
  const auto best = records.find(training_job_kind, job(2, "").name);
  parent.document["BestTrainingJob"] = summary(trial_of(*best));
  CHECK(records.insert(services::tuning_job_kind, parent));
  json child = {{"WarmStartConfig",
                 {{"WarmStartType", "TransferLearning"},
                  {"ParentHyperParameterTuningJobs", {{{"HyperParameterTuningJobName", "tune"}}}}}}};
  const auto values = [&] {
    std::multiset<double> found;
    for (const auto& run : parent_runs(records, child, definition))
      for (const auto& trial : run.trials) {
        CHECK(trial.parameters.at("epochs") == "3");
        CHECK(trial.parameters.at("lr") == (*trial.objective == 0.25 ? "2" : "1"));
        found.insert(*trial.objective);
      }
    return found;
  };
  CHECK(values() == std::multiset<double>{0.25, 0.5});
  CHECK(records.erase(training_job_kind, best->name));
  CHECK(values() == std::multiset<double>{0.25, 0.5});
}

TEST_CASE_FIXTURE(Trials, "only a tuning job's own trials are found, by number") {
  for (const std::int64_t number : {1000, 2, 10}) add(number, 0.5);
  store::Record stranger = job(3, "Completed");  // a training job that only looks like one
  CHECK(records.insert(training_job_kind, stranger));
  store::Record other = job(4, "Completed");
  other.name = "tune-002-abc";
  mark_trial(other, arn + "-002", 1, definition, {});  // of the tuning job "tune-002"
  CHECK(records.insert(training_job_kind, other));
  std::vector<std::int64_t> numbers;
  for (const TrialJob& trial : trials_of(records, arn)) numbers.push_back(trial.number);
  CHECK(numbers == std::vector<std::int64_t>{2, 10, 1000});
  CHECK(page({{"MaxResults", 100}})["TrainingJobSummaries"].size() == 3);
  CHECK(trials_of(records, arn + "-002").size() == 1);
  release_trials(records, arn);
  CHECK(trials_of(records, arn).empty());
  CHECK(page(json::object())["TrainingJobSummaries"].empty());
  CHECK(trials_of(records, arn + "-002").size() == 1);
  CHECK(records.find(training_job_kind, trial_job_name("tune", 2, 0xab2e9b77))->document["TuningJobArn"] ==
        arn);
}

TEST_CASE_FIXTURE(Trials, "the listing's orders and filter") {
  add(1, 0.5);
  add(2, std::nullopt, "Failed");
  add(3, 0.25, "Stopped");
  add(4, std::nullopt, "InProgress");
  add(5, 0.75);
  CHECK(all(json::object()) == Names{"001", "002", "003", "004", "005"});
  CHECK(all({{"SortOrder", "Descending"}}) == Names{"005", "004", "003", "002", "001"});
  CHECK(all({{"SortBy", "CreationTime"}}) == Names{"001", "002", "003", "004", "005"});
  CHECK(all({{"SortBy", "Status"}}) == Names{"001", "005", "002", "004", "003"});
  CHECK(all({{"StatusEquals", "Completed"}}) == Names{"001", "005"});
  CHECK(all({{"SortBy", "FinalObjectiveMetricValue"}}) == Names{"003", "001", "005"});
  CHECK(all({{"SortBy", "FinalObjectiveMetricValue"}, {"SortOrder", "Descending"}}) ==
        Names{"005", "001", "003"});
  CHECK(all({{"SortBy", "FinalObjectiveMetricValue"}, {"StatusEquals", "Completed"}}) == Names{"001", "005"});
}

TEST_CASE_FIXTURE(Trials, "pages stay stable while trials come and end") {
  for (std::int64_t number = 1; number <= 9; ++number) add(number, static_cast<double>(number % 3));
  std::int64_t next = 100;
  const auto come = [&] { add(next++, std::nullopt, "InProgress"); };
  for (const char* order : {"Ascending", "Descending"})
    for (const char* by : {"Name", "CreationTime", "Status", "FinalObjectiveMetricValue"}) {
      CAPTURE(order);
      CAPTURE(by);
      const Names found = all({{"SortBy", by}, {"SortOrder", order}, {"MaxResults", 2}}, come);
      const std::set<std::string> different(found.begin(), found.end());
      CHECK(different.size() == found.size());
      for (std::int64_t number = 1; number <= 9; ++number)
        CHECK(different.contains("00" + std::to_string(number)));
    }
  // Equal objectives are no reason to lose one, and a better one may come between two pages.
  json input = {{"SortBy", "FinalObjectiveMetricValue"}, {"MaxResults", 4}};
  json first = page(input);
  CHECK(names(first) == Names{"003", "006", "009", "001"});
  add(900, -1.0);
  input["NextToken"] = first["NextToken"];
  CHECK(names(page(input)) == Names{"004", "007", "002", "005"});
}

TEST_CASE_FIXTURE(Trials, "a token of another listing is refused") {
  for (std::int64_t number = 1; number <= 3; ++number) add(number, 0.5);
  const json input = {{"SortBy", "FinalObjectiveMetricValue"}, {"MaxResults", 1}};
  json other = input;
  other["SortOrder"] = "Descending";
  other["NextToken"] = page(input)["NextToken"];
  for (const json& wrong : {other, json{{"MaxResults", 1}, {"NextToken", other["NextToken"]}},
                            json{{"SortBy", "FinalObjectiveMetricValue"}, {"NextToken", "WzFd"}},
                            json{{"SortBy", "FinalObjectiveMetricValue"}, {"NextToken", "?"}}})
    CHECK_THROWS_WITH_AS(page(wrong), "Invalid pagination token given.", ServiceFault);
}

TEST_CASE_FIXTURE(Trials, "a thousand trials are listed and paged") {
  for (std::int64_t number = 1; number <= 1'000; ++number) add(number, 1.0 / static_cast<double>(number));
  for (const char* by : {"Name", "FinalObjectiveMetricValue"}) {
    std::size_t pages = 1;
    CHECK(all({{"SortBy", by}, {"MaxResults", 100}}, [&] { ++pages; }).size() == 1'000);
    CHECK(pages == 10);
  }
}
