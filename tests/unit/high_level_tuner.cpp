// Tuning jobs: what goes wrong before anything is sent, how a job is followed, its best training job and the
// rows of its analytics. The requests themselves are compared with the Python SDK's in
// tests/clients/sagemaker_sdk_tuning_documents.py.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

const std::string role = "arn:aws:iam::111122223333:role/Server";

SessionOptions with_bucket() { return {.endpoint_url = "http://127.0.0.1:4566", .default_bucket = "mine"}; }

Estimator estimator(const Stage& stage, EstimatorOptions options = {}) {
  options.image_uri = "registry/image:1";
  options.role = role;
  options.instance_type = "ml.m5.large";
  return {stage.session, options};
}
TunerOptions basic(TunerOptions options = {}) {
  if (options.objective_metric_name.empty()) options.objective_metric_name = "accuracy";
  if (options.hyperparameter_ranges.empty())
    options.hyperparameter_ranges = {{"lr", ContinuousParameter(0.001, 0.1, "Logarithmic")},
                                     {"optimizer", CategoricalParameter({"sgd", "adam"})}};
  return options;
}

json trial(int number, const std::string& status, std::optional<double> value, const std::string& objective) {
  json summary{{"TrainingJobName", "t-00" + std::to_string(number) + "-abcd"},
               {"TrainingJobStatus", status},
               {"CreationTime", 1000 + number},
               {"ObjectiveStatus", objective},
               {"TunedHyperParameters", {{"lr", "0.0" + std::to_string(number)}, {"optimizer", "\"sgd\""}}}};
  if (value)
    summary["FinalHyperParameterTuningJobObjectiveMetric"] = {{"MetricName", "accuracy"}, {"Value", *value}};
  return summary;
}

// Newest first, as the service is asked for them.
json listed(std::vector<json> summaries) {
  return {{"TrainingJobSummaries", json(std::vector<json>(summaries.rbegin(), summaries.rend()))}};
}

json job(const std::string& status, int completed, int running, json more = json::object()) {
  more["HyperParameterTuningJobName"] = "t";
  more["HyperParameterTuningJobStatus"] = status;
  more["CreationTime"] = 1'000'000.5;
  more["LastModifiedTime"] = 1'000'060.5;
  more["HyperParameterTuningJobConfig"] = {
      {"Strategy", "Bayesian"},
      {"HyperParameterTuningJobObjective", {{"Type", "Maximize"}, {"MetricName", "accuracy"}}},
      {"ResourceLimits", {{"MaxNumberOfTrainingJobs", 3}, {"MaxParallelTrainingJobs", 2}}}};
  more["TrainingJobStatusCounters"] = {{"Completed", completed}, {"InProgress", running}, {"Stopped", 0}};
  more["ObjectiveStatusCounters"] = {{"Succeeded", completed}, {"Pending", running}, {"Failed", 0}};
  return more;
}

// Two training jobs at a time, three in all: the second is the best, the third fails.
void script_job(ScriptedAws& aws) {
  aws.on("DescribeHyperParameterTuningJob",
         {answer_json(job("InProgress", 0, 2)), answer_json(job("InProgress", 1, 2)),
          answer_json(job("InProgress", 1, 2)), answer_json(job("Completed", 2, 0))});
  const json first = trial(1, "Completed", 0.5, "Succeeded");
  const json second = trial(2, "Completed", 0.75, "Succeeded");
  json third = trial(3, "Failed", std::nullopt, "Failed");
  third["FailureReason"] = "AlgorithmError: out of paper";
  const json pending_first = trial(1, "InProgress", std::nullopt, "Pending");
  const json pending_second = trial(2, "InProgress", std::nullopt, "Pending");
  aws.on("ListTrainingJobsForHyperParameterTuningJob",
         {answer_json(listed({pending_first, pending_second})),
          answer_json(listed({first, pending_second, trial(3, "InProgress", std::nullopt, "Pending")})),
          answer_json(listed({first, second, third}))});
  const auto so_far = answer_json({{"FinalMetricDataList", {{{"MetricName", "accuracy"}, {"Value", 0.25}}}}});
  // That one of them cannot be described, for it was deleted, is no reason to stop following the others.
  aws.on("DescribeTrainingJob",
         {so_far, refusal("ValidationException", "Requested resource not found."), so_far});
}

