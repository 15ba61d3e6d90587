// Prints the documents of CreateHyperParameterTuningJob that HyperparameterTuners make in each case:
//   tuning_documents SCRIPT      {"plain": {...}, "grid": {...}, ...}
// sagemaker_sdk_tuning_documents.py compares them with those that the SageMaker Python SDK makes.
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

#include "tests/unit/high_level_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

const std::string role = "arn:aws:iam::111122223333:role/Server";
const std::string image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1";
const std::string data = "s3://d/rows";

class Cases {
 public:
  explicit Cases(std::string script) : script_(std::move(script)) {}

  void add(const std::string& name, const std::function<void(Stage&)>& run) {
    Stage stage({.endpoint_url = "http://127.0.0.1:4566",
                 .default_bucket = "sagemaker-eu-west-1-111122223333",
                 .default_bucket_prefix = "our/prefix"});
    run(stage);
    const std::size_t last = stage.aws->count("CreateHyperParameterTuningJob") - 1;
    documents[name] = stage.aws->document("CreateHyperParameterTuningJob", last);
  }
  // A tuner of a plain estimator.
  void tune(const std::string& name, const TunerOptions& options, const EstimatorOptions& trained = {},
            const TrainingInputs& inputs = data) {
    add(name, [&](Stage& stage) {
      HyperparameterTuner tuner(estimator(stage, trained), options);
      tuner.fit(inputs, {.wait = false});
    });
  }
  static Estimator estimator(const Stage& stage, EstimatorOptions options = {}) {
    options.image_uri = image;
    options.role = role;
    if (options.instance_type.empty()) options.instance_type = "ml.m5.large";
    return {stage.session, options};
  }

  const std::string& script() const { return script_; }
  json documents = json::object();

 private:
  std::string script_;
};

TunerOptions basic(TunerOptions options = {}) {
  if (options.objective_metric_name.empty()) options.objective_metric_name = "accuracy";
  if (options.metric_definitions.empty()) options.metric_definitions = {{"accuracy", "accuracy=(.*)"}};
  if (options.hyperparameter_ranges.empty())
    options.hyperparameter_ranges = {{"lr", ContinuousParameter(0.001, 1.5, "Logarithmic")},
                                     {"optimizer", CategoricalParameter({"sgd", "adam"})},
                                     {"width", IntegerParameter(8, 512)}};
  return options;
}

void add_single(Cases& cases) {
  cases.tune("plain", basic());
  cases.tune("ranges",
             basic({.hyperparameter_ranges = {{"a", ContinuousParameter(1e-6, 0.5, "ReverseLogarithmic")},
                                              {"b", ContinuousParameter(-2.5, 1e20, "Linear")},
                                              {"c", IntegerParameter(-3, 5, "Linear")},
                                              {"d", CategoricalParameter({1, 2.5, "x"})}}}));
  cases.tune(
      "full",
      basic({.strategy = "Random",
             .objective_type = "Minimize",
             .max_jobs = 20,
             .max_parallel_jobs = 3,
             .max_runtime_in_seconds = 3600,
             .tags = {{"own", "y"}},
             .base_tuning_job_name = "mine",
             .early_stopping_type = "Auto",
             .random_seed = 42}),
      {.instance_count = 2,
       .instance_type = "ml.c5.xlarge",
       .volume_size = 50,
       .volume_kms_key = "volume-key",
       .max_run = 100,
       .input_mode = "FastFile",
       .output_path = "s3://out/p",
       .output_kms_key = "output-key",
       .hyperparameters = {{"epochs", 5}, {"lr", 0.5}, {"loss", "mse"}},
       .environment = {{"A", "b"}},
       .tags = {{"team", "x"}, {"own", "y"}},
       .use_spot_instances = true,
       .max_wait = 200,
       .max_retry_attempts = 3,
       .checkpoint_s3_uri = "s3://c/p",
       .checkpoint_local_path = "/opt/ml/c",
       .subnets = {"subnet-1"},
       .security_group_ids = {"sg-1"},
       .enable_network_isolation = true,
       .encrypt_inter_container_traffic = true,
       .keep_alive_period_in_seconds = 60,
       .disable_output_compression = true,
       .model_uri = "s3://m/model.tar.gz",
       .model_channel_name = "start"},
      {{"train", TrainingInput{.s3_data = "s3://d/t", .content_type = "text/csv"}}, {"test", "s3://d/e"}});
  cases.tune("grid", basic({.hyperparameter_ranges = {{"optimizer", CategoricalParameter({"sgd", "adam"})}},
                            .strategy = "Grid"}));
  cases.tune("hyperband",
             basic({.strategy = "Hyperband",
                    .max_jobs = 30,
                    .strategy_config = StrategyConfig{{.max_resource = 27, .min_resource = 1}}}),
             {.hyperparameters = {{"epochs", 27}}});
  cases.tune("completion", basic({.completion_criteria_config = TuningJobCompletionCriteriaConfig{
                                      .max_number_of_training_jobs_not_improving = 5,
                                      .complete_on_convergence = true,
                                      .target_objective_metric_value = 0.95}}));
  cases.tune("completion-off", basic({.completion_criteria_config = TuningJobCompletionCriteriaConfig{
                                          .complete_on_convergence = false}}));
  cases.tune("autotune", basic({.autotune = true, .hyperparameters_to_keep_static = {"loss"}}),
             {.hyperparameters = {{"decay", 0.001}, {"loss", "mse"}}});
  TunerOptions nothing = basic({.autotune = true});
  nothing.hyperparameter_ranges.clear();
  cases.tune("autotune-alone", nothing, {.hyperparameters = {{"decay", 0.001}}});
  cases.tune("pipe", basic(), {}, TrainingInput{.s3_data = data, .input_mode = "Pipe"});
  cases.add("instances", [](Stage& stage) {
    HyperparameterTuner tuner(Cases::estimator(stage, {.volume_kms_key = "volume-key"}), basic());
    tuner.override_resource_config({{1, "ml.m5.large"}, {2, "ml.c5.large", 50}});
    tuner.fit(data, {.wait = false, .job_name = "named"});
  });
}

