// What a predictor can do besides predict(): streams, updates, data capture, deleting, and answers that come
// later.
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

using aws::event_stream::encode;
using aws::event_stream::event;
using aws::event_stream::exception;

const std::string invocation = "POST /endpoints/e/invocations";
const std::string stream = "POST /endpoints/e/invocations-response-stream";
const std::string async = "POST /endpoints/e/async-invocations";

aws::HttpResponse missing() {
  return answer("<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
                404);
}
aws::HttpResponse object(const std::string& body, const std::string& content_type = "application/json") {
  aws::HttpResponse response = answer(body);
  response.headers.set("Content-Type", content_type);
  return response;
}
aws::HttpResponse accepted(bool with_failure_path = true) {
  aws::HttpResponse response = answer(R"({"InferenceId":"id"})", 202);
  response.headers.set("X-Amzn-SageMaker-OutputLocation", "s3://o/out");
  if (with_failure_path) response.headers.set("X-Amzn-SageMaker-FailureLocation", "s3://o/failed");
  return response;
}

struct AsyncStage : Stage {
  AsyncStage() : Stage({.endpoint_url = "http://127.0.0.1:4566", .default_bucket = "mine"}) {
    aws->on(async, {accepted()});
    aws->on("GET /o/out", {missing()});
    aws->on("GET /o/failed", {missing()});
  }
  AsyncPredictor predictor{Predictor(session, {.endpoint_name = "e"}, {"model"})};
};

}  // namespace

TEST_CASE("all that one prediction may add is sent, and the content type of the answer is heeded") {
  Stage stage;
  stage.aws->on(invocation, {object("1,2", "text/csv")});
  const Predictor predictor(
      stage.session, {.endpoint_name = "e", .deserializer = NumpyDeserializer{}, .component_name = "mine"});
  CHECK(predictor.predict(json::array(), {.target_model = "m",
                                          .target_variant = "v",
                                          .target_container_hostname = "h",
                                          .inference_id = "i",
                                          .custom_attributes = "a",
                                          .session_id = "s",
                                          .enable_explanations = "x"}) == json{1, 2});
  const aws::Headers& headers = stage.aws->requests.find(invocation)->second.headers;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Target-Model", "m"},
                                                        {"Target-Variant", "v"},
                                                        {"Target-Container-Hostname", "h"},
                                                        {"Inference-Id", "i"},
                                                        {"Custom-Attributes", "a"},
                                                        {"Session-Id", "s"},
                                                        {"Enable-Explanations", "x"},
                                                        {"Inference-Component", "mine"}}) {
    CAPTURE(name);
    CHECK(headers.get("X-Amzn-SageMaker-" + name) == value);
  }
  predictor.predict(json::array(), {.component_name = "other"});
  const auto [first, last] = stage.aws->requests.equal_range(invocation);
  CHECK(std::prev(last)->second.headers.get("X-Amzn-SageMaker-Inference-Component") == "other");
}

TEST_CASE("a sparse matrix is sent as SciPy's file") {
  Stage stage;
  stage.aws->on_json(invocation, {0.5});
  SparseMatrix matrix;
  matrix.append_row({0, 1});
  CHECK(Predictor(stage.session, {.endpoint_name = "e"}).predict(matrix) == json{0.5});
  const aws::HttpRequest& request = stage.aws->requests.find(invocation)->second;
  CHECK(request.headers.get("Content-Type") == "application/x-npz");
  CHECK(request.headers.get("Accept") == "application/json");
  CHECK(request.body == matrix.encode());
}

TEST_CASE("values in braces are JSON, of however many there are") {
  Stage stage;
  stage.aws->on_json(invocation, true);
  const Predictor predictor(stage.session, {.endpoint_name = "e"});
  predictor.predict({1});
  predictor.predict({1, 2}, {.inference_id = "i"});
  predictor.predict({{1, 2}, {3, 4}});
  predictor.predict({{"a", 1}});
  std::vector<std::string> bodies;
  const auto [first, last] = stage.aws->requests.equal_range(invocation);
  for (auto request = first; request != last; ++request) bodies.push_back(request->second.body);
  CHECK(bodies == std::vector<std::string>{"[1]", "[1,2]", "[[1,2],[3,4]]", "{\"a\":1}"});
}

