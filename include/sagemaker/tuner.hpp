// Searches for the hyperparameters that train the best model: a SageMaker tuning job, which starts training
// jobs of an estimator with values of its choice.
//   sm::HyperparameterTuner tuner{estimator, {.objective_metric_name = "validation:accuracy",
//                                             .hyperparameter_ranges = {
//                                                 {"learning-rate", sm::ContinuousParameter(1e-3, 1,
//                                                 "Logarithmic")},
//                                                 {"optimizer", sm::CategoricalParameter({"sgd", "adam"})}},
//                                             .metric_definitions = {{"validation:accuracy",
//                                             "accuracy=([0-9.]+)"}}, .max_jobs = 20, .max_parallel_jobs =
//                                             2}};
//   tuner.fit({{"training", "s3://bucket/mnist"}});
//   auto predictor = tuner.deploy({.instance_type = "ml.m5.large"});
// https://sagemaker.readthedocs.io/en/v2/api/training/tuner.html
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/analytics.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/tags.hpp>
#include <sagemaker/detail/tuning_options.hpp>
#include <sagemaker/detail/tuning_request.hpp>
#include <sagemaker/estimator.hpp>
#include <sagemaker/inputs.hpp>
#include <sagemaker/parameter_ranges.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/pytorch.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/tuner_options.hpp>

namespace sagemaker {

// What trains in a tuning job: an Estimator, or one of a framework, whose hyperparameters are JSON.
class TunedEstimator {
 public:
  TunedEstimator(Estimator estimator)  // NOLINT(google-explicit-constructor)
      : estimator_(std::move(estimator)), framework_(estimator_.is_framework()) {}

  Estimator& estimator() { return estimator_; }
  const Estimator& estimator() const { return estimator_; }
  bool is_framework() const { return framework_; }
  void set_framework(bool framework) { framework_ = framework; }

 private:
  Estimator estimator_;
  bool framework_ = false;
};

// One of several estimators that a tuning job chooses among. All objectives have the same direction.
struct TunerDefinition {
  TunedEstimator estimator;
  std::string objective_metric_name;
  HyperparameterRanges hyperparameter_ranges = {};
  std::vector<MetricDefinition> metric_definitions = {};  // empty: the estimator's own
  std::vector<std::string> hyperparameters_to_keep_static = {};
  std::vector<InstanceConfig> instance_configs = {};  // instead of the estimator's instances
};

struct TunerFitOptions {
  bool wait = true;           // until the job ends; throws if it fails
  bool logs = true;           // with wait: tell of each training job, on a terminal with a table
  std::string job_name = {};  // at most 32 characters; empty: made from base_tuning_job_name and the time
};

class HyperparameterTuner {
 public:
  // Nothing is sent before fit(). Throws ConfigError for what cannot be tuned.
  HyperparameterTuner(TunedEstimator estimator, TunerOptions options) : options_(std::move(options)) {
    TunerDefinition definition{std::move(estimator), options_.objective_metric_name,
                               options_.hyperparameter_ranges, options_.metric_definitions,
                               options_.hyperparameters_to_keep_static};
    definitions_.emplace(options_.estimator_name, std::move(definition));
    check();
  }

  // A tuner of several estimators, by names of your choice. What each of them has of its own is left out of
  // the options. Throws ConfigError likewise.
  static HyperparameterTuner create(std::map<std::string, TunerDefinition> definitions,
                                    TunerOptions options = {}) {
    return {std::move(definitions), std::move(options)};
  }

  // A tuner of a tuning job that exists, in any state: wait() follows it, fit() starts another one like it,
  // with its tags. Throws ServiceError where there is none.
  static HyperparameterTuner attach(const Session& session, const std::string& tuning_job_name) {
    const json job = session.describe_tuning_job(tuning_job_name);
    std::map<std::string, TunerDefinition> definitions;
    TunerOptions options = detail::tuner_options_of_job(job);
    options.tags = detail::tags_of(session, detail::text_of(job, "HyperParameterTuningJobArn"));
    if (const json& only = detail::object_of(job, "TrainingJobDefinition"); !only.empty()) {
      const json& config = detail::object_of(job, "HyperParameterTuningJobConfig");
      const json& objective = detail::object_of(config, "HyperParameterTuningJobObjective");
      definitions.emplace(
          "", definition_of(session, only, objective, detail::object_of(config, "ParameterRanges"), options));
    }
    for (const json& definition : detail::array_of(job, "TrainingJobDefinitions")) {
      const json& objective = detail::object_of(definition, "TuningObjective");
      options.objective_type = detail::text_of(objective, "Type");
      definitions.emplace(detail::text_of(definition, "DefinitionName"),
                          definition_of(session, definition, objective,
                                        detail::object_of(definition, "HyperParameterRanges"), options));
    }
    HyperparameterTuner tuner(std::move(definitions), std::move(options));
    tuner.job_name_ = tuning_job_name;
    return tuner;
  }