std::string text_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("what cannot be tuned is refused before anything is sent") {
  Stage stage(with_bucket());
  const auto refusal_of = [&](TunerOptions options, EstimatorOptions trained = {}) {
    return message_of([&] { HyperparameterTuner(estimator(stage, std::move(trained)), std::move(options)); });
  };
  CHECK(refusal_of({}).starts_with("objective_metric_name is missing"));
  CHECK(refusal_of({.objective_metric_name = "accuracy"}) ==
        "Need to specify hyperparameter ranges or set autotune=True.");
  CHECK(refusal_of(basic({.hyperparameters_to_keep_static = {"a"}}))
            .starts_with("hyperparameters_to_keep_static parameter is set, however Autotune mode"));
  CHECK(refusal_of(basic({.autotune = true, .hyperparameters_to_keep_static = {"a", "a"}})) ==
        "Please remove duplicate names in hyperparameters_to_keep_static.");
  CHECK(refusal_of(basic({.objective_type = "Most"})).starts_with("Unrecognized objective type: Most."));
  CHECK(refusal_of(basic({.warm_start_config = WarmStartConfig{}})).starts_with("Invalid parents"));
  CHECK(refusal_of(basic(), {.container_entry_point = {"/bin/sh"}}) ==
        "container_entry_point cannot be used with tuning jobs: the service has none");
  CHECK(message_of([&] { HyperparameterTuner::create({}); }) == "At least one estimator should be provided");

  const TunerDefinition definition{
      .estimator = estimator(stage),
      .objective_metric_name = "accuracy",
      .hyperparameter_ranges = {{"lr", ContinuousParameter(0, 1)}},
  };
  HyperparameterTuner two = HyperparameterTuner::create({{"one", definition}, {"two", definition}});
  CHECK(message_of([&] {
          two.fit_each({{"three", "s3://d/rows"}});
        }) == "The keys of argument 'inputs' must be names of estimators; there is no \"three\"");
  CHECK_THROWS_AS(two.override_resource_config({{"three", {InstanceConfig{1, "ml.m5.large"}}}}), ConfigError);
  CHECK(message_of([&] { two.wait(); }) == "No tuning job available: call fit() first");
  CHECK_THROWS_AS(two.best_training_job(), ConfigError);
  CHECK_THROWS_AS(two.stop_tuning_job(), ConfigError);
  CHECK_THROWS_AS(two.identical_dataset_and_algorithm_tuner(), ConfigError);

  HyperparameterTuner scaled(estimator(stage),
                             basic({.hyperparameter_ranges = {{"x", IntegerParameter(1, 2, "Cubic")}}}));
  CHECK_THROWS_AS(scaled.fit(), ConfigError);
  HyperparameterTuner kept(estimator(stage),
                           basic({.autotune = true, .hyperparameters_to_keep_static = {"nobody"}}));
  CHECK(message_of([&] { kept.fit(); }) ==
        "Names in hyperparameters_to_keep_static must be members of estimator's hyperparameters.");
  CHECK(stage.aws->count("CreateHyperParameterTuningJob") == 0);
}

TEST_CASE("a job is followed training job by training job, to the best one") {
  Stage stage(with_bucket());
  script_job(*stage.aws);
  HyperparameterTuner tuner(estimator(stage), basic({.max_jobs = 3, .max_parallel_jobs = 2}));
  tuner.fit("s3://d/rows", {.job_name = "t"});
  CHECK(stage.lines ==
        std::vector<std::string>{
            "Creating hyperparameter tuning job with name: t",
            "1970-01-12 13:47:40 InProgress - HyperParameterTuning job t",
            "Training job t-001-abcd Completed: accuracy 0.5, the best so far (lr=0.01 optimizer=sgd)",
            "Training job t-002-abcd Completed: accuracy 0.75, the best so far (lr=0.02 optimizer=sgd)",
            "Training job t-003-abcd Failed: AlgorithmError: out of paper (lr=0.03 optimizer=sgd)",
            "1970-01-12 13:47:40 Completed - HyperParameterTuning job t",
            "Best training job: t-002-abcd, accuracy 0.75 (lr=0.02 optimizer=sgd)"});
  CHECK(tuner.latest_tuning_job() == "t");
  CHECK(stage.aws->count("ListTrainingJobsForHyperParameterTuningJob") == 3);  // where counters have changed
  CHECK(stage.aws->count("DescribeTrainingJob") == 0);                         // only a terminal shows these
  const json query = stage.aws->document("ListTrainingJobsForHyperParameterTuningJob");
  CHECK(query["SortOrder"] == "Descending");
  CHECK(query["MaxResults"] == 100);

  stage.aws->on_json("DescribeHyperParameterTuningJob", job("Completed", 2, 0));
  stage.lines.clear();
  CHECK(tuner.wait(/*logs=*/false)["HyperParameterTuningJobStatus"] == "Completed");
  CHECK(stage.lines ==
        std::vector<std::string>{"1970-01-12 13:47:40 Completed - HyperParameterTuning job t"});
}

