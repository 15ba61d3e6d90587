// Deploying in all its ways: what goes wrong before anything is sent, models that are packed anew, several
// containers and many models, and what is told while an endpoint comes up. The documents themselves are
// compared with the Python SDK's in tests/clients/sagemaker_sdk_hosting_documents.py.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
namespace fs = std::filesystem;

namespace {

const std::string role = "arn:aws:iam::1:role/R";

aws::HttpResponse status(const char* text) {
  return answer_json(json{{"EndpointStatus", text}, {"EndpointConfigName", "the-config"}});
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}
std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The files of a .tar.gz, by their names.
std::map<std::string, std::string> files_of(const fs::path& archive_path) {
  std::map<std::string, std::string> files;
  detail::read_archive(archive_path, [&](archive* reader, archive_entry* entry, const std::string& name) {
    if (archive_entry_filetype(entry) != AE_IFREG) return;
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    CHECK(archive_read_data(reader, content.data(), content.size()) ==
          static_cast<la_ssize_t>(content.size()));
    CHECK(files.emplace(name, content).second);
  });
  return files;
}

// A folder with a model.tar.gz that has code of its own, and sources for it.
struct Workshop {
  TemporaryDirectory folder;
  Workshop() {
    write(folder / "model/model.pth", std::string(100'000, 'w'));
    write(folder / "model/code/inference.py", "old");
    write(folder / "model/code/helper.py", "old helper");
    pack(folder / "model", folder / "model.tar.gz");
    write(folder / "src/serve.py", "new");
    write(folder / "src/pkg/deep.py", "deep");
    write(folder / "lib/dep.py", "dep");
  }
  static void pack(const fs::path& from, const fs::path& to) {
    write(to,
          pack_sources({.entry_point = "model.pth", .source_dir = from.string(), .dependencies = {}}).bytes);
  }
  std::map<std::string, std::string> repacked(ModelRepacking repacking) {
    repacking.model = folder / "model.tar.gz";
    repacking.target = folder / "new.tar.gz";
    program = repack_model(repacking);
    return files_of(repacking.target);
  }
  std::string program;
};

// S3 holds the file as this object.
void hold(Stage& stage, const std::string& path, const fs::path& file) {
  const std::string bytes = read(file);
  const auto described = [&](const std::string& body) {
    aws::HttpResponse response = answer(body);
    response.headers.set("Content-Length", std::to_string(bytes.size()));
    response.headers.set("ETag", "\"e\"");
    return response;
  };
  stage.aws->on("HEAD " + path, {described("")});
  stage.aws->on("GET " + path, {described(bytes)});
}

SessionOptions on_this_machine() {
  return {.endpoint_url = "http://127.0.0.1:4566", .default_bucket = "mine"};
}

}  // namespace

TEST_CASE("what cannot be deployed is refused before anything is sent") {
  Stage stage;
  Model model{stage.session, {.image_uri = "i", .role = role, .name = "m"}};
  CHECK_THROWS_AS(model.deploy({}), ConfigError);
  CHECK_THROWS_WITH_AS(model.deploy({.instance_type = "ml.m5.large", .explainer_config = json::object()}),
                       "explainer_config is not supported: there is no SageMaker Clarify here", ConfigError);
  CHECK_THROWS_AS(model.deploy({.instance_type = "ml.m5.large",
                                .endpoint_name = "e",
                                .update_endpoint = true,
                                .resources = ResourceRequirements{.requests = {.memory = 1}}}),
                  ConfigError);
  CHECK_THROWS_AS(model.deploy({.instance_type = "ml.m5.large", .resources = ResourceRequirements{}}),
                  ConfigError);
  CHECK_THROWS_AS(
      model.deploy({.instance_type = "ml.m5.large", .managed_instance_scaling = ManagedInstanceScaling{}}),
      ConfigError);
  CHECK_THROWS_AS(Model(stage.session, {.framework_version = "2.4"}), ConfigError);
  CHECK_THROWS_AS(PyTorchModel(stage.session, {.model_data = "s3://m/m.tar.gz"}), ConfigError);
  CHECK_THROWS_AS(PipelineModel(stage.session, {}), ConfigError);
  CHECK_THROWS_AS(MultiDataModel(stage.session, {.name = "m", .model_data_prefix = "/local"}, ModelOptions{}),
                  ConfigError);
  CHECK(stage.aws->calls.empty());
}

TEST_CASE("an update names an endpoint that is there, and waits for it") {
  Stage stage(on_this_machine());
  Model model{stage.session, {.image_uri = "i", .role = role, .name = "m"}};
  const DeployOptions update{.instance_type = "ml.m5.large", .endpoint_name = "e", .update_endpoint = true};
  stage.aws->on("DescribeEndpoint", {refusal("ValidationException", "Could not find endpoint \"e\".")});
  CHECK_THROWS_WITH_AS(model.deploy(update),
                       "Endpoint with name 'e' does not exist; please use an existing endpoint name",
                       ConfigError);
  CHECK_THROWS_AS(PipelineModel(stage.session, {model}, {.role = role}).deploy(update), ConfigError);
  stage.aws->calls.clear();
  stage.aws->on("DescribeEndpoint", {status("InService"), status("Updating"), status("InService")});
  CHECK(model.deploy(update).endpoint_name() == "e");
  CHECK(stage.aws->calls == std::vector<std::string>{"CreateModel", "CreateEndpointConfig",
                                                     "DescribeEndpoint", "UpdateEndpoint", "DescribeEndpoint",
                                                     "DescribeEndpoint"});
  // The endpoint is remembered.
  stage.aws->on("DescribeEndpoint", {status("InService")});
  CHECK(model.deploy({.instance_type = "ml.m5.large", .update_endpoint = true}).endpoint_name() == "e");
  Model other{stage.session, {.image_uri = "i", .role = role, .name = "other"}};
  CHECK_THROWS_AS(other.deploy({.instance_type = "ml.m5.large", .update_endpoint = true}), ConfigError);
}

TEST_CASE("a script alone joins what is in the model's code folder") {
  Workshop shop;
  const auto files = shop.repacked(
      {.entry_point = (shop.folder / "src/serve.py").string(),
       .dependencies = {(shop.folder / "lib").string(), (shop.folder / "lib/dep.py").string()}});
  CHECK(shop.program == "serve.py");
  CHECK(files == std::map<std::string, std::string>{{"model.pth", std::string(100'000, 'w')},
                                                    {"code/inference.py", "old"},
                                                    {"code/helper.py", "old helper"},
                                                    {"code/serve.py", "new"},
                                                    {"code/lib/dep.py", "dep"},
                                                    {"code/lib/lib/dep.py", "dep"}});
}

TEST_CASE("a script of the same name replaces the old one; a whole folder replaces the code") {
  Workshop shop;
  write(shop.folder / "here/inference.py", "mine");
  auto files = shop.repacked({.entry_point = (shop.folder / "here/inference.py").string()});
  CHECK(files["code/inference.py"] == "mine");
  CHECK(files["code/helper.py"] == "old helper");
  files = shop.repacked({.entry_point = "pkg/deep.py", .source_dir = (shop.folder / "src").string()});
  CHECK(shop.program == "pkg/deep.py");
  CHECK(files.size() == 3);
  CHECK(files["code/serve.py"] == "new");
  CHECK(files["code/pkg/deep.py"] == "deep");
}

TEST_CASE("sources of the training job join the model; a script that is in it already is found") {
  Workshop shop;
  write(shop.folder / "source.tar.gz",
        pack_sources(
            {.entry_point = "serve.py", .source_dir = (shop.folder / "src").string(), .dependencies = {}})
            .bytes);
  auto files = shop.repacked({.entry_point = "serve.py", .source_archive = shop.folder / "source.tar.gz"});
  CHECK(files["code/serve.py"] == "new");
  CHECK(files["code/pkg/deep.py"] == "deep");
  CHECK(files["code/inference.py"] == "old");
  files = shop.repacked({.entry_point = "inference.py"});
  CHECK(shop.program == "inference.py");
  CHECK(files["code/inference.py"] == "old");
  CHECK_THROWS_AS(shop.repacked({.entry_point = "absent.py"}), ConfigError);
}

TEST_CASE("what is no archive, or leads out of one, is refused") {
  Workshop shop;
  write(shop.folder / "model.tar.gz", "not an archive");
  CHECK_THROWS_AS(shop.repacked({.entry_point = (shop.folder / "src/serve.py").string()}), Error);
  CHECK_THROWS_AS(detail::archive_name("m.tar.gz", "../x"), Error);
  CHECK_THROWS_AS(detail::archive_name("m.tar.gz", "/etc/x"), Error);
  CHECK_THROWS_AS(detail::archive_name("m.tar.gz", "a/../../x"), Error);
  CHECK(detail::archive_name("m.tar.gz", "./a//b/") == "a/b");
  CHECK(detail::archive_name("m.tar.gz", "./").empty());
}

TEST_CASE("a PyTorch model is downloaded, packed with its script and uploaded, once") {
  Workshop shop;
  Stage stage(on_this_machine());
  hold(stage, "/b/model.tar.gz", shop.folder / "model.tar.gz");
  PyTorchModel model{stage.session,
                     {.model_data = "s3://b/model.tar.gz",
                      .role = role,
                      .name = "m",
                      .entry_point = (shop.folder / "src/serve.py").string(),
                      .framework_version = "2.4",
                      .py_version = "py311",
                      .model_server_workers = 2}};
  CHECK_THROWS_AS(model.create(), ConfigError);  // which image depends on the instance
  const Predictor predictor =
      model.deploy({.instance_type = "ml.m5.large", .endpoint_name = "e", .wait = false});
  CHECK(predictor.options().serializer.content_type == "application/x-npy");
  const json container = stage.aws->document("CreateModel")["PrimaryContainer"];
  CHECK(container["Image"] == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.4-cpu-py311");
  CHECK(container["ModelDataUrl"] == "s3://mine/m/model.tar.gz");
  CHECK(container["Environment"] == json{{"SAGEMAKER_PROGRAM", "serve.py"},
                                         {"SAGEMAKER_SUBMIT_DIRECTORY", "/opt/ml/model/code"},
                                         {"SAGEMAKER_CONTAINER_LOG_LEVEL", "20"},
                                         {"SAGEMAKER_REGION", "eu-west-1"},
                                         {"SAGEMAKER_MODEL_SERVER_WORKERS", "2"}});
  REQUIRE(stage.aws->count("PUT /mine/m/model.tar.gz") == 1);
  write(shop.folder / "uploaded.tar.gz", stage.aws->requests.find("PUT /mine/m/model.tar.gz")->second.body);
  CHECK(files_of(shop.folder / "uploaded.tar.gz").at("code/serve.py") == "new");
  model.deploy({.instance_type = "ml.m5.large", .endpoint_name = "e2", .wait = false});
  CHECK(stage.aws->count("PUT /mine/m/model.tar.gz") == 1);
}

TEST_CASE("without a network the script is in the model's archive, also where it is C++") {
  Workshop shop;
  write(shop.folder / "serve.cpp", "int main() {}");
  Stage stage(on_this_machine());
  hold(stage, "/b/model.tar.gz", shop.folder / "model.tar.gz");
  Model model{stage.session,
              {.model_data = "s3://b/model.tar.gz",
               .role = role,
               .name = "m",
               .entry_point = (shop.folder / "serve.cpp").string(),
               .enable_network_isolation = true}};
  model.create();
  const json request = stage.aws->document("CreateModel");
  CHECK(request["EnableNetworkIsolation"] == true);
  CHECK(request["PrimaryContainer"]["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code");
  CHECK(request["PrimaryContainer"]["ModelDataUrl"] == "s3://mine/m/model.tar.gz");
}

TEST_CASE("a PyTorch estimator deploys the script that it trained with") {
  Workshop shop;
  Stage stage(on_this_machine());
  hold(stage, "/o/model.tar.gz", shop.folder / "model.tar.gz");
  PyTorch estimator{stage.session,
                    {.entry_point = (shop.folder / "src/serve.py").string(),
                     .framework_version = "2.4",
                     .py_version = "py311",
                     .role = role,
                     .instance_type = "ml.g5.xlarge"}};
  stage.aws->on_json("DescribeTrainingJob",
                     {{"TrainingJobStatus", "Completed"},
                      {"ModelArtifacts", {{"S3ModelArtifacts", "s3://o/model.tar.gz"}}}});
  estimator.fit({}, {.wait = false, .job_name = "j"});
  const std::string source = "/mine/j/source/sourcedir.tar.gz";
  REQUIRE(stage.aws->count("PUT " + source) == 1);
  write(shop.folder / "source.tar.gz", stage.aws->requests.find("PUT " + source)->second.body);
  hold(stage, source, shop.folder / "source.tar.gz");
  const Predictor predictor = estimator.deploy({.instance_type = "ml.m5.large", .wait = false});
  const std::string name = "pytorch-training-2026-11-21-07-00-00-123";
  CHECK(predictor.endpoint_name() == name);
  const json container = stage.aws->document("CreateModel")["PrimaryContainer"];
  CHECK(container["Image"] == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.4-cpu-py311");
  CHECK(container["Environment"]["SAGEMAKER_PROGRAM"] == "serve.py");
  const std::string uploaded = "PUT /mine/" + name + "/model.tar.gz";
  REQUIRE(stage.aws->count(uploaded) == 1);
  write(shop.folder / "uploaded.tar.gz", stage.aws->requests.find(uploaded)->second.body);
  CHECK(files_of(shop.folder / "uploaded.tar.gz").at("code/serve.py") == "new");
}

TEST_CASE("containers that are invoked one by one say so and have names") {
  Stage stage;
  const auto model = [&](const char* name) {
    return Model(stage.session, {.image_uri = "i", .role = role, .container_hostname = name});
  };
  PipelineModel models{stage.session,
                       {model("a"), model("b")},
                       {.role = role, .name = "m", .inference_execution_mode = "Direct"}};
  const Predictor predictor = models.deploy({.instance_type = "ml.m5.large", .wait = false});
  const json request = stage.aws->document("CreateModel");
  CHECK(request["InferenceExecutionConfig"] == json{{"Mode", "Direct"}});
  CHECK(request["Containers"][1]["ContainerHostname"] == "b");
  stage.aws->on_json("POST /endpoints/m/invocations", 1);
  predictor.predict(json::array(), {.target_container_hostname = "b"});
  CHECK(stage.aws->requests.find("POST /endpoints/m/invocations")
            ->second.headers.get("X-Amzn-SageMaker-Target-Container-Hostname") == "b");
  models.delete_model();
  CHECK(stage.aws->document("DeleteModel") == json{{"ModelName", "m"}});
}

TEST_CASE("models are added to a multi-model endpoint, listed and asked for") {
  TemporaryDirectory folder;
  write(folder / "model.tar.gz", "archive");
  Stage stage(on_this_machine());
  MultiDataModel models{stage.session,
                        {.name = "mm", .model_data_prefix = "s3://b/models/"},
                        ModelOptions{.image_uri = "i", .role = role}};
  CHECK(models.add_model((folder / "model.tar.gz").string()) == "s3://b/models/model.tar.gz");
  CHECK(models.add_model((folder / "model.tar.gz").string(), "a/b.tar.gz") == "s3://b/models/a/b.tar.gz");
  CHECK(stage.aws->requests.find("PUT /b/models/a/b.tar.gz")->second.body == "archive");
  CHECK_THROWS_AS(models.add_model((folder / "absent").string()), ConfigError);
  stage.aws->on("GET /b", {answer("<ListBucketResult><Contents><Key>models/</Key><Size>0</Size></Contents>"
                                  "<Contents><Key>models/model.tar.gz</Key><Size>7</Size></Contents>"
                                  "<Contents><Key>models/a/b.tar.gz</Key><Size>7</Size></Contents>"
                                  "</ListBucketResult>")});
  CHECK(models.list_models() == std::vector<std::string>{"model.tar.gz", "a/b.tar.gz"});
  const Predictor predictor = models.deploy({.instance_type = "ml.m5.large", .wait = false});
  CHECK(predictor.endpoint_name() == "mm");
  CHECK(stage.aws->document("CreateModel")["PrimaryContainer"]["Mode"] == "MultiModel");
  stage.aws->on_json("POST /endpoints/mm/invocations", 1);
  predictor.predict(json::array(), {.target_model = "a/b.tar.gz"});
  CHECK(stage.aws->requests.find("POST /endpoints/mm/invocations")
            ->second.headers.get("X-Amzn-SageMaker-Target-Model") == "a/b.tar.gz");
  predictor.delete_model();
  CHECK(stage.aws->document("DeleteModel") == json{{"ModelName", "mm"}});
}

TEST_CASE("an inference component is asked by its name, and goes without its endpoint") {
  Stage stage;
  stage.aws->on("DescribeEndpoint", {status("InService")});
  stage.aws->on(
      "DescribeInferenceComponent",
      {answer_json({{"InferenceComponentStatus", "Creating"}}),
       answer_json({{"InferenceComponentStatus", "InService"}, {"Specification", {{"ModelName", "m"}}}})});
  Model model{stage.session, {.image_uri = "i", .role = role, .name = "m"}};
  const Predictor predictor =
      model.deploy({.instance_type = "ml.m5.large",
                    .endpoint_name = "e",
                    .resources = ResourceRequirements{.requests = {.num_cpus = 0.5, .memory = 512}},
                    .inference_component_name = "c"});
  CHECK(stage.aws->count("CreateEndpoint") == 0);
  CHECK(stage.aws->document("CreateInferenceComponent")["Specification"]["ComputeResourceRequirements"] ==
        json{{"MinMemoryRequiredInMb", 512}, {"NumberOfCpuCoresRequired", 0.5}});
  CHECK(predictor.component_name() == "c");
  CHECK(model.inference_component_name() == "c");
  stage.aws->on_json("POST /endpoints/e/invocations", 1);
  predictor.predict(json::array());
  CHECK(stage.aws->requests.find("POST /endpoints/e/invocations")
            ->second.headers.get("X-Amzn-SageMaker-Inference-Component") == "c");
  Predictor(stage.session, {.endpoint_name = "e", .component_name = "c"}).delete_model();
  CHECK(stage.aws->document("DeleteModel") == json{{"ModelName", "m"}});
  predictor.delete_predictor();
  CHECK(stage.aws->document("DeleteInferenceComponent") == json{{"InferenceComponentName", "c"}});
  CHECK(stage.aws->count("DeleteEndpoint") == 0);
}

TEST_CASE("while an endpoint comes up its states are told, and its containers' output where that is asked") {
  Stage stage(on_this_machine());
  const auto described = [](const char* state, int up) {
    return answer_json(
        {{"EndpointStatus", state},
         {"LastModifiedTime", 1'795'244'400 + up},
         {"ProductionVariants",
          {{{"VariantName", "AllTraffic"}, {"CurrentInstanceCount", up}, {"DesiredInstanceCount", 1}}}}});
  };
  stage.aws->on("DescribeEndpoint",
                {described("Creating", 0), described("Creating", 0), described("InService", 1)});
  stage.aws->on("DescribeLogStreams",
                {refusal("ResourceNotFoundException", "The specified log group does not exist."),
                 answer_json({{"logStreams", {{{"logStreamName", "AllTraffic/i-0123"}}}}})});
  stage.aws->on("GetLogEvents", {answer_json({{"events", {{{"message", "model loaded"}, {"timestamp", 1}}}},
                                              {"nextForwardToken", "1"}}),
                                 answer_json({{"events", json::array()}, {"nextForwardToken", "1"}})});
  stage.session.wait_for_endpoint("e", {.logs = true});
  CHECK(stage.lines == std::vector<std::string>{"2026-11-21 07:00:00 Creating - Endpoint e...",
                                                "model loaded",
                                                "2026-11-21 07:00:01 InService - Endpoint e"});
  CHECK(stage.aws->document("DescribeLogStreams")["logGroupName"] == "/aws/sagemaker/Endpoints/e");
  CHECK(stage.aws->document("DescribeLogStreams")["logStreamNamePrefix"] == "AllTraffic/");
  stage.aws->on("DescribeEndpoint", {described("Creating", 0)});
  CHECK_THROWS_AS(stage.session.wait_for_endpoint("e", {.timeout = std::chrono::seconds(2)}), WaitTimeout);
}

TEST_CASE("the output of an endpoint that is being created is told before it is in service") {
  Stage stage(on_this_machine());
  stage.aws->on("DescribeEndpoint",
                {answer_json({{"EndpointStatus", "Creating"},
                              {"PendingDeploymentSummary",
                               {{"ProductionVariants", {{{"VariantName", "AllTraffic"}}}}}}}),
                 status("Failed")});
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", {{{"logStreamName", "AllTraffic/i-0123"}}}}});
  stage.aws->on_json("GetLogEvents", {{"events", {{{"message", "no such model"}, {"timestamp", 1}}}}});
  CHECK_THROWS_AS(stage.session.wait_for_endpoint("e", {.logs = true}), UnexpectedStatus);
  REQUIRE(stage.lines.size() >= 2);
  CHECK(stage.lines[1] == "no such model");
}
