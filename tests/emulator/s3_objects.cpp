// The S3 client's single operations against a real sagemaker-local: versions, tags, attributes, conditions,
// keys of every kind, URLs that anyone may use, and operations that have no method of their own.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/emulator/s3_fixture.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

// "http://127.0.0.1:1234/bucket/key?query" sent as it is, without a signature of ours.
aws::HttpResponse fetch(const std::string& url, const std::string& method = "GET",
                        const std::string& body = "", const aws::Headers& headers = {}) {
  const std::size_t path = url.find('/', url.find("://") + 3);
  aws::HttpRequest request;
  request.method = method;
  request.origin = url.substr(0, path);
  request.target = url.substr(path);
  request.headers = headers;
  request.headers.set("Host", request.origin.substr(request.origin.find("//") + 2));
  request.body = body;
  return aws::HttplibTransport().send(request);
}

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ServiceError& error) {
    return error.code();
  }
  return "";
}

}  // namespace

TEST_CASE("versions: each can be read, listed, copied and deleted, and a delete marker hides them") {
  S3Fixture local;
  CHECK(local.s3.get_bucket_versioning("bucket") == "");
  local.s3.put_object({.bucket = "bucket", .key = "a+b", .body = "before versions"});
  local.s3.put_bucket_versioning("bucket", true);
  CHECK(local.s3.get_bucket_versioning("bucket") == "Enabled");
  const std::string first = local.s3.put_object({.bucket = "bucket", .key = "a+b", .body = "1"}).version_id;
  const std::string second = local.s3.put_object({.bucket = "bucket", .key = "a+b", .body = "22"}).version_id;
  REQUIRE(first != second);
  CHECK(local.s3.get_object({.bucket = "bucket", .key = "a+b"}).body == "22");
  CHECK(local.s3.get_object({.bucket = "bucket", .key = "a+b", .version_id = first}).body == "1");
  CHECK(local.s3.get_object({.bucket = "bucket", .key = "a+b", .version_id = "null"}).body ==
        "before versions");
  CHECK(local.s3.head_object({.bucket = "bucket", .key = "a+b"}).version_id == second);

  local.s3.delete_object({.bucket = "bucket", .key = "a+b"});
  CHECK_FALSE(local.s3.object_exists({.bucket = "bucket", .key = "a+b"}));
  std::vector<S3ObjectVersion> versions;
  for (S3ObjectVersion version : local.s3.list_object_versions({.bucket = "bucket"}))
    versions.push_back(std::move(version));
  REQUIRE(versions.size() == 4);
  CHECK(versions[0].is_delete_marker);
  CHECK(versions[0].is_latest);
  CHECK(versions[1].version_id == second);
  CHECK(versions[1].size == 2);
  CHECK(versions[2].version_id == first);
  CHECK(versions[3].version_id == "null");
  CHECK(versions[3].key == "a+b");

  const CopyObjectOutput copy = local.s3.copy_object({.source_bucket = "bucket",
                                                      .source_key = "a+b",
                                                      .source_version_id = first,
                                                      .bucket = "bucket",
                                                      .key = "copy"});
  CHECK(local.s3.get_object({.bucket = "bucket", .key = "copy", .version_id = copy.version_id}).body == "1");
  // Without its marker the object is there again.
  local.s3.delete_object({.bucket = "bucket", .key = "a+b", .version_id = versions[0].version_id});
  CHECK(local.s3.get_object({.bucket = "bucket", .key = "a+b"}).body == "22");

  CHECK(local.s3.delete_prefix({.bucket = "bucket", .prefix = "a"}).deleted == 1);  // one marker
  CHECK(code_of([&] { local.s3.delete_bucket("bucket"); }) == "BucketNotEmpty");
  const DeletePrefixInput everything{.bucket = "bucket", .whole_bucket = true, .all_versions = true};
  CHECK(local.s3.delete_prefix(everything).deleted == 5);
  local.s3.delete_bucket("bucket");
  CHECK_FALSE(local.s3.bucket_exists("bucket"));
}

