// The S3 client against a scripted transport: what it puts on the wire and makes of the answer.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/clients/s3.hpp>

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

}  // namespace

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

TEST_CASE("files stream: signed over plain HTTP, with the checksum behind the bytes over TLS") {
  tests::TemporaryDirectory folder;
  const std::string content = std::string(700'000, 'x') + "end";
  std::ofstream(folder / "data.bin", std::ios::binary) << content;
  std::string sent;
  const auto receive = [&](const aws::HttpRequest& request) {
    REQUIRE(request.stream);
    sent.assign(request.stream->size() + 1, '\0');
    std::size_t size = 0;
    while (const std::size_t count = request.stream->read(sent.data() + size, 100'000)) size += count;
    CHECK(size == request.stream->size());
    sent.resize(size);
    return aws::HttpResponse{200, "OK", {}, ""};
  };
  Bench bench;
  ClientConfig config = bench.config();
  for (int i = 0; i < 3; ++i) bench.transport->then(receive);
  config.endpoint_url = "http://example.com";
  S3Client(config).put_object({.bucket = "bucket", .key = "k", .file = folder / "data.bin"});
  CHECK(sent == content);
  CHECK(bench.transport->last().headers.get("x-amz-content-sha256") == aws::sha256_hex(content));
  CHECK(bench.transport->last().headers.get("x-amz-checksum-crc32") ==
        aws::crc32_base64(aws::crc32(content)));

  config.endpoint_url = "https://example.com";
  S3Client(config).put_object(
      {.bucket = "bucket", .key = "k", .file = folder / "data.bin", .content_encoding = "gzip"});
  const aws::Headers& headers = bench.transport->last().headers;
  CHECK(headers.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
  CHECK(headers.get("x-amz-decoded-content-length") == std::to_string(content.size()));
  CHECK(headers.get("Content-Encoding") == "aws-chunked,gzip");
  CHECK(headers.get("x-amz-trailer") == "x-amz-checksum-crc32");
  CHECK(sent.starts_with("40000\r\nxxxx"));
  CHECK(sent.ends_with("end\r\n0\r\nx-amz-checksum-crc32:" + aws::crc32_base64(aws::crc32(content)) +
                       "\r\n\r\n"));

  // What cannot be read twice is signed chunk by chunk where there is no TLS.
  config.endpoint_url = "http://example.com";
  std::istringstream stream(content);
  S3Client(config).put_object(
      {.bucket = "bucket", .key = "k", .reader = s3_reader(stream), .content_length = content.size()});
  CHECK(bench.transport->last().headers.get("x-amz-content-sha256") ==
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
  CHECK(sent.starts_with("40000;chunk-signature="));
  CHECK(sent.find("\r\nx-amz-trailer-signature:") != std::string::npos);
}

TEST_CASE("a body that cannot be read twice is never sent twice, and must be as long as announced") {
  Bench bench;
  const S3Client client(bench.config());
  const auto put = [&](std::size_t announced) {
    auto stream = std::make_shared<std::istringstream>("12345");
    client.put_object(
        {.bucket = "bucket",
         .key = "k",
         .reader = [stream](char* buffer, std::size_t size) { return s3_reader(*stream)(buffer, size); },
         .content_length = announced});
  };
  bench.transport->then(503, "<Error><Code>SlowDown</Code><Message>m</Message></Error>");
  CHECK_THROWS_AS(put(5), ServiceError);
  bench.transport->then(403, "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>",
                        {{"Date", "Fri, 24 May 2024 00:00:00 GMT"}});
  CHECK_THROWS_AS(put(5), ServiceError);
  CHECK(bench.transport->requests.size() == 2);
  bench.transport->then([](const aws::HttpRequest& request) {
    std::string buffer(100'000, '\0');
    while (request.stream->read(buffer.data(), buffer.size()) > 0) {
    }
    return aws::HttpResponse{200, "OK", {}, ""};
  });
  CHECK_THROWS_WITH_AS(put(6), "The body's function gave 5 bytes where 6 were announced", Error);
  CHECK_THROWS_AS(
      client.put_object(
          {.bucket = "bucket", .key = "k", .reader = [](char*, std::size_t) { return std::size_t{0}; }}),
      Error);
}

TEST_CASE("a 200 that carries an error is an error, and repeated like one") {
  Bench bench;
  const S3Client client(bench.config());
  const std::string late =
      "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal "
      "error.</Message></Error>";
  bench.transport->then(200, late).then(
      200,
      "<CopyObjectResult><ETag>&quot;e&quot;</ETag><LastModified>2026-01-01T00:00:00Z</LastModified>"
      "</CopyObjectResult>");
  CHECK(client.copy_object({.source_bucket = "from", .source_key = "a b", .bucket = "bucket", .key = "k"})
            .etag == "\"e\"");
  CHECK(bench.transport->last().headers.get("x-amz-copy-source") == "from/a%20b");
  for (int i = 0; i < 3; ++i) bench.transport->then(200, late);
  try {
    client.complete_multipart_upload({.upload = {"bucket", "k", "id"}, .parts = {{1, "\"e\"", 1, ""}}});
    FAIL("no error");
  } catch (const ServiceError& error) {
    CHECK(error.code() == "InternalError");
    CHECK(error.attempts() == 3);
  }
}

TEST_CASE("presigned URLs take versions, headers and what the answer shall say, for at most seven days") {
  Bench bench;
  const S3Client client(bench.config());
  const std::string url = client.presign({.bucket = "bucket",
                                          .key = "a b",
                                          .version_id = "v1",
                                          .headers = {{"x-amz-meta-a", "b"}},
                                          .query = {{"response-content-type", "text/plain"}}});
  CHECK(
      url.starts_with("https://bucket.s3.us-east-1.amazonaws.com/a%20b?versionId=v1&response-content-type="
                      "text%2Fplain&X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
  CHECK(url.find("X-Amz-SignedHeaders=host%3Bx-amz-meta-a") != std::string::npos);
  CHECK(url.find("X-Amz-Expires=3600") != std::string::npos);
  for (const int seconds : {0, 604'801}) {
    CHECK_THROWS_AS(
        client.presign({.bucket = "bucket", .key = "k", .expires = std::chrono::seconds(seconds)}), Error);
  }
}

TEST_CASE("versions are listed over pages, directories before objects") {
  Bench bench;
  const S3Client client(bench.config());
  bench.transport
      ->then(200,
             "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</"
             "IsTruncated><NextKeyMarker>a%2Bb"
             "</NextKeyMarker><NextVersionIdMarker>2</NextVersionIdMarker><DeleteMarker><Key>a%2Bb</"
             "Key><VersionId>3"
             "</VersionId><IsLatest>true</IsLatest></DeleteMarker><Version><Key>a%2Bb</Key><VersionId>2</"
             "VersionId>"
             "<Size>7</Size></Version></ListVersionsResult>")
      .then(
          200,
          "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>c</Key><VersionId>1</VersionId>"
          "</Version></ListVersionsResult>")
      .then(200,
            "<ListBucketResult><Contents><Key>p/x</Key><Size>1</Size></Contents><CommonPrefixes><Prefix>p/d/"
            "</Prefix></CommonPrefixes></ListBucketResult>");
  std::string seen;
  for (const S3ObjectVersion& version : client.list_object_versions({.bucket = "bucket", .prefix = "p"})) {
    seen += version.key + ":" + version.version_id + (version.is_delete_marker ? "! " : " ");
  }
  CHECK(seen == "a+b:3! a+b:2 c:1 ");
  CHECK(bench.transport->last().target ==
        "/?versions=&encoding-type=url&prefix=p&key-marker=a%2Bb&version-id-marker=2");
  seen.clear();
  for (const S3Entry& entry : client.list_directory({.bucket = "bucket", .prefix = "p/"})) {
    seen += entry.name + (entry.is_directory() ? " " : "=" + std::to_string(entry.object->size) + " ");
  }
  CHECK(seen == "p/d/ p/x=1 ");
}

TEST_CASE("nothing is deleted for an empty prefix by accident, and any operation can be called") {
  Bench bench;
  const S3Client client(bench.config());
  CHECK_THROWS_AS(client.delete_prefix({.bucket = "bucket"}), Error);
  CHECK(bench.transport->requests.empty());
  bench.transport->then(200, "<AccessControlPolicy/>", {{"x-amz-request-id", "r"}});
  const S3Response response =
      client.call("GetObjectAcl", {.bucket = "bucket", .key = "k", .query = {{"acl", ""}}});
  CHECK(response.body == "<AccessControlPolicy/>");
  CHECK(bench.transport->last().target == "/k?acl=");
  bench.transport->then(200, "");
  client.call("PutBucketCors",
              {.method = "PUT", .bucket = "bucket", .query = {{"cors", ""}}, .body = "<C/>"});
  CHECK(bench.transport->last().headers.get("x-amz-checksum-crc32") == aws::crc32_base64(aws::crc32("<C/>")));
  bench.transport->then(404, "<Error><Code>NoSuchCORSConfiguration</Code><Message>m</Message></Error>");
  CHECK_THROWS_WITH_AS(
      client.call("GetBucketCors", {.bucket = "bucket", .query = {{"cors", ""}}}),
      "An error occurred (NoSuchCORSConfiguration) when calling the GetBucketCors operation: m",
      ServiceError);
}

TEST_CASE("what a GET reads may look like an error, and stays what it is") {
  Bench bench;
  const std::string log = "at 12:00 S3 said <Error><Code>SlowDown</Code></Error>";
  bench.transport->then(200, log);
  CHECK(S3Client(bench.config()).call("GetObject", {.bucket = "bucket", .key = "log"}).body == log);
}

TEST_CASE("a line break does not start another header, wherever the header comes from") {
  Bench bench;
  const S3Client client(bench.config());
  const aws::Headers evil{{"x-amz-storage-class", "STANDARD\r\nx-amz-acl: public-read"}};
  const std::string words =
      "Parameter validation failed: the value of x-amz-storage-class contains a line break";
  CHECK(message_of([&] { client.put_object({.bucket = "bucket", .key = "k", .headers = evil}); }) == words);
  CHECK(message_of([&] { client.get_object({.bucket = "bucket", .key = "k", .headers = evil}); }) == words);
  CHECK(message_of([&] { client.presign({.bucket = "bucket", .key = "k", .headers = evil}); }) == words);
  CHECK(bench.transport->requests.empty());
}

TEST_CASE("a part without a body is refused") {
  Bench bench;
  CHECK(message_of([&] {
          S3Client(bench.config()).upload_part({.upload = {"bucket", "k", "id"}});
        }) == "Parameter validation failed: UploadPart has no body");
}

TEST_CASE("signed chunks that are read again are the same") {
  const auto inner = std::make_shared<aws::BytesSource>(std::string(600'000, 'x'));
  aws::ChunkedSource chunked(inner, S3ChecksumAlgorithm::crc32, true);
  chunked.begin({{}, "20130524T000000Z", {"us-east-1", "s3"}}, std::string(64, 'a'));
  const auto read = [&](std::size_t limit) {
    std::string bytes(limit, '\0');
    bytes.resize(chunked.read(bytes.data(), limit));
    return bytes;
  };
  const std::string first = read(1'000'000);
  CHECK(first.size() == chunked.size());
  chunked.rewind();
  read(300'000);
  chunked.rewind();
  CHECK((read(1'000'000) == first));
}

TEST_CASE("a file that vanished or is a folder says so") {
  tests::TemporaryDirectory folder;
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
  CHECK_THROWS_AS(client.get_object({.bucket = "bucket", .key = "k"}), ChecksumError);
  CHECK_THROWS_AS(client.get_object_to_file({.bucket = "bucket", .key = "k"}, folder / "out"), ChecksumError);
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

TEST_CASE("the profile decides about checksums and signed payloads, a caller's choice of checksum wins") {
  tests::TemporaryDirectory folder;
  std::ofstream(folder / "file") << "hello";
  Bench bench;
  ClientConfig config = bench.config();
  auto environment = std::make_shared<aws::FixedEnvironment>();
  config.environment = environment;
  const auto sent = [&](S3ChecksumChoice checksum = {}) -> const aws::Headers& {
    bench.transport->then(200, "");
    S3Client(config).put_object(
        {.bucket = "bucket", .key = "k", .file = folder / "file", .checksum = checksum});
    return bench.transport->last().headers;
  };
  environment->variables["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required";
  CHECK(sent().get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
  CHECK_FALSE(bench.transport->last().headers.contains("x-amz-trailer"));
  CHECK(sent(S3ChecksumAlgorithm::sha256).get("x-amz-trailer") == "x-amz-checksum-sha256");
  environment->files["/home/user/.aws/config"] = "[default]\ns3 =\n  payload_signing_enabled = true\n";
  CHECK(sent().get("x-amz-content-sha256") == aws::sha256_hex("hello"));
  CHECK(sent(S3ChecksumAlgorithm::crc32c).get("x-amz-checksum-crc32c") ==
        aws::checksum_base64(S3ChecksumAlgorithm::crc32c, "hello"));
  environment->variables["AWS_RESPONSE_CHECKSUM_VALIDATION"] = "when_required";
  bench.transport->then(200, "");
  S3Client(config).get_object({.bucket = "bucket", .key = "k"});
  CHECK_FALSE(bench.transport->last().headers.contains("x-amz-checksum-mode"));
}
