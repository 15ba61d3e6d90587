// Goal: what a tuning job's request says becomes the plan of its work and the requests of its training jobs.
#include <doctest/doctest.h>

#include "emulator/services/sagemaker/tuning/autotune.hpp"
#include "emulator/services/sagemaker/tuning/definition.hpp"
#include "emulator/services/sagemaker/tuning/range_validation.hpp"
#include "emulator/services/sagemaker/tuning/ranges.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::services::tuning_job;
using sagemaker::json;

namespace {

json definition() {
  return {{"StaticHyperParameters", {{"epochs", "\"7\""}, {"depth", "3"}}},
          {"AlgorithmSpecification", {{"TrainingImage", "image"}, {"TrainingInputMode", "File"}}},
          {"RoleArn", "role"},
          {"OutputDataConfig", {{"S3OutputPath", "s3://b/o"}}},
          {"HyperParameterTuningResourceConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 2}}},
          {"StoppingCondition", {{"MaxRuntimeInSeconds", 60}}},
          {"CheckpointConfig", {{"S3Uri", "s3://b/c"}}}};
}

json ranges() {
  return {{"ContinuousParameterRanges",
           {{{"Name", "lr"}, {"MinValue", "1e-4"}, {"MaxValue", "1"}, {"ScalingType", "Logarithmic"}}}},
          {"IntegerParameterRanges", {{{"Name", "width"}, {"MinValue", "-2"}, {"MaxValue", "+8"}}}},
          {"CategoricalParameterRanges", {{{"Name", "opt"}, {"Values", {"sgd", "adam"}}}}}};
}

json request() {
  return {{"HyperParameterTuningJobName", "tune"},
          {"HyperParameterTuningJobConfig",
           {{"Strategy", "Bayesian"},
            {"HyperParameterTuningJobObjective", {{"Type", "Minimize"}, {"MetricName", "loss"}}},
            {"ResourceLimits",
             {{"MaxNumberOfTrainingJobs", 20}, {"MaxParallelTrainingJobs", 3}, {"MaxRuntimeInSeconds", 600}}},
            {"ParameterRanges", ranges()}}},
          {"TrainingJobDefinition", definition()}};
}

}  // namespace

TEST_CASE("combinations are counted exactly, however great the integers are") {
  const auto integers = [](const char* least, const char* most) {
    return combinations(
        {{"IntegerParameterRanges", {{{"Name", "n"}, {"MinValue", least}, {"MaxValue", most}}}}});
  };
  CHECK(integers("9223372036854775805", "9223372036854775807") == 3);
  CHECK(integers("-9223372036854775808", "-9223372036854775805") == 4);
  CHECK(integers("-9223372036854775808", "9223372036854775807") == 0x1p64);
  CHECK_FALSE(combinations(ranges()));
}

TEST_CASE("a plan has what the request says") {
  json input = request();
  json& config = input["HyperParameterTuningJobConfig"];
  config["TuningJobCompletionCriteria"] = {
      {"TargetObjectiveMetricValue", 0.1},
      {"BestObjectiveNotImproving", {{"MaxNumberOfTrainingJobsNotImproving", 5}}},
      {"ConvergenceDetected", {{"CompleteOnConvergence", "Enabled"}}}};
  config["TrainingJobEarlyStoppingType"] = "Auto";
  input["_notes"]["seed"] = 17;
  const Plan plan = plan_of(input);
  CHECK(plan.strategy == Strategy::bayesian);
  CHECK(plan.trials_max == 20);
  CHECK(plan.parallel_max == 3);
  CHECK(plan.runtime_s == 600);
  CHECK(plan.early_stopping);
  CHECK(plan.completion.target == 0.1);
  CHECK(plan.completion.not_improving == 5);
  CHECK(plan.completion.on_convergence);
  CHECK(plan.seed == 17);
  REQUIRE(plan.definitions.size() == 1);
  const Definition& only = plan.definitions.front();
  CHECK(only.objective.goal == tuning::Goal::minimize);
  CHECK(only.objective.metric == "loss");
  CHECK(only.max_resource == 7);
  REQUIRE(only.space.size() == 3);
  const auto& lr = std::get<tuning::Continuous>(only.space.parameters()[0].range);
  CHECK(lr.min == 1e-4);
  CHECK(lr.max == 1);
  CHECK(lr.scaling == tuning::Scaling::logarithmic);
  const auto& width = std::get<tuning::Integer>(only.space.parameters()[1].range);
  CHECK(width.min == -2);
  CHECK(width.max == 8);
  CHECK(width.scaling == tuning::Scaling::automatic);
  CHECK(std::get<tuning::Categorical>(only.space.parameters()[2].range).values ==
        std::vector<std::string>{"sgd", "adam"});
}

TEST_CASE("a grid has as many trials as combinations, also where these cannot be counted") {
  const auto trials = [](int parameters) {
    json values = json::array(), categories = json::array();
    for (int i = 0; i < 16; ++i) values.push_back(std::to_string(i));
    for (int i = 0; i < parameters; ++i)
      categories.push_back({{"Name", "p" + std::to_string(i)}, {"Values", values}});
    json grid = request();
    json& config = grid["HyperParameterTuningJobConfig"];
    config["Strategy"] = "Grid";
    config["ParameterRanges"] = {{"CategoricalParameterRanges", categories}};
    config["ResourceLimits"].erase("MaxNumberOfTrainingJobs");
    return plan_of(grid).trials_max;
  };
  CHECK(trials(2) == 256);
  CHECK(trials(15) == std::size_t{1} << 60);
  CHECK(trials(16) == std::size_t{1} << 62);  // 2^64 would be none
  CHECK(trials(30) == std::size_t{1} << 62);
}

TEST_CASE("several definitions have their own objectives and spaces") {
  json input = request();
  json& config = input["HyperParameterTuningJobConfig"];
  config.erase("HyperParameterTuningJobObjective");
  config.erase("ParameterRanges");
  config["Strategy"] = "Grid";
  input.erase("TrainingJobDefinition");
  for (const char* name : {"a", "b"}) {
    json one = definition();
    one["DefinitionName"] = name;
    one["TuningObjective"] = {{"Type", name[0] == 'a' ? "Minimize" : "Maximize"}, {"MetricName", name}};
    one["HyperParameterRanges"] = {
        {"CategoricalParameterRanges",
         {{{"Name", "x"}, {"Values", {"1", "2"}}}, {{"Name", "y"}, {"Values", {"1", "2", "3"}}}}}};
    input["TrainingJobDefinitions"].push_back(one);
  }
  const Plan plan = plan_of(input);
  CHECK(plan.trials_max == 12);  // what both grids hold
  REQUIRE(plan.definitions.size() == 2);
  CHECK(plan.definitions[1].name == "b");
  CHECK(plan.definitions[1].objective.goal == tuning::Goal::maximize);
  const json job = training_request(plan.definitions[1], {{"x", "2"}, {"y", "3"}}, "tune-001-00000000");
  for (const char* ours : {"DefinitionName", "TuningObjective", "HyperParameterRanges"})
    CHECK_FALSE(job.contains(ours));
  CHECK(job["HyperParameters"]["_tuning_objective_metric"] == "b");
}

TEST_CASE("the request of a training job") {
  const Plan plan = plan_of(request());
  const json job =
      training_request(plan.definitions.front(), {{"lr", "0.1"}, {"opt", "adam"}}, "tune-001-abcdef01");
  CHECK(job == json{{"TrainingJobName", "tune-001-abcdef01"},
                    {"HyperParameters",
                     {{"epochs", "\"7\""},
                      {"depth", "3"},
                      {"lr", "0.1"},
                      {"opt", "adam"},
                      {"_tuning_objective_metric", "loss"}}},
                    {"AlgorithmSpecification", {{"TrainingImage", "image"}, {"TrainingInputMode", "File"}}},
                    {"RoleArn", "role"},
                    {"OutputDataConfig", {{"S3OutputPath", "s3://b/o"}}},
                    {"ResourceConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 2}}},
                    {"StoppingCondition", {{"MaxRuntimeInSeconds", 60}}},
                    // Two trials never share their checkpoints.
                    {"CheckpointConfig", {{"S3Uri", "s3://b/c/tune-001-abcdef01"}}}});
}

TEST_CASE("of several instance configurations it is the first") {
  json document = definition();
  document["HyperParameterTuningResourceConfig"] = {
      {"AllocationStrategy", "Prioritized"},
      {"VolumeKmsKeyId", "key"},
      {"InstanceConfigs",
       {{{"InstanceType", "ml.c5.xlarge"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 9}},
        {{"InstanceType", "ml.m5.xlarge"}, {"InstanceCount", 4}, {"VolumeSizeInGB", 8}}}}};
  CHECK(training_resources(document) == json{{"InstanceType", "ml.c5.xlarge"},
                                             {"InstanceCount", 1},
                                             {"VolumeSizeInGB", 9},
                                             {"VolumeKmsKeyId", "key"}});
}

TEST_CASE("epochs are inferred from AWS's names, in whatever encoding") {
  const auto inferred = [](json fixed) {
    return inferred_max_resource({{"StaticHyperParameters", std::move(fixed)}});
  };
  CHECK(inferred({{"epochs", "27"}}) == 27);
  CHECK(inferred({{"n-epochs", "\"27\""}}) == 27);
  CHECK(inferred({{"num_epochs", "5"}, {"depth", "3"}}) == 5);
  CHECK_FALSE(inferred({{"depth", "3"}}));
  CHECK_FALSE(inferred({{"epochs", "many"}}));
  CHECK_FALSE(inferred({{"epochs", "0"}}));
}

TEST_CASE("Autotune makes ranges of examples and fills in what was left out") {
  CHECK(with_autotune(request()) == request());
  json input = request();
  input["Autotune"] = {{"Mode", "Enabled"}};
  json& config = input["HyperParameterTuningJobConfig"];
  config["ParameterRanges"] = {{"AutoParameters",
                                {{{"Name", "depth"}, {"ValueHint", "4"}},
                                 {{"Name", "lr"}, {"ValueHint", "0.01"}},
                                 {{"Name", "bias"}, {"ValueHint", "true"}}}}};
  config["ResourceLimits"] = {{"MaxParallelTrainingJobs", 2}};
  const json chosen = with_autotune(input);
  const json& settled = chosen["HyperParameterTuningJobConfig"];
  const json& made = settled["ParameterRanges"];
  CHECK_FALSE(made.contains("AutoParameters"));
  CHECK(made["IntegerParameterRanges"][0]["Name"] == "depth");
  CHECK(made["ContinuousParameterRanges"][0]["Name"] == "lr");
  CHECK(made["CategoricalParameterRanges"][0]["Values"].size() == 2);
  CHECK(plan_of(chosen).definitions.front().space.size() == 3);
  CHECK(settled["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 30);
  CHECK(settled["TrainingJobEarlyStoppingType"] == "Auto");
  CHECK(plan_of(chosen).completion.on_convergence);
  CHECK(chosen["TrainingJobDefinition"]["RetryStrategy"]["MaximumRetryAttempts"] == 1);
  config["Strategy"] = "Hyperband";
  config["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 7;
  const json hyperband = with_autotune(input)["HyperParameterTuningJobConfig"];
  CHECK(hyperband["TrainingJobEarlyStoppingType"] == "Off");
  CHECK(hyperband["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 7);
}
