// Objects over the protocol: bytes, headers, ranges, conditions, keys.
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

TEST_CASE_FIXTURE(S3BucketFixture, "an object comes back as it was put") {
  const S3Answer stored = put("/bucket/key", "hello",
                              {{"Content-Type", "text/plain"},
                               {"Content-Encoding", "gzip"},
                               {"Cache-Control", "no-store"},
                               {"Content-Disposition", "inline"},
                               {"Content-Language", "de"},
                               {"Expires", "whenever"},
                               {"x-amz-meta-Color", "gr\xc3\xbcn"},
                               {"x-amz-meta-n", "1"},
                               {"x-amz-server-side-encryption", "AES256"},
                               {"x-amz-storage-class", "STANDARD_IA"}});
  CHECK(stored.status == 200);
  CHECK(stored.headers.get("ETag") == "\"" + md5_hex("hello") + "\"");
  CHECK(stored.headers.get("x-amz-server-side-encryption") == "AES256");
  for (const char* method : {"GET", "HEAD"}) {
    const S3Answer answer = send(method, "/bucket/key");
    CHECK(answer.status == 200);
    CHECK(answer.body == (std::string(method) == "GET" ? "hello" : ""));
    CHECK(answer.headers.get("ETag") == stored.headers.get("ETag"));
    CHECK(answer.headers.get("Content-Type") == "text/plain");
    CHECK(answer.headers.get("Content-Encoding") == "gzip");
    CHECK(answer.headers.get("Cache-Control") == "no-store");
    CHECK(answer.headers.get("Content-Disposition") == "inline");
    CHECK(answer.headers.get("Content-Language") == "de");
    CHECK(answer.headers.get("Expires") == "whenever");
    CHECK(answer.headers.get("x-amz-meta-color") == "gr\xc3\xbcn");
    CHECK(answer.headers.get("x-amz-meta-n") == "1");
    CHECK(answer.headers.get("x-amz-server-side-encryption") == "AES256");
    CHECK(answer.headers.get("x-amz-storage-class") == "STANDARD_IA");
    CHECK(answer.headers.get("Last-Modified") == "Fri, 24 May 2013 00:00:00 GMT");
    CHECK(answer.headers.get("Accept-Ranges") == "bytes");
  }
  CHECK(send("HEAD", "/bucket/key").headers.get("Content-Length") == "5");
}

TEST_CASE_FIXTURE(S3BucketFixture, "without headers an object is binary, and an empty one is an object") {
  put("/bucket/empty", "");
  const S3Answer answer = send("GET", "/bucket/empty");
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  CHECK(answer.headers.get("Content-Type") == "binary/octet-stream");
  CHECK(answer.headers.get("ETag") == "\"d41d8cd98f00b204e9800998ecf8427e\"");
  CHECK(send("HEAD", "/bucket/empty").headers.get("Content-Length") == "0");
  CHECK_FALSE(answer.headers.contains("x-amz-storage-class"));
}

TEST_CASE_FIXTURE(S3BucketFixture, "a missing key is 404 with its name; HEAD has no body") {
  const S3Answer answer = send("GET", "/bucket/no%3Cthing%3E");
  CHECK(answer.status == 404);
  CHECK(answer.code() == "NoSuchKey");
  CHECK(answer.text("Message") == "The specified key does not exist.");
  CHECK(answer.text("Key") == "no<thing>");
  const S3Answer head = send("HEAD", "/bucket/nothing");
  CHECK(head.status == 404);
  CHECK(head.body.empty());
}

