// Buckets over the protocol: names, regions, owners, addresses, and the sub-resources that are not there.
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

TEST_CASE_FIXTURE(S3Fixture, "a bucket is created, found, listed and deleted") {
  const S3Answer created = send("PUT", "/bucket");
  CHECK(created.status == 200);
  CHECK(created.headers.get("Location") == "/bucket");
  CHECK(created.headers.get("x-amz-request-id") == "request-1");
  const S3Answer head = send("HEAD", "/bucket");
  CHECK(head.status == 200);
  CHECK(head.headers.get("x-amz-bucket-region") == "us-east-1");
  const S3Answer list = send("GET", "/");
  CHECK(list.headers.get("Content-Type") == "application/xml");
  CHECK(list.texts("/ListAllMyBucketsResult/Buckets/Bucket/Name") == std::vector<std::string>{"bucket"});
  CHECK(list.text("CreationDate") == "2013-05-24T00:00:00.000Z");
  CHECK(list.text("ID").size() == 64);
  CHECK(send("DELETE", "/bucket").status == 204);
  CHECK(send("DELETE", "/bucket").code() == "NoSuchBucket");
}

TEST_CASE_FIXTURE(S3Fixture, "a missing bucket is 404, and HEAD says so without a body") {
  const S3Answer head = send("HEAD", "/nowhere");
  CHECK(head.status == 404);
  CHECK(head.body.empty());
  for (const char* target : {"/nowhere", "/nowhere/key", "/nowhere?location", "/nowhere?list-type=2"}) {
    const S3Answer answer = send("GET", target);
    CHECK(answer.status == 404);
    CHECK(answer.code() == "NoSuchBucket");
    CHECK(answer.text("Message") == "The specified bucket does not exist");
    CHECK(answer.text("BucketName") == "nowhere");
    CHECK(answer.text("RequestId") == "request-1");
    CHECK_FALSE(answer.text("HostId").empty());
  }
  CHECK(put("/nowhere/key", "x").code() == "NoSuchBucket");
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(S3Fixture, "names follow S3's rules") {
  for (const char* name : {"abc", "my.bucket-1", "0ab", "a.b.c.d",
                           "123456789012345678901234567890123456789012345678901234567890123"}) {
    CHECK_MESSAGE(send("PUT", std::string("/") + name).status == 200, name);
  }
  for (const char* name :
       {"ab", "Bucket", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "xn--abc", "abc-s3alias", "abc--ol-s3",
        "a%20b", "1234567890123456789012345678901234567890123456789012345678901234"}) {
    const S3Answer answer = send("PUT", std::string("/") + name);
    CHECK_MESSAGE(answer.status == 400, name);
    CHECK(answer.code() == "InvalidBucketName");
    CHECK(answer.text("Message") == "The specified bucket is not valid.");
  }
}

TEST_CASE_FIXTURE(S3Fixture, "creating a bucket again is 200 in us-east-1 and 409 elsewhere") {
  CHECK(send("PUT", "/bucket").status == 200);
  CHECK(send("PUT", "/bucket").status == 200);
  const std::string west =
      "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
  CHECK(put("/western", west).status == 200);
  const S3Answer again = put("/western", west);
  CHECK(again.status == 409);
  CHECK(again.code() == "BucketAlreadyOwnedByYou");
  CHECK(send("GET", "/western?location").text("LocationConstraint") == "eu-west-1");
  const S3Answer east = send("GET", "/bucket?location");
  CHECK(east.status == 200);
  CHECK(east.text("LocationConstraint").empty());
  CHECK(east.body.find("<LocationConstraint xmlns=") != std::string::npos);
}

TEST_CASE_FIXTURE(S3Fixture, "location constraints are checked against the region") {
  const auto create = [&](const std::string& constraint) {
    return put("/bucket", constraint.empty()
                              ? ""
                              : "<CreateBucketConfiguration><LocationConstraint>" + constraint +
                                    "</LocationConstraint></CreateBucketConfiguration>");
  };
  CHECK(create("us-east-1").code() == "InvalidLocationConstraint");
  CHECK(create("nowhere").code() == "InvalidLocationConstraint");
  CHECK(put("/bucket", "<CreateBucketConfiguration><Location").code() == "MalformedXML");
  CHECK(put("/bucket", "<Other/>").code() == "MalformedXML");
  context.region = "eu-central-1";
  const S3Answer unspecified = create("");
  CHECK(unspecified.code() == "IllegalLocationConstraintException");
  CHECK(unspecified.text("Message") ==
        "The unspecified location constraint is incompatible for the region specific endpoint this request "
        "was sent to.");
  CHECK(create("eu-west-1").code() == "IllegalLocationConstraintException");
  CHECK(create("eu-central-1").status == 200);
  CHECK(create("eu-central-1").code() == "BucketAlreadyOwnedByYou");
}

TEST_CASE_FIXTURE(S3BucketFixture, "a bucket with objects is not deleted, one with unfinished uploads is") {
  put("/bucket/key", "x");
  const S3Answer refused = send("DELETE", "/bucket");
  CHECK(refused.status == 409);
  CHECK(refused.code() == "BucketNotEmpty");
  CHECK(refused.text("Message") == "The bucket you tried to delete is not empty");
  CHECK(send("DELETE", "/bucket/key").status == 204);
  const std::string id = send("POST", "/bucket/key?uploads").text("UploadId");
  put("/bucket/key?partNumber=1&uploadId=" + id, "part");
  CHECK(send("DELETE", "/bucket").status == 204);
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(S3BucketFixture, "another expected owner is denied") {
  CHECK(send("HEAD", "/bucket", {{"x-amz-expected-bucket-owner", "111122223333"}}).status == 200);
  CHECK(send("HEAD", "/bucket", {{"x-amz-expected-bucket-owner", "999999999999"}}).status == 403);
  const S3Answer denied = put("/bucket/key", "x", {{"x-amz-expected-bucket-owner", "999999999999"}});
  CHECK(denied.status == 403);
  CHECK(denied.code() == "AccessDenied");
  CHECK(send("GET", "/bucket/key").code() == "NoSuchKey");
  CHECK(send("HEAD", "/bucket", {{"x-amz-expected-bucket-owner", "me"}}).status == 400);
}

TEST_CASE_FIXTURE(S3BucketFixture, "path and virtual host style name the same object") {
  put("/bucket/a/b%20c", "x");
  for (const char* host : {"bucket.localhost", "bucket.localhost:4566", "BUCKET.s3.localhost:4566",
                           "bucket.s3.us-east-1.localhost:4566", "bucket.s3.amazonaws.com",
                           "bucket.s3.eu-west-1.amazonaws.com"}) {
    CHECK_MESSAGE(send("GET", "/a/b%20c", {{"Host", host}}).body == "x", host);
    CHECK_MESSAGE(send("GET", "/", {{"Host", host}}).text("Name") == "bucket", host);
  }
  for (const char* host : {"localhost:4566", "s3.localhost", "s3.us-east-1.localhost:4566", "[::1]:4566",
                           "127.0.0.1", "s3.us-east-1.amazonaws.com", "example.com"}) {
    CHECK_MESSAGE(send("GET", "/bucket/a/b%20c", {{"Host", host}}).body == "x", host);
  }
  send("PUT", "/", {{"Host", "my.dotted.bucket.localhost"}});
  CHECK(send("HEAD", "/my.dotted.bucket").status == 200);
}

TEST_CASE_FIXTURE(S3BucketFixture, "what was never set is answered as AWS answers it") {
  CHECK(send("GET", "/bucket?versioning").body.find("<VersioningConfiguration") != std::string::npos);
  CHECK(send("GET", "/bucket?policy").code() == "NoSuchBucketPolicy");
  CHECK(send("GET", "/bucket?tagging").code() == "NoSuchTagSet");
  CHECK(send("GET", "/bucket?cors").code() == "NoSuchCORSConfiguration");
  CHECK(send("GET", "/bucket?encryption").text("SSEAlgorithm") == "AES256");
  CHECK(send("GET", "/bucket?acl").text("Permission") == "FULL_CONTROL");
  CHECK(send("GET", "/bucket?ownershipControls").text("ObjectOwnership") == "BucketOwnerEnforced");
  CHECK(send("GET", "/nowhere?versioning").code() == "NoSuchBucket");
}

TEST_CASE_FIXTURE(S3BucketFixture, "nothing that is not implemented is silently ignored") {
  put("/bucket/key", "before");
  for (const char* target : {"/bucket?replication", "/bucket?abac"}) {
    const S3Answer answer = put(target, "after");
    CHECK_MESSAGE(answer.status == 501, target);
    CHECK(answer.code() == "NotImplemented");
  }
  CHECK(send("DELETE", "/bucket?abac").status == 501);
  CHECK(send("POST", "/bucket").code() == "MethodNotAllowed");
  CHECK(put("/bucket/key", "x", {{"x-amz-acl", "public-read"}}).code() == "AccessControlListNotSupported");
  CHECK(put("/bucket/key", "x", {{"x-amz-write-offset-bytes", "0"}}).status == 501);
  CHECK(send("DELETE", "/bucket/key", {{"x-amz-bypass-governance-retention", "true"}}).code() ==
        "InvalidArgument");
  CHECK(send("GET", "/bucket/key").body == "before");
  CHECK(put("/bucket/key", "x", {{"x-amz-acl", "bucket-owner-full-control"}}).status == 200);
  CHECK(send("PATCH", "/bucket/key").status == 405);
}

TEST_CASE_FIXTURE(S3Fixture, "buckets are listed in pages with prefix") {
  for (const char* name : {"aaa", "bbb-1", "bbb-2", "ccc"}) send("PUT", std::string("/") + name);
  const S3Answer first = send("GET", "/?max-buckets=1&prefix=bbb");
  CHECK(first.text("Name") == "bbb-1");
  const std::string token = first.text("ContinuationToken");
  REQUIRE_FALSE(token.empty());
  const S3Answer second =
      send("GET", "/?max-buckets=1&prefix=bbb&continuation-token=" + aws::uri_encode(token));
  CHECK(second.text("Name") == "bbb-2");
  CHECK(second.text("ContinuationToken").empty());
  CHECK(send("GET", "/?max-buckets=0").code() == "InvalidArgument");
}
