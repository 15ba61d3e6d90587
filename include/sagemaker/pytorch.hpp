// Trains a Python script in AWS's PyTorch containers: the SageMaker Python SDK's PyTorch estimator.
//   sm::PyTorch estimator{session, {.entry_point = "train.py",
//                                   .framework_version = "2.4", .py_version = "py311",
//                                   .distribution = {{"torch_distributed", {{"enabled", true}}}},
//                                   .instance_count = 2, .instance_type = "ml.g5.xlarge"}};
//   estimator.fit({{"training", "s3://bucket/mnist"}});
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/estimator.hpp>
#include <sagemaker/image_uris.hpp>
#include <sagemaker/pytorch_model.hpp>

namespace sagemaker {

namespace detail {

inline bool is_enabled(const json& distribution, const char* strategy) {
  return truth_of(object_of(distribution, strategy), "enabled");
}

inline void check_strategies(const json& distribution) {
  if (!distribution.is_object()) throw ConfigError("distribution must be an object of strategies");
  for (auto strategy = distribution.begin(); strategy != distribution.end(); ++strategy) {
    const std::string& name = strategy.key();
    const bool model_parallel = name == "smdistributed" && strategy->contains("modelparallel");
    if (model_parallel ||
        (name != "torch_distributed" && name != "pytorchddp" && name != "mpi" && name != "parameter_server" &&
         name != "smdistributed" && name != "instance_groups")) {
      throw ConfigError(
          "distribution \"" + (model_parallel ? "modelparallel" : name) +
          "\" is not supported; supported are torch_distributed, pytorchddp, mpi, parameter_server and "
          "smdistributed.dataparallel");
    }
  }
  if (distribution.contains("pytorchddp") && distribution.contains("smdistributed"))
    throw ConfigError("Cannot use both pytorchddp and smdistributed distribution options together.");
}

// The one group of a heterogeneous cluster that the strategy is for; all others have other work.
inline std::vector<std::string> distribution_groups(const EstimatorOptions& options) {
  std::vector<std::string> names = texts_of(options.distribution, "instance_groups");
  const auto& groups = options.instance_groups;
  if (groups.empty() && !names.empty()) throw ConfigError("Instance groups not specified in the estimator !");
  if (groups.size() == 1 && names.empty()) names.push_back(groups.front().instance_group_name);
  if (groups.size() > 1 && names.size() != 1)
    throw ConfigError("Distribution should only contain one instance group name !");
  for (const std::string& name : names) {
    bool known = false;
    for (const InstanceGroup& group : groups) known = known || group.instance_group_name == name;
    if (!known) throw ConfigError("Invalid training instance group " + name + " !");
  }
  return names;
}

// The hyperparameters by which the container learns how to launch the script on several hosts.
inline std::map<std::string, json> distribution_hyperparameters(const EstimatorOptions& options) {
  const json& distribution = options.distribution;
  if (distribution.is_null()) return {};
  check_strategies(distribution);
  const std::vector<std::string> groups = distribution_groups(options);
  std::map<std::string, json> values;
  const bool torch = is_enabled(distribution, "torch_distributed");
  if (torch) values["sagemaker_torch_distributed_enabled"] = true;
  if (!torch && distribution.contains("parameter_server"))
    values["sagemaker_parameter_server_enabled"] = is_enabled(distribution, "parameter_server");
  const bool mpi = is_enabled(distribution, "mpi");
  if (!torch && distribution.contains("mpi")) {
    const json& settings = object_of(distribution, "mpi");
    values["sagemaker_mpi_enabled"] = mpi;
    if (const int processes = number_of(settings, "processes_per_host", 0); processes > 0)
      values["sagemaker_mpi_num_of_processes_per_host"] = processes;
    values["sagemaker_mpi_custom_mpi_options"] = text_of(settings, "custom_mpi_options");
  }
  const bool parallel = distribution.contains("smdistributed") || distribution.contains("pytorchddp");
  const json& library = distribution.contains("pytorchddp")  // the SDK's other name for the same thing
                            ? object_of(distribution, "pytorchddp")
                            : object_of(object_of(distribution, "smdistributed"), "dataparallel");
  const bool data_parallel = parallel && truth_of(library, "enabled");
  if (parallel) values["sagemaker_distributed_dataparallel_enabled"] = data_parallel;
  if (data_parallel)
    values["sagemaker_distributed_dataparallel_custom_mpi_options"] = text_of(library, "custom_mpi_options");
  if ((torch || parallel) && !options.instance_type.empty())
    values["sagemaker_instance_type"] = options.instance_type;
  if (torch || groups.empty()) return values;
  if (!mpi && !data_parallel)
    throw ConfigError("Don't set training instance groups while no distribution strategies enabled!");
  values["sagemaker_distribution_instance_groups"] = text_array(groups);
  return values;
}

// From version 1.3 on the images report their metrics to SageMaker too.
inline bool reports_metrics(std::string_view version) {
  const char* const end = version.data() + version.size();
  int major = 0;
  int minor = 0;
  const auto parsed = std::from_chars(version.data(), end, major);
  if (parsed.ptr != end && *parsed.ptr == '.') std::from_chars(parsed.ptr + 1, end, minor);
  return major > 1 || (major == 1 && minor >= 3);
}

// The instance type that the image is chosen by: of several groups the first with GPUs, else the first.
inline std::string image_instance_type(const EstimatorOptions& options) {
  if (options.instance_groups.empty()) return options.instance_type;
  for (const InstanceGroup& group : options.instance_groups) {
    const char family = image_uris::detail::family_of(group.instance_type)[0];
    if (family == 'g' || family == 'p') return group.instance_type;
  }
  return options.instance_groups.front().instance_type;
}

inline EstimatorOptions pytorch_options(const Session& session, EstimatorOptions options) {
  if (options.entry_point.empty()) throw ConfigError("entry_point is missing: name the script to run");
  if (options.image_uri.empty() && (options.framework_version.empty() || options.py_version.empty())) {
    throw ConfigError(
        "framework_version or py_version is missing, yet image_uri also is. Either specify both "
        "framework_version and py_version, or specify image_uri.");
  }
  if (options.image_uri.empty()) {
    check_instances(options);
    options.image_uri = image_uris::retrieve({.framework = "pytorch",
                                              .region = session.region(),
                                              .version = options.framework_version,
                                              .py_version = options.py_version,
                                              .instance_type = image_instance_type(options)});
  }
  if (!options.enable_sagemaker_metrics && reports_metrics(options.framework_version))
    options.enable_sagemaker_metrics = true;
  for (auto& [name, value] : distribution_hyperparameters(options))
    options.hyperparameters[name] = std::move(value);
  return options;
}

struct ImageVersions {
  std::string framework_version;  // empty: the image is none of AWS's for PyTorch
  std::string py_version;
};

// "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.4-cpu-py311-ubuntu22.04-sagemaker" -> 2.4
// and py311.
inline ImageVersions versions_of_image(std::string_view image) {
  const std::size_t path = image.find('/');
  const std::size_t tag = image.find(':');
  if (tag == std::string_view::npos || path >= tag) return {};
  const std::string_view name = image.substr(path + 1, tag - path - 1);
  if (image.substr(0, path).find(".dkr.ecr.") == std::string_view::npos ||
      (name != "pytorch-training" && name != "sagemaker-pytorch"))
    return {};
  const std::string_view text = image.substr(tag + 1);
  const std::size_t python = text.find("-py");
  if (python == std::string_view::npos) return {};
  return {std::string(text.substr(0, text.find('-'))),
          std::string(text.substr(python + 1, text.find('-', python + 1) - python - 1))};
}

}  // namespace detail

class PyTorch : public Estimator {
 public:
  // Options of its own: framework_version and py_version (or image_uri), and distribution, as in the SDK:
  // {"torch_distributed": {"enabled": true}}, {"pytorchddp": ...}, {"mpi": {"enabled": true,
  // "processes_per_host": 4, "custom_mpi_options": "-x A"}}, {"parameter_server": ...},
  // {"smdistributed": {"dataparallel": ...}}, and "instance_groups": ["name"] for one group of several.
  // Unlike the SDK, torch_distributed is accepted on any instance. Throws ConfigError for what no image is
  // known for; nothing is sent.
  PyTorch(const Session& session, const EstimatorOptions& options)
      : Estimator(session, detail::pytorch_options(session, options)) {
    set_framework(options.image_uri);
  }
  // One that has been attached to a job of such a script. As in the SDK an image of AWS's stands for its
  // versions, so that models are served by AWS's image for serving; any other serves as well as it trains.
  explicit PyTorch(Estimator estimator) : Estimator(std::move(estimator)) {
    const detail::ImageVersions versions = detail::versions_of_image(options().image_uri);
    set_framework(versions.framework_version.empty() ? options().image_uri : "");
    if (!versions.framework_version.empty()) set_versions(versions.framework_version, versions.py_version);
  }

  // See Estimator::attach.
  static PyTorch attach(const Session& session, const std::string& training_job_name,
                        const AttachOptions& options = {}) {
    return PyTorch(Estimator::attach(session, training_job_name, options));
  }

  // The trained model with the script that trained it, or another entry_point, in AWS's container for
  // serving; in the image that the estimator was given where it was given one. Unlike in the SDK, network
  // isolation is kept. Predictors of deploy() speak NumPy's format.
  PyTorchModel create_model(const CreateModelOptions& changes = {}) const { return pytorch_model(changes); }
};

}  // namespace sagemaker
