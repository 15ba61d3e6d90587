// Tuning jobs: what goes wrong before anything is sent, what is sent, and what becomes of the best training
// job. The requests themselves are compared with the Python SDK's in
// tests/clients/sagemaker_sdk_tuning_documents.py.
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_tuner_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

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
  for (const double target : {std::nan(""), -HUGE_VAL})
    CHECK(
        refusal_of(basic({.completion_criteria_config =
                              TuningJobCompletionCriteriaConfig{.target_objective_metric_value = target}})) ==
        "completion_criteria_config.target_objective_metric_value is not a finite number");
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

  HyperparameterTuner kept(estimator(stage),
                           basic({.autotune = true, .hyperparameters_to_keep_static = {"nobody"}}));
  CHECK(message_of([&] { kept.fit(); }) ==
        "Names in hyperparameters_to_keep_static must be members of estimator's hyperparameters.");
  CHECK(stage.aws->count("CreateHyperParameterTuningJob") == 0);
}

TEST_CASE("ranges that nothing can be chosen from are refused with their names") {
  Stage stage(with_bucket());
  const auto refusal_of = [&](ParameterRange range) {
    const std::string message = message_of([&] {
      HyperparameterTuner(estimator(stage), basic({.hyperparameter_ranges = {{"x", std::move(range)}}}));
    });
    const std::string_view begin = "Invalid range of the hyperparameter x: ";
    return message.starts_with(begin) ? message.substr(begin.size()) : message;
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(refusal_of(ContinuousParameter(nan, 1)) == "min_value is not a finite number");
  CHECK(refusal_of(ContinuousParameter(-infinity, 1)) == "min_value is not a finite number");
  CHECK(refusal_of(ContinuousParameter(0, infinity)) == "max_value is not a finite number");
  CHECK(refusal_of(ContinuousParameter(1, 0.5)) ==
        "min_value is greater than max_value: min_value 1.0, max_value 0.5");
  CHECK(refusal_of(IntegerParameter(3, 2)) ==
        "min_value is greater than max_value: min_value 3, max_value 2");
  CHECK(refusal_of(CategoricalParameter({})) == "there is no value to choose");
  CHECK(refusal_of(CategoricalParameter({"a", "b", "a"})) == "the value \"a\" is twice there");
  CHECK(refusal_of(CategoricalParameter({1, "1"})) == "the value \"1\" is twice there");
  CHECK(refusal_of(ContinuousParameter(0, 1, "Logarithmic")) ==
        "Logarithmic scaling works only for values greater than 0: min_value 0.0, max_value 1.0");
  CHECK(refusal_of(IntegerParameter(-1, 10, "Logarithmic")) ==
        "Logarithmic scaling works only for values greater than 0: min_value -1, max_value 10");
  for (const ContinuousParameter& range : {ContinuousParameter(-0.5, 0.5, "ReverseLogarithmic"),
                                           ContinuousParameter(0, 1, "ReverseLogarithmic")})
    CHECK(refusal_of(range).starts_with(
        "ReverseLogarithmic scaling works only for values from 0 to less than 1:"));
  CHECK(refusal_of(IntegerParameter(1, 2, "Cubic")).starts_with("Unrecognized scaling type of x: Cubic."));
  CHECK(refusal_of(IntegerParameter(0, 1, "ReverseLogarithmic"))
            .starts_with("Unrecognized scaling type of x: ReverseLogarithmic."));
  CHECK(refusal_of(ContinuousParameter(0, 0.999, "ReverseLogarithmic")).empty());
  CHECK(refusal_of(ContinuousParameter(-1, 1)).empty());
  CHECK(refusal_of(IntegerParameter(1, 1, "Logarithmic")).empty());  // the service's to judge
  CHECK(message_of([&] {
          HyperparameterTuner(estimator(stage),
                              basic({.hyperparameter_ranges = {{"", ContinuousParameter(0, 1)}}}));
        }) == "Invalid range: the hyperparameter has no name");
  const TunerDefinition definition{.estimator = estimator(stage),
                                   .objective_metric_name = "accuracy",
                                   .hyperparameter_ranges = {{"lr", ContinuousParameter(2, 1)}}};
  CHECK(message_of([&] {
          HyperparameterTuner::create({{"one", definition}});
        }).starts_with("Invalid range of the hyperparameter lr: "));
}

TEST_CASE("numbers to choose from travel as Python's str writes them, those that are not finite too") {
  Stage stage(with_bucket());
  const CategoricalParameter numbers({std::nan(""), HUGE_VAL, -HUGE_VAL, 1e308, 0.5, 3});
  HyperparameterTuner tuner(estimator(stage), basic({.hyperparameter_ranges = {{"x", numbers}}}));
  CHECK(tuner.hyperparameter_ranges()["CategoricalParameterRanges"][0]["Values"] ==
        json{"nan", "inf", "-inf", "1e+308", "0.5", "3"});
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
  HyperparameterTuner other(estimator(stage), basic({.base_tuning_job_name = "_my_digits v2"}));
  other.fit({}, {.wait = false});
  CHECK(stage.aws->document("CreateHyperParameterTuningJob", 1)["HyperParameterTuningJobName"] ==
        "my-digits-v2-261121-070000-123");
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

TEST_CASE("an attached tuner has the tags of its job, but for AWS's own") {
  Stage stage(with_bucket());
  HyperparameterTuner(estimator(stage), basic()).fit({}, {.wait = false, .job_name = "t"});
  json described = stage.aws->document("CreateHyperParameterTuningJob");
  described["HyperParameterTuningJobArn"] = "arn:tuning/t";
  described["BestTrainingJob"] = trial(1, "Completed", 0.5, "Succeeded");
  stage.aws->on_json("DescribeHyperParameterTuningJob", described);
  stage.aws->on_json("DescribeTrainingJob",
                     {{"TrainingJobName", "t-001-abcd"},
                      {"TrainingJobStatus", "Completed"},
                      {"AlgorithmSpecification", {{"TrainingImage", "registry/image:1"}}},
                      {"RoleArn", role},
                      {"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model.tar.gz"}}}});
  const json team{{"Key", "team"}, {"Value", "x"}};
  const json empty{{"Key", "empty"}, {"Value", ""}};
  const json aws_own{{"Key", "aws:cloudformation:stack-name"}, {"Value", "s"}};
  stage.aws->on("ListTags", {answer_json({{"Tags", {team, aws_own}}, {"NextToken", "more"}}),
                             answer_json({{"Tags", {empty}}})});
  const json tags{team, empty};

  const HyperparameterTuner attached = HyperparameterTuner::attach(stage.session, "t");
  CHECK(stage.aws->document("ListTags") == json{{"ResourceArn", "arn:tuning/t"}});
  CHECK(stage.aws->document("ListTags", 1) == json{{"ResourceArn", "arn:tuning/t"}, {"NextToken", "more"}});
  CHECK(detail::tag_documents(attached.options().tags) == tags);
  CHECK(detail::tag_documents(attached.best_estimator().options().tags) == tags);
  attached.deploy({.instance_type = "ml.m5.large", .wait = false});
  CHECK(stage.aws->document("CreateEndpoint")["Tags"] == tags);
  HyperparameterTuner more = attached.identical_dataset_and_algorithm_tuner();
  CHECK(detail::tag_documents(more.options().tags) == tags);
  more.fit({}, {.wait = false});
  CHECK(stage.aws->document("CreateHyperParameterTuningJob", 1)["Tags"] == tags);
  CHECK(stage.aws->count("ListTags") == 2);
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
  HyperparameterTuner attached = HyperparameterTuner::attach(stage.session, "t");
  CHECK(attached.hyperparameter_ranges() == request["HyperParameterTuningJobConfig"]["ParameterRanges"]);
  attached.fit({}, {.wait = false, .job_name = "t"});
  const json again = stage.aws->document("CreateHyperParameterTuningJob", 1);
  CHECK(again["HyperParameterTuningJobConfig"] == request["HyperParameterTuningJobConfig"]);
  CHECK(again["TrainingJobDefinition"]["StaticHyperParameters"]["sagemaker_estimator_class_name"] ==
        "\"PyTorch\"");
  CHECK(again["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] ==
        request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"]);

  // The best one is served by the framework's own serving image with its script, whoever deploys it.
  stage.aws->on_json("DescribeHyperParameterTuningJob",
                     job("Completed", 1, 0, {{"BestTrainingJob", trial(1, "Completed", 0.5, "Succeeded")}}));
  json trained = request["TrainingJobDefinition"];
  trained["TrainingJobName"] = "t-001-abcd";
  trained["TrainingJobStatus"] = "Completed";
  trained["HyperParameters"] = trained["StaticHyperParameters"];
  trained["HyperParameters"]["optimizer"] = "\"sgd\"";
  trained["ModelArtifacts"] = {{"S3ModelArtifacts", "s3://m/model/"}};
  trained["OutputDataConfig"]["CompressionType"] = "NONE";
  stage.aws->on_json("DescribeTrainingJob", trained);
  tuner.deploy({.instance_type = "ml.c5.xlarge", .wait = false});
  CHECK(stage.aws->document("CreateEndpoint")["EndpointName"] == "t-001-abcd");
  attached.deploy({.instance_type = "ml.c5.xlarge", .wait = false});
  CHECK(stage.aws->document("CreateEndpoint", 1)["EndpointName"] == "t-001-abcd");
  Estimator best = attached.best_estimator();
  CHECK(best.is_framework());
  CHECK(best.options().hyperparameters == std::map<std::string, json>{{"optimizer", "sgd"}});
  best.deploy({.instance_type = "ml.g5.xlarge", .wait = false});
  for (std::size_t index : {0U, 1U, 2U}) {
    const json model = stage.aws->document("CreateModel", index)["PrimaryContainer"];
    const std::string image = model["Image"];
    CHECK(image.ends_with(index < 2 ? "pytorch-inference:2.4-cpu-py311" : "pytorch-inference:2.4-gpu-py311"));
    CHECK(model["Environment"]["SAGEMAKER_PROGRAM"] == "train.py");
    CHECK(model["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "s3://mine/t/source/sourcedir.tar.gz");
  }
}

TEST_CASE(
    "a tuner of another framework's estimator, which only the Python SDK has, is searched on with as such") {
  Stage stage(with_bucket());
  json described = job("Completed", 1, 0);
  described["HyperParameterTuningJobConfig"]["ParameterRanges"] = {
      {"CategoricalParameterRanges", {{{"Name", "optimizer"}, {"Values", {"\"sgd\"", "\"adam\""}}}}}};
  json& definition = described["TrainingJobDefinition"];
  definition["AlgorithmSpecification"]["TrainingImage"] = "registry/tensorflow:1";
  definition["RoleArn"] = role;
  definition["OutputDataConfig"]["S3OutputPath"] = "s3://o/";
  definition["StaticHyperParameters"] = {
      {"sagemaker_program", "\"train.py\""},
      {"sagemaker_submit_directory", "\"s3://m/sourcedir.tar.gz\""},
      {"sagemaker_estimator_class_name", "\"TensorFlow\""},
      {"sagemaker_estimator_module", "\"sagemaker.tensorflow.estimator\""}};
  definition["HyperParameterTuningResourceConfig"] = {{"InstanceCount", 1}, {"InstanceType", "ml.m5.large"}};
  stage.aws->on_json("DescribeHyperParameterTuningJob", described);
  HyperparameterTuner attached = HyperparameterTuner::attach(stage.session, "t");
  attached.fit({}, {.wait = false});
  const json request = stage.aws->document("CreateHyperParameterTuningJob");
  const json& fixed = request["TrainingJobDefinition"]["StaticHyperParameters"];
  CHECK(fixed["sagemaker_estimator_class_name"] == "\"TensorFlow\"");
  CHECK(fixed["sagemaker_estimator_module"] == "\"sagemaker.tensorflow.estimator\"");
  CHECK(request["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"] ==
        described["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"]);
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

TEST_CASE("the best training job may be one that was stopped early, and any other can be asked for") {
  Stage stage(with_bucket());
  stage.aws->on_json("DescribeHyperParameterTuningJob",
                     job("Completed", 1, 0,
                         {{"HyperParameterTuningJobArn", "arn:tuning/t"},
                          {"BestTrainingJob", trial(2, "Stopped", 0.5, "Succeeded")}}));
  stage.aws->on_call("DescribeTrainingJob", [&](const aws::HttpRequest& request) {
    const std::string name = aws::parse_json(request.body).at("TrainingJobName");
    return answer_json({{"TrainingJobName", name},
                        {"TrainingJobStatus", name == "t-002-abcd" ? "Stopped" : "Completed"},
                        {"TuningJobArn", name == "elsewhere" ? "arn:tuning/u" : "arn:tuning/t"},
                        {"AlgorithmSpecification", {{"TrainingImage", "registry/image:1"}}},
                        {"HyperParameters", {{"lr", "0.02"}, {"_tuning_objective_metric", "accuracy"}}},
                        {"RoleArn", role},
                        {"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model.tar.gz"}}}});
  });
  HyperparameterTuner tuner(estimator(stage, {.code_location = "s3://code/here"}),
                            basic({.tags = {{"team", "x"}}}));
  CHECK_THROWS_AS(tuner.best_estimator("t-001-abcd"), ConfigError);  // no tuning job yet
  tuner.fit({}, {.wait = false, .job_name = "t"});
  stage.lines.clear();
  const Estimator best = tuner.best_estimator();
  CHECK(stage.lines ==
        std::vector<std::string>{
            "Training job t-002-abcd was stopped early: its model is the last one that it stored"});
  CHECK(best.options().hyperparameters == std::map<std::string, json>{{"lr", "0.02"}});
  CHECK(best.options().code_location == "s3://code/here");

  stage.lines.clear();
  const Estimator other = tuner.best_estimator("t-001-abcd");
  CHECK(other.latest_training_job() == "t-001-abcd");
  CHECK(stage.lines.empty());
  CHECK(message_of([&] { tuner.best_estimator("elsewhere"); }) ==
        "Training job elsewhere is none of tuning job t");
  tuner.deploy({.instance_type = "ml.m5.large", .wait = false});
  CHECK(stage.aws->document("CreateEndpoint")["Tags"] == json{{{"Key", "team"}, {"Value", "x"}}});
}