TEST_CASE("listings of more versions than a page has are whole and in order") {
  S3Fixture local;
  local.s3.put_bucket_versioning("bucket", true);
  std::vector<std::string> keys;
  for (int i = 0; i < 260; ++i) {
    keys.push_back("key " + std::to_string(1000 + i));
    for (int version = 0; version < 4; ++version)
      local.s3.put_object({.bucket = "bucket", .key = keys.back(), .body = std::to_string(version)});
  }
  std::size_t count = 0;
  bool in_order = true;
  for (const S3ObjectVersion& version : local.s3.list_object_versions({.bucket = "bucket"})) {
    in_order = in_order && version.key == keys[count / 4] && version.is_latest == (count % 4 == 0);
    ++count;
  }
  CHECK(count == 1040);
  CHECK(in_order);
}

TEST_CASE("tags of objects and buckets") {
  S3Fixture local;
  const S3Tags tags{{"team", "a b"}, {"stage/1", "x=y+z@a:b"}, {"\xC3\xA9", "\xE2\x82\xAC"}};
  local.s3.put_object({.bucket = "bucket", .key = "k", .body = "x", .tags = tags});
  const S3ObjectInput object{.bucket = "bucket", .key = "k"};
  CHECK(local.s3.get_object_tagging(object) == tags);
  CHECK(local.s3.head_object(object).headers.get("x-amz-tagging-count") == "3");
  local.s3.put_object_tagging(object, {{"only", "this"}});
  CHECK(local.s3.get_object_tagging(object) == S3Tags{{"only", "this"}});
  local.s3.delete_object_tagging(object);
  CHECK(local.s3.get_object_tagging(object).empty());
  for (const S3Tags& wrong : {S3Tags{{"aws:x", "1"}}, S3Tags{{"x", "a&b"}}})
    CHECK(code_of([&] { local.s3.put_object_tagging(object, wrong); }) == "InvalidTag");

  CHECK(local.s3.get_bucket_tagging("bucket").empty());
  local.s3.put_bucket_tagging("bucket", {{"cost", "42"}});
  CHECK(local.s3.get_bucket_tagging("bucket") == S3Tags{{"cost", "42"}});
  local.s3.delete_bucket_tagging("bucket");
  CHECK(local.s3.get_bucket_tagging("bucket").empty());
}

TEST_CASE("attributes tell size, checksum and parts") {
  S3Fixture local;
  local.s3.put_object({.bucket = "bucket", .key = "small", .body = "hello"});
  const S3ObjectAttributes small = local.s3.get_object_attributes({.bucket = "bucket", .key = "small"});
  CHECK(small.size == 5);
  CHECK(small.checksum_algorithm == S3ChecksumAlgorithm::crc32);
  CHECK(small.checksum == aws::checksum_base64(S3ChecksumAlgorithm::crc32, "hello"));
  CHECK(small.parts_count == 0);
  CHECK(small.etag.find("5d41402abc4b2a76b9719d911017c592") != std::string::npos);

  write_file(local.folder / "file", pattern_bytes(11 * mib));
  S3Upload upload{.from = local.folder / "file", .to = "s3://bucket/large"};
  upload.options = {.multipart_threshold = 5 * mib, .part_size = 5 * mib};
  upload.checksum = S3ChecksumAlgorithm::sha256;
  local.s3.upload(upload);
  const S3ObjectAttributes large = local.s3.get_object_attributes({.bucket = "bucket", .key = "large"});
  CHECK(large.size == 11 * mib);
  CHECK(large.composite);
  CHECK(large.parts_count == 3);
  REQUIRE(large.parts.size() == 3);
  CHECK(large.parts[0].size == 5 * mib);
  CHECK(large.parts[2].size == mib);
  CHECK(large.parts[2].number == 3);
  CHECK(large.parts[1].checksum ==
        aws::checksum_base64(S3ChecksumAlgorithm::sha256, pattern_bytes(11 * mib).substr(5 * mib, 5 * mib)));
}

