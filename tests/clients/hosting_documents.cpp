// Prints what the classes of hosting ask SageMaker for in each case:
//   hosting_documents SCRIPT     {"model": [["CreateModel", {...}], ["CreateEndpointConfig", {...}], ...],
//   ...}
//   hosting_documents --formats  {"records-float32": "0a23...", "sparse": "504b...", ...}, bytes as
//   hexadecimal digits
// sagemaker_sdk_hosting_documents.py compares both with what the SageMaker Python SDK makes.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "tests/support/support.hpp"
#include "tests/unit/high_level_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

const std::string role = "arn:aws:iam::111122223333:role/Server";
const std::string image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1";

class Cases {
 public:
  void add(const std::string& name, const std::function<void(Stage&)>& run) {
    SessionOptions options{.endpoint_url = "http://127.0.0.1:4566",
                           .default_bucket = "sagemaker-eu-west-1-111122223333",
                           .default_bucket_prefix = "our/prefix"};
    options.config.random = [] { return 0.5; };
    Stage stage(std::move(options));
    stage.aws->on_json("DescribeEndpoint",
                       {{"EndpointStatus", "InService"}, {"EndpointConfigName", "old-config"}});
    stage.aws->on_json("DescribeInferenceComponent", {{"InferenceComponentStatus", "InService"}});
    run(stage);
    json& calls = documents[name] = json::array();
    std::map<std::string, std::size_t> seen;
    for (const std::string& call : stage.aws->calls) {
      if (call.starts_with("Create") || call.starts_with("Update"))
        calls.push_back({call, stage.aws->document(call, seen[call]++)});
    }
  }
  json documents = json::object();
};

ModelOptions basic(ModelOptions options = {}) {
  options.image_uri = image;
  options.role = role;
  if (options.model_data.empty()) options.model_data = "s3://m/model.tar.gz";
  return options;
}

// S3 holds this file as s3://m/model.tar.gz.
void hold_model(Stage& stage, const std::filesystem::path& script) {
  const std::string bytes = pack_sources({script.string(), {}, {}}).bytes;
  const auto described = [bytes](const std::string& body) {
    aws::HttpResponse response = answer(body);
    response.headers.set("Content-Length", std::to_string(bytes.size()));
    response.headers.set("ETag", "\"e\"");
    return response;
  };
  stage.aws->on("HEAD /m/model.tar.gz", {described("")});
  stage.aws->on("GET /m/model.tar.gz", {described(bytes)});
}

void add_models(Cases& cases) {
  cases.add("model", [](Stage& stage) {
    Model(stage.session, basic({.env = {{"A", "b"}}, .name = "m"}))
        .deploy({.initial_instance_count = 2,
                 .instance_type = "ml.c5.xlarge",
                 .endpoint_name = "e",
                 .wait = false});
  });
  cases.add("unnamed", [](Stage& stage) {
    Model(stage.session, basic()).deploy({.instance_type = "ml.c5.xlarge", .wait = false});
  });
  cases.add("named", [](Stage& stage) {
    Model(stage.session, basic({.name = "my-model-2026-11-21-07-00-00-123"}))
        .deploy({.instance_type = "ml.c5.xlarge", .wait = false});
  });
  cases.add("full", [](Stage& stage) {
    Model(stage.session, basic({.name = "m",
                                .subnets = {"subnet-1"},
                                .security_group_ids = {"sg-1"},
                                .enable_network_isolation = true,
                                .accept_eula = true,
                                .image_config = {{"RepositoryAccessMode", "Vpc"}}}))
        .deploy({.instance_type = "ml.g5.xlarge",
                 .endpoint_name = "e",
                 .tags = {{"team", "x"}},
                 .kms_key = "key",
                 .wait = false,
                 .data_capture_config = DataCaptureConfig{},
                 .volume_size = 50,
                 .model_data_download_timeout = 120,
                 .container_startup_health_check_timeout = 180,
                 .routing_strategy = "LEAST_OUTSTANDING_REQUESTS",
                 .inference_ami_version = "al2-ami-sagemaker-inference-gpu-2"});
  });
  cases.add("prefix", [](Stage& stage) {
    ModelOptions options = basic({.model_data = "s3://m/model/", .name = "m"});
    Model(stage.session, options)
        .deploy({.instance_type = "ml.c5.xlarge", .endpoint_name = "e", .wait = false});
  });
}

