// The clients of the services against a scripted transport: what each puts on the wire and makes of the
// answer.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/clients/logs.hpp>
#include <sagemaker/clients/runtime.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/sagemaker.hpp>
#include <sagemaker/clients/sts.hpp>

#include "tests/support/support.hpp"
#include "tests/unit/aws_support.hpp"

using namespace sagemaker;
using tests::Bench;

namespace {

json status(const char* member, const char* value, const char* reason = "") {
  return json{{member, value}, {"FailureReason", reason}};
}

}  // namespace

TEST_CASE("named methods and call() send the same thing") {
  Bench bench;
  const SageMakerClient client(bench.config());
  bench.transport->then(200, "{}").then(200, "{}");
  client.create_training_job({{"TrainingJobName", "x"}});
  client.call("CreateTrainingJob", {{"TrainingJobName", "x"}});
  const auto& requests = bench.transport->requests;
  CHECK(requests[0].headers.get("X-Amz-Target") == "SageMaker.CreateTrainingJob");
  CHECK(requests[0].headers.get("X-Amz-Target") == requests[1].headers.get("X-Amz-Target"));
  CHECK(requests[0].body == requests[1].body);
}

TEST_CASE("summaries of all pages in one loop") {
  Bench bench;
  const SageMakerClient client(bench.config());
  bench.transport->then(200, R"({"Models":[{"ModelName":"a"}],"NextToken":"t"})")
      .then(200, R"({"Models":[{"ModelName":"b"}]})");
  std::string names;
  for (const json& model : client.items("ListModels", {{"NameContains", "n"}}))
    names += model.at("ModelName");
  CHECK(names == "ab");
  CHECK(json::parse(bench.transport->last().body) == json{{"NameContains", "n"}, {"NextToken", "t"}});
}

TEST_CASE("waiting for a training job ends when it is Completed or Stopped") {
  for (const char* last : {"Completed", "Stopped"}) {
    Bench bench;
    const SageMakerClient client(bench.config());
    bench.transport->then(200, status("TrainingJobStatus", "InProgress").dump());
    bench.transport->then(200, status("TrainingJobStatus", "Stopping").dump());
    bench.transport->then(200, status("TrainingJobStatus", last).dump());
    CHECK(client.wait_for_training_job("job").at("TrainingJobStatus") == last);
    CHECK(bench.transport->used_up());
    CHECK(json::parse(bench.transport->last().body) == json{{"TrainingJobName", "job"}});
  }
}

TEST_CASE("a failed job is an exception with its reason, a lack of capacity one of its own") {
  Bench bench;
  const SageMakerClient client(bench.config());
  bench.transport->then(200, status("TrainingJobStatus", "Failed", "AlgorithmError: oh").dump());
  try {
    client.wait_for_training_job("job");
    FAIL("no error");
  } catch (const UnexpectedStatus& error) {
    CHECK(std::string(error.what()) == "Error for Training job job: Failed. Reason: AlgorithmError: oh");
    CHECK(error.status() == "Failed");
    CHECK(error.reason() == "AlgorithmError: oh");
  }
  bench.transport->then(200, status("ProcessingJobStatus", "Failed", "CapacityError: none left").dump());
  CHECK_THROWS_AS(client.wait_for_processing_job("job"), CapacityError);
}

TEST_CASE("waiting for endpoints: in service, failed, deleted") {
  Bench bench;
  const SageMakerClient client(bench.config());
  for (const char* state : {"Creating", "Updating", "RollingBack", "SystemUpdating", "InService"}) {
    bench.transport->then(200, status("EndpointStatus", state).dump());
  }
  CHECK(client.wait_for_endpoint_in_service("e").at("EndpointStatus") == "InService");
  for (const char* state : {"Failed", "OutOfService", "UpdateRollbackFailed", "Deleting", "SomethingNew"}) {
    bench.transport->then(200, status("EndpointStatus", state, "why").dump());
    CHECK_THROWS_AS(client.wait_for_endpoint_in_service("e"), UnexpectedStatus);
  }
  bench.transport->then(200, status("EndpointStatus", "Deleting").dump())
      .then(400, R"({"__type":"ValidationException","message":"Could not find endpoint \"arn\"."})");
  CHECK_NOTHROW(client.wait_for_endpoint_deleted("e"));
  bench.transport->then(400, R"({"__type":"AccessDeniedException","message":"no"})");
  CHECK_THROWS_AS(client.wait_for_endpoint_deleted("e"), ServiceError);
  CHECK(bench.transport->used_up());
}