TEST_CASE_FIXTURE(S3BucketFixture, "keys are decoded once and may hold anything") {
  const std::vector<std::string> targets = {
      "a%2Fb", "a%252Fb",  "../../etc/passwd", "..%2f..%2fx",
      "/lead", "a//b",     "%C3%BF%00%01",     "k%20x+%C3%A9%2B%3F%23%26%3D",
      "dir/",  "%E2%82%AC"};
  for (const std::string& target : targets) CHECK(put("/bucket/" + target, target).status == 200);
  for (const std::string& target : targets)
    CHECK_MESSAGE(send("GET", "/bucket/" + target).body == target, target);
  CHECK(objects.find("bucket", "a/b"));
  CHECK(objects.find("bucket", "a%2Fb"));
  CHECK(objects.find("bucket", "../../etc/passwd"));
  CHECK(objects.find("bucket", "/lead"));
  CHECK(objects.find("bucket", std::string("\xc3\xbf\0\x01", 4)));
  CHECK(objects.find("bucket", "k x+\xc3\xa9+?#&="));
  CHECK(send("GET", "/bucket/%zz").code() == "InvalidURI");
  CHECK(put("/bucket/" + std::string(1024, 'k'), "x").status == 200);
  const S3Answer longer = put("/bucket/" + std::string(1025, 'k'), "x");
  CHECK(longer.code() == "KeyTooLongError");
  CHECK(longer.text("MaxSizeAllowed") == "1024");
}

TEST_CASE_FIXTURE(S3BucketFixture, "ranges give exactly their bytes") {
  put("/bucket/key", "0123456789");
  const auto range = [&](const char* text) { return send("GET", "/bucket/key", {{"Range", text}}); };
  CHECK(range("bytes=0-3").status == 206);
  CHECK(range("bytes=0-3").body == "0123");
  CHECK(range("bytes=0-3").headers.get("Content-Range") == "bytes 0-3/10");
  CHECK(range("bytes=8-").body == "89");
  CHECK(range("bytes=8-100").body == "89");
  CHECK(range("bytes=8-100").headers.get("Content-Range") == "bytes 8-9/10");
  CHECK(range("bytes=-3").body == "789");
  CHECK(range("bytes=-30").headers.get("Content-Range") == "bytes 0-9/10");
  CHECK(range("bytes=9-9").body == "9");
  const S3Answer head = send("HEAD", "/bucket/key", {{"Range", "bytes=2-5"}});
  CHECK(head.status == 206);
  CHECK(head.headers.get("Content-Length") == "4");
}

TEST_CASE_FIXTURE(S3BucketFixture,
                  "a range outside the object is 416 and names both; a malformed one is ignored") {
  put("/bucket/key", "0123456789");
  put("/bucket/empty", "");
  for (const char* text : {"bytes=10-", "bytes=10-20", "bytes=-0"}) {
    const S3Answer answer = send("GET", "/bucket/key", {{"Range", text}});
    CHECK_MESSAGE(answer.status == 416, text);
    CHECK(answer.code() == "InvalidRange");
    CHECK(answer.text("Message") == "The requested range is not satisfiable");
    CHECK(answer.text("ActualObjectSize") == "10");
    CHECK(answer.text("RangeRequested") == text);
    CHECK(answer.headers.get("Content-Range") == "bytes */10");
  }
  CHECK(send("GET", "/bucket/empty", {{"Range", "bytes=0-"}}).status == 416);
  for (const char* text : {"bytes=5-2", "bytes=a-b", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,3-4", "0-1",
                           "bytes=99999999999999999999-"}) {
    const S3Answer answer = send("GET", "/bucket/key", {{"Range", text}});
    CHECK_MESSAGE(answer.status == 200, text);
    CHECK(answer.body == "0123456789");
  }
  const std::string etag = "\"" + md5_hex("0123456789") + "\"";
  CHECK(send("GET", "/bucket/key", {{"Range", "bytes=0-1"}, {"If-Range", etag}}).status == 206);
  CHECK(send("GET", "/bucket/key", {{"Range", "bytes=0-1"}, {"If-Range", "\"other\""}}).status == 200);
}

