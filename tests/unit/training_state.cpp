// Goal: times, billing and transitions of a job are those of AWS, over interruptions too.
#include <doctest/doctest.h>

#include "emulator/services/sagemaker/prices.hpp"
#include "emulator/services/sagemaker/training/state.hpp"

using sagemaker::json;
using namespace sagemaker::local;
namespace state = sagemaker::local::services::training_state;

namespace {

store::Record new_job(bool spot) {
  store::Record job;
  job.name = "job";
  job.status = "InProgress";
  job.document = {{"TrainingJobName", "job"}, {"EnableManagedSpotTraining", spot}};
  state::enter(job, "Starting", "Starting the training job", 1'000);
  return job;
}

}  // namespace

TEST_CASE("a started second counts, and only the time with instances") {
  store::Record job = new_job(false);
  state::take_instances(job, 10'000);
  state::give_instances_back(job, 13'400);
  state::take_instances(job, 60'000);
  state::finish(job, "Completed", "Completed", "Training job completed", 66'500);
  CHECK(job.document["TrainingTimeInSeconds"] == 10);
  CHECK(job.document["BillableTimeInSeconds"] == 10);
  CHECK(job.document["TrainingStartTime"] == 10.0);
  CHECK(job.document["TrainingEndTime"] == 66.5);
}

TEST_CASE("spot instances are billed at their share") {
  store::Record job = new_job(true);
  state::take_instances(job, 0);
  state::finish(job, "Completed", "Completed", "Training job completed", 100'000);
  CHECK(job.document["TrainingTimeInSeconds"] == 100);
  CHECK(job.document["BillableTimeInSeconds"] == 100 * services::spot_price_ratio);
}

TEST_CASE("a job that never had instances is not billed") {
  store::Record job = new_job(false);
  state::finish(job, "Stopped", "Stopped", "Training job stopped", 5'000);
  CHECK_FALSE(job.document.contains("BillableTimeInSeconds"));
  CHECK_FALSE(job.document.contains("TrainingStartTime"));
  CHECK(job.document["TrainingEndTime"] == 5.0);
}

TEST_CASE("transitions follow each other without a gap, and notes are not shown") {
  store::Record job = new_job(false);
  state::own_notes(job)["retries"] = 1;
  state::enter(job, "Training", "Training in progress.", 2'000);
  state::say(job, "still", 2'500);
  state::fail(job, std::string(2000, 'x'), 3'000);
  const json shown = state::description(job);
  const json& transitions = shown["SecondaryStatusTransitions"];
  REQUIRE(transitions.size() == 3);
  CHECK(transitions[0]["EndTime"] == transitions[1]["StartTime"]);
  CHECK(transitions[1]["StatusMessage"] == "still");
  CHECK(transitions[2]["EndTime"] == 3.0);
  CHECK(shown["FailureReason"].get<std::string>().size() == 1024);
  for (const auto& [name, value] : shown.items()) CHECK_FALSE(name.starts_with("_"));
}

TEST_CASE("a failure reason is cut after 1024 characters, and never within one") {
  std::string reason;
  for (int i = 0; i < 1100; ++i) reason += "\u00e9";
  store::Record job = new_job(false);
  state::fail(job, reason, 3'000);
  CHECK(job.document["FailureReason"] == reason.substr(0, 2048));
  state::fail(job,
              "a\xff"
              "b",
              3'000);
  CHECK(job.document["FailureReason"] == "a?b");
}

TEST_CASE("a clock that was set back does not turn a job's story around") {
  store::Record job = new_job(false);
  state::take_instances(job, 10'000);
  state::enter(job, "Training", "Training in progress.", 20'000);
  state::enter(job, "Uploading", "Uploading generated training model", 4'000);
  state::finish(job, "Completed", "Completed", "Training job completed", 5'000);
  double last = 0;
  for (const json& transition : job.document["SecondaryStatusTransitions"]) {
    CHECK(transition["StartTime"].get<double>() >= last);
    CHECK(transition["EndTime"] >= transition["StartTime"]);
    last = transition["EndTime"];
  }
  CHECK(job.document["TrainingEndTime"] == 20.0);
  CHECK(job.document["LastModifiedTime"] == 20.0);
  CHECK(job.document["TrainingTimeInSeconds"] == 1);
}

TEST_CASE("metrics of a later attempt take the place of earlier ones, the others stay") {
  const auto metric = [](const char* name, double value) {
    return json{{"MetricName", name}, {"Value", value}, {"Timestamp", value}};
  };
  store::Record job = new_job(true);
  state::add_metrics(job, json::array());
  CHECK_FALSE(job.document.contains("FinalMetricDataList"));
  state::add_metrics(job, {metric("loss", 2), metric("accuracy", 0.5)});
  state::add_metrics(job, json::array({metric("loss", 1)}));
  state::add_metrics(job, json::array());
  CHECK(job.document["FinalMetricDataList"] == json{metric("loss", 1), metric("accuracy", 0.5)});
}

TEST_CASE("a job that ends keeps no instances unless somebody says so") {
  store::Record job = new_job(false);
  job.document["WarmPoolStatus"] = {{"Status", "InUse"}};
  state::fail(job, "InternalServerError: it broke", 2'000);
  CHECK(job.document["WarmPoolStatus"]["Status"] == "Terminated");
}

TEST_CASE("prices are known for common types and never negative") {
  CHECK(services::training_price_per_hour("ml.m5.xlarge") == 0.23);
  CHECK_FALSE(services::training_price_per_hour("local").has_value());
}
