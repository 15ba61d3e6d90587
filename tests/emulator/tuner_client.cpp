// The client's HyperparameterTuner against a real sagemaker-local with real training jobs.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
namespace fs = std::filesystem;
using sm::json;

namespace {

// The score is highest where x is 0.3. A job that waits does so until it is stopped. As an endpoint the image
// doubles numbers.
const char* const program = R"sh(#!/bin/sh
[ "$1" = train ] || exec ")sh" DOUBLING_PROGRAM R"sh(" "$@"
value() { sed -n 's/.*"'$1'": *"\([^"]*\)".*/\1/p' /opt/ml/input/config/hyperparameters.json; }
x=$(value x)
[ "$(value mode)" != fail ] || exit 3
awk "BEGIN { printf \"score=%.6f;\n\", 1 - ($x - 0.3) ^ 2 }"
[ "$(value mode)" != wait ] || exec sleep 1000000
echo "$x" > /opt/ml/model/x
)sh";

struct Platform {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  sagemaker::tests::TemporaryDirectory folder;
  std::vector<std::string> lines;  // what was printed
  sm::Session session{
      {.config = emulator.config(), .output = [this](std::string_view line) { lines.emplace_back(line); }}};

  sm::Estimator estimator(std::map<std::string, json> hyperparameters = {}) const {
    const fs::path image = folder / "tuned";
    if (!fs::exists(image)) {
      std::ofstream(image) << program;
      fs::permissions(image, fs::perms::owner_all);
    }
    return {session,
            {.image_uri = "file://" + image.string(),
             .role = "SageMakerRole",
             .instance_type = "ml.m5.large",
             .hyperparameters = std::move(hyperparameters),
             .metric_definitions = {{"score", "score=(.*);"}}}};
  }
  static sm::TunerOptions options(sm::TunerOptions options) {
    options.objective_metric_name = "score";
    if (options.hyperparameter_ranges.empty())
      options.hyperparameter_ranges = {{"x", sm::ContinuousParameter(0, 1)}};
    return options;
  }
  std::size_t printed(const std::string& part) const {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    }));
  }
};

}  // namespace

