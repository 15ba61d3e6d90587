// Deploying, predicting and cleaning up: the requests in the SDK's order and their documents.
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

const std::string stamp = "2026-11-21-07-00-00-123";
const std::string code = "s3://b/job/source/sourcedir.tar.gz";

json finished_job(const std::string& compression = "GZIP") {
  return {{"TrainingJobName", "job"},
          {"TrainingJobStatus", "Completed"},
          {"RoleArn", "arn:aws:iam::1:role/R"},
          {"AlgorithmSpecification",
           {{"TrainingImage", "1.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-cpp:latest"},
            {"TrainingInputMode", "File"}}},
          {"OutputDataConfig", {{"S3OutputPath", "s3://o/"}, {"CompressionType", compression}}},
          {"ModelArtifacts",
           {{"S3ModelArtifacts",
             compression == "NONE" ? "s3://o/job/output/model" : "s3://o/job/output/model.tar.gz"}}},
          {"HyperParameters",
           {{"sagemaker_program", "\"mnist.cpp\""}, {"sagemaker_submit_directory", aws::dump_json(code)}}}};
}

aws::HttpResponse status(const char* text) {
  return answer_json(json{{"EndpointStatus", text}, {"EndpointConfigName", "the-config"}});
}

}  // namespace

TEST_CASE("deploy, predict and delete send what the SDK sends, in its order") {
  Stage stage;
  stage.aws->on_json("DescribeTrainingJob", finished_job());
  Estimator estimator = Estimator::attach(stage.session, "job");
  stage.aws->calls.clear();
  stage.aws->on("DescribeEndpoint", {status("Creating"), status("InService")});
  const Predictor predictor = estimator.deploy({.initial_instance_count = 1, .instance_type = "ml.m5.large"});
  CHECK(stage.aws->calls == std::vector<std::string>{"DescribeTrainingJob", "CreateModel",
                                                     "CreateEndpointConfig", "CreateEndpoint",
                                                     "DescribeEndpoint", "DescribeEndpoint"});
  const std::string name = "job-" + stamp;
  CHECK(predictor.endpoint_name() == name);
  CHECK(stage.aws->document("CreateModel") ==
        json{{"ModelName", name},
             {"ExecutionRoleArn", "arn:aws:iam::1:role/R"},
             {"PrimaryContainer",
              {{"Image", "1.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-cpp:latest"},
               {"ModelDataUrl", "s3://o/job/output/model.tar.gz"},
               {"Environment",
                {{"SAGEMAKER_PROGRAM", "mnist.cpp"},
                 {"SAGEMAKER_SUBMIT_DIRECTORY", code},
                 {"SAGEMAKER_CONTAINER_LOG_LEVEL", "20"},
                 {"SAGEMAKER_REGION", "eu-west-1"}}}}}});
  CHECK(stage.aws->document("CreateEndpointConfig") == json{{"EndpointConfigName", name},
                                                            {"ProductionVariants",
                                                             {{{"VariantName", "AllTraffic"},
                                                               {"ModelName", name},
                                                               {"InitialVariantWeight", 1},
                                                               {"InitialInstanceCount", 1},
                                                               {"InstanceType", "ml.m5.large"}}}}});
  CHECK(stage.aws->document("CreateEndpoint") ==
        json{{"EndpointName", name}, {"EndpointConfigName", name}, {"Tags", json::array()}});

  stage.aws->calls.clear();
  const std::string invocation = "POST /endpoints/" + name + "/invocations";
  stage.aws->on_json(invocation, {{"predictions", {0.5}}});
  CHECK(predictor.predict(json{{"instances", {1}}}, {.target_variant = "A", .inference_id = "7"}) ==
        json{{"predictions", {0.5}}});
  const aws::HttpRequest& request = stage.aws->requests.find(invocation)->second;
  CHECK(request.body == R"({"instances":[1]})");
  CHECK(request.headers.get("Content-Type") == "application/json");
  CHECK(request.headers.get("Accept") == "application/json");
  CHECK(request.headers.get("X-Amzn-SageMaker-Target-Variant") == "A");
  CHECK(request.headers.get("X-Amzn-SageMaker-Inference-Id") == "7");
  CHECK_FALSE(request.headers.contains("X-Amzn-SageMaker-Target-Model"));

  predictor.delete_model();
  predictor.delete_endpoint();
  CHECK(stage.aws->calls == std::vector<std::string>{invocation, "DeleteModel", "DescribeEndpoint",
                                                     "DeleteEndpointConfig", "DeleteEndpoint"});
  CHECK(stage.aws->document("DeleteModel") == json{{"ModelName", name}});
  CHECK(stage.aws->document("DeleteEndpointConfig") == json{{"EndpointConfigName", "the-config"}});
  CHECK(stage.aws->document("DeleteEndpoint") == json{{"EndpointName", name}});
}

