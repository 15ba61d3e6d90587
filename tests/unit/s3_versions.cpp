// Versions of objects over the protocol: ids, delete markers, suspended buckets, and the list of all of it.
#include <algorithm>
#include <set>

#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

namespace {

using Texts = std::vector<std::string>;

struct VersionsFixture : S3BucketFixture {
  VersionsFixture() { set_versioning("Enabled"); }

  S3Answer configure(const std::string& xml) { return put("/bucket?versioning", xml); }
  void set_versioning(const std::string& status) {
    REQUIRE(configure("<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>" +
                      status + "</Status></VersioningConfiguration>")
                .status == 200);
  }
  static std::string version(const S3Answer& answer) { return answer.headers.get("x-amz-version-id"); }
  std::string store(const std::string& target, const std::string& bytes) {
    const S3Answer answer = put(target, bytes);
    REQUIRE(answer.status == 200);
    return version(answer);
  }
  std::string remove(const std::string& target) {
    const S3Answer answer = send("DELETE", target);
    REQUIRE(answer.status == 204);
    return version(answer);
  }
  S3Answer versions(const std::string& query = "") { return send("GET", "/bucket?versions&" + query); }
  // "key version latest" of versions, with a "-" before delete markers, in the order of the listing.
  Texts entries(const S3Answer& answer) {
    pugi::xml_document document;
    REQUIRE(document.load_string(answer.body.c_str()));
    Texts found;
    for (const pugi::xml_node& node : document.document_element().children()) {
      const std::string name = node.name();
      if (name != "Version" && name != "DeleteMarker") continue;
      found.push_back((name == "Version" ? "" : "-") + std::string(node.child_value("Key")) + " " +
                      node.child_value("VersionId") +
                      (std::string(node.child_value("IsLatest")) == "true" ? " latest" : ""));
    }
    return found;
  }
};

}  // namespace

TEST_CASE_FIXTURE(S3BucketFixture, "versioning is off, on, or suspended; what else is asked is refused") {
  CHECK(send("GET", "/bucket?versioning").body.find("Status") == std::string::npos);
  const auto configure = [&](const std::string& inner) {
    return put("/bucket?versioning", "<VersioningConfiguration>" + inner + "</VersioningConfiguration>");
  };
  const S3Answer missing = configure("");
  CHECK(missing.code() == "IllegalVersioningConfigurationException");
  CHECK(missing.text("Message") == "The Versioning element must be specified");
  CHECK(configure("<Status>On</Status>").code() == "MalformedXML");
  CHECK(configure("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>").status == 501);
  CHECK(put("/bucket?versioning", "<Versioning/>").code() == "MalformedXML");
  CHECK(put("/nowhere?versioning", "<VersioningConfiguration/>").code() == "NoSuchBucket");
  CHECK(send("GET", "/bucket?versioning").body.find("Status") == std::string::npos);
  for (const char* status : {"Enabled", "Suspended"}) {
    CHECK(configure("<Status>" + std::string(status) + "</Status>").status == 200);
    CHECK(send("GET", "/bucket?versioning").text("Status") == status);
  }
}

TEST_CASE_FIXTURE(VersionsFixture, "every put makes a version that stays") {
  const std::string first = store("/bucket/key", "1");
  const std::string second = store("/bucket/key", "22");
  CHECK(first.size() == 32);
  CHECK(first != second);
  CHECK(send("GET", "/bucket/key").body == "22");
  CHECK(version(send("GET", "/bucket/key")) == second);
  CHECK(send("GET", "/bucket/key?versionId=" + first).body == "1");
  CHECK(version(send("HEAD", "/bucket/key?versionId=" + first)) == first);
  CHECK(send("HEAD", "/bucket/key?versionId=" + first).headers.get("Content-Length") == "1");
  CHECK(entries(versions()) == Texts{"key " + second + " latest", "key " + first});
  CHECK(versions().texts("/ListVersionsResult/Version/Size") == Texts{"2", "1"});
  // Of a listing of keys only the newest is part.
  CHECK(send("GET", "/bucket?list-type=2").texts("/ListBucketResult/Contents/Size") == Texts{"2"});
  CHECK(file_count() == 2);
}