TEST_CASE("of many training jobs only pages with news are asked for") {
  Stage stage(with_bucket());
  stage.aws->on("DescribeHyperParameterTuningJob",
                {answer_json(job("InProgress", 2, 1)), answer_json(job("Completed", 3, 0))});
  std::vector<std::string> tokens;
  stage.aws->on_call("ListTrainingJobsForHyperParameterTuningJob", [&](const aws::HttpRequest& request) {
    const std::string token = aws::parse_json(request.body).value("NextToken", "");
    tokens.push_back(token);
    if (!token.empty()) return answer_json(listed({trial(1, "Completed", 0.5, "Succeeded")}));
    const bool over = tokens.size() > 2;
    json page = listed(
        {trial(2, "Completed", 0.25, "Succeeded"),
         over ? trial(3, "Completed", 0.75, "Succeeded") : trial(3, "InProgress", std::nullopt, "Pending")});
    page["NextToken"] = "older";
    return answer_json(page);
  });
  stage.session.follow_tuning_job("t");
  CHECK(tokens == std::vector<std::string>{"", "older", ""});
}

TEST_CASE(
    "training jobs of several definitions are told with their own objectives, deleted ones are left out") {
  Stage stage(with_bucket());
  const auto described = [](const std::string& status, int completed, int running) {
    json several = job(status, completed, running);
    several["HyperParameterTuningJobConfig"].erase("HyperParameterTuningJobObjective");
    for (const char* metric : {"error", "loss"})
      several["TrainingJobDefinitions"].push_back(
          {{"DefinitionName", metric + std::string("-definition")},
           {"TuningObjective", {{"Type", "Minimize"}, {"MetricName", metric}}}});
    return answer_json(several);
  };
  const auto of = [](json summary, const char* definition) {
    summary["TrainingJobDefinitionName"] = definition;
    return summary;
  };
  const json deleted = of(trial(1, "InProgress", std::nullopt, "Pending"), "error-definition");
  stage.aws->on("DescribeHyperParameterTuningJob",
                {described("InProgress", 0, 1), described("InProgress", 1, 1), described("Completed", 2, 0)});
  const json error = of(trial(2, "Completed", 0.75, "Succeeded"), "error-definition");
  const json loss = of(trial(3, "Completed", 0.5, "Succeeded"), "loss-definition");
  json last = listed({error, loss});
  last["NextToken"] = "older";  // nobody asks for a page for the sake of the deleted one
  stage.aws->on("ListTrainingJobsForHyperParameterTuningJob",
                {answer_json(listed({deleted})), answer_json(listed({error})), answer_json(last)});
  stage.session.follow_tuning_job("t");
  const auto told = [&](const std::string& line) {
    return std::count(stage.lines.begin(), stage.lines.end(), line);
  };
  CHECK(told("Training job t-002-abcd Completed: error 0.75, the best so far (lr=0.02 optimizer=sgd)") == 1);
  CHECK(told("Training job t-003-abcd Completed: loss 0.5, the best so far (lr=0.03 optimizer=sgd)") == 1);
  CHECK(told("Best training job: t-003-abcd, loss 0.5 (lr=0.03 optimizer=sgd)") == 1);
  CHECK(stage.aws->count("ListTrainingJobsForHyperParameterTuningJob") == 3);
}

