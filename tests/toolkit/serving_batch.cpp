// A serving program in a batch transform job: large requests of many records each.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <httplib.h>

#include <sagemaker/aws/json.hpp>

#include "tests/support/support.hpp"
#include "tests/toolkit/endpoint.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string repeated(const std::string& line, std::size_t bytes) {
  std::string text;
  while (text.size() + line.size() <= bytes) text += line;
  return text;
}

}  // namespace

TEST_CASE("a batch of the largest size comes back as one line a record, in CSV and JSON Lines") {
  Endpoint endpoint("", {{"SAGEMAKER_BATCH", "true"}, {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "6"}});
  endpoint.serve();
  const std::size_t payload = 6 << 20;
  const std::string rows = repeated("1.5,2,3\n", payload);
  const auto csv = endpoint.post({rows, "text/csv", "text/csv"});
  CHECK(csv.status == 200);
  CHECK(lines_of(csv.body) == lines_of(rows));
  CHECK(csv.body.starts_with("3.0,4.0,6.0\n"));
  CHECK(csv.body.ends_with("\n3.0,4.0,6.0\n"));
  const std::string objects = repeated("{\"features\": [1, 2]}\n", payload);
  const auto answer = endpoint.post({objects, "application/jsonlines", "application/jsonlines"});
  CHECK(answer.status == 200);
  CHECK(lines_of(answer.body) == lines_of(objects));
  CHECK(answer.body.ends_with("\n[2.0, 4.0]\n"));
  CHECK(endpoint.post({rows + rows, "text/csv", "text/csv"}).status == 413);
}

TEST_CASE("in batch transform a large request reaches the model in parts, elsewhere whole") {
  const std::string body = npy("(1200, 1024)", std::vector<float>(1200 * 1024, 1));  // 4.7 MB
  for (const char* const batch : {"true", "false"}) {
    Endpoint endpoint("count", {{"SAGEMAKER_BATCH", batch}});
    endpoint.serve();
    const auto answer = endpoint.post({body, "application/x-npy"});
    REQUIRE(answer.status == 200);
    const json rows = json::parse(answer.body);
    REQUIRE(rows.size() == 1200);
    const bool parts = std::string(batch) == "true";
    CHECK(rows.front() == (parts ? json{1024.0, 1024.0} : json{1024.0, 1200.0}));  // sum, rows of the call
    CHECK(rows.back() == (parts ? json{1024.0, 176.0} : json{1024.0, 1200.0}));
  }
}

TEST_CASE("MaxPayloadInMB 0 streams whole objects, whose size the container does not limit") {
  Endpoint endpoint("", {{"SAGEMAKER_BATCH", "true"}, {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "0"}});
  endpoint.serve();
  const std::string rows = repeated("1,2,3\n", 1 << 20);
  httplib::Client client = endpoint.client();
  const auto answer = client.Post(
      "/invocations", {{"Accept", "text/csv"}},
      [&](std::size_t offset, httplib::DataSink& sink) {
        if (offset >= 7 * rows.size())
          sink.done();
        else
          sink.write(rows.data(), rows.size());
        return true;
      },
      "text/csv");
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(lines_of(answer->body) == 7 * lines_of(rows));
  const auto parameters = client.Get("/execution-parameters");
  REQUIRE(parameters);
  CHECK(json::parse(parameters->body)["MaxPayloadInMB"] == 6);
}

TEST_CASE("what a container asks for is within its own limits and those of the service") {
  Endpoint endpoint("", {{"SAGEMAKER_MAX_PAYLOAD_IN_MB", "2"}, {"SAGEMAKER_MODEL_SERVER_WORKERS", "9"}});
  endpoint.serve();
  const auto parameters = endpoint.client().Get("/execution-parameters");
  REQUIRE(parameters);
  CHECK(json::parse(parameters->body) ==
        json{{"MaxConcurrentTransforms", 50}, {"BatchStrategy", "MULTI_RECORD"}, {"MaxPayloadInMB", 2}});
}