TEST_CASE_FIXTURE(VersionsFixture, "an id that is none and one of nothing are told apart") {
  store("/bucket/key", "1");
  const std::string other = store("/bucket/other", "2");
  for (const char* method : {"GET", "HEAD", "DELETE"}) {
    CHECK(send(method, "/bucket/key?versionId=short").status == 400);
  }
  const S3Answer malformed = send("GET", "/bucket/key?versionId=short");
  CHECK(malformed.code() == "InvalidArgument");
  CHECK(malformed.text("Message") == "Invalid version id specified");
  CHECK(malformed.text("ArgumentName") == "versionId");
  CHECK(malformed.text("ArgumentValue") == "short");
  const S3Answer absent = send("GET", "/bucket/key?versionId=" + other);
  CHECK(absent.status == 404);
  CHECK(absent.code() == "NoSuchVersion");
  CHECK(absent.text("Message") == "The specified version does not exist.");
  CHECK(absent.text("Key") == "key");
  CHECK(absent.text("VersionId") == other);
  CHECK(send("GET", "/bucket/key?versionId=null").code() == "NoSuchVersion");
  // Deleting what is not there is no error.
  CHECK(remove("/bucket/key?versionId=" + other) == other);
  CHECK(send("GET", "/bucket/other").body == "2");
}

TEST_CASE_FIXTURE(VersionsFixture, "a delete marker hides the key and says so") {
  const std::string first = store("/bucket/key", "1");
  const S3Answer deletion = send("DELETE", "/bucket/key");
  CHECK(deletion.status == 204);
  CHECK(deletion.headers.get("x-amz-delete-marker") == "true");
  const std::string marker = version(deletion);
  CHECK(marker.size() == 32);
  for (const char* method : {"GET", "HEAD"}) {
    const S3Answer hidden = send(method, "/bucket/key");
    CHECK(hidden.status == 404);
    CHECK(hidden.headers.get("x-amz-delete-marker") == "true");
    CHECK(version(hidden) == marker);
    const S3Answer direct = send(method, "/bucket/key?versionId=" + marker);
    CHECK(direct.status == 405);
    CHECK(direct.headers.get("Allow") == "DELETE");
    CHECK(direct.headers.get("x-amz-delete-marker") == "true");
    CHECK(direct.headers.get("Last-Modified") == "Fri, 24 May 2013 00:00:00 GMT");
    CHECK(version(direct) == marker);
  }
  CHECK(send("GET", "/bucket/key").code() == "NoSuchKey");
  CHECK(send("GET", "/bucket/key").texts("/Error/ResponseMembers").empty());
  const S3Answer direct = send("GET", "/bucket/key?versionId=" + marker);
  CHECK(direct.code() == "MethodNotAllowed");
  CHECK(direct.text("Method") == "GET");
  CHECK(direct.text("ResourceType") == "DeleteMarker");
  CHECK(send("GET", "/bucket?list-type=2").text("KeyCount") == "0");
  CHECK(entries(versions()) == Texts{"-key " + marker + " latest", "key " + first});
  CHECK(send("GET", "/bucket/key?versionId=" + first).body == "1");

  // Without the marker the newest version is the object again.
  const S3Answer undeletion = send("DELETE", "/bucket/key?versionId=" + marker);
  CHECK(undeletion.headers.get("x-amz-delete-marker") == "true");
  CHECK(version(undeletion) == marker);
  CHECK(send("GET", "/bucket/key").body == "1");
  CHECK(entries(versions()) == Texts{"key " + first + " latest"});
}

TEST_CASE_FIXTURE(VersionsFixture, "deleting versions one by one brings back the older ones, then nothing") {
  const std::string first = store("/bucket/key", "1");
  const std::string marker = remove("/bucket/key");
  const std::string second_marker = remove("/bucket/key");
  const std::string third = store("/bucket/key", "3");
  CHECK(remove("/bucket/key?versionId=" + third) == third);
  CHECK(send("GET", "/bucket/key").status == 404);
  CHECK(entries(versions()) == Texts{"-key " + second_marker + " latest", "-key " + marker, "key " + first});
  remove("/bucket/key?versionId=" + marker);
  CHECK(send("GET", "/bucket/key").status == 404);
  remove("/bucket/key?versionId=" + second_marker);
  CHECK(send("GET", "/bucket/key").body == "1");
  remove("/bucket/key?versionId=" + first);
  CHECK(entries(versions()).empty());
  CHECK(file_count() == 0);
  // A key that never was gets a marker all the same.
  CHECK(remove("/bucket/never").size() == 32);
}

