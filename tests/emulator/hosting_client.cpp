// The classes of hosting against a real sagemaker-local with real containers: every kind of endpoint is
// deployed, asked and deleted as a user would do it.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

struct Platform {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  sm::Session session = emulator.session();

  sm::ModelOptions container(const char* word, const char* hostname = "") const {
    return {.image_uri = "file://" ANSWERS_PROGRAM, .env = {{"WORD", word}}, .container_hostname = hostname};
  }
  sm::Predictor deploy(sm::DeployOptions options = {}, const char* word = "a") const {
    if (!options.serverless_inference_config) options.instance_type = "ml.m5.large";
    options.serializer = sm::StringSerializer{};
    return sm::Model(session, container(word)).deploy(options);
  }
};

json said(const char* container, const std::string& body, const char* type = "text/plain") {
  return {{"container", container}, {"got", body}, {"type", type}};
}

}  // namespace

TEST_CASE("an endpoint answers, streams, fails and is updated") {
  const Platform platform;
  sm::Predictor predictor = platform.deploy();
  CHECK(predictor.predict("hello") == said("a", "hello"));
  std::vector<std::string> lines;
  for (const std::string& line : predictor.predict_stream<sm::LineIterator>("lines")) lines.push_back(line);
  CHECK(lines == std::vector<std::string>{"one", "two", "", "three"});
  try {
    predictor.predict("fail");
    FAIL("no error");
  } catch (const sm::ServiceError& error) {
    CHECK(error.code() == "ModelError");
    CHECK(error.details().at("OriginalMessage") == "it broke");
  }
  CHECK_THROWS_AS(predictor.predict_stream("fail"), sm::ServiceError);

  predictor.update_endpoint({.initial_instance_count = 2, .instance_type = "ml.m5.large"});
  const json endpoint = platform.session.describe_endpoint(predictor.endpoint_name());
  CHECK(endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2);
  CHECK(predictor.predict("again") == said("a", "again"));

  sm::Model other(platform.session, platform.container("b"));
  sm::Predictor same = other.deploy({.instance_type = "ml.m5.large",
                                     .endpoint_name = predictor.endpoint_name(),
                                     .serializer = sm::StringSerializer{},
                                     .update_endpoint = true});
  CHECK(same.predict("x") == said("b", "x"));

  same.enable_data_capture();
  const json config = platform.session.describe_endpoint_config(
      platform.session.describe_endpoint(same.endpoint_name())["EndpointConfigName"]);
  CHECK(config["DataCaptureConfig"]["EnableCapture"] == true);
  CHECK(same.predict("x") == said("b", "x"));
  same.delete_endpoint();
  same.delete_model();
  CHECK_THROWS_AS(same.predict("x"), sm::ServiceError);
}

TEST_CASE("an asynchronous endpoint writes answers and failures to S3") {
  const Platform platform;
  const sm::AsyncPredictor predictor =
      platform.deploy({.async_inference_config = sm::AsyncInferenceConfig{}});
  CHECK(predictor.predict("hello") == said("a", "hello"));
  try {
    predictor.predict("fail");
    FAIL("no error");
  } catch (const sm::AsyncInferenceModelError& error) {
    CHECK(error.answer().find("it broke") != std::string::npos);
  }
  sm::AsyncInferenceResponse response =
      predictor.predict_async("named", {.inference_id = "my-id", .filename = "f.out"});
  CHECK(response.inference_id() == "my-id");
  CHECK(response.output_path().ends_with("/f.out"));
  CHECK(response.get_result(sm::WaiterConfig{}) == said("a", "named"));
  const std::string input =
      platform.session.upload_string("there already", platform.session.default_location() / "inputs/a.txt");
  CHECK(predictor.predict_at(input, {.content_type = "text/x"}) == said("a", "there already", "text/x"));
  predictor.delete_endpoint();
}

TEST_CASE("a serverless endpoint answers") {
  const Platform platform;
  const sm::Predictor predictor =
      platform.deploy({.serverless_inference_config = sm::ServerlessInferenceConfig{}});
  CHECK(predictor.predict("hello") == said("a", "hello"));
  predictor.delete_endpoint();
}

TEST_CASE("containers answer one after the other, or each by its name") {
  const Platform platform;
  const std::vector<sm::Model> models{{platform.session, platform.container("a", "first")},
                                      {platform.session, platform.container("b", "second")}};
  const sm::DeployOptions options{.instance_type = "ml.m5.large", .serializer = sm::StringSerializer{}};
  sm::PipelineModel serial(platform.session, models, {.name = "serial"});
  const json answer = serial.deploy(options).predict("hello");
  CHECK(answer["container"] == "b");
  CHECK(json::parse(answer["got"].get<std::string>()) == said("a", "hello"));
  sm::PipelineModel direct(platform.session, models,
                           {.name = "direct", .inference_execution_mode = "Direct"});
  const sm::Predictor predictor = direct.deploy(options);
  CHECK(predictor.predict("x", {.target_container_hostname = "first"}) == said("a", "x"));
  CHECK(predictor.predict("x", {.target_container_hostname = "second"}) == said("b", "x"));
  CHECK_THROWS_AS(predictor.predict("x"), sm::ServiceError);
}

TEST_CASE("models of a multi-model endpoint come while it runs") {
  const Platform platform;
  const sagemaker::tests::TemporaryDirectory folder;
  const auto archive = [&](const std::string& name) {
    std::ofstream(folder / "name.txt") << name;
    sm::pack_model({.target = folder / "model.tar.gz", .artifacts = {{"name.txt", folder / "name.txt"}}});
    return (folder / "model.tar.gz").string();
  };
  const std::string prefix = (platform.session.default_location() / "models").text() + "/";
  sm::MultiDataModel models(platform.session, {.name = "many", .model_data_prefix = prefix},
                            platform.container(""));
  models.add_model(archive("one"), "one.tar.gz");
  const sm::Predictor predictor = models.deploy({.instance_type = "ml.m5.large"});
  CHECK(predictor.predict({1}, {.target_model = "one.tar.gz"}) == "one");
  CHECK_THROWS_AS(predictor.predict({1}, {.target_model = "two.tar.gz"}), sm::ServiceError);
  models.add_model(archive("two"), "two.tar.gz");
  CHECK(predictor.predict({1}, {.target_model = "two.tar.gz"}) == "two");
  CHECK(models.list_models() == std::vector<std::string>{"one.tar.gz", "two.tar.gz"});
}