void add_configurations(Cases& cases) {
  const auto deploy = [&](const std::string& name, DeployOptions options) {
    cases.add(name, [options = std::move(options)](Stage& stage) {
      DeployOptions chosen = options;
      if (chosen.endpoint_name.empty()) chosen.endpoint_name = "e";
      if (!chosen.serverless_inference_config) chosen.instance_type = "ml.c5.xlarge";
      chosen.wait = false;
      Model(stage.session, basic({.name = "m"})).deploy(chosen);
    });
  };
  deploy("capture", {.data_capture_config = DataCaptureConfig{.sampling_percentage = 50,
                                                              .destination_s3_uri = "s3://c/capture",
                                                              .kms_key_id = "key",
                                                              .capture_options = {"RESPONSE"},
                                                              .csv_content_types = {"text/x"},
                                                              .json_content_types = {"text/y"}}});
  deploy("serverless", {.serverless_inference_config = ServerlessInferenceConfig{}});
  deploy("serverless-full",
         {.serverless_inference_config = ServerlessInferenceConfig{4096, 20, /*provisioned_concurrency=*/2}});
  deploy("async", {.async_inference_config = AsyncInferenceConfig{}});
  deploy("async-full", {.async_inference_config = AsyncInferenceConfig{
                            .output_path = "s3://o/out",
                            .max_concurrent_invocations_per_instance = 4,
                            .kms_key_id = "key",
                            .notification_config = {{"SuccessTopic", "arn:aws:sns:eu-west-1:1:t"}},
                            .failure_path = "s3://o/failed"}});
  deploy("component",
         {.resources = ResourceRequirements{.requests = {.num_cpus = 1, .memory = 1024, .copies = 2},
                                            .limits = {.memory = 2048}},
          .managed_instance_scaling = ManagedInstanceScaling{.max_instance_count = 3}});
  cases.add("new-component", [](Stage& stage) {
    stage.aws->on("DescribeEndpoint", {refusal("ValidationException", "Could not find endpoint \"e\".")});
    Model(stage.session, basic({.name = "m"}))
        .deploy({.instance_type = "ml.g5.xlarge",
                 .endpoint_name = "e",
                 .tags = {{"k", "v"}},
                 .wait = false,
                 .resources = ResourceRequirements{.requests = {.num_accelerators = 1, .memory = 512}},
                 .managed_instance_scaling = ManagedInstanceScaling{.max_instance_count = 3},
                 .inference_component_name = "c"});
  });
}

void add_scripts(Cases& cases, const std::filesystem::path& script) {
  cases.add("script", [&](Stage& stage) {
    Model(stage.session, basic({.env = {{"A", "b"}}, .name = "m", .entry_point = script.string()}))
        .deploy({.instance_type = "ml.c5.xlarge", .endpoint_name = "e", .wait = false});
  });
  cases.add("source-dir", [&](Stage& stage) {
    hold_model(stage, script);
    Model(stage.session, basic({.name = "m",
                                .entry_point = script.filename().string(),
                                .source_dir = script.parent_path().string()}))
        .deploy({.instance_type = "ml.c5.xlarge", .endpoint_name = "e", .wait = false});
  });
  const auto pytorch = [&](const std::string& name, ModelOptions options, DeployOptions deploy) {
    cases.add(name, [=](Stage& stage) {
      hold_model(stage, script);
      ModelOptions chosen = options;
      chosen.role = role;
      chosen.model_data = "s3://m/model.tar.gz";
      chosen.entry_point = script.string();
      if (chosen.image_uri.empty()) chosen.framework_version = "2.0.1", chosen.py_version = "py310";
      DeployOptions where = deploy;
      where.wait = false;
      PyTorchModel(stage.session, chosen).deploy(where);
    });
  };
  pytorch("pytorch", {.name = "m"}, {.instance_type = "ml.c5.xlarge"});
  pytorch("pytorch-unnamed", {}, {.instance_type = "ml.g5.xlarge", .endpoint_name = "e"});
  pytorch("pytorch-code", {.name = "m", .code_location = "s3://code/here", .model_server_workers = 2},
          {.instance_type = "ml.c5.xlarge", .endpoint_name = "e"});
  pytorch("pytorch-serverless", {.name = "m"},
          {.endpoint_name = "e", .serverless_inference_config = ServerlessInferenceConfig{}});
  pytorch("pytorch-image", {.image_uri = image, .name = "m"},
          {.instance_type = "ml.c5.xlarge", .endpoint_name = "e"});
}