TEST_CASE("a tuning job that fails throws its reason, one that is stopped does not") {
  Stage stage(with_bucket());
  stage.aws->on_json("ListTrainingJobsForHyperParameterTuningJob", listed({}));
  stage.aws->on_json("DescribeHyperParameterTuningJob",
                     job("Failed", 0, 0, {{"FailureReason", "All training jobs failed"}}));
  HyperparameterTuner tuner(estimator(stage), basic());
  try {
    tuner.fit({}, {.job_name = "t"});
    FAIL("no error");
  } catch (const UnexpectedStatus& error) {
    CHECK(error.reason() == "All training jobs failed");
    CHECK(std::string(error.what()).starts_with("Error for HyperParameterTuning job t: Failed."));
  }
  CHECK_THROWS_AS(stage.session.wait_for_tuning_job("t"), UnexpectedStatus);
  CHECK(message_of([&] { tuner.best_training_job(); }) ==
        "Best training job not available for tuning job: t");
  CHECK_THROWS_AS(tuner.deploy({.instance_type = "ml.m5.large"}), Error);

  stage.aws->on("DescribeHyperParameterTuningJob",
                {answer_json(job("Stopping", 0, 0)), answer_json(job("Stopped", 0, 0))});
  tuner.stop_tuning_job();
  CHECK(stage.aws->document("StopHyperParameterTuningJob") == json{{"HyperParameterTuningJobName", "t"}});
  tuner.wait();
  CHECK(stage.lines.back().starts_with("Job ended with status 'Stopped' rather than 'Completed'."));
}

TEST_CASE("names fit into 32 characters, and the estimator's tags follow") {
  Stage stage(with_bucket());
  HyperparameterTuner tuner(
      estimator(stage, {.tags = {{"team", "x"}, {"own", "y"}}}),
      basic({.tags = {{"own", "y"}}, .base_tuning_job_name = "a-name-that-is-rather-long"}));
  tuner.fit({}, {.wait = false});
  const json request = stage.aws->document("CreateHyperParameterTuningJob");
  CHECK(request["HyperParameterTuningJobName"] == "a-name-that-is-261121-070000-123");
  CHECK(request["Tags"] == json{{{"Key", "own"}, {"Value", "y"}}, {{"Key", "team"}, {"Value", "x"}}});
  CHECK(detail::base_of_name("digits-261121-070000-123") == "digits");
  CHECK(detail::base_of_name("digits-261121-0700") == "digits");
}

TEST_CASE("each of several scripts keeps sources of its own") {
  Stage stage(with_bucket());
  const TemporaryDirectory folder;
  for (const char* script : {"one.py", "two.py"}) std::ofstream(folder / script) << "print()\n";
  const auto definition = [&](const char* script) {
    return TunerDefinition{.estimator = estimator(stage, {.entry_point = (folder / script).string()}),
                           .objective_metric_name = "accuracy",
                           .hyperparameter_ranges = {{"lr", ContinuousParameter(0, 1)}}};
  };
  HyperparameterTuner tuner =
      HyperparameterTuner::create({{"one", definition("one.py")}, {"two", definition("two.py")}});
  tuner.fit("s3://d/rows", {.wait = false, .job_name = "both"});
  CHECK(stage.aws->count("PUT /mine/both-one/source/sourcedir.tar.gz") == 1);
  CHECK(stage.aws->count("PUT /mine/both-two/source/sourcedir.tar.gz") == 1);
  const json definitions = stage.aws->document("CreateHyperParameterTuningJob")["TrainingJobDefinitions"];
  CHECK(definitions[1]["StaticHyperParameters"]["sagemaker_program"] == "\"two.py\"");
  CHECK(definitions[0]["InputDataConfig"] == definitions[1]["InputDataConfig"]);
}

TEST_CASE("where a script lies is never searched by autotune") {
  Stage stage(with_bucket());
  const TemporaryDirectory folder;
  std::ofstream(folder / "one.py") << "print()\n";
  HyperparameterTuner tuner(
      estimator(stage,
                {.entry_point = (folder / "one.py").string(), .hyperparameters = {{"a", 1}, {"b", 2}}}),
      {.objective_metric_name = "accuracy", .autotune = true, .hyperparameters_to_keep_static = {"b"}});
  tuner.fit({}, {.wait = false});
  const json request = stage.aws->document("CreateHyperParameterTuningJob");
  CHECK(request["HyperParameterTuningJobConfig"]["ParameterRanges"] ==
        json{{"AutoParameters", {{{"Name", "a"}, {"ValueHint", "1"}}}}});
  CHECK(request["TrainingJobDefinition"]["StaticHyperParameters"].contains("sagemaker_program"));
  CHECK(request["TrainingJobDefinition"]["StaticHyperParameters"]["b"] == "2");
}

