// Goal: what an asynchronous endpoint has accepted ends in a file, at the latest when its time is over, also
// where no instance ever comes; and nothing of it outlives the endpoint.
#include <doctest/doctest.h>

#include "emulator/services/runtime/async_invocations.hpp"
#include "tests/unit/runtime_fixture.hpp"

using namespace sagemaker;
using namespace sagemaker::local::services;
using local::ServiceFault;
using runtime::AsyncInvocations;
using runtime::AsyncJob;
using runtime::AsyncRequest;
using tests::soon;

namespace {

struct Endpoint : tests::RuntimeServices {
  Endpoint() { insert_endpoint(); }

  void insert_endpoint(json output = {{"S3OutputPath", "s3://bucket/out/"},
                                      {"S3FailurePath", "s3://bucket/failed"},
                                      {"NotificationConfig", {{"ErrorTopic", "arn:bad"}}}}) {
    local::store::Record endpoint;
    endpoint.name = "e";
    endpoint.arn = platform.arn("endpoint", "e");
    endpoint.status = "InService";
    endpoint.created_ms = platform.now_ms();
    endpoint.document["AsyncInferenceConfig"] = {{"OutputConfig", output}};
    endpoint.document["_deployment"]["Config"] = {
        {"ProductionVariants", json::array({{{"VariantName", "v"}}})},
        {"AsyncInferenceConfig", endpoint.document["AsyncInferenceConfig"]}};
    records.insert(endpoint_kind, endpoint);
  }

  AsyncRequest request(const std::string& id) const {
    AsyncRequest request;
    request.call.endpoint_name = "e";
    request.call.inference_id = id;
    request.input_location = "s3://bucket/in";
    request.ttl = std::chrono::seconds(60);
    return request;
  }

  std::size_t queued() const { return records.list(runtime::async_invocation_kind, {}).records.size(); }

  runtime::Gateway gateway{platform, fleet};
  runtime::InvocationMetrics invocation_metrics{metrics, clock};
};

std::string refusal(const Endpoint& endpoint, const AsyncRequest& request) {
  try {
    AsyncJob::accept(request, *endpoint.records.find(endpoint_kind, "e"), "000000000000", "id", 0);
    return "";
  } catch (const ServiceFault& fault) {
    return fault.code() + ": " + fault.message();
  }
}

}  // namespace