void add_warm(Cases& cases) {
  cases.tune("warm-start", basic({.warm_start_config = WarmStartConfig{.parents = {"parent"}}}));
  cases.add("identical", [](Stage& stage) {
    HyperparameterTuner tuner(Cases::estimator(stage), basic({.max_jobs = 4, .random_seed = 1}));
    tuner.fit(data, {.wait = false, .job_name = "first"});
    tuner.identical_dataset_and_algorithm_tuner({"other"}).fit(data, {.wait = false});
  });
  cases.add("transfer", [](Stage& stage) {
    HyperparameterTuner tuner(Cases::estimator(stage), basic());
    tuner.fit(data, {.wait = false, .job_name = "first"});
    tuner.transfer_learning_tuner({}, Cases::estimator(stage, {.instance_count = 2}))
        .fit(data, {.wait = false});
  });
}

void add_scripts(Cases& cases) {
  const EstimatorOptions script{.entry_point = cases.script(), .hyperparameters = {{"epochs", 5}}};
  for (const char* name : {"script", "script-named"}) {
    cases.add(name, [&](Stage& stage) {
      HyperparameterTuner tuner(Cases::estimator(stage, script), basic());
      tuner.fit(data, {.wait = false, .job_name = name == std::string("script") ? "" : "named"});
    });
  }
  cases.add("pytorch", [&](Stage& stage) {
    const PyTorch framework(stage.session, {.entry_point = cases.script(),
                                            .framework_version = "2.4",
                                            .py_version = "py311",
                                            .role = role,
                                            .instance_type = "ml.m5.large",
                                            .hyperparameters = {{"epochs", 5}, {"name", "x"}, {"lr", 1}}});
    HyperparameterTuner tuner(framework, basic());
    tuner.fit(data, {.wait = false});
  });
}

void add_several(Cases& cases) {
  cases.add("one-named", [](Stage& stage) {
    HyperparameterTuner tuner(Cases::estimator(stage), basic({.estimator_name = "only"}));
    tuner.fit_each({{"only", data}}, {.wait = false});
  });
  cases.add("several", [](Stage& stage) {
    HyperparameterTuner tuner = HyperparameterTuner::create(
        {{"linear",
          {.estimator =
               Cases::estimator(stage, {.hyperparameters = {{"epochs", 5}}, .tags = {{"team", "x"}}}),
           .objective_metric_name = "accuracy",
           .hyperparameter_ranges = {{"lr", ContinuousParameter(0.001, 0.1)}},
           .metric_definitions = {{"accuracy", "accuracy=(.*)"}}}},
         {"deep",
          {.estimator = Cases::estimator(stage, {.instance_count = 2, .hyperparameters = {{"decay", 0.5}}}),
           .objective_metric_name = "precision",
           .hyperparameter_ranges = {{"layers", IntegerParameter(1, 9)}},
           .metric_definitions = {{"precision", "precision=(.*)"}},
           .hyperparameters_to_keep_static = {"decay"},
           .instance_configs = {{1, "ml.p3.2xlarge"}}}}},
        {.objective_type = "Minimize", .max_jobs = 6, .base_tuning_job_name = "both", .autotune = true});
    tuner.fit_each({{"deep", data}}, {.wait = false});
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: tuning_documents SCRIPT\n"), 2;
  Cases cases(argv[1]);
  add_single(cases);
  add_warm(cases);
  add_scripts(cases);
  add_several(cases);
  std::printf("%s\n", aws::dump_json(cases.documents).c_str());
}
