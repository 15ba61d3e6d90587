// Copies: what they take along, when they are refused, and that both ends are independent of each other.
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

TEST_CASE_FIXTURE(S3BucketFixture, "a copy has the bytes and attributes of its source and outlives it") {
  put("/bucket/a%20b", "hello",
      {{"Content-Type", "text/plain"}, {"x-amz-meta-n", "1"}, {"x-amz-checksum-crc32", "NhCmhg=="}});
  clock->now_ms += 60'000;
  for (const char* source :
       {"/bucket/a%20b", "bucket/a%20b", "bucket/a+b", "/bucket%2Fa%20b?versionId=null"}) {
    const S3Answer copied = send("PUT", "/bucket/copy", {{"x-amz-copy-source", source}});
    CHECK_MESSAGE(copied.status == 200, source);
    CHECK(copied.text("ETag") == "\"" + md5_hex("hello") + "\"");
    CHECK(copied.text("LastModified") == "2013-05-24T00:01:00.000Z");
    CHECK(copied.text("ChecksumCRC32") == "NhCmhg==");
  }
  CHECK(send("DELETE", "/bucket/a%20b").status == 204);
  const S3Answer answer = send("GET", "/bucket/copy");
  CHECK(answer.body == "hello");
  CHECK(answer.headers.get("Content-Type") == "text/plain");
  CHECK(answer.headers.get("x-amz-meta-n") == "1");
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(S3BucketFixture, "REPLACE takes the attributes of the request") {
  put("/bucket/key", "hello", {{"Content-Type", "text/plain"}, {"x-amz-meta-n", "1"}});
  const S3Answer in_place = send("PUT", "/bucket/key", {{"x-amz-copy-source", "/bucket/key"}});
  CHECK(in_place.code() == "InvalidRequest");
  CHECK(send("PUT", "/bucket/key",
             {{"x-amz-copy-source", "/bucket/key"},
              {"x-amz-metadata-directive", "REPLACE"},
              {"Content-Type", "text/html"},
              {"x-amz-meta-m", "2"}})
            .status == 200);
  const S3Answer answer = send("GET", "/bucket/key");
  CHECK(answer.body == "hello");
  CHECK(answer.headers.get("Content-Type") == "text/html");
  CHECK(answer.headers.get("x-amz-meta-m") == "2");
  CHECK_FALSE(answer.headers.contains("x-amz-meta-n"));
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(S3BucketFixture, "a checksum asked for is computed while copying") {
  put("/bucket/key", "hello");
  const S3Answer copied = send("PUT", "/bucket/copy",
                               {{"x-amz-copy-source", "/bucket/key"}, {"x-amz-checksum-algorithm", "SHA1"}});
  CHECK(copied.text("ChecksumSHA1") == "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
  CHECK(
      send("HEAD", "/bucket/copy", {{"x-amz-checksum-mode", "ENABLED"}}).headers.get("x-amz-checksum-sha1") ==
      "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
}

TEST_CASE_FIXTURE(S3BucketFixture, "conditions and missing sources") {
  put("/bucket/key", "hello");
  const std::string etag = md5_hex("hello");
  const auto copy = [&](const std::string& source, const std::string& name, const std::string& value) {
    aws::Headers headers = {{"x-amz-copy-source", source}};
    if (!name.empty()) headers.add(name, value);
    return send("PUT", "/bucket/copy", std::move(headers));
  };
  CHECK(copy("/bucket/none", "", "").code() == "NoSuchKey");
  CHECK(copy("/nowhere/key", "", "").code() == "NoSuchBucket");
  for (const char* source : {"bucket", "/", "", "/bucket/", "/bucket/%zz"}) {
    const S3Answer answer = copy(source, "", "");
    CHECK_MESSAGE(answer.code() == "InvalidArgument", source);
  }
  CHECK(copy("/bucket/key", "x-amz-copy-source-if-match", "other").status == 412);
  CHECK(copy("/bucket/key", "x-amz-copy-source-if-none-match", etag).status == 412);
  CHECK(copy("/bucket/key", "x-amz-copy-source-if-modified-since", "Fri, 24 May 2013 00:00:00 GMT").status ==
        412);
  CHECK(copy("/bucket/key", "x-amz-metadata-directive", "MERGE").code() == "InvalidArgument");
  CHECK(copy("/bucket/key", "x-amz-source-expected-bucket-owner", "999999999999").status == 403);
  CHECK_FALSE(objects.find("bucket", "copy"));
  CHECK(copy("/bucket/key", "x-amz-copy-source-if-match", etag).status == 200);
  CHECK(copy("/bucket/key", "If-None-Match", "*").status == 412);
}

TEST_CASE_FIXTURE(S3BucketFixture, "what is too large for one request is copied in parts only") {
  put("/bucket/source", "twelve bytes");
  sagemaker::local::S3Limits small = limits;
  small.put_bytes_max = 11;
  sagemaker::local::services::s3::Service strict(objects, settings, clock, small);
  sagemaker::local::wire::S3Protocol strict_protocol(strict, small);
  used = &strict_protocol;
  const sagemaker::aws::Headers from = {{"x-amz-copy-source", "/bucket/source"}};
  const S3Answer whole = send("PUT", "/bucket/copy", from);
  CHECK(whole.code() == "InvalidRequest");
  CHECK(whole.text("Message") ==
        "The specified copy source is larger than the maximum allowable size for a copy source: 11");
  const std::string id = send("POST", "/bucket/copy?uploads").text("UploadId");
  const std::string part = "/bucket/copy?partNumber=1&uploadId=" + id;
  CHECK(send("PUT", part, from).text("Message") == whole.text("Message"));
  sagemaker::aws::Headers range = from;
  range.add("x-amz-copy-source-range", "bytes=1-11");
  CHECK(send("PUT", part, range).status == 200);
}
