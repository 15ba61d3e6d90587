// Tags of objects, and AWS's words for what is no tag.
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

namespace {

using Texts = std::vector<std::string>;

std::string tagging(const std::vector<std::pair<std::string, std::string>>& tags) {
  std::string xml = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>";
  for (const auto& [key, value] : tags)
    xml += "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
  return xml + "</TagSet></Tagging>";
}

struct TaggingFixture : S3BucketFixture {
  TaggingFixture() { REQUIRE(put("/bucket/key", "x").status == 200); }
  S3Answer tag(const std::vector<std::pair<std::string, std::string>>& tags) {
    return put("/bucket/key?tagging", tagging(tags));
  }
  Texts keys(const std::string& target = "/bucket/key") {
    return send("GET", target + "?tagging").texts("/Tagging/TagSet/Tag/Key");
  }
};

}  // namespace

TEST_CASE_FIXTURE(TaggingFixture, "tags are put, counted, replaced and deleted; the object stays as it is") {
  const S3Answer before = send("GET", "/bucket/key");
  CHECK_FALSE(before.headers.contains("x-amz-tagging-count"));
  CHECK(keys().empty());
  clock->now_ms += 60'000;
  CHECK(tag({{"a", "1"}, {"b c", "+-=._:/@"}}).status == 200);
  CHECK(keys() == Texts{"a", "b c"});
  CHECK(send("GET", "/bucket/key?tagging").texts("/Tagging/TagSet/Tag/Value") == Texts{"1", "+-=._:/@"});
  CHECK(send("GET", "/bucket/key").headers.get("x-amz-tagging-count") == "2");
  CHECK(send("GET", "/bucket/key").headers.get("Last-Modified") == before.headers.get("Last-Modified"));
  CHECK(tag({{"z", ""}}).status == 200);
  CHECK(keys() == Texts{"z"});
  CHECK(send("DELETE", "/bucket/key?tagging").status == 204);
  CHECK(keys().empty());
  CHECK(send("GET", "/bucket/key").body == "x");
  CHECK(send("GET", "/bucket/none?tagging").code() == "NoSuchKey");
  CHECK(put("/bucket/none?tagging", tagging({})).code() == "NoSuchKey");
}

TEST_CASE_FIXTURE(TaggingFixture, "what is no tag is refused in AWS's words and changes nothing") {
  REQUIRE(tag({{"kept", "1"}}).status == 200);
  struct Row {
    std::vector<std::pair<std::string, std::string>> tags;
    const char *code, *message;
  };
  std::vector<std::pair<std::string, std::string>> eleven;
  for (int i = 0; i < 11; ++i) eleven.emplace_back("k" + std::to_string(i), "v");
  const std::vector<Row> rows = {
      {{{"a", "1"}, {"a", "2"}}, "InvalidTag", "Cannot provide multiple Tags with the same key"},
      {{{"aws:a", "1"}}, "InvalidTag", "Your TagKey cannot be prefixed with aws:"},
      {{{"a?", "1"}}, "InvalidTag", "The TagKey you have provided is invalid"},
      {{{"", "1"}}, "InvalidTag", "The TagKey you have provided is invalid"},
      {{{std::string(129, 'k'), "1"}}, "InvalidTag", "The TagKey you have provided is invalid"},
      {{{"a", "{}"}}, "InvalidTag", "The TagValue you have provided is invalid"},
      {{{"a", std::string(257, 'v')}}, "InvalidTag", "The TagValue you have provided is invalid"},
      {eleven, "BadRequest", "Object tags cannot be greater than 10"},
  };
  for (const Row& row : rows) {
    const S3Answer answer = tag(row.tags);
    CHECK_MESSAGE(answer.status == 400, row.message);
    CHECK(answer.code() == row.code);
    CHECK(answer.text("Message") == row.message);
  }
  CHECK(tag({{"a", "{}"}}).text("TagKey") == "a");
  CHECK(tag({{"a", "{}"}}).text("TagValue") == "{}");
  CHECK(put("/bucket/key?tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>").code() ==
        "MalformedXML");
  CHECK(put("/bucket/key?tagging", "<Tags/>").code() == "MalformedXML");
  CHECK(keys() == Texts{"kept"});
  // 128 characters are not 128 bytes.
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "\xc3\xbc";
  CHECK(tag({{umlauts, umlauts}}).status == 200);
}

