// Prints the documents of CreateTrainingJob that the Estimators make from the arguments of each case:
//   training_documents SCRIPT      {"plain": {...}, "spot": {...}, ...}
//   training_documents --images < [["pytorch", "eu-west-1", "2.4", "py311", "ml.m5.large", "training"], ...]
// The second prints the array of the images that image_uris::retrieve finds.
// sagemaker_sdk_training_documents.py compares them with those that the SageMaker Python SDK makes.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include "tests/unit/high_level_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

EstimatorOptions basic(EstimatorOptions options = {}) {
  if (options.role.empty()) options.role = "arn:aws:iam::111122223333:role/Trainer";
  if (options.instance_type.empty() && options.instance_groups.empty()) options.instance_type = "ml.m5.large";
  options.disable_profiler = true;
  return options;
}

EstimatorOptions with_image(EstimatorOptions options = {}) {
  options.image_uri = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1";
  return basic(std::move(options));
}

EstimatorOptions full() {
  return with_image({.instance_count = 2,
                     .instance_type = "ml.c5.xlarge",
                     .volume_size = 50,
                     .volume_kms_key = "volume-key",
                     .max_run = 100,
                     .input_mode = "FastFile",
                     .output_path = "s3://out/p",
                     .output_kms_key = "output-key",
                     .hyperparameters = {{"objective", "reg:linear"}, {"num_round", 50}, {"eta", 0.1}},
                     .environment = {{"A", "b"}},
                     .metric_definitions = {{"loss", "loss=(.*)"}},
                     .tags = {{"team", "x"}},
                     .subnets = {"subnet-1"},
                     .security_group_ids = {"sg-1"},
                     .enable_network_isolation = true,
                     .encrypt_inter_container_traffic = true,
                     .keep_alive_period_in_seconds = 60,
                     .container_entry_point = {"/bin/sh"},
                     .container_arguments = {"-c", "true"},
                     .disable_output_compression = true,
                     .model_uri = "s3://m/model.tar.gz",
                     .model_channel_name = "start",
                     .enable_sagemaker_metrics = true,
                     .training_repository_access_mode = "Vpc",
                     .training_repository_credentials_provider_arn = "arn:aws:lambda:eu-west-1:1:function:f",
                     .enable_infra_check = true,
                     .enable_remote_debug = true,
                     .enable_session_tag_chaining = true,
                     .training_plan = "arn:aws:sagemaker:eu-west-1:1:training-plan/p",
                     .instance_placement_config = {{"EnableMultipleJobs", true}}});
}

TrainingInput full_input() {
  return {.s3_data = "s3://d/x",
          .distribution = "ShardedByS3Key",
          .compression = "Gzip",
          .content_type = "text/csv",
          .record_wrapping = "RecordIO",
          .s3_data_type = "AugmentedManifestFile",
          .input_mode = "Pipe",
          .shuffle_config = ShuffleConfig{7},
          .attribute_names = {"a", "b"},
          .instance_groups = {"g"}};
}

class Cases {
 public:
  void add(const std::string& name, const EstimatorOptions& options, const TrainingInputs& inputs = {}) {
    run(
        name, [&](const Session& session) { return Estimator(session, options); }, inputs);
  }
  void add_pytorch(const std::string& name, const EstimatorOptions& options,
                   const TrainingInputs& inputs = {}) {
    run(
        name, [&](const Session& session) { return PyTorch(session, options); }, inputs);
  }
  json documents = json::object();

 private:
  template <class Make>
  void run(const std::string& name, Make&& make, const TrainingInputs& inputs) {
    Stage stage(
        {.default_bucket = "sagemaker-eu-west-1-111122223333", .default_bucket_prefix = "our/prefix"});
    make(stage.session).fit(inputs, {.wait = false, .job_name = name});
    documents[name] = stage.aws->document("CreateTrainingJob");
  }
};

void add_pytorch(Cases& cases, const std::string& script) {
  const auto pytorch = [&](const char* type, json distribution = {}) {
    EstimatorOptions options = basic({.entry_point = script,
                                      .framework_version = "2.0.1",
                                      .py_version = "py310",
                                      .distribution = std::move(distribution),
                                      .instance_count = 2,
                                      .instance_type = type,
                                      .hyperparameters = {{"text", "x"}, {"number", 5}}});
    options.debugger_hook_config = false;
    return options;
  };
  const json enabled{{"enabled", true}};
  cases.add_pytorch("pytorch", pytorch("ml.c5.xlarge"), "s3://d/x");
  cases.add_pytorch("torch-distributed", pytorch("ml.p4d.24xlarge", {{"torch_distributed", enabled}}));
  cases.add_pytorch("ddp", pytorch("ml.p4d.24xlarge", {{"pytorchddp", enabled}}));
  cases.add_pytorch(
      "mpi",
      pytorch("ml.g5.xlarge",
              {{"mpi", {{"enabled", true}, {"processes_per_host", 4}, {"custom_mpi_options", "-x A"}}}}));
  EstimatorOptions groups = pytorch("", {{"mpi", enabled}, {"instance_groups", {"a"}}});
  groups.instance_count = 1;
  groups.instance_type = "";
  groups.instance_groups = {{"a", "ml.g5.xlarge", 2}, {"b", "ml.c5.xlarge", 1}};
  cases.add_pytorch("mpi-group", groups);
  cases.add_pytorch("parameter-server", pytorch("ml.c5.xlarge", {{"parameter_server", enabled}}));
}

void add_sources(Cases& cases, const std::string& script) {
  const EstimatorOptions base = with_image({.entry_point = script, .hyperparameters = {{"epochs", 5}}});
  cases.add("script", base);
  EstimatorOptions options = base;
  options.output_path = "s3://out/p";
  cases.add("script-output", options);
  options.code_location = "s3://code/c";
  cases.add("script-code", options);
  options = base;
  options.enable_network_isolation = true;
  cases.add("script-isolated", options, {{"train", "s3://d/x"}});
}

int print_images() {
  const std::string asked{std::istreambuf_iterator<char>(std::cin), {}};
  json images = json::array();
  for (const json& one : json::parse(asked))
    images.push_back(image_uris::retrieve({one[0], one[1], one[2], one[3], one[4], one[5]}));
  std::puts(images.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (argv[1] == std::string("--images")) return print_images();
  Cases cases;
  cases.add("plain", with_image({.hyperparameters = {{"text", "x"}, {"number", 5}}}), "s3://d/x");
  cases.add("full", full(), {{"train", full_input()}, {"test", "s3://d/t"}});
  cases.add("single-input", with_image(), full_input());
  cases.add("file-system", with_image(), FileSystemInput{"fs-1", "EFS", "/data", "rw", "text/csv"});
  cases.add("spot", with_image({.use_spot_instances = true,
                                .max_wait = 90'000,
                                .max_retry_attempts = 3,
                                .checkpoint_s3_uri = "s3://c/k",
                                .checkpoint_local_path = "/opt/ml/ck"}));
  cases.add("groups", with_image({.instance_groups = {{"a", "ml.c5.xlarge", 2}, {"b", "ml.m5.large", 1}}}));
  EstimatorOptions hook = with_image();
  hook.debugger_hook_config = true;
  cases.add("debugger", hook);
  add_sources(cases, argv[1]);
  add_pytorch(cases, argv[1]);
  std::puts(cases.documents.dump().c_str());
  return 0;
}