TEST_CASE("an attached tuner starts jobs like the one it was attached to") {
  Stage stage(with_bucket());
  HyperparameterTuner tuner(
      estimator(stage, {.hyperparameters = {{"epochs", 3}}}),
      basic({.strategy = "Hyperband",
             .objective_type = "Minimize",
             .max_jobs = 9,
             .max_runtime_in_seconds = 600,
             .warm_start_config = WarmStartConfig{WarmStartTypes::identical_data_and_algorithm, {"p"}},
             .strategy_config = StrategyConfig{{.max_resource = 9, .min_resource = 1}},
             .completion_criteria_config =
                 TuningJobCompletionCriteriaConfig{.max_number_of_training_jobs_not_improving = 4,
                                                   .complete_on_convergence = true,
                                                   .target_objective_metric_value = 0.5},
             .random_seed = 7}));
  tuner.override_resource_config({{1, "ml.m5.large", 10}, {2, "ml.c5.large"}});
  tuner.fit("s3://d/rows", {.wait = false, .job_name = "first-261121-060000-000"});
  const json first = stage.aws->document("CreateHyperParameterTuningJob");

  json described = first;
  described["TrainingJobDefinition"]["StaticHyperParameters"]["_tuning_objective_metric"] = "accuracy";
  stage.aws->on_json("DescribeHyperParameterTuningJob", described);
  HyperparameterTuner attached = HyperparameterTuner::attach(stage.session, "first-261121-060000-000");
  CHECK(attached.latest_tuning_job() == "first-261121-060000-000");
  attached.fit("s3://d/rows", {.wait = false});
  json second = stage.aws->document("CreateHyperParameterTuningJob", 1);
  CHECK(second["HyperParameterTuningJobName"] == "first-261121-070000-123");
  second["HyperParameterTuningJobName"] = first["HyperParameterTuningJobName"];
  CHECK(second == first);
}

TEST_CASE("an attached tuner of several estimators knows each of them") {
  Stage stage(with_bucket());
  const auto definition = [&](const char* metric) {
    return TunerDefinition{.estimator = estimator(stage, {.hyperparameters = {{"a", "b"}}}),
                           .objective_metric_name = metric,
                           .hyperparameter_ranges = {{"lr", ContinuousParameter(0, 1)}},
                           .metric_definitions = {{metric, "m=(.*)"}}};
  };
  HyperparameterTuner tuner = HyperparameterTuner::create(
      {{"one", definition("x")}, {"two", definition("y")}}, {.objective_type = "Minimize", .max_jobs = 5});
  tuner.fit_each({{"one", "s3://d/rows"}}, {.wait = false, .job_name = "both"});
  json first = stage.aws->document("CreateHyperParameterTuningJob");
  CHECK_FALSE(first["TrainingJobDefinitions"][1].contains("InputDataConfig"));
  stage.aws->on_json("DescribeHyperParameterTuningJob", first);
  HyperparameterTuner attached = HyperparameterTuner::attach(stage.session, "both");
  CHECK(attached.hyperparameter_ranges_dict().at("two") ==
        first["TrainingJobDefinitions"][1]["HyperParameterRanges"]);
  attached.fit_each({{"one", "s3://d/rows"}}, {.wait = false, .job_name = "both"});
  CHECK(stage.aws->document("CreateHyperParameterTuningJob", 1) == first);
}