TEST_CASE("an invocation sends its options as headers and returns what the container said") {
  Bench bench;
  const SageMakerRuntimeClient client(bench.config());
  bench.transport->then(200, "answer",
                        {{"Content-Type", "text/csv"},
                         {"x-Amzn-Invoked-Production-Variant", "AllTraffic"},
                         {"X-Amzn-SageMaker-Custom-Attributes", "c=d"}});
  const auto output = client.invoke_endpoint({.endpoint_name = "my endpoint",
                                              .body = std::string("\0\xff"
                                                                  "data",
                                                                  6),
                                              .content_type = "application/x-npy",
                                              .accept = "text/csv",
                                              .target_model = "m.tar.gz",
                                              .target_variant = "v",
                                              .inference_id = "id",
                                              .custom_attributes = "a=b"});
  CHECK(output.body == "answer");
  CHECK(output.content_type == "text/csv");
  CHECK(output.invoked_production_variant == "AllTraffic");
  CHECK(output.custom_attributes == "c=d");
  const aws::HttpRequest& request = bench.transport->last();
  CHECK(request.origin == "https://runtime.sagemaker.us-east-1.amazonaws.com");
  CHECK(request.target == "/endpoints/my%20endpoint/invocations");
  CHECK(request.body.size() == 6);
  CHECK(request.headers.get("Content-Type") == "application/x-npy");
  CHECK(request.headers.get("Accept") == "text/csv");
  CHECK(request.headers.get("X-Amzn-SageMaker-Target-Model") == "m.tar.gz");
  CHECK(request.headers.get("X-Amzn-SageMaker-Target-Variant") == "v");
  CHECK(request.headers.get("X-Amzn-SageMaker-Inference-Id") == "id");
  CHECK(request.headers.get("X-Amzn-SageMaker-Custom-Attributes") == "a=b");
}

TEST_CASE("a container's error arrives as ModelError with the original status") {
  Bench bench;
  const SageMakerRuntimeClient client(bench.config());
  const json document{
      {"Message", "Received server error (500)"}, {"OriginalMessage", "trace"}, {"OriginalStatusCode", 500}};
  bench.transport->then(424, document.dump(), {{"x-amzn-ErrorType", "ModelError"}});
  try {
    client.invoke_endpoint({.endpoint_name = "e"});
    FAIL("no error");
  } catch (const ServiceError& error) {
    CHECK(error.code() == "ModelError");
    CHECK(error.http_status() == 424);
    CHECK(error.details().at("OriginalStatusCode") == 500);
    CHECK(error.details().at("OriginalMessage") == "trace");
  }
}

TEST_CASE("an invocation is only repeated where the model cannot have seen it, unless asked") {
  Bench bench;
  const SageMakerRuntimeClient client(bench.config());
  bench.transport->fail(TransportError::Kind::timeout);
  CHECK_THROWS_AS(client.invoke_endpoint({.endpoint_name = "e"}), TransportError);
  bench.transport->fail(TransportError::Kind::timeout).then(200, "x");
  CHECK(client.invoke_endpoint({.endpoint_name = "e", .retry_after_any_failure = true}).body == "x");
  bench.transport->fail(TransportError::Kind::connect).then(200, "y");
  CHECK(client.invoke_endpoint({.endpoint_name = "e"}).body == "y");
}

TEST_CASE("values that would smuggle headers are refused") {
  Bench bench;
  const SageMakerRuntimeClient runtime(bench.config());
  CHECK_THROWS_AS(runtime.invoke_endpoint({.endpoint_name = "e", .custom_attributes = "a\r\nX-Evil: 1"}),
                  Error);
  CHECK_THROWS_AS(runtime.invoke_endpoint({.endpoint_name = ""}), Error);
  const S3Client s3(bench.config());
  CHECK_THROWS_AS(s3.put_object({.bucket = "bbb", .key = "k", .metadata = {{"a", "b\nc"}}}), Error);
  CHECK_THROWS_AS(s3.put_object({.bucket = "bbb", .key = "k", .metadata = {{"a\r\nb", "c"}}}), Error);
  CHECK(bench.transport->requests.empty());
}

TEST_CASE("asynchronous invocations name input and output") {
  Bench bench;
  const SageMakerRuntimeClient client(bench.config());
  bench.transport->then(202, R"({"InferenceId":"i"})", {{"X-Amzn-SageMaker-OutputLocation", "s3://b/out"}});
  const auto output = client.invoke_endpoint_async({.endpoint_name = "e", .input_location = "s3://b/in"});
  CHECK(output.inference_id == "i");
  CHECK(output.output_location == "s3://b/out");
  CHECK(bench.transport->last().target == "/endpoints/e/async-invocations");
  CHECK(bench.transport->last().headers.get("X-Amzn-SageMaker-InputLocation") == "s3://b/in");
}