TEST_CASE_FIXTURE(S3BucketFixture, "conditional reads") {
  put("/bucket/key", "hello");
  const std::string etag = "\"" + md5_hex("hello") + "\"";
  const std::string then = "Fri, 24 May 2013 00:00:00 GMT";
  const std::string before = "Thu, 23 May 2013 00:00:00 GMT";
  const auto status = [&](aws::Headers headers) {
    return send("GET", "/bucket/key", std::move(headers)).status;
  };
  CHECK(status({{"If-Match", etag}}) == 200);
  CHECK(status({{"If-Match", md5_hex("hello")}}) == 200);
  CHECK(status({{"If-Match", "\"x\", " + etag}}) == 200);
  CHECK(status({{"If-Match", "*"}}) == 200);
  CHECK(status({{"If-Match", "\"x\""}}) == 412);
  CHECK(status({{"If-None-Match", etag}}) == 304);
  CHECK(status({{"If-None-Match", "\"x\""}}) == 200);
  CHECK(status({{"If-Modified-Since", then}}) == 304);
  CHECK(status({{"If-Modified-Since", before}}) == 200);
  CHECK(status({{"If-Unmodified-Since", then}}) == 200);
  CHECK(status({{"If-Unmodified-Since", before}}) == 412);
  CHECK(status({{"If-Match", etag}, {"If-Unmodified-Since", before}}) == 200);
  CHECK(status({{"If-None-Match", "\"x\""}, {"If-Modified-Since", then}}) == 200);
  CHECK(status({{"If-Modified-Since", "not a date"}}) == 200);
  const S3Answer unchanged = send("GET", "/bucket/key", {{"If-None-Match", etag}});
  CHECK(unchanged.body.empty());
  CHECK(unchanged.headers.get("ETag") == etag);
  const S3Answer failed = send("GET", "/bucket/key", {{"If-Match", "\"x\""}});
  CHECK(failed.code() == "PreconditionFailed");
  CHECK(failed.text("Condition") == "If-Match");
  CHECK(send("HEAD", "/bucket/key", {{"If-Match", "\"x\""}}).body.empty());
}