void add_several(Cases& cases) {
  const auto models = [](Stage& stage) {
    return std::vector<Model>{Model(stage.session, basic({.env = {{"A", "b"}}, .name = "a"})),
                              Model(stage.session, basic({.model_data = "s3://m/b.tar.gz", .name = "b"}))};
  };
  cases.add("pipeline", [&](Stage& stage) {
    PipelineModel(stage.session, models(stage), {.role = role})
        .deploy({.instance_type = "ml.c5.xlarge", .tags = {{"k", "v"}}, .wait = false});
  });
  cases.add("pipeline-update", [&](Stage& stage) {
    PipelineModel(stage.session, models(stage), {.role = role, .name = "p"})
        .deploy(
            {.instance_type = "ml.c5.xlarge", .endpoint_name = "e", .wait = false, .update_endpoint = true});
  });
  cases.add("multi-model", [](Stage& stage) {
    MultiDataModel(stage.session, {.name = "mm", .model_data_prefix = "s3://m/models/"}, basic())
        .deploy({.instance_type = "ml.c5.xlarge", .wait = false});
  });
  cases.add("multi-model-of-a-model", [](Stage& stage) {
    MultiDataModel(stage.session, {.name = "mm", .model_data_prefix = "s3://m/models/"},
                   Model(stage.session, basic({.env = {{"A", "b"}}, .name = "inner"})))
        .deploy({.instance_type = "ml.c5.xlarge", .endpoint_name = "e", .wait = false});
  });
}

// What the endpoint has before it is changed.
void hold_endpoint(Stage& stage) {
  stage.aws->on_json("DescribeEndpointConfig",
                     {{"EndpointConfigName", "old-config"},
                      {"EndpointConfigArn", "arn:aws:sagemaker:eu-west-1:1:endpoint-config/old-config"},
                      {"KmsKeyId", "old-key"},
                      {"AsyncInferenceConfig", {{"OutputConfig", {{"S3OutputPath", "s3://o/p"}}}}},
                      {"ProductionVariants",
                       {{{"VariantName", "AllTraffic"},
                         {"ModelName", "old-model"},
                         {"InitialVariantWeight", 1.0},
                         {"InitialInstanceCount", 1},
                         {"InstanceType", "ml.m5.large"}}}}});
  stage.aws->on_json("ListTags", {{"Tags", {{{"Key", "old"}, {"Value", "tag"}}}}});
}

void add_updates(Cases& cases) {
  cases.add("update", [](Stage& stage) {
    Model(stage.session, basic({.name = "m"}))
        .deploy(
            {.instance_type = "ml.c5.xlarge", .endpoint_name = "e", .wait = false, .update_endpoint = true});
  });
  const auto change_endpoint = [&](const std::string& name, const std::function<void(Predictor&)>& change) {
    cases.add(name, [change](Stage& stage) {
      hold_endpoint(stage);
      Predictor of_endpoint(stage.session, {.endpoint_name = "e"});
      change(of_endpoint);
    });
  };
  change_endpoint("predictor-update", [](Predictor& predictor) {
    predictor.update_endpoint({.initial_instance_count = 3, .instance_type = "ml.c5.xlarge"});
  });
  change_endpoint("predictor-full", [](Predictor& predictor) {
    predictor.update_endpoint({.initial_instance_count = 3,
                               .instance_type = "ml.c5.xlarge",
                               .model_name = "new-model",
                               .max_instance_count = 4,
                               .min_instance_count = 2,
                               .tags = {{"k", "v"}},
                               .kms_key = "new-key",
                               .data_capture_config = DataCaptureConfig{}});
  });
  change_endpoint("predictor-tags", [](Predictor& predictor) {
    predictor.update_endpoint({.tags = {{"k", "v"}}});
  });
  change_endpoint("capture-on", [](Predictor& predictor) { predictor.enable_data_capture(); });
  change_endpoint("capture-off", [](Predictor& predictor) { predictor.disable_data_capture(); });
}

int print_formats() {
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const char c : bytes) {
      char digits[4];
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += digits;
    }
    return text;
  };
  json formats = json::object();
  formats["records-float32"] = hex(encode_records(NpyArray(std::vector<float>{0.5F, -2, 3, 1e30F}, {2, 2})));
  formats["records-float64"] = hex(RecordSerializer().serialize({{0.5, -2}, {3, 1e300}}));
  formats["records-int64"] = hex(RecordSerializer().serialize({{1, -2}, {300, 2147483647}}));
  formats["sparse"] = hex(SparseMatrixSerializer().serialize({{0, 0, 3}, {0, 0, 0}, {1.5, 0, 2}}));
  std::puts(formats.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (argv[1] == std::string("--formats")) return print_formats();
  Cases cases;
  add_models(cases);
  add_configurations(cases);
  add_scripts(cases, argv[1]);
  add_several(cases);
  add_updates(cases);
  std::puts(cases.documents.dump().c_str());
  return 0;
}