TEST_CASE("conditions keep two writers from overwriting each other") {
  S3Fixture local;
  const auto put = [&](const std::string& body, const std::string& match, const std::string& none_match) {
    return local.s3.put_object(
        {.bucket = "bucket", .key = "k", .body = body, .if_none_match = none_match, .if_match = match});
  };
  const std::string first = put("1", "", "*").etag;
  CHECK(code_of([&] { put("2", "", "*"); }) == "PreconditionFailed");
  const std::string second = put("2", first, "").etag;
  CHECK(code_of([&] { put("3", first, ""); }) == "PreconditionFailed");
  CHECK(code_of([&] { local.s3.get_object({.bucket = "bucket", .key = "k", .if_match = first}); }) ==
        "PreconditionFailed");
  CHECK(code_of([&] { local.s3.get_object({.bucket = "bucket", .key = "k", .if_none_match = second}); }) ==
        "304");
  CHECK(local.s3.get_object({.bucket = "bucket", .key = "k", .range = "bytes=0-0"}).body == "2");
  CHECK(code_of([&] { local.s3.get_object({.bucket = "bucket", .key = "k", .range = "bytes=5-"}); }) ==
        "InvalidRange");
}

TEST_CASE("keys of every kind come back as they are") {
  S3Fixture local;
  const std::vector<std::string> keys = {"a b",
                                         "a%20b",
                                         "a+b",
                                         "//x",
                                         "x/../y",
                                         "./x",
                                         "tab\there",
                                         "\x01",
                                         "\xC3\xA9",
                                         "?query#frag",
                                         "a&b<c>",
                                         "quote\"'",
                                         "end/",
                                         "\xF0\x9F\x98\x80",
                                         std::string(1024, 'k')};
  std::map<std::string, std::string> written;
  for (const std::string& key : keys) {
    local.s3.put_object({.bucket = "bucket", .key = key, .body = "body of " + key});
    written[key] = "body of " + key;
  }
  std::map<std::string, std::string> read;
  for (const S3Object& object : local.s3.list_objects({.bucket = "bucket"}))
    read[object.key] = local.s3.get_object({.bucket = "bucket", .key = object.key}).body;
  CHECK(read == written);
  CHECK(local.s3.delete_objects({.bucket = "bucket", .keys = keys}).empty());
  CHECK(local.s3.list_objects({.bucket = "bucket"}).begin() ==
        local.s3.list_objects({.bucket = "bucket"}).end());
}

TEST_CASE("a presigned URL lets anybody read, write with the signed headers, and nothing else") {
  S3Fixture local;
  const std::string put = local.s3.presign({.bucket = "bucket",
                                            .key = "a b/\xC3\xA9",
                                            .method = "PUT",
                                            .headers = {{"Content-Type", "text/x-a"}}});
  CHECK(fetch(put, "PUT", "by a guest").status == 403);
  CHECK(fetch(put, "PUT", "by a guest", {{"Content-Type", "text/x-a"}}).status == 200);
  const std::string get = local.s3.presign(
      {.bucket = "bucket", .key = "a b/\xC3\xA9", .query = {{"response-content-disposition", "inline"}}});
  const aws::HttpResponse answer = fetch(get);
  CHECK(answer.body == "by a guest");
  CHECK(answer.headers.get("Content-Type") == "text/x-a");
  CHECK(answer.headers.get("Content-Disposition") == "inline");
  CHECK(fetch(get, "DELETE").status == 403);
  CHECK(fetch(get + "0").status == 403);
  CHECK(local.s3.object_exists({.bucket = "bucket", .key = "a b/\xC3\xA9"}));
}

TEST_CASE("operations without a method of their own: documents, and what is not implemented") {
  S3Fixture local;
  const std::string rules =
      "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>tmp/</Prefix></Filter><Status>Enabled</"
      "Status>"
      "<Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>";
  local.s3.call("PutBucketLifecycleConfiguration",
                {.method = "PUT", .bucket = "bucket", .query = {{"lifecycle", ""}}, .body = rules});
  const std::string stored =
      local.s3.call("GetBucketLifecycleConfiguration", {.bucket = "bucket", .query = {{"lifecycle", ""}}})
          .body;
  CHECK(stored.find("<Days>7</Days>") != std::string::npos);
  CHECK(stored.find("<ID>old</ID>") != std::string::npos);
  CHECK(code_of([&] {
          local.s3.call("GetBucketPolicy", {.bucket = "bucket", .query = {{"policy", ""}}});
        }) == "NoSuchBucketPolicy");
  CHECK(code_of([&] {
          local.s3.call("PutBucketReplication", {.method = "PUT",
                                                 .bucket = "bucket",
                                                 .query = {{"replication", ""}},
                                                 .body = "<ReplicationConfiguration/>"});
        }) == "NotImplemented");
}