TEST_CASE("a model of one's own: names, uncompressed artifacts, sources that are packed once") {
  TemporaryDirectory folder;
  std::ofstream(folder / "serve.cpp") << "int main() {}\n";
  Stage stage(
      {.endpoint_url = "http://127.0.0.1:4566", .default_bucket = "mine", .default_bucket_prefix = "p"});
  stage.aws->on("DescribeEndpoint", {status("InService")});
  Model model{stage.session,
              {.model_data = "s3://o/model/",
               .role = "R",
               .env = {{"SAGEMAKER_REGION", "mars"}},
               .entry_point = (folder / "serve.cpp").string()}};
  const Predictor predictor = model.deploy(
      {.instance_type = "ml.m5.large", .endpoint_name = "e", .tags = {{"k", "v"}}, .volume_size = 8});
  const std::string name = "sagemaker-cpp-" + stamp;
  CHECK(model.name() == name);
  const json container = stage.aws->document("CreateModel")["PrimaryContainer"];
  CHECK(container["Image"] == "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-cpp:latest");
  CHECK(container["ModelDataSource"]["S3DataSource"] ==
        json{{"S3Uri", "s3://o/model/"}, {"S3DataType", "S3Prefix"}, {"CompressionType", "None"}});
  CHECK_FALSE(container.contains("ModelDataUrl"));
  CHECK(container["Environment"]["SAGEMAKER_PROGRAM"] == "serve.cpp");
  CHECK(container["Environment"]["SAGEMAKER_REGION"] == "mars");
  CHECK(container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] ==
        "s3://mine/p/" + name + "/sourcedir.tar.gz");
  CHECK(stage.aws->count("PUT /mine/p/" + name + "/sourcedir.tar.gz") == 1);
  CHECK(stage.aws->document("CreateEndpoint")["Tags"] == json::array({{{"Key", "k"}, {"Value", "v"}}}));
  CHECK(stage.aws->document("CreateEndpointConfig")["ProductionVariants"][0]["VolumeSizeInGB"] == 8);
  model.create();
  CHECK(stage.aws->count("PUT /mine/p/" + name + "/sourcedir.tar.gz") == 1);
  CHECK(stage.aws->document("CreateModel", 1)["PrimaryContainer"] == container);
}

TEST_CASE("a job without compression gives a prefix as model data") {
  Stage stage;
  stage.aws->on_json("DescribeTrainingJob", finished_job("NONE"));
  CHECK(Estimator::attach(stage.session, "job").model_data() == "s3://o/job/output/model/");
}

TEST_CASE("a model that exists already is used; other refusals are errors") {
  Stage stage;
  Model model{stage.session, {.image_uri = "i", .role = "arn:aws:iam::1:role/R", .name = "m"}};
  stage.aws->on("CreateModel",
                {refusal("ValidationException", "Cannot create already existing model \"arn\".")});
  CHECK(model.create() == "m");
  CHECK(stage.lines ==
        std::vector<std::string>{"Creating model with name: m", "Using already existing model: m"});
  stage.aws->on("CreateModel", {refusal("ValidationException", "no")});
  CHECK_THROWS_AS(model.create(), ServiceError);
  CHECK_THROWS_AS(model.deploy({}), ConfigError);
}