TEST_CASE_FIXTURE(S3BucketFixture, "conditional writes") {
  CHECK(put("/bucket/key", "1", {{"If-None-Match", "*"}}).status == 200);
  const S3Answer second = put("/bucket/key", "2", {{"If-None-Match", "*"}});
  CHECK(second.status == 412);
  CHECK(second.code() == "PreconditionFailed");
  CHECK(second.text("Condition") == "If-None-Match");
  CHECK(put("/bucket/key", "2", {{"If-Match", "\"stale\""}}).status == 412);
  CHECK(put("/bucket/none", "2", {{"If-Match", "\"stale\""}}).code() == "NoSuchKey");
  CHECK(put("/bucket/key", "2", {{"If-Match", "\"" + md5_hex("1") + "\""}}).status == 200);
  CHECK(put("/bucket/key", "3", {{"If-None-Match", "\"x\""}}).status == 501);
  CHECK(send("GET", "/bucket/key").body == "2");
  CHECK(send("DELETE", "/bucket/key", {{"If-Match", "\"stale\""}}).status == 412);
  CHECK(send("DELETE", "/bucket/key", {{"If-Match", "\"" + md5_hex("2") + "\""}}).status == 204);
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(S3BucketFixture, "response-* parameters override headers and cannot inject any") {
  put("/bucket/key", "x", {{"Content-Type", "text/plain"}});
  const S3Answer answer =
      send("GET",
           "/bucket/key?response-content-type=text%2Fhtml&response-cache-control=no-cache&"
           "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22");
  CHECK(answer.headers.get("Content-Type") == "text/html");
  CHECK(answer.headers.get("Cache-Control") == "no-cache");
  CHECK(answer.headers.get("Content-Disposition") == "attachment; filename=\"a b\"");
  CHECK(send("GET", "/bucket/key?response-content-type=a%0D%0AX:y").code() == "InvalidArgument");
}

TEST_CASE_FIXTURE(S3BucketFixture, "metadata is limited to 2 KB and to text") {
  CHECK(put("/bucket/key", "x", {{"x-amz-meta-a", std::string(2047, 'v')}}).status == 200);
  const S3Answer large = put("/bucket/key", "x", {{"x-amz-meta-a", std::string(2048, 'v')}});
  CHECK(large.status == 400);
  CHECK(large.code() == "MetadataTooLarge");
  CHECK(put("/bucket/key", "x", {{"x-amz-meta-a", "\xff"}}).code() == "InvalidArgument");
  put("/bucket/key", "x", {{"x-amz-meta-a", "1"}, {"X-Amz-Meta-A", "2"}});
  CHECK(send("GET", "/bucket/key").headers.get("x-amz-meta-a") == "1,2");
}

TEST_CASE_FIXTURE(S3BucketFixture, "deleting is idempotent and frees the bytes") {
  put("/bucket/key", "x");
  CHECK(send("DELETE", "/bucket/key").status == 204);
  CHECK(send("DELETE", "/bucket/key").status == 204);
  CHECK(send("GET", "/bucket/key").status == 404);
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(S3BucketFixture, "many keys are deleted in one request, with or without a report") {
  for (const char* key : {"a", "b%26c", "d", "e"}) put(std::string("/bucket/") + key, "x");
  const auto remove = [&](const std::string& xml) {
    return send("POST", "/bucket?delete", {{"Content-MD5", md5_base64(xml)}}, xml);
  };
  const S3Answer report = remove(
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a</Key></Object>"
      "<Object><Key>b&amp;c</Key></Object><Object><Key>never</Key></Object>"
      "<Object><Key>d</Key><VersionId>zzz</VersionId></Object></Delete>");
  CHECK(report.status == 200);
  CHECK(report.texts("/DeleteResult/Deleted/Key") == std::vector<std::string>{"a", "b&c", "never"});
  CHECK(report.texts("/DeleteResult/Error/Key") == std::vector<std::string>{"d"});
  const S3Answer quiet = remove("<Delete><Quiet>true</Quiet><Object><Key>d</Key></Object></Delete>");
  CHECK(quiet.texts("/DeleteResult/Deleted/Key").empty());
  CHECK(objects.list("bucket", "", "", 10).size() == 1);
  CHECK(remove("<Delete/>").code() == "MalformedXML");
  CHECK(remove("<Delete><Object/></Delete>").code() == "MalformedXML");
  CHECK(remove("<Delete><Object>").code() == "MalformedXML");
  std::string many = "<Delete>";
  for (int i = 0; i < 1001; ++i) many += "<Object><Key>e</Key></Object>";
  CHECK(remove(many + "</Delete>").code() == "MalformedXML");
  const std::string one = "<Delete><Object><Key>e</Key></Object></Delete>";
  CHECK(send("POST", "/bucket?delete", {}, one).code() == "InvalidRequest");
  CHECK(send("POST", "/bucket?delete", {{"Content-MD5", md5_base64("other")}}, one).code() == "BadDigest");
  CHECK(send("POST", "/bucket?delete", {{"x-amz-checksum-crc32", "AAAAAA=="}}, one).code() == "BadDigest");
  CHECK(objects.list("bucket", "", "", 10).size() == 1);
  CHECK(send("POST", "/bucket?delete", {{"x-amz-checksum-crc32", aws::crc32_base64(aws::crc32(one))}}, one)
            .status == 200);
  CHECK(objects.list("bucket", "", "", 10).empty());
}

TEST_CASE_FIXTURE(S3BucketFixture, "a document that is no XML deletes nothing") {
  const auto remove = [&](const std::string& xml) {
    return send("POST", "/bucket?delete", {{"Content-MD5", md5_base64(xml)}}, xml);
  };
  const auto named = [](const std::string& key) {
    return "<Delete><Object><Key>" + key + "</Key></Object></Delete>";
  };
  for (const char* key : {"%01k", "a", "%26e%3B", "&e"}) put(std::string("/bucket/") + key, "x");
  // Control characters, entities that nobody declared, references to what is no character, bytes that are no
  // text.
  for (const char* key : {"\x01k", "&e;", "&e", "&", "&;", "&#;", "&#0;", "&#55296;", "&#x110000;", "&#xg;",
                          "a\xff", "\xed\xa0\x80"}) {
    CHECK_MESSAGE(remove(named(key)).code() == "MalformedXML", key);
  }
  for (const std::string& around :
       {"<!DOCTYPE d [<!ENTITY e \"a\">]>" + named("&e;"), "<!DOCTYPE d>" + named("a"), named("a") + "text",
        "text" + named("a"), named("a") + "<Delete/>", named("a") + "<![CDATA[x]]>"}) {
    CHECK_MESSAGE(remove(around).code() == "MalformedXML", around);
  }
  CHECK(put("/bucket?versioning",
            "<!DOCTYPE v><VersioningConfiguration><Status>Enabled</Status>"
            "</VersioningConfiguration>")
            .code() == "MalformedXML");
  CHECK(objects.list("bucket", "", "", 10).size() == 4);
  // What surrounds an element in good XML is no reason, nor what only looks like a reference.
  CHECK(remove("\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- & < -->\n" + named("a") + "\n").status == 200);
  CHECK(remove(named("<![CDATA[&e;]]>")).status == 200);
  CHECK(remove(named("&#38;&#x65;")).status == 200);
  CHECK(remove(named("&#1;k")).status == 200);
  CHECK(objects.list("bucket", "", "", 10).empty());
}

TEST_CASE_FIXTURE(S3BucketFixture, "a key is text, and one that XML cannot hold is listed percent-encoded") {
  for (const char* key : {"%FFkey", "%C0%80", "%ED%A0%80", "%F5%80%80%80", "a%E2%82"}) {
    const S3Answer refused = put(std::string("/bucket/") + key, "x");
    CHECK(refused.status == 400);
    CHECK(refused.code() == "InvalidURI");
  }
  CHECK(send("GET", "/bucket/%FE").code() == "InvalidURI");
  CHECK(put("/bucket/%01%C3%A9", "x").status == 200);
  CHECK(send("GET", "/bucket?list-type=2&encoding-type=url").texts("//Key") ==
        std::vector<std::string>{"%01%C3%A9"});
}

TEST_CASE_FIXTURE(S3BucketFixture, "the only version is \"null\"") {
  put("/bucket/key", "x");
  CHECK(send("GET", "/bucket/key?versionId=null").body == "x");
  CHECK(send("GET", "/bucket/key?versionId=short").code() == "InvalidArgument");
  CHECK(send("GET", "/bucket/key?versionId=" + std::string(32, 'v')).code() == "NoSuchVersion");
  CHECK(send("DELETE", "/bucket/key?versionId=" + std::string(32, 'v')).status == 404);
  CHECK(send("GET", "/bucket/key").body == "x");
  CHECK(send("DELETE", "/bucket/key?versionId=null").status == 204);
}

TEST_CASE_FIXTURE(S3BucketFixture, "presigned requests may carry headers in the query") {
  const S3Answer stored =
      put("/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60&x-amz-meta-color=red&"
          "x-amz-storage-class=GLACIER&x-id=PutObject",
          "x");
  CHECK(stored.status == 200);
  const S3Answer answer = send("HEAD", "/bucket/key");
  CHECK(answer.headers.get("x-amz-meta-color") == "red");
  CHECK(answer.headers.get("x-amz-storage-class") == "GLACIER");
  CHECK(put("/bucket/key", "x", {{"x-amz-storage-class", "CHEAP"}}).code() == "InvalidStorageClass");
  const S3Answer nowhere = put("/bucket/key", "x", {{"x-amz-website-redirect-location", "elsewhere"}});
  CHECK(nowhere.status == 400);
  CHECK(nowhere.code() == "InvalidRedirectLocation");
  for (const char* location : {"/page", "http://host/", "https://host/"}) {
    CHECK(put("/bucket/key", "x", {{"x-amz-website-redirect-location", location}}).status == 200);
  }
}

TEST_CASE_FIXTURE(S3BucketFixture, "a checksum in a presigned query is no promise about the body") {
  // What the JavaScript SDK signs, which does not know the body yet.
  const std::string presigned =
      "/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&x-amz-checksum-crc32=AAAAAA%3D%3D&"
      "x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject";
  CHECK(put(presigned, "123456789").status == 200);
  CHECK(put(presigned, "123456789", {{"x-amz-checksum-crc32", "AAAAAA=="}}).code() == "BadDigest");
}