TEST_CASE("asynchronous invocations carry their input themselves, and say where the output goes") {
  Bench bench;
  const SageMakerRuntimeClient client(bench.config());
  bench.transport->then(202, R"({"InferenceId":"i"})", {{"X-Amzn-SageMaker-OutputLocation", "s3://b/out"}});
  client.invoke_endpoint_async({.endpoint_name = "e",
                                .body = "1,2",
                                .content_type = "text/csv",
                                .accept = "application/json",
                                .filename = "f.out",
                                .s3_output_path_extension = "day/1",
                                .request_ttl_seconds = 60,
                                .invocation_timeout_seconds = 900});
  const aws::HttpRequest& request = bench.transport->last();
  CHECK(request.body == "1,2");
  CHECK_FALSE(request.headers.contains("X-Amzn-SageMaker-InputLocation"));
  CHECK(request.headers.get("X-Amzn-SageMaker-Content-Type") == "text/csv");
  CHECK(request.headers.get("X-Amzn-SageMaker-Accept") == "application/json");
  CHECK(request.headers.get("X-Amzn-SageMaker-Filename") == "f.out");
  CHECK(request.headers.get("X-Amzn-SageMaker-S3OutputPathExtension") == "day/1");
  CHECK(request.headers.get("X-Amzn-SageMaker-RequestTTLSeconds") == "60");
  CHECK(request.headers.get("X-Amzn-SageMaker-InvocationTimeoutSeconds") == "900");
  CHECK_THROWS_AS(client.invoke_endpoint_async({.endpoint_name = "e"}), Error);
  CHECK_THROWS_AS(
      client.invoke_endpoint_async({.endpoint_name = "e", .input_location = "s3://b/k", .body = "x"}), Error);
}

TEST_CASE("a stateful session is opened, named and closed") {
  Bench bench;
  const SageMakerRuntimeClient client(bench.config());
  bench.transport->then(200, "x", {{"X-Amzn-SageMaker-New-Session-Id", "7; Expires=2026-11-21T07:00:00Z"}});
  const auto opened = client.invoke_endpoint({.endpoint_name = "e", .session_id = "NEW_SESSION"});
  CHECK(bench.transport->last().headers.get("X-Amzn-SageMaker-Session-Id") == "NEW_SESSION");
  CHECK(opened.new_session_id == "7; Expires=2026-11-21T07:00:00Z");
  bench.transport->then(200, "x", {{"X-Amzn-SageMaker-Closed-Session-Id", "7"}});
  CHECK(client.invoke_endpoint({.endpoint_name = "e", .session_id = "7"}).closed_session_id == "7");
}

TEST_CASE("log events are read to their end") {
  Bench bench;
  const LogsClient client(bench.config());
  bench.transport->then(200, R"({"events":[{"message":"a"}],"nextForwardToken":"f/1"})")
      .then(200, R"({"events":[{"message":"b"}],"nextForwardToken":"f/2"})")
      .then(200, R"({"events":[],"nextForwardToken":"f/2"})");
  std::string text;
  for (const json& event : client.log_events({{"logGroupName", "g"}, {"logStreamName", "s"}}))
    text += event.at("message");
  CHECK(text == "ab");
  CHECK(bench.transport->requests[0].headers.get("X-Amz-Target") == "Logs_20140328.GetLogEvents");
  CHECK(json::parse(bench.transport->last().body).at("nextToken") == "f/2");
  CHECK(json::parse(bench.transport->last().body).at("startFromHead") == true);
}

TEST_CASE("STS says who is calling and gives a role's credentials") {
  Bench bench;
  const StsClient client(bench.config());
  bench.transport->then(
      200,
      "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:root</Arn><UserId>U</UserId>"
      "<Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
  const auto identity = client.get_caller_identity();
  CHECK(identity.account == "000000000000");
  CHECK(identity.arn == "arn:aws:iam::000000000000:root");
  CHECK(bench.transport->last().body == "Action=GetCallerIdentity&Version=2011-06-15");
  bench.transport->then(
      200,
      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>"
      "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
      "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>a</Arn>"
      "<AssumedRoleId>i</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>");
  const auto role = client.assume_role({.role_arn = "arn:aws:iam::1:role/x y", .duration_seconds = 900});
  CHECK(role.credentials.access_key_id == "ASIA");
  CHECK(role.credentials.session_token == "t");
  CHECK(role.credentials.expiration == aws::parse_iso8601("2030-01-01"));
  CHECK(bench.transport->last().body.find("&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y&") !=
        std::string::npos);
  CHECK(bench.transport->last().body.ends_with("&DurationSeconds=900"));
  bench.transport->then(200, "<Other/>");
  CHECK_THROWS_AS(client.get_caller_identity(), Error);
}

TEST_CASE("clients can be copied and moved") {
  Bench bench;
  bench.transport->then(200, "{}").then(200, "{}");
  SageMakerClient first(bench.config());
  SageMakerClient copy = first;
  SageMakerClient moved = std::move(first);
  CHECK_NOTHROW(copy.list_models());
  CHECK_NOTHROW(moved.list_models());
}