TEST_CASE("texts to choose from are JSON for scripts of frameworks, after attach too") {
  Stage stage(with_bucket());
  const TemporaryDirectory folder;
  std::ofstream(folder / "train.py") << "print()\n";
  const PyTorch framework(stage.session, {.entry_point = (folder / "train.py").string(),
                                          .framework_version = "2.4",
                                          .py_version = "py311",
                                          .role = role,
                                          .instance_type = "ml.c5.xlarge",
                                          .base_job_name = "digits"});
  HyperparameterTuner tuner(framework, basic());
  tuner.fit({}, {.wait = false, .job_name = "t"});
  const json request = stage.aws->document("CreateHyperParameterTuningJob");
  const json& values =
      request["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"][0]["Values"];
  CHECK(values == json{"\"sgd\"", "\"adam\""});
  stage.aws->on_json("DescribeHyperParameterTuningJob", request);
  const HyperparameterTuner attached = HyperparameterTuner::attach(stage.session, "t");
  CHECK(attached.hyperparameter_ranges() == request["HyperParameterTuningJobConfig"]["ParameterRanges"]);

  // The best one is served by the framework's own serving image.
  stage.aws->on_json("DescribeHyperParameterTuningJob",
                     job("Completed", 1, 0, {{"BestTrainingJob", trial(1, "Completed", 0.5, "Succeeded")}}));
  stage.aws->on_json("DescribeTrainingJob", {{"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model/"}}},
                                             {"OutputDataConfig", {{"CompressionType", "NONE"}}}});
  tuner.deploy({.instance_type = "ml.c5.xlarge", .wait = false});
  const std::string image = stage.aws->document("CreateModel")["PrimaryContainer"]["Image"];
  CHECK(image.ends_with("pytorch-inference:2.4-cpu-py311"));
  CHECK(stage.aws->document("CreateEndpoint")["EndpointName"] == "t-001-abcd");
}

TEST_CASE("the best estimator is that of the best training job") {
  Stage stage(with_bucket());
  json described = job("Completed", 1, 0, {{"BestTrainingJob", trial(2, "Completed", 0.5, "Succeeded")}});
  stage.aws->on_json("DescribeTrainingJob",
                     {{"TrainingJobName", "t-002-abcd"},
                      {"TrainingJobStatus", "Completed"},
                      {"AlgorithmSpecification", {{"TrainingImage", "registry/image:1"}}},
                      {"HyperParameters", {{"lr", "0.02"}}},
                      {"RoleArn", role},
                      {"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model.tar.gz"}}}});
  described["TrainingJobDefinition"] = {{"AlgorithmSpecification", {{"TrainingImage", "registry/image:1"}}}};
  described["HyperParameterTuningJobConfig"]["ParameterRanges"] = {
      {"ContinuousParameterRanges", {{{"Name", "lr"}, {"MinValue", "0"}, {"MaxValue", "1"}}}}};
  stage.aws->on_json("DescribeHyperParameterTuningJob", described);
  const HyperparameterTuner tuner = HyperparameterTuner::attach(stage.session, "t");
  CHECK(tuner.best_training_job() == "t-002-abcd");
  const Estimator best = tuner.best_estimator();
  CHECK(best.latest_training_job() == "t-002-abcd");
  CHECK(best.options().hyperparameters.at("lr") == "0.02");
  tuner.deploy({.instance_type = "ml.m5.large", .endpoint_name = "mine", .wait = false});
  CHECK(stage.aws->document("CreateEndpoint")["EndpointName"] == "mine");
}

