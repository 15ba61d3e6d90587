// Hostile content for CloudWatch: log lines that are no text, filter patterns that take for ever, bodies that
// grow when they are unpacked, CBOR that lies about its size.
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <zlib.h>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

#include "tests/abuse/target.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

RawResponse send(const Target& target, const Call& call) {
  return RawSocket(target.port()).exchange(call.text());
}

RawResponse logs(const Target& target, const std::string& operation, const json& input) {
  Call call = json_call("Logs_20140328." + operation, aws::dump_json(input));
  call.service = "logs";
  return send(target, call);
}

Call metrics_call(const std::string& body) {
  Call call = json_call("GraniteServiceVersion20100801.PutMetricData", body);
  call.service = "monitoring";
  return call;
}

Call cbor_call(const std::string& body) {
  Call call;
  call.service = "monitoring";
  call.path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
  call.headers.add("Smithy-Protocol", "rpc-v2-cbor");
  call.headers.add("Content-Type", "application/cbor");
  call.body = body;
  return call;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  std::string copy = text;
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

const std::string one_metric = R"({"Namespace":"App","MetricData":[{"MetricName":"m","Value":1}]})";

}  // namespace

TEST_CASE("a compressed PutMetricData is unpacked, but only so far") {
  const auto target = emulator_target();
  if (!target) return;
  const auto put = [&](const std::string& body, const std::string& coding) {
    Call call = metrics_call(body);
    call.headers.add("Content-Encoding", coding);
    return send(*target, call).status;
  };
  CHECK(put(gzip(one_metric), "gzip") == 200);
  CHECK(put(gzip(one_metric.substr(0, 20)) + gzip(one_metric.substr(20)), "GZIP") == 200);
  const long before = target->resident_kb();
  CHECK(put(gzip(std::string(200'000'000, ' ')), "gzip") == 413);
  CHECK(target->resident_kb() - before < 40'000);
  CHECK(put(one_metric, "gzip") == 400);
  CHECK(put(gzip(one_metric).substr(0, 30), "gzip") == 400);
  CHECK(put(one_metric, "br") == 415);
  CHECK(put(one_metric, "identity") == 200);
  CHECK(send(*target, metrics_call(std::string(1'048'577, ' '))).status == 413);
  CHECK(target->answers());
}

TEST_CASE("CBOR that means harm is refused in CBOR") {
  const auto target = emulator_target();
  if (!target) return;
  const long before = target->resident_kb();
  for (const std::string& body :
       {std::string("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
        std::string("\xa1\x61\x61\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"), std::string(1'000'000, '\x81'),
        std::string(1'000'000, '\xc1'), std::string("\x80"), std::string("\xff")}) {
    const RawResponse response = send(*target, cbor_call(body));
    CHECK(response.status == 400);
    CHECK(response.headers.get("Content-Type") == "application/cbor");
    CHECK(response.headers.get("Smithy-Protocol") == "rpc-v2-cbor");
    CHECK(response.headers.get("x-amzn-query-error") == "SerializationException;Sender");
    CHECK(response.body.find("SerializationException") != std::string::npos);
  }
  CHECK(target->resident_kb() - before < 60'000);
  // Without the header the same path is a bucket's; a service that speaks no CBOR says so.
  Call bucket = cbor_call("");
  bucket.headers.erase("Smithy-Protocol");
  bucket.service = "s3";
  CHECK(send(*target, bucket).headers.get("Content-Type") != "application/cbor");
  Call other = cbor_call("");
  other.path = "/service/Logs_20140328/operation/DescribeLogGroups";
  CHECK(send(*target, other).body.find("UnknownOperationException") != std::string::npos);
}

TEST_CASE("log lines with control characters come back as they were and never reach the emulator's own log") {
  const auto target = emulator_target();
  if (!target) return;
  const json group = {{"logGroupName", "g"}}, stream = {{"logGroupName", "g"}, {"logStreamName", "s"}};
  CHECK(logs(*target, "CreateLogGroup", group).status == 200);
  CHECK(logs(*target, "CreateLogStream", stream).status == 200);
  const std::string line = "red \x1b[31m\r\n2026-01-01 [info] forged \x01 \xC2\x9B end";
  json put = stream;
  put["logEvents"] = {{{"timestamp", aws::to_epoch_ms(aws::system_clock()->now())}, {"message", line}}};
  CHECK(logs(*target, "PutLogEvents", put).status == 200);
  const RawResponse response = logs(*target, "GetLogEvents", stream);
  CHECK(aws::parse_json(response.body).at("events").at(0).at("message") == line);
  for (const char c : response.body) CHECK(static_cast<unsigned char>(c) >= 0x20);
  json forged = {{"logGroupName", "g\r\n2026-01-01 [info] forged"}};
  CHECK(logs(*target, "CreateLogGroup", forged).status == 400);
  CHECK(target->log().find("forged") == std::string::npos);
  CHECK(target->log().find('\x1b') == std::string::npos);
}

TEST_CASE("filter patterns that would take for ever end") {
  const auto target = emulator_target();
  if (!target) return;
  const json stream = {{"logGroupName", "g"}, {"logStreamName", "s"}};
  logs(*target, "CreateLogGroup", {{"logGroupName", "g"}});
  logs(*target, "CreateLogStream", stream);
  json put = stream;
  put["logEvents"] = {{{"timestamp", aws::to_epoch_ms(aws::system_clock()->now())},
                       {"message", std::string(200'000, 'a') + "b"}}};
  CHECK(logs(*target, "PutLogEvents", put).status == 200);
  for (const std::string pattern :
       {"%(a+)+$%", "%(a|aa)+$%", "[x = %(a*)*c%]", "{ $.a = %(a+)+$% }", "[x = *a*a*a*a*a*a*c]"}) {
    const RawResponse response =
        logs(*target, "FilterLogEvents", {{"logGroupName", "g"}, {"filterPattern", pattern}});
    CAPTURE(pattern);
    CHECK(response.status == 200);
    CHECK(aws::parse_json(response.body).at("events").empty());
  }
  CHECK(target->answers());
}