TEST_CASE("a request that waits for longer than its time ends in a failure") {
  Endpoint endpoint;
  AsyncInvocations async(endpoint.gateway, endpoint.invocation_metrics);
  const auto accepted = async.accept(endpoint.request("i"));
  CHECK(accepted.output_location == "s3://bucket/out/i.out");
  CHECK(accepted.failure_location == "s3://bucket/failed/i-error.out");
  AsyncRequest longer = endpoint.request("longer");
  longer.ttl = std::chrono::seconds(120);
  async.accept(longer);
  endpoint.clock->sleep_for(std::chrono::milliseconds(59'999));
  CHECK(soon([&] {
    endpoint.invocation_metrics.flush();
    return endpoint.metric("HasBacklogWithoutCapacity").maximum == 1;
  }));
  CHECK(endpoint.text_of("failed/i-error.out").empty());
  endpoint.clock->sleep_for(std::chrono::milliseconds(1));
  CHECK(soon([&] { return !endpoint.text_of("failed/i-error.out").empty(); }));
  CHECK(endpoint.text_of("failed/i-error.out") ==
        "The request has expired: it was in the queue for longer than RequestTTLSeconds.");
  CHECK(soon([&] { return endpoint.queued() == 1; }));
  local::LocalOperations table;
  async.add_local_operations(table);
  const json told = table.at("GET /_local/endpoints/*/notifications")({"e"}, json::object());
  REQUIRE(told["Notifications"].size() == 1);
  CHECK(told["Notifications"][0]["TopicArn"] == "arn:bad");
  CHECK(told["Notifications"][0]["Message"]["invocationStatus"] == "Failed");
  endpoint.invocation_metrics.flush();
  CHECK(endpoint.metric("ExpiredRequests", "v").sum == 1);
  CHECK(endpoint.metric("ApproximateBacklogSize").maximum == 2);
}

TEST_CASE("the next emulator finds the queue") {
  Endpoint endpoint;
  {
    AsyncInvocations async(endpoint.gateway, endpoint.invocation_metrics);
    for (int i = 0; i < 250; ++i) async.accept(endpoint.request("i" + std::to_string(i)));
  }
  CHECK(endpoint.queued() == 10);  // a page of them
  AsyncInvocations async(endpoint.gateway, endpoint.invocation_metrics);
  async.recover();
  endpoint.clock->sleep_for(std::chrono::milliseconds(60'000));
  CHECK(soon([&] { return endpoint.queued() == 0; }));
  for (int i = 0; i < 250; ++i)
    CHECK_FALSE(endpoint.text_of("failed/i" + std::to_string(i) + "-error.out").empty());
}

TEST_CASE("an endpoint takes its queue with it, also where the emulator was killed in between") {
  Endpoint endpoint;
  {
    AsyncInvocations async(endpoint.gateway, endpoint.invocation_metrics);
    async.accept(endpoint.request("i"));
    endpoint.records.erase(endpoint_kind, "e");
    async.endpoint_changed("e");
    CHECK(endpoint.queued() == 0);
    endpoint.insert_endpoint();
    async.accept(endpoint.request("j"));
  }
  endpoint.records.erase(endpoint_kind, "e");
  endpoint.clock->sleep_for(std::chrono::milliseconds(1));
  endpoint.insert_endpoint();  // another one of this name
  AsyncInvocations async(endpoint.gateway, endpoint.invocation_metrics);
  async.recover();
  CHECK(endpoint.queued() == 0);
}

TEST_CASE("what does not fit is refused in AWS's words") {
  const Endpoint endpoint;
  const std::string prefix = "ValidationError: 1 validation error detected: Value at ";
  AsyncRequest request = endpoint.request("i");
  CHECK(refusal(endpoint, request).empty());
  request.ttl = std::chrono::seconds(59);
  CHECK(refusal(endpoint, request) ==
        prefix +
            "'requestTTLSeconds' failed to satisfy constraint: Member must have "
            "value greater than or equal to 60");
  request = endpoint.request("i");
  request.timeout = std::chrono::seconds(3'601);
  CHECK(refusal(endpoint, request).find("'invocationTimeoutSeconds'") != std::string::npos);
  request = endpoint.request("i");
  request.filename = "a.b.c";
  CHECK(refusal(endpoint, request).find("'filename'") != std::string::npos);
  request = endpoint.request("i");
  request.output_extension = "a\nb";
  CHECK(refusal(endpoint, request).find("'s3OutputPathExtension'") != std::string::npos);
  request = endpoint.request("i");
  request.input_location = "ftp://bucket/in";
  CHECK(refusal(endpoint, request).starts_with("ValidationError: "));
  request = endpoint.request("i");
  request.inline_body = true;
  CHECK(refusal(endpoint, request) ==
        "ValidationError: Body and InputLocation are mutually exclusive. Provide exactly one of them.");
}

TEST_CASE("names of outputs") {
  const Endpoint endpoint;
  AsyncRequest request = endpoint.request("i");
  request.filename = "prediction.json";
  request.output_extension = "/a/b/";
  const auto record =
      AsyncJob::accept(request, *endpoint.records.find(endpoint_kind, "e"), "000000000000", "id", 0);
  const auto accepted = AsyncJob(record).accepted();
  CHECK(accepted.output_location == "s3://bucket/out/a/b/prediction.json");
  CHECK(accepted.failure_location == "s3://bucket/failed/a/b/prediction-error.out");
}

TEST_CASE("a message has the response where that was asked for and fits") {
  Endpoint endpoint;
  endpoint.records.erase(endpoint_kind, "e");
  endpoint.insert_endpoint(
      {{"S3OutputPath", "s3://bucket/out"},
       {"NotificationConfig",
        {{"SuccessTopic", "arn:good"}, {"IncludeInferenceResponseIn", {"SUCCESS_NOTIFICATION_TOPIC"}}}}});
  const auto record = AsyncJob::accept(endpoint.request("i"), *endpoint.records.find(endpoint_kind, "e"),
                                       "000000000000", "id", 1'000);
  runtime::AsyncOutcome outcome{.completed = true, .content_type = "a/b", .response = "\xff"};
  CHECK_FALSE(async_message(AsyncJob(record), outcome, "r", 2'000).contains("responseBody"));
  outcome.response_complete = true;
  const json message = async_message(AsyncJob(record), outcome, "r", 2'000);
  CHECK(message["responseBody"] == json{{"content", "/w=="}, {"encoding", "BASE64"}});
  CHECK(message["receivedTime"] == "1970-01-01T00:00:01.000Z");
  CHECK(message["eventTime"] == "1970-01-01T00:00:02.000Z");
  CHECK(message["responseParameters"]["outputLocation"] == "s3://bucket/out/i.out");
}
