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

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

std::size_t count_files(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

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

TEST_CASE("S3 addresses: virtual hosts for AWS, paths for custom endpoints and names with dots") {
  Bench bench;
  for (int i = 0; i < 4; ++i) bench.transport->then(200, "");
  const S3Client aws_client(bench.config());
  aws_client.head_object({.bucket = "bucket", .key = "a b/\xc3\xa9+?.txt"});
  CHECK(bench.transport->last().origin == "https://bucket.s3.us-east-1.amazonaws.com");
  CHECK(bench.transport->last().target == "/a%20b/%C3%A9%2B%3F.txt");
  CHECK(bench.transport->last().headers.get("Host") == "bucket.s3.us-east-1.amazonaws.com");
  aws_client.head_object({.bucket = "with.dots", .key = "/k"});
  CHECK(bench.transport->last().origin == "https://s3.us-east-1.amazonaws.com");
  CHECK(bench.transport->last().target == "/with.dots//k");
  ClientConfig custom = bench.config();
  custom.endpoint_url = "http://127.0.0.1:4566";
  S3Client(custom).head_bucket("bucket");
  CHECK(bench.transport->last().origin == "http://127.0.0.1:4566");
  CHECK(bench.transport->last().target == "/bucket");
  auto environment = std::make_shared<aws::FixedEnvironment>();
  environment->files["/home/user/.aws/config"] = "[default]\ns3 =\n  addressing_style = virtual\n";
  custom.environment = environment;
  S3Client(custom).head_bucket("bucket");
  CHECK(bench.transport->last().origin == "http://bucket.127.0.0.1:4566");
}

TEST_CASE("uploads carry a payload hash, a checksum, a type and the user's metadata") {
  Bench bench;
  ClientConfig config = bench.config();
  config.endpoint_url = "http://127.0.0.1:4566";
  const S3Client client(config);
  bench.transport->then(200, "", {{"ETag", "\"e\""}});
  const auto output = client.put_object(
      {.bucket = "b-1", .key = "k", .body = "hellohellohello", .metadata = {{"author", "me"}}});
  CHECK(output.etag == "\"e\"");
  const aws::HttpRequest& request = bench.transport->last();
  CHECK(request.headers.get("x-amz-content-sha256") == aws::sha256_hex("hellohellohello"));
  CHECK(request.headers.get("x-amz-checksum-crc32") == "PiG0Cw==");
  CHECK(request.headers.get("Content-Type") == "binary/octet-stream");
  CHECK(request.headers.get("x-amz-meta-author") == "me");
}

TEST_CASE("files stream, signed over plain HTTP and covered by checksum and TLS otherwise") {
  tests::TemporaryDirectory folder;
  const std::string content = std::string(700'000, 'x') + "end";
  std::ofstream(folder / "data.bin", std::ios::binary) << content;
  for (const bool tls : {false, true}) {
    Bench bench;
    ClientConfig config = bench.config();
    config.endpoint_url = tls ? "https://example.com" : "http://example.com";
    bench.transport->then([&](const aws::HttpRequest& request) {
      REQUIRE(request.stream);
      std::string sent(1'000'000, '\0');
      std::size_t size = 0;
      while (const std::size_t count = request.stream->read(sent.data() + size, 100'000)) size += count;
      sent.resize(size);
      CHECK(sent == content);
      return aws::HttpResponse{200, "OK", {}, ""};
    });
    S3Client(config).put_object({.bucket = "bucket", .key = "k", .file = folder / "data.bin"});
    const aws::Headers& headers = bench.transport->last().headers;
    CHECK(headers.get("x-amz-content-sha256") == (tls ? "UNSIGNED-PAYLOAD" : aws::sha256_hex(content)));
    CHECK(headers.get("x-amz-checksum-crc32") == aws::crc32_base64(aws::crc32(content)));
  }
  Bench bench;
  CHECK(message_of([&] {
          S3Client(bench.config()).put_object({.bucket = "bbb", .key = "k", .file = folder / "none"});
        }).starts_with("Cannot read " + (folder / "none").string()));
  CHECK_THROWS_AS(S3Client(bench.config()).put_object({.bucket = "bbb", .key = "k", .file = folder.path()}),
                  std::system_error);
}

TEST_CASE("downloads arrive as text, in a file and piece by piece, with all that S3 says about the object") {
  Bench bench;
  const S3Client client(bench.config());
  const aws::Headers headers{{"Content-Length", "15"},    {"Content-Type", "text/plain"},
                             {"ETag", "\"e\""},           {"Last-Modified", "Fri, 24 May 2013 00:00:00 GMT"},
                             {"X-Amz-Meta-Author", "me"}, {"x-amz-checksum-crc32", "PiG0Cw=="}};
  for (int i = 0; i < 3; ++i) bench.transport->then(200, "hellohellohello", headers);
  const auto object = client.get_object({.bucket = "bucket", .key = "k"});
  CHECK(object.body == "hellohellohello");
  CHECK(object.info.content_length == 15);
  CHECK(object.info.content_type == "text/plain");
  CHECK(object.info.etag == "\"e\"");
  CHECK(object.info.last_modified == aws::parse_iso8601("2013-05-24"));
  CHECK(object.info.metadata == std::map<std::string, std::string>{{"author", "me"}});
  CHECK(bench.transport->last().headers.get("x-amz-checksum-mode") == "ENABLED");
  tests::TemporaryDirectory folder;
  client.get_object_to_file({.bucket = "bucket", .key = "k"}, folder / "out");
  CHECK(read_text(folder / "out") == "hellohellohello");
  CHECK(count_files(folder.path()) == 1);
  std::string pieces;
  client.get_object_to({.bucket = "bucket", .key = "k"}, [&](std::string_view piece) { pieces += piece; });
  CHECK(pieces == "hellohellohello");
}

TEST_CASE("bytes that do not match the stored checksum are an error, never data") {
  Bench bench;
  const S3Client client(bench.config());
  const aws::Headers wrong{{"x-amz-checksum-crc32", "AAAAAA=="}};
  const aws::Headers composite{{"x-amz-checksum-crc32", "AAAAAA==-2"}};
  tests::TemporaryDirectory folder;
  std::ofstream(folder / "out") << "old";
  bench.transport->then(200, "new", wrong)
      .then(200, "new", wrong)
      .then(200, "new", composite)
      .then(206, "new", wrong);
  CHECK_THROWS_AS(client.get_object({.bucket = "bucket", .key = "k"}), Error);
  CHECK_THROWS_AS(client.get_object_to_file({.bucket = "bucket", .key = "k"}, folder / "out"), Error);
  CHECK(read_text(folder / "out") == "old");
  CHECK(count_files(folder.path()) == 1);
  CHECK(client.get_object({.bucket = "bucket", .key = "k"}).body == "new");
  CHECK(client.get_object({.bucket = "bucket", .key = "k", .range = "bytes=0-2"}).body == "new");
  CHECK(bench.transport->last().headers.get("Range") == "bytes=0-2");
}

TEST_CASE("a download that breaks off starts over in files and texts, but not where pieces were handed out") {
  Bench bench;
  const S3Client client(bench.config());
  const auto broken = [](const aws::HttpRequest& request) -> aws::HttpResponse {
    request.sink->start({200, "OK", {}, ""});
    request.sink->write("half of ");
    throw TransportError(TransportError::Kind::reset, "broke");
  };
  tests::TemporaryDirectory folder;
  bench.transport->then(broken).then(200, "whole").then(broken).then(200, "whole").then(broken);
  CHECK(client.get_object({.bucket = "bucket", .key = "k"}).body == "whole");
  client.get_object_to_file({.bucket = "bucket", .key = "k"}, folder / "out");
  CHECK(read_text(folder / "out") == "whole");
  std::string pieces;
  CHECK_THROWS_AS(client.get_object_to({.bucket = "bucket", .key = "k"},
                                       [&](std::string_view piece) { pieces += piece; }),
                  TransportError);
  CHECK(pieces == "half of ");
  for (int i = 0; i < 3; ++i) bench.transport->then(broken);
  CHECK_THROWS_AS(client.get_object_to_file({.bucket = "bucket", .key = "k"}, folder / "other"),
                  TransportError);
  CHECK(count_files(folder.path()) == 1);
}

TEST_CASE("listing decodes keys and walks all pages") {
  Bench bench;
  const S3Client client(bench.config());
  const std::string first =
      "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><KeyCount>2</"
      "KeyCount>"
      "<NextContinuationToken>t+1</NextContinuationToken>"
      "<Contents><Key>a+b%2Bc%0A</Key><Size>5</Size><ETag>&quot;e&quot;</ETag>"
      "<LastModified>2013-05-24T00:00:00.000Z</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
      "<CommonPrefixes><Prefix>x%2F</Prefix></CommonPrefixes></ListBucketResult>";
  const std::string empty =
      "<ListBucketResult><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t2</NextContinuationToken></ListBucketResult>";
  const std::string last =
      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>plain+key</Key>"
      "<Size>0</Size></Contents></ListBucketResult>";
  bench.transport->then(200, first);
  const auto page =
      client.list_objects_v2({.bucket = "bucket", .prefix = "p q", .delimiter = "/", .max_keys = 2});
  CHECK(bench.transport->last().target ==
        "/?list-type=2&encoding-type=url&prefix=p%20q&delimiter=%2F&max-keys=2");
  REQUIRE(page.contents.size() == 1);
  CHECK(page.contents[0].key == "a b+c\n");
  CHECK(page.contents[0].size == 5);
  CHECK(page.contents[0].etag == "\"e\"");
  CHECK(page.contents[0].last_modified == aws::parse_iso8601("2013-05-24"));
  CHECK(page.common_prefixes == std::vector<std::string>{"x/"});
  CHECK(page.is_truncated);
  CHECK(page.key_count == 2);
  bench.transport->then(200, first).then(200, empty).then(200, last);
  std::vector<std::string> keys;
  for (const S3Object& object : client.list_objects({.bucket = "bucket"})) keys.push_back(object.key);
  CHECK(keys == std::vector<std::string>{"a b+c\n", "plain+key"});
  CHECK(bench.transport->requests[2].target.find("continuation-token=t%2B1") != std::string::npos);
}

TEST_CASE("buckets are made in the client's region") {
  Bench bench;
  bench.transport->then(200, "").then(200, "");
  S3Client(bench.config()).create_bucket("bucket");
  CHECK(bench.transport->last().method == "PUT");
  CHECK(bench.transport->last().body.empty());
  ClientConfig config = bench.config();
  config.region = "eu-west-1";
  S3Client(config).create_bucket("bucket");
  CHECK(bench.transport->last().body.find("<LocationConstraint>eu-west-1</LocationConstraint>") !=
        std::string::npos);
  bench.transport->then(
      200,
      "<ListAllMyBucketsResult><Buckets><Bucket><Name>one</Name><CreationDate>2013-05-24T00:00:00Z"
      "</CreationDate></Bucket><Bucket><Name>two</Name></Bucket></Buckets></ListAllMyBucketsResult>");
  const auto buckets = S3Client(config).list_buckets();
  REQUIRE(buckets.size() == 2);
  CHECK(buckets[0].name == "one");
  CHECK(buckets[0].creation_date == aws::parse_iso8601("2013-05-24"));
  CHECK_THROWS_AS(S3Client(config).head_bucket("a/b"), Error);
  CHECK_THROWS_AS(S3Client(config).head_object({.bucket = "bucket", .key = ""}), Error);
}

TEST_CASE("existence is a question, not an error") {
  Bench bench;
  const S3Client client(bench.config());
  bench.transport->then(404, "").then(200, "").then(403, "");
  CHECK_FALSE(client.object_exists({.bucket = "bucket", .key = "k"}));
  CHECK(client.bucket_exists("bucket"));
  CHECK_THROWS_AS(client.bucket_exists("bucket"), ServiceError);
}

TEST_CASE("many keys are deleted in groups of a thousand, whatever their characters") {
  Bench bench;
  const S3Client client(bench.config());
  bench.transport->then(200, "<DeleteResult/>")
      .then(200,
            "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>m</Message></Error></"
            "DeleteResult>");
  std::vector<std::string> keys(1000, "key");
  keys.push_back("a<&>\"\x01");
  const auto failures = client.delete_objects({.bucket = "bucket", .keys = keys});
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].code == "AccessDenied");
  CHECK(bench.transport->last().target == "/?delete=");
  CHECK(bench.transport->last().body.find("<Key>a&lt;&amp;&gt;&quot;&#1;</Key>") != std::string::npos);
  CHECK(bench.transport->last().headers.get("x-amz-checksum-crc32") ==
        aws::crc32_base64(aws::crc32(bench.transport->last().body)));
}

TEST_CASE("a presigned URL is one that a server accepts") {
  Bench bench;
  const S3Client client(bench.config());
  const std::string url =
      client.presigned_url("GET", {.bucket = "bucket", .key = "a b"}, std::chrono::hours(1));
  const aws::Uri uri = aws::parse_uri(url);
  CHECK(uri.path == "/a%20b");
  const aws::sigv4::Message message{
      "GET", uri.path, uri.query, {{"Host", uri.authority()}}, std::string(aws::sigv4::unsigned_payload),
      true};
  const auto claim = aws::sigv4::claim_of(message);
  REQUIRE(claim);
  CHECK(claim->expires_s == 3600);
  CHECK(aws::sigv4::verify(message, *claim, "SECRET"));
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