TEST_CASE_FIXTURE(VersionsFixture, "suspended, there is one version called null and the older ones stay") {
  const std::string first = store("/bucket/key", "1");
  set_versioning("Suspended");
  CHECK(put("/bucket/key", "2").headers.get("x-amz-version-id").empty());
  CHECK(version(send("GET", "/bucket/key")) == "null");
  put("/bucket/key", "3");
  CHECK(entries(versions()) == Texts{"key null latest", "key " + first});
  CHECK(send("GET", "/bucket/key?versionId=null").body == "3");
  CHECK(file_count() == 2);
  const S3Answer deletion = send("DELETE", "/bucket/key");
  CHECK(version(deletion) == "null");
  CHECK(deletion.headers.get("x-amz-delete-marker") == "true");
  CHECK(entries(versions()) == Texts{"-key null latest", "key " + first});
  CHECK(file_count() == 1);
  put("/bucket/key", "4");
  CHECK(entries(versions()) == Texts{"key null latest", "key " + first});
  set_versioning("Enabled");
  const std::string fifth = store("/bucket/key", "5");
  CHECK(entries(versions()) == Texts{"key " + fifth + " latest", "key null", "key " + first});
  set_versioning("Suspended");
  put("/bucket/key", "6");
  CHECK(entries(versions()) == Texts{"key null latest", "key " + fifth, "key " + first});
  remove("/bucket/key?versionId=null");
  CHECK(send("GET", "/bucket/key").body == "5");
}