TEST_CASE("an answer is read as pieces or as lines while it comes") {
  Stage stage;
  const std::string answered =
      encode(event({"PayloadPart", "{\"a\":1}\n{\"b\""})) + encode(event({"PayloadPart", ":2}\n"}));
  stage.aws->on(stream, {answer(answered)});
  const Predictor predictor(stage.session, {.endpoint_name = "e"});
  std::vector<std::string> pieces, lines;
  for (const std::string& piece : predictor.predict_stream({{"instances", {1}}})) pieces.push_back(piece);
  CHECK(pieces == std::vector<std::string>{"{\"a\":1}\n{\"b\"", ":2}\n"});
  for (const std::string& line : predictor.predict_stream<LineIterator>({{"instances", {1}}}))
    lines.push_back(line);
  CHECK(lines == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"});
  const aws::HttpRequest& request = stage.aws->requests.find(stream)->second;
  CHECK(request.body == R"({"instances":[1]})");
  CHECK(request.headers.get("Content-Type") == "application/json");
  CHECK(request.headers.get("X-Amzn-SageMaker-Accept") == "application/json");
  stage.aws->on(stream, {answer(encode(exception({"InternalStreamFailure", "{}", "application/json"})))});
  auto broken = predictor.predict_stream(json::array());
  CHECK_THROWS_AS(broken.next(), InternalStreamFailure);
}

TEST_CASE("an update copies what it does not change, and is refused where it is not complete") {
  Stage stage;
  stage.aws->on_json("DescribeEndpoint", {{"EndpointStatus", "InService"}, {"EndpointConfigName", "c"}});
  const json variant{{"VariantName", "A"}, {"ModelName", "m1"}, {"InitialInstanceCount", 1}};
  const json shadow{{"VariantName", "S"}, {"ModelName", "m2"}};
  stage.aws->on_json("DescribeEndpointConfig",
                     {{"EndpointConfigArn", "arn"},
                      {"ProductionVariants", {variant, {{"VariantName", "B"}, {"ModelName", "m2"}}}},
                      {"ShadowProductionVariants", {shadow}},
                      {"EnableNetworkIsolation", true}});
  Predictor predictor(stage.session, {.endpoint_name = "e"});
  CHECK_THROWS_AS(predictor.update_endpoint({.initial_instance_count = 2}), ConfigError);
  CHECK_THROWS_WITH_AS(
      predictor.update_endpoint({.initial_instance_count = 2, .instance_type = "ml.m5.large"}),
      "Unable to choose a default model for a new EndpointConfig because the endpoint has multiple models: "
      "m1, m2",
      ConfigError);
  CHECK(stage.aws->count("CreateEndpointConfig") == 0);
  stage.aws->calls.clear();
  predictor.update_endpoint({.kms_key = "k"});
  CHECK(stage.aws->calls == std::vector<std::string>{"DescribeEndpoint", "DescribeEndpointConfig", "ListTags",
                                                     "CreateEndpointConfig", "DescribeEndpoint",
                                                     "UpdateEndpoint", "DescribeEndpoint"});
  const json config = stage.aws->document("CreateEndpointConfig");
  CHECK(config["EndpointConfigName"] == "c-2026-11-21-07-00-00-123");
  CHECK(config["ProductionVariants"].size() == 2);
  CHECK(config["ShadowProductionVariants"] == json{shadow});
  CHECK(config["EnableNetworkIsolation"] == true);
  CHECK(config["KmsKeyId"] == "k");
  CHECK_FALSE(config.contains("Tags"));
  predictor.update_endpoint(
      {.initial_instance_count = 2, .instance_type = "ml.m5.large", .model_name = "m3", .wait = false});
  CHECK(predictor.model_names() == std::vector<std::string>{"m3"});
}

TEST_CASE("all models are deleted that can be, and those that are left are named") {
  Stage stage;
  stage.aws->on("DeleteModel", {refusal("ValidationException", "no"), answer("{}")});
  const Predictor two(stage.session, {.endpoint_name = "e"}, {"a", "b"});
  CHECK_THROWS_AS(two.delete_model(), Error);
  CHECK(stage.aws->count("DeleteModel") == 2);
  stage.aws->on("DeleteModel", {refusal("ValidationException", "no")});
  const Predictor one(stage.session, {.endpoint_name = "e"}, {"a"});
  CHECK_THROWS_AS(one.delete_model(), ServiceError);
}

TEST_CASE("an asynchronous prediction uploads its input and waits for its output") {
  AsyncStage stage;
  stage.aws->on("GET /o/out", {missing(), missing(), object("{\"score\":1}")});
  CHECK(stage.predictor.predict(json{{"x", 1}}, {.inference_id = "7"}) == json{{"score", 1}});
  const std::string& upload = stage.aws->calls[1];
  CHECK(upload.starts_with("PUT /mine/async-endpoint-inputs/model-261121-0700/2026-11-21-07-00-00-123-"));
  CHECK(stage.aws->requests.find(upload)->second.body == R"({"x":1})");
  CHECK(stage.aws->requests.find(upload)->second.headers.get("Content-Type") == "application/json");
  const aws::Headers& headers = stage.aws->requests.find(async)->second.headers;
  CHECK(headers.get("X-Amzn-SageMaker-InputLocation") == "s3:/" + upload.substr(4));
  CHECK(headers.get("X-Amzn-SageMaker-Accept") == "application/json");
  CHECK(headers.get("X-Amzn-SageMaker-Content-Type") == "application/json");
  CHECK(headers.get("X-Amzn-SageMaker-Inference-Id") == "7");
  CHECK(stage.clock->sleeps.size() == 2);
  CHECK(stage.clock->sleeps.front() <= 250);  // an endpoint on this machine is not waited for 15 seconds
}

TEST_CASE("against AWS the answer is looked for in the intervals of the waiter") {
  Stage stage({.default_bucket = "mine"});
  stage.aws->on(async, {accepted(false)});
  stage.aws->on("GET /o/out", {missing()});
  const AsyncPredictor predictor{Predictor(stage.session, {.endpoint_name = "e"})};
  AsyncInferenceResponse response = predictor.predict_async_at("s3://i/in");
  CHECK(response.failure_path().empty());
  CHECK_THROWS_WITH_AS(
      response.get_result({.max_attempts = 2, .delay = std::chrono::seconds(3)}),
      "No result at s3://o/out after polling for 6 seconds. Inference could still be running",
      PollingTimeoutError);
  CHECK(stage.clock->sleeps == std::vector<long long>{3'000, 3'000});
}

TEST_CASE("an answer is looked at when it is wanted") {
  AsyncStage stage;
  AsyncInferenceResponse response =
      stage.predictor.predict_async_at("s3://i/in", {.filename = "f", .request_ttl_seconds = 60});
  CHECK(stage.aws->calls == std::vector<std::string>{async});
  CHECK(response.inference_id() == "id");
  CHECK(response.output_path() == "s3://o/out");
  CHECK(stage.aws->requests.find(async)->second.headers.get("X-Amzn-SageMaker-InputLocation") == "s3://i/in");
  CHECK_THROWS_WITH_AS(response.get_result(),
                       "Object not exist at s3://o/out. Inference could still be running",
                       ObjectNotExistedError);
  stage.aws->on("GET /o/out", {object("[1]")});
  CHECK(response.get_result() == json{1});
  stage.aws->on("GET /o/out", {missing()});
  CHECK(response.get_result() == json{1});  // is kept
  CHECK(response.get_raw_result().content_type == "application/json");
  CHECK_THROWS_AS(stage.predictor.predict_async_at(""), ConfigError);
}

TEST_CASE("a model that failed says so, and what S3 refuses is no waiting") {
  AsyncStage stage;
  stage.aws->on("GET /o/failed", {missing(), object("it broke", "text/plain")});
  try {
    stage.predictor.predict(json::array());
    FAIL("no error");
  } catch (const AsyncInferenceModelError& error) {
    CHECK(error.answer() == "it broke");
    CHECK(std::string(error.what()) == "Model returned error: it broke");
  }
  stage.aws->on("GET /o/out", {answer("<Error><Code>AccessDenied</Code></Error>", 403)});
  CHECK_THROWS_AS(stage.predictor.predict(json::array()), ServiceError);
}

TEST_CASE("numbers stay numbers, also later") {
  AsyncStage stage;
  const NpyArray output(std::vector<float>{0.5F}, {1});
  stage.aws->on("GET /o/out", {object(output.encode(), "application/x-npy")});
  CHECK(stage.predictor.predict(NpyArray(std::vector<float>{1}, {1})) == output);
  const aws::Headers& headers = stage.aws->requests.find(async)->second.headers;
  CHECK(headers.get("X-Amzn-SageMaker-Accept") == "application/x-npy");
  CHECK(headers.get("X-Amzn-SageMaker-Content-Type") == "application/x-npy");
}

TEST_CASE("a model may take a minute: answers are waited for longer, unless a limit was set") {
  Stage stage;
  CHECK(stage.session.runtime().service().config().read_timeout == std::chrono::seconds(80));
  CHECK(stage.session.sagemaker().service().config().read_timeout == std::chrono::seconds(60));
  SessionOptions options;
  options.config.read_timeout = std::chrono::seconds(5);
  const Stage hurried(options);
  CHECK(hurried.session.runtime().service().config().read_timeout == std::chrono::seconds(5));
}

TEST_CASE("scaling is its own service") {
  Stage stage;
  stage.aws->on_json("DescribeScalableTargets", {{"ScalableTargets", json::array()}});
  const json target{{"ServiceNamespace", "sagemaker"}, {"ResourceId", "endpoint/e/variant/AllTraffic"}};
  CHECK(stage.session.autoscaling().describe_scalable_targets(target)["ScalableTargets"].empty());
  const aws::HttpRequest& request = stage.aws->requests.find("DescribeScalableTargets")->second;
  CHECK(request.headers.get("X-Amz-Target") == "AnyScaleFrontendService.DescribeScalableTargets");
  CHECK(request.headers.get("Content-Type") == "application/x-amz-json-1.1");
  CHECK(request.origin == "https://application-autoscaling.eu-west-1.amazonaws.com");
  CHECK(request.headers.get("Authorization").find("/eu-west-1/application-autoscaling/aws4_request") !=
        std::string::npos);
}
