// Goal: captured lines are AWS's byte for byte, and invocations are counted as CloudWatch counts them.
#include <doctest/doctest.h>

#include "emulator/services/runtime/data_capture.hpp"
#include "emulator/services/runtime/invocation_metrics.hpp"
#include "tests/unit/runtime_fixture.hpp"

using namespace sagemaker;
using namespace sagemaker::local::services::runtime;

namespace {

CaptureRecord record_of(const tests::RuntimeServices& services) {
  CaptureRecord record;
  record.destination = "s3://bucket/prefix/";
  record.endpoint = "e";
  record.variant = "v";
  record.input = {true, "text/csv", "CSV", "1,\"a\"\n"};
  record.output = {true, "application/json", "JSON", "[1]"};
  record.time = services.clock->now();
  return record;
}

}  // namespace

TEST_CASE("a captured line") {
  const tests::RuntimeServices services;
  CaptureRecord record = record_of(services);
  CHECK(capture_line(record, "id") ==
        R"({"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT",)"
        R"("data":"1,\"a\"\n","encoding":"CSV"},"endpointOutput":{"observedContentType":"application/json",)"
        R"("mode":"OUTPUT","data":"[1]","encoding":"JSON"}},"eventMetadata":{"eventId":"id",)"
        R"("inferenceTime":"2023-11-14T22:14:00Z"},"eventVersion":"0"})"
        "\n");
  record.input.data = "\xff";  // no text, whatever its type says
  record.output.wanted = false;
  record.inference_id = "i";
  record.custom_attributes = "c\"";
  CHECK(
      capture_line(record, "id") ==
      R"({"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"/w==",)"
      R"("encoding":"BASE64"}},"eventMetadata":{"eventId":"id","customAttributes":["c\""],"inferenceId":"i",)"
      R"("inferenceTime":"2023-11-14T22:14:00Z"},"eventVersion":"0"})"
      "\n");
  CHECK(capture_key("prefix/", record, "uuid") == "prefix/e/v/2023/11/14/22/14-00-123-uuid.jsonl");
  CHECK(capture_key("", record, "uuid") == "e/v/2023/11/14/22/14-00-123-uuid.jsonl");
}

TEST_CASE("types decide about the encoding") {
  const json config = {{"CaptureContentTypeHeader",
                        {{"CsvContentTypes", {"text/csv"}}, {"JsonContentTypes", {"application/json"}}}}};
  CHECK(capture_encoding(config, "text/csv") == "CSV");
  CHECK(capture_encoding(config, "Text/CSV ; charset=utf-8") == "CSV");
  CHECK(capture_encoding(config, "application/json") == "JSON");
  CHECK(capture_encoding(config, "application/jsonlines") == "BASE64");
  CHECK(capture_encoding(json::object(), "text/csv") == "BASE64");
}

TEST_CASE("lines of one hour share a file, and files are in S3 when the emulator ends") {
  tests::RuntimeServices services;
  DataCapture::Settings patient;
  patient.flush_after = std::chrono::hours(1);
  {
    DataCapture capture(
        services.objects, services.clock, [] { return 0.0; }, patient);
    capture.take(record_of(services));
    capture.take(record_of(services));
    CaptureRecord lost = record_of(services);
    lost.destination = "s3://nowhere/x";  // a bucket that is not there costs its own lines only
    capture.take(lost);
    capture.flush();
    CHECK(services.objects.list("bucket", "prefix/e/v/", "", 10).size() == 1);
    services.clock->sleep_for(std::chrono::hours(1));
    capture.take(record_of(services));
  }
  const auto files = services.objects.list("bucket", "prefix/e/v/", "", 10);
  REQUIRE(files.size() == 2);
  CHECK(files[0].key.starts_with("prefix/e/v/2023/11/14/22/14-00-123-"));
  CHECK(files[1].key.starts_with("prefix/e/v/2023/11/14/23/14-00-123-"));
  const std::string first = services.text_of(files[0].key);
  CHECK(std::count(first.begin(), first.end(), '\n') == 2);
}

TEST_CASE("a store that takes no files costs the lines of that time only") {
  tests::RuntimeServices services;
  DataCapture capture(services.objects, services.clock, [] { return 0.0; }, {});
  const auto objects = services.folder / "objects", elsewhere = services.folder / "elsewhere";
  std::filesystem::rename(objects, elsewhere);
  capture.take(record_of(services));
  capture.take(record_of(services));
  capture.flush();
  std::filesystem::rename(elsewhere, objects);
  capture.take(record_of(services));
  capture.flush();
  CHECK(services.objects.list("bucket", "prefix/e/v/", "", 10).size() == 1);
}

TEST_CASE("invocations are counted by the minute") {
  tests::RuntimeServices services;
  InvocationMetrics metrics(services.metrics, services.clock);
  for (int i = 0; i < 8; ++i)
    metrics.note("e", "v", {.instances = 2, .model_latency_us = 100, .overhead_latency_us = 10});
  metrics.note("e", "v", {.instances = 2, .model_error = true, .status = 404, .model_latency_us = 300});
  metrics.note("e", "v", {.instances = 2, .model_error = true, .status = 0, .model_latency_us = 300});
  metrics.note("e", "other", {.model_error = true, .status = 500});
  metrics.flush();
  CHECK(services.metric("Invocations", "v").sum == 10);
  CHECK(services.metric("InvocationsPerInstance", "v").sum == 5);
  CHECK(services.metric("Invocation4XXErrors", "v").sum == 1);
  CHECK(services.metric("Invocation4XXErrors", "v").count == 10);
  CHECK(services.metric("Invocation5XXErrors", "v").sum == 0);
  CHECK(services.metric("InvocationModelErrors", "v").average() == doctest::Approx(0.2));
  CHECK(services.metric("ModelLatency", "v").average() == doctest::Approx(140));
  CHECK(*services.metric("ModelLatency", "v").percentile(50) == doctest::Approx(100).epsilon(0.05));
  CHECK(services.metric("Invocation5XXErrors", "other").sum == 1);
  CHECK(services.metric("ModelCacheHit", "v").count == 0);
}

TEST_CASE("loads of a multi-model endpoint") {
  using std::chrono::microseconds;
  tests::RuntimeServices services;
  InvocationMetrics metrics(services.metrics, services.clock);
  local::services::hosting::ModelLoad load;
  load.cached = false;
  load.waited = microseconds(500);
  load.download = microseconds(300);
  load.load = microseconds(200);
  metrics.note("e", "v", {.multi_model = true, .load = load, .loaded_models = 1});
  metrics.note("e", "v", {.multi_model = true, .loaded_models = 3});
  metrics.flush();
  CHECK(services.metric("ModelCacheHit", "v").average() == doctest::Approx(0.5));
  CHECK(services.metric("ModelLoadingWaitTime", "v").maximum == 500);
  CHECK(services.metric("ModelDownloadingTime", "v").count == 1);
  CHECK(services.metric("ModelLoadingTime", "v").sum == 200);
  CHECK(services.metric("ModelUnloadingTime", "v").count == 0);
  CHECK(services.metric("LoadedModelCount", "v").maximum == 3);
}