TEST_CASE_FIXTURE(TaggingFixture,
                  "tags come with the object in a header, and copies take them along or not") {
  CHECK(put("/bucket/key", "x", {{"x-amz-tagging", "a=1&b=%C3%BC+c&flag"}}).status == 200);
  CHECK(keys() == Texts{"a", "b", "flag"});
  CHECK(send("GET", "/bucket/key?tagging").texts("/Tagging/TagSet/Tag/Value") ==
        Texts{"1", "\xc3\xbc c", ""});
  for (const char* header : {"a=1&a=2", "=1", "%zz=1", "a=%FF"}) {
    const S3Answer refused = put("/bucket/bad", "x", {{"x-amz-tagging", header}});
    CHECK_MESSAGE(refused.code() == "InvalidArgument", header);
    CHECK(refused.text("Message") ==
          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without "
          "tag "
          "name duplicates.");
    CHECK(refused.text("ArgumentName") == "x-amz-tagging");
    CHECK(refused.text("ArgumentValue") == header);
  }
  CHECK(put("/bucket/bad", "x", {{"x-amz-tagging", "aws:x=1"}}).code() == "InvalidTag");
  const auto copy = [&](aws::Headers headers) {
    headers.add("x-amz-copy-source", "/bucket/key");
    return put("/bucket/copy", "", std::move(headers)).status;
  };
  CHECK(copy({}) == 200);
  CHECK(keys("/bucket/copy") == Texts{"a", "b", "flag"});
  CHECK(copy({{"x-amz-metadata-directive", "REPLACE"}}) == 200);
  CHECK(keys("/bucket/copy") == Texts{"a", "b", "flag"});
  CHECK(copy({{"x-amz-tagging-directive", "REPLACE"}, {"x-amz-tagging", "new=1"}}) == 200);
  CHECK(keys("/bucket/copy") == Texts{"new"});
  CHECK(copy({{"x-amz-tagging-directive", "REPLACE"}}) == 200);
  CHECK(keys("/bucket/copy").empty());
  CHECK(copy({{"x-amz-tagging-directive", "MERGE"}}) == 400);
}

TEST_CASE_FIXTURE(TaggingFixture, "each version has tags of its own") {
  put("/bucket?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  const std::string second =
      put("/bucket/key", "y", {{"x-amz-tagging", "second=1"}}).headers.get("x-amz-version-id");
  CHECK(
      put("/bucket/key?tagging&versionId=null", tagging({{"first", "1"}})).headers.get("x-amz-version-id") ==
      "null");
  CHECK(keys() == Texts{"second"});
  CHECK(send("GET", "/bucket/key?tagging&versionId=null").text("Key") == "first");
  CHECK(send("GET", "/bucket/key?tagging").headers.get("x-amz-version-id") == second);
  CHECK(send("DELETE", "/bucket/key?tagging&versionId=" + second).headers.get("x-amz-version-id") == second);
  CHECK(keys().empty());
  CHECK(send("GET", "/bucket/key?versionId=null").headers.get("x-amz-tagging-count") == "1");
  const std::string marker = send("DELETE", "/bucket/key").headers.get("x-amz-version-id");
  const S3Answer on_marker = put("/bucket/key?tagging&versionId=" + marker, tagging({}));
  CHECK(on_marker.status == 405);
  CHECK(on_marker.text("Method") == "PUT");
  CHECK(put("/bucket/key?tagging", tagging({})).code() == "NoSuchKey");
}

TEST_CASE_FIXTURE(S3BucketFixture, "an upload in parts passes its tags on") {
  const S3Answer begun = send("POST", "/bucket/big?uploads", {{"x-amz-tagging", "a=1"}});
  const std::string target = "/bucket/big?uploadId=" + begun.text("UploadId");
  const std::string etag = put(target + "&partNumber=1", "x").headers.get("ETag");
  const S3Answer done = send("POST", target, {},
                             "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etag +
                                 "</ETag></Part></CompleteMultipartUpload>");
  REQUIRE(done.status == 200);
  CHECK(send("GET", "/bucket/big?tagging").text("Key") == "a");
}