TEST_CASE("the best of several training jobs is found, told, attached to, deployed and searched on from") {
  Platform platform;
  sm::HyperparameterTuner tuner(
      platform.estimator(),
      Platform::options({.strategy = "Random", .max_jobs = 6, .max_parallel_jobs = 2, .random_seed = 7}));
  tuner.fit({}, {.job_name = "first"});

  sm::HyperparameterTuningJobAnalytics analytics = tuner.analytics();
  REQUIRE(analytics.rows().size() == 6);
  const auto best = std::max_element(
      analytics.rows().begin(), analytics.rows().end(),
      [](const auto& one, const auto& two) { return one.final_objective_value < two.final_objective_value; });
  for (const sm::TuningJobRow& row : analytics.rows()) {
    const double x = row.parameters.at("x").get<double>();
    CHECK(row.final_objective_value.value() == doctest::Approx(1 - (x - 0.3) * (x - 0.3)).epsilon(1e-5));
    CHECK(row.training_elapsed_time_seconds.has_value());
    CHECK(row.training_job_status == "Completed");
  }
  CHECK(analytics.tuning_ranges()["x"]["MaxValue"] == "1.0");
  CHECK(tuner.best_training_job() == best->training_job_name);
  CHECK(platform.printed("Training job first-00") == 6);
  CHECK(platform.printed("Best training job: " + best->training_job_name + ", score ") == 1);
  CHECK(platform.printed("Completed - HyperParameterTuning job first") == 1);

  const sm::HyperparameterTuner attached = sm::HyperparameterTuner::attach(platform.session, "first");
  const sm::Estimator estimator = attached.best_estimator();
  const std::string x = estimator.options().hyperparameters.at("x").get<std::string>();
  CHECK(std::stod(x) == best->parameters.at("x").get<double>());
  CHECK(estimator.model_data().find(best->training_job_name) != std::string::npos);

  sm::HyperparameterTuner more = attached.identical_dataset_and_algorithm_tuner();
  more.fit({}, {.wait = false, .job_name = "second"});
  const sm::Predictor predictor = attached.deploy({.instance_type = "ml.m5.large"});
  CHECK(predictor.endpoint_name() == best->training_job_name);
  CHECK(predictor.predict_raw({.body = "4\n", .content_type = "text/csv", .accept = "text/csv"}).body ==
        "8\n");
  predictor.delete_endpoint();

  const json second = more.wait();
  CHECK(second["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm");
  CHECK(second["HyperParameterTuningJobConfig"]["RandomSeed"] == 7);
  CHECK(more.analytics().rows().size() == 6);
  CHECK(second["OverallBestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
            .get<double>() >= *best->final_objective_value);
}

TEST_CASE("a tuning job is stopped with its training jobs") {
  Platform platform;
  sm::HyperparameterTuner tuner(platform.estimator({{"mode", "wait"}}),
                                Platform::options({.max_jobs = 4, .max_parallel_jobs = 2}));
  tuner.fit({}, {.wait = false, .job_name = "waits"});
  sm::HyperparameterTuningJobAnalytics analytics = tuner.analytics();
  while (analytics.rows(/*force_refresh=*/true).size() < 2)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  tuner.stop_tuning_job();
  const json stopped = tuner.wait();
  CHECK(stopped["HyperParameterTuningJobStatus"] == "Stopped");
  CHECK(analytics.rows(/*force_refresh=*/true).size() == 2);
  for (const sm::TuningJobRow& row : analytics.rows()) CHECK(row.training_job_status == "Stopped");
  CHECK(platform.printed("Job ended with status 'Stopped' rather than 'Completed'.") == 1);
  tuner.stop_tuning_job();  // one that has ended is no error
}

TEST_CASE("a tuning job whose training jobs all fail throws why") {
  Platform platform;
  sm::HyperparameterTuner tuner(platform.estimator({{"mode", "fail"}}), Platform::options({.max_jobs = 1}));
  try {
    tuner.fit({}, {.job_name = "fails"});
    FAIL("no error");
  } catch (const sm::UnexpectedStatus& error) {
    CHECK(error.status() == "Failed");
    CHECK_FALSE(error.reason().empty());
  }
  CHECK(platform.printed("Training job fails-001-") == 1);
  CHECK_THROWS_AS(tuner.best_training_job(), sm::Error);
  CHECK_THROWS_AS(tuner.fit({}, {.job_name = "fails"}), sm::ServiceError);  // the name is taken
}

TEST_CASE("one tuning job chooses among several estimators") {
  const Platform platform;
  const auto definition = [&](std::vector<std::string> choices) {
    return sm::TunerDefinition{
        .estimator = platform.estimator(),
        .objective_metric_name = "score",
        .hyperparameter_ranges = {{"x", sm::CategoricalParameter(std::move(choices))}}};
  };
  sm::HyperparameterTuner tuner = sm::HyperparameterTuner::create(
      {{"far", definition({"0.9", "1"})}, {"near", definition({"0.3", "0.7"})}},
      {.strategy = "Random", .max_jobs = 4, .max_parallel_jobs = 2});
  tuner.fit({}, {.job_name = "both"});
  sm::HyperparameterTuningJobAnalytics analytics = tuner.analytics();
  std::set<std::string> names;
  for (const sm::TuningJobRow& row : analytics.rows()) names.insert(row.training_job_definition_name);
  CHECK(names == std::set<std::string>{"far", "near"});
  CHECK(tuner.best_training_job_summary()["TrainingJobDefinitionName"] == "near");
  const sm::HyperparameterTuner attached = sm::HyperparameterTuner::attach(platform.session, "both");
  CHECK(attached.definitions().size() == 2);
  for (const sm::TuningJobRow& row : analytics.rows())
    CHECK(attached.best_estimator(row.training_job_name).options().hyperparameters.at("x") ==
          std::string(row.parameters.at("x") == 1.0 ? "1" : sm::aws::dump_json(row.parameters.at("x"))));
  CHECK(attached.best_estimator().options().hyperparameters.at("x") == "0.3");
  const sm::Predictor predictor = attached.deploy({.instance_type = "ml.m5.large"});
  CHECK(predictor.endpoint_name() == tuner.best_training_job());
  CHECK(predictor.predict_raw({.body = "4\n", .content_type = "text/csv", .accept = "text/csv"}).body ==
        "8\n");
  predictor.delete_endpoint();
}

TEST_CASE("the best of a PyTorch script's training jobs is served with that script, after attach too") {
  if (std::system("python3 -c pass >/dev/null 2>&1") != 0)
    return sagemaker::tests::skip("there is no python3");
  Platform platform;
  std::ofstream(platform.folder / "train.py") << R"py(
import argparse, os

def model_fn(folder):
    return open(os.path.join(folder, "factor")).read()
def input_fn(body, content_type):
    return float(body)
def predict_fn(number, factor):
    return number * float(factor)
def output_fn(result, accept):
    return str(result)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--factor", type=int)
    factor = parser.parse_args().factor
    print(f"score={factor};")
    with open(os.path.join(os.environ["SM_MODEL_DIR"], "factor"), "w") as file:
        file.write(str(factor))
)py";
  sm::HyperparameterTuner tuner(
      sm::PyTorch(platform.session, {.entry_point = (platform.folder / "train.py").string(),
                                     .framework_version = "2.4",
                                     .py_version = "py311",
                                     .role = "SageMakerRole",
                                     .instance_type = "ml.m5.large",
                                     .metric_definitions = {{"score", "score=(.*);"}}}),
      Platform::options({.hyperparameter_ranges = {{"factor", sm::CategoricalParameter({"2", "3"})}},
                         .strategy = "Grid",
                         .max_parallel_jobs = 2}));
  tuner.fit({}, {.job_name = "scripts"});
  const sm::HyperparameterTuner attached = sm::HyperparameterTuner::attach(platform.session, "scripts");
  sm::Estimator best = attached.best_estimator();
  CHECK(best.is_framework());
  CHECK(best.options().hyperparameters == std::map<std::string, json>{{"factor", "3"}});
  const sm::Predictor predictor = attached.deploy({.instance_type = "ml.m5.large"});
  CHECK(predictor.predict_raw({.body = "5", .content_type = "text/plain", .accept = "text/plain"}).body ==
        "15.0");
  const json config = platform.session.describe_endpoint_config(predictor.endpoint_name());
  const json model = platform.session.describe_model(config["ProductionVariants"][0]["ModelName"]);
  CHECK(model["PrimaryContainer"]["Image"].get<std::string>().ends_with("pytorch-inference:2.4-cpu-py311"));
  predictor.delete_endpoint();
}