TEST_CASE_FIXTURE(S3BucketFixture, "what was there before versioning is the version null") {
  put("/bucket/key", "old");
  CHECK_FALSE(send("GET", "/bucket/key").headers.contains("x-amz-version-id"));
  CHECK(send("GET", "/bucket?versions").text("VersionId") == "null");
  CHECK(send("GET", "/bucket?versions").text("IsLatest") == "true");
  put("/bucket?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  CHECK(send("GET", "/bucket/key").headers.get("x-amz-version-id") == "null");
  put("/bucket/key", "new");
  CHECK(send("GET", "/bucket/key?versionId=null").body == "old");
  CHECK(send("GET", "/bucket/key").body == "new");
}

TEST_CASE_FIXTURE(VersionsFixture,
                  "the list of versions is complete over pages, whatever is deleted between them") {
  std::set<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    for (const char* key : {"a", "b/1", "b/2", "c"}) {
      expected.insert(std::string(key) + " " + store("/bucket/" + std::string(key), std::to_string(i)));
    }
  }
  for (const char* key : {"a", "c"})
    expected.insert("-" + std::string(key) + " " + remove(std::string("/bucket/") + key));
  for (const bool deleting : {false, true}) {
    std::set<std::string> seen;
    std::string markers;
    int pages = 0;
    do {
      const S3Answer page = versions("max-keys=4" + markers);
      REQUIRE(page.status == 200);
      for (std::string entry : entries(page)) {
        if (entry.ends_with(" latest")) entry.resize(entry.size() - 7);
        CHECK_MESSAGE(seen.insert(entry).second, entry);
        if (!deleting) continue;
        const std::size_t blank = entry.find(' ');
        const std::size_t begin = entry.front() == '-' ? 1 : 0;
        remove("/bucket/" + entry.substr(begin, blank - begin) + "?versionId=" + entry.substr(blank + 1));
      }
      markers = page.text("IsTruncated") == "true"
                    ? "&key-marker=" + page.text("NextKeyMarker") +
                          "&version-id-marker=" + page.text("NextVersionIdMarker")
                    : "";
      REQUIRE(++pages < 20);
    } while (!markers.empty());
    CHECK(seen == expected);
  }
  CHECK(entries(versions()).empty());
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(VersionsFixture, "versions by prefix and delimiter") {
  for (const char* key : {"a", "b/1", "b/2", "b/2", "c/x", "d"}) store(std::string("/bucket/") + key, "x");
  CHECK(entries(versions("prefix=b/")).size() == 3);
  const S3Answer top = versions("delimiter=/");
  CHECK(entries(top).size() == 2);
  CHECK(top.texts("/ListVersionsResult/CommonPrefixes/Prefix") == Texts{"b/", "c/"});
  const S3Answer page = versions("delimiter=/&max-keys=2");
  CHECK(page.texts("/ListVersionsResult/CommonPrefixes/Prefix") == Texts{"b/"});
  CHECK(page.text("NextKeyMarker") == "b/");
  CHECK(page.text("NextVersionIdMarker").empty());
  const S3Answer rest = versions("delimiter=/&key-marker=b/");
  CHECK(rest.texts("/ListVersionsResult/CommonPrefixes/Prefix") == Texts{"c/"});
  CHECK(entries(rest).size() == 1);
  CHECK(entries(versions("max-keys=0")).empty());
  CHECK(versions("max-keys=0").text("IsTruncated") == "false");
  CHECK(versions("encoding-type=url&prefix=b/").text("Key") == "b/1");
  const S3Answer alone = versions("version-id-marker=" + std::string(32, 'a'));
  CHECK(alone.text("Message") == "A version-id marker cannot be specified without a key marker.");
  CHECK(alone.text("ArgumentName") == "version-id-marker");
  CHECK(versions("key-marker=a&version-id-marker=x").text("Message") == "Invalid version id specified");
}

TEST_CASE_FIXTURE(VersionsFixture, "many versions and keys are deleted in one request") {
  const std::string first = store("/bucket/a", "1");
  store("/bucket/b", "1");
  const std::string marker = remove("/bucket/c");
  const std::string xml =
      "<Delete><Object><Key>a</Key><VersionId>" + first +
      "</VersionId></Object><Object><Key>b</Key></Object><Object><Key>c</Key><VersionId>" + marker +
      "</VersionId></Object><Object><Key>d</Key><VersionId>bad</VersionId></Object></Delete>";
  const S3Answer report = send("POST", "/bucket?delete", {{"Content-MD5", md5_base64(xml)}}, xml);
  CHECK(report.texts("/DeleteResult/Deleted/Key") == Texts{"a", "b", "c"});
  CHECK(report.texts("/DeleteResult/Deleted/VersionId") == Texts{first, marker});
  CHECK(report.texts("/DeleteResult/Deleted/DeleteMarker") == Texts{"true", "true"});
  const Texts made = report.texts("/DeleteResult/Deleted/DeleteMarkerVersionId");
  REQUIRE(made.size() == 2);
  CHECK(made[0].size() == 32);
  CHECK(made[1] == marker);
  CHECK(report.texts("/DeleteResult/Error/Code") == Texts{"NoSuchVersion"});
  CHECK(report.texts("/DeleteResult/Error/VersionId") == Texts{"bad"});
  CHECK(entries(versions()).size() == 2);
}

TEST_CASE_FIXTURE(VersionsFixture, "a bucket with versions left is not empty, in words of its own") {
  const std::string first = store("/bucket/key", "1");
  const std::string marker = remove("/bucket/key");
  const S3Answer refused = send("DELETE", "/bucket");
  CHECK(refused.status == 409);
  CHECK(refused.code() == "BucketNotEmpty");
  CHECK(refused.text("Message") ==
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket.");
  remove("/bucket/key?versionId=" + first);
  CHECK(send("DELETE", "/bucket").status == 409);
  remove("/bucket/key?versionId=" + marker);
  CHECK(send("DELETE", "/bucket").status == 204);
}

TEST_CASE_FIXTURE(VersionsFixture, "copies name the version that they are made of and the one they make") {
  const std::string first = store("/bucket/key", "1");
  const std::string second = store("/bucket/key", "2");
  const S3Answer copy = put("/bucket/copy", "", {{"x-amz-copy-source", "/bucket/key?versionId=" + first}});
  CHECK(copy.status == 200);
  CHECK(copy.headers.get("x-amz-copy-source-version-id") == first);
  CHECK(version(copy).size() == 32);
  CHECK(send("GET", "/bucket/copy").body == "1");
  CHECK(put("/bucket/copy", "", {{"x-amz-copy-source", "/bucket/key"}})
            .headers.get("x-amz-copy-source-version-id") == second);
  // Onto itself an older version is restored, which is no illegal copy.
  CHECK(put("/bucket/key", "", {{"x-amz-copy-source", "/bucket/key?versionId=" + first}}).status == 200);
  CHECK(send("GET", "/bucket/key").body == "1");
  CHECK(put("/bucket/key", "", {{"x-amz-copy-source", "/bucket/key"}}).code() == "InvalidRequest");
  const std::string marker = remove("/bucket/key");
  const S3Answer of_marker = put("/bucket/x", "", {{"x-amz-copy-source", "/bucket/key?versionId=" + marker}});
  CHECK(of_marker.code() == "InvalidRequest");
  CHECK(of_marker.text("Message") ==
        "The source of a copy request may not specifically refer to a delete marker by version id.");
  CHECK(put("/bucket/x", "", {{"x-amz-copy-source", "/bucket/key"}}).code() == "NoSuchKey");
  CHECK(
      put("/bucket/x", "", {{"x-amz-copy-source", "/bucket/key?versionId=" + std::string(32, 'v')}}).code() ==
      "NoSuchVersion");
}

TEST_CASE_FIXTURE(VersionsFixture,
                  "conditions of writes are about the newest version, and a marker is none") {
  CHECK(put("/bucket/key", "1", {{"If-None-Match", "*"}}).status == 200);
  CHECK(put("/bucket/key", "1", {{"If-None-Match", "*"}}).status == 412);
  remove("/bucket/key");
  CHECK(put("/bucket/key", "2", {{"If-Match", md5_hex("1")}}).code() == "NoSuchKey");
  CHECK(put("/bucket/key", "2", {{"If-None-Match", "*"}}).status == 200);
  CHECK(send("DELETE", "/bucket/key", {{"If-Match", md5_hex("1")}}).status == 412);
  CHECK(send("DELETE", "/bucket/key", {{"If-Match", md5_hex("2")}}).status == 204);
}