  // Packs and uploads the sources, starts the tuning job, and with `wait` follows it to its end. The inputs
  // are those of every training job. Throws ConfigError for what cannot be sent, ServiceError where the
  // service refuses, UnexpectedStatus with the FailureReason where the job fails.
  void fit(const TrainingInputs& inputs = {}, const TunerFitOptions& options = {}) {
    std::map<std::string, TrainingInputs> each;
    for (const auto& [name, definition] : definitions_) each.emplace(name, inputs);
    fit_each(each, options);
  }
  // The same with other inputs for each of several estimators; those that are not named get none.
  void fit_each(const std::map<std::string, TrainingInputs>& inputs, const TunerFitOptions& options = {}) {
    check_names("inputs", inputs);
    std::vector<detail::TuningPart> parts;
    for (auto& [name, definition] : definitions_) {
      const auto own = inputs.find(name);
      parts.push_back(part_of(name, definition));
      parts.back().training = training_of(
          name, definition, own == inputs.end() ? TrainingInputs() : own->second, options.job_name);
    }
    const std::string job = options.job_name.empty() ? fallback_name(parts.front()) : options.job_name;
    const json request = detail::tuning_document(job, options_, parts, tags());
    session().print("Creating hyperparameter tuning job with name: " + job);
    session().sagemaker().create_hyper_parameter_tuning_job(request);
    job_name_ = job;
    if (options.wait) wait(options.logs);
  }

  // Follows the latest job to its end. With `logs` it tells of each training job that ends; on a terminal a
  // table shows those that run, the best one so far and how the objective went. Returns the description.
  json wait(bool logs = true) const {
    return session().follow_tuning_job(latest_tuning_job(), {.logs = logs});
  }
  // Its training jobs are stopped, too; what they have stored is kept. Does not wait for that. One that has
  // ended meanwhile is no error.
  void stop_tuning_job() const { session().stop_tuning_job(latest_tuning_job()); }

  // The name of the job that fit() started or attach() found. Throws ConfigError where there is none.
  const std::string& latest_tuning_job() const {
    if (job_name_.empty()) throw ConfigError("No tuning job available: call fit() first");
    return job_name_;
  }
  json describe() const { return session().describe_tuning_job(latest_tuning_job()); }

  // The name of the best training job so far, or in the end. Throws Error where none has an objective yet.
  std::string best_training_job() const {
    return detail::text_of(best_training_job_summary(), "TrainingJobName");
  }
  // The same as HyperParameterTrainingJobSummary: TunedHyperParameters,
  // FinalHyperParameterTuningJobObjectiveMetric and others.
  json best_training_job_summary() const {
    const json job = describe();
    json best = detail::object_of(job, "BestTrainingJob");
    if (best.empty()) throw Error("Best training job not available for tuning job: " + latest_tuning_job());
    return best;
  }
  // An estimator of the best training job: ready to deploy, or to train again with its hyperparameters.
  // That of a PyTorch script deploys as sm::PyTorch does.
  Estimator best_estimator() const { return estimator_of(best_training_job_summary()); }
  // The same of any of the tuning job's training jobs. Waits until it ends; throws UnexpectedStatus where it
  // failed.
  Estimator best_estimator(const std::string& training_job_name) const {
    const json summary = session().describe_training_job(training_job_name);
    if (detail::text_of(summary, "TuningJobArn") != detail::text_of(describe(), "HyperParameterTuningJobArn"))
      throw ConfigError("Training job " + training_job_name + " is none of tuning job " +
                        latest_tuning_job());
    return estimator_of(summary);
  }
  // The best model on an endpoint, which is called like the training job unless told otherwise, and has the
  // tags of the tuning job unless it is given others.
  Predictor deploy(const DeployOptions& options) const {
    detail::check_deploy(options);
    const json best = best_training_job_summary();
    DeployOptions chosen = options;
    if (chosen.endpoint_name.empty()) chosen.endpoint_name = detail::text_of(best, "TrainingJobName");
    return estimator_of(best).deploy(chosen);
  }