TEST_CASE("the rows of a tuning job, as CSV and JSON") {
  Stage stage(with_bucket());
  json first = trial(1, "Completed", 0.5, "Succeeded");
  first["TrainingStartTime"] = 1'000'000.0;
  first["TrainingEndTime"] = 1'000'060.5;
  json second = trial(2, "InProgress", std::nullopt, "Pending");
  second["TunedHyperParameters"]["extra"] = "a,b";
  json page = listed({first});
  page["NextToken"] = "more";
  stage.aws->on("ListTrainingJobsForHyperParameterTuningJob",
                {answer_json(page), answer_json(listed({second}))});
  json described = job("InProgress", 1, 1);
  described["HyperParameterTuningJobConfig"]["ParameterRanges"] = {
      {"ContinuousParameterRanges", {{{"Name", "lr"}, {"MinValue", "0"}, {"MaxValue", "1"}}}}};
  described["TrainingJobDefinition"] = json::object();
  stage.aws->on_json("DescribeHyperParameterTuningJob", described);

  HyperparameterTuningJobAnalytics analytics(stage.session, "t");
  const std::vector<TuningJobRow>& rows = analytics.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].parameters.at("lr") == 0.01);
  CHECK(rows[0].parameters.at("optimizer") == "\"sgd\"");
  CHECK(rows[0].final_objective_value == 0.5);
  CHECK(rows[0].training_elapsed_time_seconds == 60.5);
  CHECK_FALSE(rows[1].final_objective_value);
  CHECK(analytics.csv() ==
        ",extra,lr,optimizer,TrainingJobName,TrainingJobStatus,FinalObjectiveValue,TrainingStartTime,"
        "TrainingEndTime,TrainingElapsedTimeSeconds\n"
        "0,,0.01,\"\"\"sgd\"\"\",t-001-abcd,Completed,0.5,1970-01-12 13:46:40+00:00,1970-01-12 "
        "13:47:40+00:00,60.5\n"
        "1,\"a,b\",0.02,\"\"\"sgd\"\"\",t-002-abcd,InProgress,,,,\n");
  CHECK(analytics.to_json()[1]["FinalObjectiveValue"].is_null());
  CHECK(analytics.to_json()[0]["lr"] == 0.01);
  CHECK(analytics.tuning_ranges() == json{{"lr", {{"Name", "lr"}, {"MinValue", "0"}, {"MaxValue", "1"}}}});
  CHECK(stage.aws->count("ListTrainingJobsForHyperParameterTuningJob") == 2);  // asked for once
  CHECK(analytics.description()["HyperParameterTuningJobName"] == "t");
  CHECK(stage.aws->count("DescribeHyperParameterTuningJob") == 1);
  // A loop over the rows of a temporary reads what the temporary does not take with it.
  const auto temporary = [&] { return HyperparameterTuningJobAnalytics(stage.session, "t"); };
  static_assert(std::is_same_v<decltype(temporary().rows()), std::vector<TuningJobRow>>);
  static_assert(std::is_same_v<decltype(temporary().training_job_summaries()), std::vector<json>>);
  static_assert(std::is_same_v<decltype(temporary().description()), json>);
  static_assert(
      std::is_same_v<decltype(std::declval<TrainingJobAnalytics>().rows()), std::vector<MetricRow>>);
  const TemporaryDirectory folder;
  analytics.export_csv(folder / "rows.csv");
  CHECK(text_in(folder / "rows.csv") == analytics.csv());
  analytics.export_json(folder / "rows.json");
  CHECK(aws::parse_json(text_in(folder / "rows.json")) == analytics.to_json());
  CHECK_THROWS_AS(analytics.export_csv(folder / "none" / "rows.csv"), std::system_error);
}

TEST_CASE("a terminal shows a table of the training jobs, and takes it away") {
  std::fflush(stdout);
  int terminal = -1;
  struct winsize size {};
  size.ws_row = 40;
  size.ws_col = 60;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("TERM", "xterm", 1);
    Stage stage(with_bucket());
    script_job(*stage.aws);
    SessionOptions options = with_bucket();
    options.config.transport = stage.aws;
    options.config.clock = stage.clock;
    options.config.environment = stage.environment;
    options.config.credentials = aws::Credentials{"AKID", "secret", "", std::nullopt};
    options.region = "eu-west-1";
    Session(options).follow_tuning_job("t");
    std::fflush(stdout);
    ::_exit(0);
  }
  std::string output;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(terminal, buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<std::size_t>(count));
  ::close(terminal);
  ::waitpid(child, nullptr, 0);
  const auto shows = [&](const char* part) { return output.find(part) != std::string::npos; };
  CAPTURE(output);
  CHECK(
      shows("00:00 t InProgress: 2 of 3 training jobs, 2 in progress\r\n"
            "  running  001-abcd  lr=0.01 optimizer=sgd  accuracy 0.25\r\n"));
  CHECK(shows("  best     001-abcd  lr=0.01 optimizer=sgd  accuracy 0.5"));
  CHECK(shows("\r\033[K\033[A\033[K\033[A\033[KTraining job t-001-abcd Completed: accuracy 0.5"));
  CHECK(output.ends_with("Best training job: t-002-abcd, accuracy 0.75 (lr=0.02 optimizer=sgd)\r\n"));
  CHECK(detail::sparkline({0, 0.5, 1}) == "\u2581\u2585\u2588");
  CHECK(detail::sparkline({2, 2}) == "\u2585\u2585");
  CHECK(detail::sparkline(std::vector<double>(50, 1.0)).size() == 3 * 40);
}
