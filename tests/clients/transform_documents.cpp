// Prints what Transformers, and the classes that make them, ask SageMaker for in each case:
//   transform_documents        {"plain": [["CreateTransformJob", {...}]], ...}
// sagemaker_sdk_transform_documents.py compares them with what the SageMaker Python SDK asks for.
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
const std::string data = "s3://d/rows/";

class Cases {
 public:
  void add(const std::string& name, const std::function<void(Stage&)>& run) {
    Stage stage({.endpoint_url = "http://127.0.0.1:4566",
                 .default_bucket = "sagemaker-eu-west-1-111122223333",
                 .default_bucket_prefix = "our/prefix"});
    stage.aws->on_json("DescribeModel", {{"PrimaryContainer", {{"Image", image}}}});
    stage.aws->on_json("DescribeTrainingJob",
                       {{"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model.tar.gz"}}}});
    stage.aws->on_json(
        "DescribeTransformJob",
        {{"TransformJobName", "old"},
         {"ModelName", "m"},
         {"BatchStrategy", "SingleRecord"},
         {"MaxPayloadInMB", 3},
         {"MaxConcurrentTransforms", 2},
         {"TransformResources",
          {{"InstanceCount", 2}, {"InstanceType", "ml.c5.xlarge"}, {"VolumeKmsKeyId", "volume-key"}}},
         {"TransformOutput",
          {{"S3OutputPath", "s3://o/p"},
           {"AssembleWith", "Line"},
           {"KmsKeyId", "key"},
           {"Accept", "text/csv"}}}});
    run(stage);
    json& calls = documents[name] = json::array();
    std::map<std::string, std::size_t> seen;
    for (const std::string& call : stage.aws->calls) {
      if (call.starts_with("Create")) calls.push_back({call, stage.aws->document(call, seen[call]++)});
    }
  }
  json documents = json::object();
};

TransformerOptions basic(TransformerOptions options = {}) {
  if (options.instance_type.empty()) options.instance_type = "ml.m5.large";
  return options;
}
void start(Transformer transformer, TransformOptions options = {}) {
  options.wait = false;
  transformer.transform(data, options);
}

TransformerOptions full() {
  return {.instance_count = 2,
          .instance_type = "ml.c5.xlarge",
          .strategy = "MultiRecord",
          .assemble_with = "Line",
          .output_path = "s3://o/out",
          .output_kms_key = "output-key",
          .accept = "text/csv",
          .max_concurrent_transforms = 4,
          .max_payload = 0,
          .tags = {{"team", "x"}},
          .env = {{"A", "b"}},
          .base_transform_job_name = "mine",
          .volume_kms_key = "volume-key"};
}

void add_transformers(Cases& cases) {
  const auto add = [&](const std::string& name, TransformerOptions options, TransformOptions job = {}) {
    cases.add(name, [&](Stage& stage) {
      options.model_name = "m";
      start({stage.session, std::move(options)}, std::move(job));
    });
  };
  add("plain", basic());
  add("named", basic(), {.job_name = "j"});
  add("full", full(),
      {.content_type = "text/csv",
       .compression_type = "Gzip",
       .split_type = "Line",
       .input_filter = "$[1:]",
       .output_filter = "$[0,-1]",
       .join_source = "Input",
       .experiment_config = {{"ExperimentName", "e"}, {"TrialName", "t"}},
       .model_client_config =
           ModelClientConfig{.invocations_timeout_in_seconds = 60, .invocations_max_retries = 0},
       .batch_data_capture_config = BatchDataCaptureConfig{.destination_s3_uri = "s3://c/capture",
                                                           .kms_key_id = "capture-key",
                                                           .generate_inference_id = true}});
  add("manifest", basic(), {.data_type = "ManifestFile", .output_filter = "$.x"});
  add("capture", basic(),
      {.model_client_config = ModelClientConfig{.invocations_max_retries = 1},
       .batch_data_capture_config = BatchDataCaptureConfig{.destination_s3_uri = "s3://c/capture"}});
  cases.add("twice", [](Stage& stage) {  // a folder for each job
    Transformer transformer(stage.session, basic({.model_name = "m"}));
    transformer.transform(data, {.job_name = "j", .wait = false});
    transformer.transform(data, {.job_name = "k", .wait = false});
  });
  cases.add("attached", [](Stage& stage) { start(Transformer::attach(stage.session, "old")); });
}

ModelOptions model(ModelOptions options = {}) {
  options.image_uri = image;
  options.role = role;
  options.model_data = "s3://m/model.tar.gz";
  return options;
}

void add_models(Cases& cases) {
  cases.add("model", [](Stage& stage) { start(Model(stage.session, model()).transformer(basic())); });
  cases.add("model-full", [](Stage& stage) {
    TransformerOptions options = full();
    options.base_transform_job_name.clear();
    start(Model(stage.session, model({.env = {{"M", "n"}}, .name = "m"})).transformer(options));
  });
  cases.add("isolated", [](Stage& stage) {
    start(Model(stage.session, model({.name = "m", .enable_network_isolation = true}))
              .transformer(basic({.env = {{"A", "b"}}})));
  });
  cases.add("pipeline", [](Stage& stage) {
    const Model one(stage.session, model());
    start(PipelineModel(stage.session, {one, one}, {.role = role, .name = "p"})
              .transformer(basic({.tags = {{"team", "x"}}})));
  });
}

EstimatorOptions trained() {
  return {.image_uri = image,
          .role = role,
          .instance_type = "ml.m5.large",
          .output_kms_key = "key",
          .tags = {{"team", "y"}},
          .subnets = {"subnet-1"},
          .security_group_ids = {"sg-1"}};
}

void add_estimators(Cases& cases) {
  const auto add = [&](const std::string& name, const TransformerOptions& options,
                       const CreateModelOptions& changes = {}) {
    cases.add(name, [&](Stage& stage) {
      Estimator estimator(stage.session, trained());
      estimator.fit("s3://d/train", {.wait = false, .job_name = "t"});
      start(estimator.transformer(options, changes));
    });
  };
  add("estimator", basic());
  TransformerOptions options = full();
  options.base_transform_job_name.clear();
  options.model_name = "m";
  add("estimator-full", options,
      {.role = "arn:aws:iam::111122223333:role/Other",
       .subnets = std::vector<std::string>{},
       .security_group_ids = std::vector<std::string>{},
       .enable_network_isolation = true});
}

}  // namespace

int main() {
  Cases cases;
  add_transformers(cases);
  add_models(cases);
  add_estimators(cases);
  std::printf("%s\n", aws::dump_json(cases.documents).c_str());
}