  // The training jobs as rows.
  HyperparameterTuningJobAnalytics analytics() const { return {session(), latest_tuning_job()}; }

  // Other instances than the estimator's for the training jobs: the service takes the first that it can get.
  // Of several estimators those of the first, as in the SDK; the map below is for all of them.
  void override_resource_config(std::vector<InstanceConfig> instance_configs) {
    definitions_.begin()->second.instance_configs = std::move(instance_configs);
  }
  void override_resource_config(const std::map<std::string, std::vector<InstanceConfig>>& instance_configs) {
    check_names("instance_configs", instance_configs);
    for (const auto& [name, configs] : instance_configs) definitions_.at(name).instance_configs = configs;
  }

  // Tuners that begin with the results of the latest job, and of other tuning jobs: with the same data and
  // program, or with others. All else is as in this tuner; the SDK drops tags, metric definitions and the
  // base name.
  HyperparameterTuner identical_dataset_and_algorithm_tuner(
      const std::vector<std::string>& additional_parents = {}) const {
    return warm_started({WarmStartTypes::identical_data_and_algorithm, additional_parents});
  }
  HyperparameterTuner transfer_learning_tuner(const std::vector<std::string>& additional_parents = {}) const {
    return warm_started({WarmStartTypes::transfer_learning, additional_parents});
  }
  HyperparameterTuner transfer_learning_tuner(const std::vector<std::string>& additional_parents,
                                              TunedEstimator estimator) const {
    HyperparameterTuner tuner = transfer_learning_tuner(additional_parents);
    tuner.definitions_.begin()->second.estimator = std::move(estimator);
    tuner.check();
    return tuner;
  }

  // ParameterRanges as they are sent; those of a single estimator, and by the names of several.
  json hyperparameter_ranges() const {
    const TunerDefinition& first = definitions_.begin()->second;
    return detail::ranges_document(first.hyperparameter_ranges, first.estimator.is_framework());
  }
  std::map<std::string, json> hyperparameter_ranges_dict() const {
    std::map<std::string, json> ranges;
    for (const auto& [name, definition] : definitions_)
      ranges[name] =
          detail::ranges_document(definition.hyperparameter_ranges, definition.estimator.is_framework());
    return ranges;
  }

  const TunerOptions& options() const { return options_; }
  // By name; a single estimator may have none.
  const std::map<std::string, TunerDefinition>& definitions() const { return definitions_; }
  const Session& session() const { return definitions_.begin()->second.estimator.estimator().session(); }

 private:
  HyperparameterTuner(std::map<std::string, TunerDefinition> definitions, TunerOptions options)
      : options_(std::move(options)), definitions_(std::move(definitions)) {
    if (definitions_.empty()) throw ConfigError("At least one estimator should be provided");
    check();
  }

  static TunerDefinition definition_of(const Session& session, const json& definition, const json& objective,
                                       const json& ranges, const TunerOptions& options) {
    const bool framework = detail::is_framework_definition(definition);
    Estimator trained(session, detail::options_of_job(detail::training_of_definition(definition, ranges)));
    TunedEstimator estimator =
        detail::is_pytorch_definition(definition) ? PyTorch(std::move(trained)) : std::move(trained);
    estimator.set_framework(framework);
    TunerDefinition found{std::move(estimator), detail::text_of(objective, "MetricName")};
    found.hyperparameter_ranges = detail::ranges_of(ranges, framework);
    found.instance_configs = detail::instance_configs_of(definition);
    if (!options.autotune) return found;
    const json& fixed = detail::object_of(definition, "StaticHyperParameters");
    for (auto value = fixed.begin(); value != fixed.end(); ++value) {
      if (!value.key().starts_with("sagemaker_") && !value.key().starts_with('_'))
        found.hyperparameters_to_keep_static.push_back(value.key());
    }
    return found;
  }