TEST_CASE("an endpoint that does not come up says why") {
  Stage stage;
  stage.aws->on("DescribeEndpoint",
                {answer_json(json{{"EndpointStatus", "Failed"},
                                  {"FailureReason", "The container did not pass the ping health check."}})});
  Model model{stage.session, {.image_uri = "i", .role = "arn:aws:iam::1:role/R", .name = "m"}};
  CHECK(message_of([&] { model.deploy({.instance_type = "ml.m5.large", .endpoint_name = "e"}); }) ==
        "Error for Endpoint e: Failed. Reason: The container did not pass the ping health check.");
  CHECK_NOTHROW(model.deploy({.instance_type = "ml.m5.large", .endpoint_name = "e", .wait = false}));
}

TEST_CASE("a predictor speaks the formats it was given") {
  Stage stage;
  const std::string invocation = "POST /endpoints/e/invocations";
  SUBCASE("CSV to JSON") {
    stage.aws->on_json(invocation, {{"score", 1}});
    const Predictor predictor(stage.session, {.endpoint_name = "e", .serializer = CSVSerializer{}});
    CHECK(predictor.predict({{1, 2}, {3, 4}}) == json{{"score", 1}});
    const auto& request = stage.aws->requests.find(invocation)->second;
    CHECK(request.body == "1,2\n3,4");
    CHECK(request.headers.get("Content-Type") == "text/csv");
  }
  SUBCASE("numbers stay numbers") {
    const NpyArray output(std::vector<float>{0.25F, 0.75F}, {1, 2});
    stage.aws->on(invocation, {answer(output.encode())});
    const NpyArray input(std::vector<std::uint8_t>{1, 2, 3, 4}, {1, 2, 2});
    CHECK(Predictor(stage.session, {.endpoint_name = "e"}).predict(input) == output);
    const auto& request = stage.aws->requests.find(invocation)->second;
    CHECK(NpyArray::decode(request.body) == input);
    CHECK(request.headers.get("Accept") == "application/x-npy");
  }
  SUBCASE("bytes as they are") {
    stage.aws->on(invocation, {answer("\x01\x02")});
    const Predictor predictor(stage.session, {.endpoint_name = "e"});
    CHECK(predictor.predict_raw({.body = "abc", .content_type = "image/png"}).body == "\x01\x02");
    CHECK(stage.aws->requests.find(invocation)->second.headers.get("Content-Type") == "image/png");
  }
  SUBCASE("an error of the model's container") {
    aws::HttpResponse broken =
        answer(R"doc({"Message":"Received server error (500)","OriginalStatusCode":500})doc", 424);
    broken.headers.set("x-amzn-ErrorType", "ModelError");
    stage.aws->on(invocation, {broken});
    try {
      Predictor(stage.session, {.endpoint_name = "e"}).predict(json::array());
      FAIL("no error");
    } catch (const ServiceError& error) {
      CHECK(error.code() == "ModelError");
      CHECK(error.details()["OriginalStatusCode"] == 500);
    }
  }
}

TEST_CASE("a predictor made from a name finds the models of its endpoint") {
  Stage stage;
  stage.aws->on("DescribeEndpoint", {status("InService")});
  stage.aws->on_json("DescribeEndpointConfig",
                     {{"ProductionVariants", {{{"ModelName", "m1"}}, {{"ModelName", "m2"}}}}});
  const Predictor predictor(stage.session, {.endpoint_name = "e"});
  predictor.delete_model();
  CHECK(stage.aws->calls ==
        std::vector<std::string>{"DescribeEndpoint", "DescribeEndpointConfig", "DeleteModel", "DeleteModel"});
  CHECK(stage.aws->document("DeleteModel", 1) == json{{"ModelName", "m2"}});
  stage.aws->calls.clear();
  predictor.delete_endpoint(false);
  CHECK(stage.aws->calls == std::vector<std::string>{"DeleteEndpoint"});
  CHECK_THROWS_AS(Predictor(stage.session, {}), ConfigError);
}