  void check() const {
    detail::check_one_of("objective type", options_.objective_type, {"Maximize", "Minimize"});
    if (options_.warm_start_config && options_.warm_start_config->parents.empty())
      throw ConfigError("Invalid parents: warm_start_config.parents should not be empty");
    if (options_.completion_criteria_config) detail::check_completion(*options_.completion_criteria_config);
    for (const auto& [name, definition] : definitions_) {
      if (name.empty() && definitions_.size() > 1) throw ConfigError("Estimator names cannot be empty");
      detail::check_tuning_part(part_of(name, definition), options_.autotune);
      detail::check_tunable(definition.estimator.estimator().options());
    }
  }
  template <class Value>
  void check_names(const char* argument, const std::map<std::string, Value>& values) const {
    for (const auto& [name, value] : values) {
      if (!definitions_.contains(name))
        throw ConfigError(std::string("The keys of argument '") + argument +
                          "' must be names of estimators; there is no \"" + name + "\"");
    }
  }

  static detail::TuningPart part_of(const std::string& name, const TunerDefinition& definition) {
    return {name,
            definition.objective_metric_name,
            definition.hyperparameter_ranges,
            definition.metric_definitions,
            definition.hyperparameters_to_keep_static,
            definition.instance_configs,
            definition.estimator.is_framework(),
            nullptr};
  }

  // After a training job of the tuning job, with what the job itself does not know of its estimator.
  Estimator estimator_of(const json& summary) const {
    const std::string name = detail::text_of(summary, "TrainingJobName");
    const json job = session().wait_for_training_job(name);
    if (detail::text_of(job, "TrainingJobStatus") == "Stopped")
      session().print("Training job " + name +
                      " was stopped early: its model is the last one that it stored");
    const auto definition = definitions_.find(detail::text_of(summary, "TrainingJobDefinitionName"));
    const TunerDefinition& its =
        definition != definitions_.end() ? definition->second : definitions_.begin()->second;
    EstimatorOptions options = detail::options_of_job(job);
    const bool pytorch = detail::take_tuning_hyperparameters(options);
    options.code_location = its.estimator.estimator().options().code_location;
    options.tags = tags();
    Estimator estimator(session(), std::move(options));
    estimator.set_latest_training_job(name);
    if (pytorch) return PyTorch(std::move(estimator));
    return estimator;
  }

  // Sources lie below the job's name. Those of several estimators would be one another's there, as they are
  // in the SDK: each has a folder of its own.
  json training_of(const std::string& name, TunerDefinition& definition, const TrainingInputs& inputs,
                   const std::string& job_name) const {
    Estimator& estimator = definition.estimator.estimator();
    FitOptions options{.job_name = job_name};
    if (definitions_.size() > 1 && !estimator.options().entry_point.empty())
      options.job_name =
          (job_name.empty() ? detail::name_from_base(name, session().clock().now()) : job_name + "-" + name);
    return estimator.training_request(inputs, options);
  }

  std::string fallback_name(const detail::TuningPart& part) const {
    std::string base = options_.base_tuning_job_name;
    if (base.empty()) {
      const json& algorithm = detail::object_of(part.training, "AlgorithmSpecification");
      const std::string image = detail::text_of(algorithm, "TrainingImage");
      base =
          detail::base_name_from_image(image.empty() ? detail::text_of(algorithm, "AlgorithmName") : image);
    }
    return detail::tuning_name_from_base(base, session().clock().now());
  }

  // Those of the first estimator follow the tuner's.
  std::vector<Tag> tags() const {
    std::vector<Tag> tags = options_.tags;
    for (const Tag& tag : definitions_.begin()->second.estimator.estimator().options().tags) {
      const bool known = std::any_of(tags.begin(), tags.end(), [&](const Tag& own) {
        return own.key == tag.key && own.value == tag.value;
      });
      if (!known) tags.push_back(tag);
    }
    return tags;
  }

  HyperparameterTuner warm_started(WarmStartConfig config) const {
    if (definitions_.size() > 1)
      throw ConfigError("Warm start is not supported currently for tuners with multiple estimators");
    config.parents.push_back(latest_tuning_job());
    HyperparameterTuner tuner = *this;
    tuner.options_.warm_start_config = std::move(config);
    tuner.job_name_.clear();
    return tuner;
  }

  TunerOptions options_;
  std::map<std::string, TunerDefinition> definitions_;
  std::string job_name_;
};

}  // namespace sagemaker
