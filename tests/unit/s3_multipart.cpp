// Multipart uploads as boto3 makes them above 8 MB: parts in any order, composite entity tags, checksums, and
// what is refused.
#include <atomic>
#include <thread>

#include "emulator/services/s3/checksum.hpp"
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;
namespace s3 = sagemaker::local::services::s3;

namespace {

constexpr std::size_t part_size = 5u << 20;

struct MultipartFixture : S3BucketFixture {
  std::string first = std::string(part_size, 'a');
  std::string second = std::string(part_size + 7, 'b');
  std::string third = "the end";

  std::string begin(aws::Headers headers = {}) {
    const S3Answer answer = send("POST", "/bucket/big%20file?uploads", std::move(headers));
    REQUIRE(answer.status == 200);
    CHECK(answer.text("Key") == "big file");
    return answer.text("UploadId");
  }
  S3Answer part(const std::string& id, int number, const std::string& bytes, aws::Headers headers = {}) {
    return put("/bucket/big%20file?partNumber=" + std::to_string(number) + "&uploadId=" + id, bytes,
               std::move(headers));
  }
  static std::string part_xml(int number, const std::string& bytes, const std::string& more = "") {
    return "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>&quot;" + md5_hex(bytes) +
           "&quot;</ETag>" + more + "</Part>";
  }
  S3Answer complete(const std::string& id, const std::string& parts, aws::Headers headers = {}) {
    return send("POST", "/bucket/big%20file?uploadId=" + id, std::move(headers),
                "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + parts +
                    "</CompleteMultipartUpload>");
  }
  static std::string raw_md5(const std::string& bytes) {
    aws::Md5 md5;
    md5.update(bytes);
    const auto digest = md5.finish();
    return std::string(digest.begin(), digest.end());
  }
  std::string composite_etag() const {
    return "\"" + md5_hex(raw_md5(first) + raw_md5(second) + raw_md5(third)) + "-3\"";
  }
  std::string all_parts() const { return part_xml(1, first) + part_xml(2, second) + part_xml(5, third); }
};

std::string checksum_of(s3::Algorithm algorithm, std::string_view bytes) {
  s3::Checksum checksum(algorithm);
  checksum.update(bytes);
  return checksum.finish();
}

}  // namespace

TEST_CASE_FIXTURE(MultipartFixture, "parts in any order become one object with a composite entity tag") {
  const std::string id = begin({{"Content-Type", "text/plain"}, {"x-amz-meta-n", "1"}});
  CHECK(part(id, 5, third).headers.get("ETag") == "\"" + md5_hex(third) + "\"");
  CHECK(part(id, 1, first).status == 200);
  CHECK(part(id, 2, "replaced below").status == 200);
  CHECK(part(id, 2, second).status == 200);
  CHECK(send("GET", "/bucket/big%20file").status == 404);
  const S3Answer done = complete(id, all_parts());
  CHECK(done.status == 200);
  CHECK(done.text("ETag") == composite_etag());
  CHECK(done.text("Key") == "big file");
  CHECK(done.text("Location") == "http://127.0.0.1:4566/bucket/big%20file");
  const S3Answer answer = send("GET", "/bucket/big%20file");
  CHECK(answer.body == first + second + third);
  CHECK(answer.headers.get("ETag") == composite_etag());
  CHECK(answer.headers.get("Content-Type") == "text/plain");
  CHECK(answer.headers.get("x-amz-meta-n") == "1");
  CHECK(file_count() == 1);
  CHECK(complete(id, all_parts()).text("ETag") == composite_etag());  // the answer got lost, say
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(MultipartFixture, "parts can be read one by one") {
  const std::string id = begin();
  part(id, 1, first);
  part(id, 2, second);
  part(id, 5, third);
  complete(id, all_parts());
  const S3Answer last = send("GET", "/bucket/big%20file?partNumber=3");
  CHECK(last.status == 206);
  CHECK(last.body == third);
  CHECK(last.headers.get("x-amz-mp-parts-count") == "3");
  CHECK(send("HEAD", "/bucket/big%20file?partNumber=2").headers.get("Content-Length") ==
        std::to_string(second.size()));
  const S3Answer beyond = send("GET", "/bucket/big%20file?partNumber=4");
  CHECK(beyond.status == 416);
  CHECK(beyond.code() == "InvalidPartNumber");
  put("/bucket/single", "x");
  CHECK(send("GET", "/bucket/single?partNumber=1").body == "x");
  CHECK(send("GET", "/bucket/single?partNumber=2").status == 416);
  CHECK(send("GET", "/bucket/single?partNumber=1", {{"Range", "bytes=0-0"}}).code() == "InvalidRequest");
}

TEST_CASE_FIXTURE(MultipartFixture,
                  "a completion that does not fit the parts is refused and the upload lives on") {
  const std::string id = begin();
  part(id, 1, first);
  part(id, 2, third);
  part(id, 3, third);
  CHECK(complete(id, part_xml(3, third) + part_xml(1, first)).code() == "InvalidPartOrder");
  CHECK(complete(id, part_xml(1, first) + part_xml(1, first)).code() == "InvalidPartOrder");
  CHECK(complete(id, part_xml(1, third)).code() == "InvalidPart");
  CHECK(complete(id, part_xml(4, third)).code() == "InvalidPart");
  const S3Answer small = complete(id, part_xml(1, first) + part_xml(2, third) + part_xml(3, third));
  CHECK(small.code() == "EntityTooSmall");
  CHECK(small.text("MinSizeAllowed") == "5242880");
  CHECK(small.text("PartNumber") == "2");
  CHECK(complete(id, "").code() == "MalformedXML");
  CHECK(complete(id, "<Part><PartNumber>x</PartNumber><ETag>x</ETag></Part>").code() == "MalformedXML");
  CHECK(complete(id, part_xml(1, first), {{"x-amz-mp-object-size", "5"}}).code() == "InvalidRequest");
  put("/bucket/big%20file", "old");
  CHECK(complete(id, part_xml(1, first), {{"If-None-Match", "*"}}).status == 412);
  CHECK(send("GET", "/bucket/big%20file").body == "old");
  CHECK(complete(id, part_xml(1, first) + part_xml(3, third)).status == 200);
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(MultipartFixture, "aborting frees the parts, and unknown uploads are named") {
  const std::string id = begin();
  part(id, 1, first);
  CHECK(send("DELETE", "/bucket/big%20file?uploadId=" + id).status == 204);
  CHECK(file_count() == 0);
  const S3Answer gone = send("DELETE", "/bucket/big%20file?uploadId=" + id);
  CHECK(gone.status == 404);
  CHECK(gone.code() == "NoSuchUpload");
  CHECK(gone.text("UploadId") == id);
  CHECK(part(id, 1, "x").code() == "NoSuchUpload");
  CHECK(file_count() == 0);
  const std::string other = begin();
  CHECK(send("GET", "/bucket/other?uploadId=" + other).code() == "NoSuchUpload");
  for (const char* number : {"0", "10001", "-1", "x"}) {
    const S3Answer answer = put("/bucket/big%20file?uploadId=" + other + "&partNumber=" + number, "x");
    CHECK(answer.text("Message") == "Part number must be an integer between 1 and 10000, inclusive");
  }
  CHECK(put("/bucket/big%20file?partNumber=1", "x").code() == "InvalidArgument");
}

TEST_CASE_FIXTURE(MultipartFixture, "a composite checksum is that of the checksums") {
  const std::string id = begin({{"x-amz-checksum-algorithm", "CRC32"}});
  const std::string one = aws::base64_encode(checksum_of(s3::Algorithm::crc32, first));
  const std::string two = aws::base64_encode(checksum_of(s3::Algorithm::crc32, third));
  CHECK(part(id, 1, first).code() == "InvalidRequest");
  CHECK(part(id, 1, first, {{"x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="}}).text("Message") ==
        "Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum Type: sha1");
  CHECK(part(id, 1, first, {{"x-amz-checksum-crc32", two}}).code() == "BadDigest");
  CHECK(part(id, 1, first, {{"x-amz-checksum-crc32", one}}).headers.get("x-amz-checksum-crc32") == one);
  part(id, 2, third, {{"x-amz-checksum-crc32", two}});
  const auto with = [](const std::string& value) { return "<ChecksumCRC32>" + value + "</ChecksumCRC32>"; };
  CHECK(complete(id, part_xml(1, first) + part_xml(2, third)).text("Message") ==
        "The upload was created using a crc32 checksum. The complete request must include the checksum for "
        "each part. "
        "It was missing for part 1 in the request.");
  const S3Answer wrong = complete(id, part_xml(1, first, with(two)) + part_xml(2, third, with(two)));
  CHECK(wrong.code() == "InvalidPart");
  CHECK(wrong.text("PartNumber") == "1");
  const std::string sha1 = "<ChecksumSHA1>qvTGHdzF6KLavt4PO0gs2a6pQ00=</ChecksumSHA1>";
  const S3Answer other = complete(id, part_xml(1, first, sha1) + part_xml(2, third, with(two)));
  CHECK(other.code() == "BadDigest");
  CHECK(other.text("Message") == "The sha1 you specified for part 1 did not match what we received.");
  const std::string expected =
      aws::base64_encode(checksum_of(s3::Algorithm::crc32, checksum_of(s3::Algorithm::crc32, first) +
                                                               checksum_of(s3::Algorithm::crc32, third))) +
      "-2";
  const std::string both = part_xml(1, first, with(one)) + part_xml(2, third, with(two));
  CHECK(complete(id, both, {{"x-amz-checksum-crc32", one}}).code() == "BadDigest");
  // With or without the number of parts.
  const std::string value = expected.substr(0, expected.size() - 2);
  const S3Answer done = complete(id, both, {{"x-amz-checksum-crc32", value}});
  CHECK(done.text("ChecksumCRC32") == expected);
  CHECK(done.text("ChecksumType") == "COMPOSITE");
  const S3Answer head = send("HEAD", "/bucket/big%20file", {{"x-amz-checksum-mode", "ENABLED"}});
  CHECK(head.headers.get("x-amz-checksum-crc32") == expected);
  CHECK(head.headers.get("x-amz-checksum-type") == "COMPOSITE");
}

TEST_CASE_FIXTURE(MultipartFixture, "parts that are named with their checksums are numbered without a gap") {
  const std::string id = begin({{"x-amz-checksum-algorithm", "CRC32"}});
  const std::string one = aws::base64_encode(checksum_of(s3::Algorithm::crc32, first));
  const std::string checksum = "<ChecksumCRC32>" + one + "</ChecksumCRC32>";
  for (const int number : {1, 2, 3}) part(id, number, first, {{"x-amz-checksum-crc32", one}});
  const auto named = [&](int number) { return part_xml(number, first, checksum); };
  CHECK(complete(id, named(2)).code() == "InvalidPartOrder");
  CHECK(complete(id, named(1) + named(3)).code() == "InvalidPartOrder");
  CHECK(complete(id, named(1) + named(2) + named(3)).status == 200);
  // Without an algorithm the parts have only the checksums that they came with.
  const std::string plain = begin();
  part(plain, 1, first);
  part(plain, 2, first, {{"x-amz-checksum-crc32", one}});
  CHECK(complete(plain, named(1) + named(2)).code() == "InvalidPart");
  CHECK(complete(plain, part_xml(1, first) + named(2)).status == 200);
}

TEST_CASE_FIXTURE(MultipartFixture, "a condition that cannot hold is refused before parts are joined") {
  const std::string id = begin();
  part(id, 1, first);
  part(id, 2, third);
  put("/bucket/big%20file", "old");
  for (const auto& stored : objects.uploads().parts(id, 0, 10)) {  // reading them would fail
    std::filesystem::remove(objects.blob_path({.key = "", .blob = stored.blob}));
  }
  const std::string both = part_xml(1, first) + part_xml(2, third);
  CHECK(complete(id, both, {{"If-None-Match", "*"}}).code() == "PreconditionFailed");
  CHECK(complete(id, both, {{"If-Match", "\"0\""}}).code() == "PreconditionFailed");
}

TEST_CASE_FIXTURE(MultipartFixture, "a full-object checksum is that of all bytes, computed from the parts") {
  for (const s3::Algorithm algorithm :
       {s3::Algorithm::crc32, s3::Algorithm::crc32c, s3::Algorithm::crc64nvme}) {
    const std::string name(s3::name_of(algorithm));
    const std::string id =
        begin({{"x-amz-checksum-algorithm", name}, {"x-amz-checksum-type", "FULL_OBJECT"}});
    part(id, 1, first);
    part(id, 2, second);
    part(id, 5, third);
    const std::string expected = aws::base64_encode(checksum_of(algorithm, first + second + third));
    std::string wrong = expected;
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    const std::string header = s3::header_of(algorithm);
    CHECK(complete(id, all_parts(), {{header, wrong}}).code() == "BadDigest");
    CHECK(complete(id, all_parts(), {{"x-amz-checksum-type", "COMPOSITE"}}).code() == "InvalidRequest");
    CHECK(complete(id, all_parts(), {{header, expected}}).text(s3::member_of(algorithm)) == expected);
  }
  CHECK(send("POST", "/bucket/k?uploads",
             {{"x-amz-checksum-algorithm", "SHA1"}, {"x-amz-checksum-type", "FULL_OBJECT"}})
            .text("Message") ==
        "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.");
  CHECK(send("POST", "/bucket/k?uploads", {{"x-amz-checksum-type", "COMPOSITE"}}).code() == "InvalidRequest");
}

TEST_CASE_FIXTURE(MultipartFixture, "parts and uploads are listed in pages") {
  const std::string id = begin();
  for (const int number : {1, 2, 7}) part(id, number, third);
  const S3Answer page = send("GET", "/bucket/big%20file?max-parts=2&uploadId=" + id);
  CHECK(page.texts("/ListPartsResult/Part/PartNumber") == std::vector<std::string>{"1", "2"});
  CHECK(page.text("IsTruncated") == "true");
  CHECK(page.text("NextPartNumberMarker") == "2");
  CHECK(page.text("Size") == std::to_string(third.size()));
  const S3Answer rest = send("GET", "/bucket/big%20file?part-number-marker=2&uploadId=" + id);
  CHECK(rest.texts("/ListPartsResult/Part/PartNumber") == std::vector<std::string>{"7"});
  CHECK(rest.text("IsTruncated") == "false");

  clock->now_ms += 1000;
  const std::string later = begin();
  send("POST", "/bucket/a/x?uploads");
  send("POST", "/bucket/a/y?uploads");
  const S3Answer all = send("GET", "/bucket?uploads");
  CHECK(all.texts("/ListMultipartUploadsResult/Upload/Key") ==
        std::vector<std::string>{"a/x", "a/y", "big file", "big file"});
  CHECK(all.texts("/ListMultipartUploadsResult/Upload/UploadId")[2] == id);
  const S3Answer folded = send("GET", "/bucket?uploads&delimiter=/&max-uploads=2");
  CHECK(folded.texts("/ListMultipartUploadsResult/CommonPrefixes/Prefix") == std::vector<std::string>{"a/"});
  CHECK(folded.text("NextUploadIdMarker") == id);
  const S3Answer next = send("GET", "/bucket?uploads&key-marker=big%20file&upload-id-marker=" + id);
  CHECK(next.texts("/ListMultipartUploadsResult/Upload/UploadId") == std::vector<std::string>{later});
}

TEST_CASE_FIXTURE(S3BucketFixture, "uploads in pages of any size are together the whole listing") {
  std::vector<std::string> all;
  for (const char* key : {"a", "b/1", "b/1", "b/2", "b/3", "b0", "c/1", "d"}) {
    clock->now_ms += 1000;  // ids follow the time
    all.push_back(send("POST", std::string("/bucket/") + key + "?uploads").text("UploadId"));
  }
  const auto ids_of = [](const S3Answer& page) {
    return page.texts("/ListMultipartUploadsResult/Upload/UploadId");
  };
  const auto listed = [&](const std::string& query, bool folded) {
    std::vector<std::string> found;
    std::string marker;
    while (true) {
      const S3Answer page = send("GET", "/bucket?uploads" + query + marker);
      const auto ids = ids_of(page);
      found.insert(found.end(), ids.begin(), ids.end());
      const auto prefixes = page.texts("/ListMultipartUploadsResult/CommonPrefixes/Prefix");
      CHECK((prefixes.empty() || folded));
      found.insert(found.end(), prefixes.begin(), prefixes.end());
      if (page.text("IsTruncated") != "true") return found;
      marker = "&key-marker=" + page.text("NextKeyMarker") +
               "&upload-id-marker=" + page.text("NextUploadIdMarker");
    }
  };
  for (const char* size : {"1", "2", "3", "8", "9"}) {
    const std::string pages = std::string("&max-uploads=") + size;
    CHECK(listed(pages, false) == all);
    CHECK(listed(pages + "&prefix=b/", false) == std::vector<std::string>(all.begin() + 1, all.begin() + 5));
    CHECK(listed(pages + "&prefix=x", false).empty());
  }
  CHECK(listed("&max-uploads=1&delimiter=/", true) ==
        std::vector<std::string>{all[0], "b/", all[5], "c/", all[7]});
  // A key within a folder as the marker leaves the rest of that folder; the folder itself leaves nothing.
  const std::string folders = "/bucket?uploads&delimiter=/&max-uploads=1&key-marker=";
  CHECK(send("GET", folders + "b/1").text("Prefix") == "");
  CHECK(send("GET", folders + "b/1").texts("//CommonPrefixes/Prefix") == std::vector<std::string>{"b/"});
  CHECK(ids_of(send("GET", folders + "b/3")) == std::vector<std::string>{all[5]});
  CHECK(ids_of(send("GET", folders + "b/")) == std::vector<std::string>{all[5]});
}

TEST_CASE_FIXTURE(MultipartFixture,
                  "parts can be ranges of other objects, and copies of the result are whole again") {
  put("/bucket/source", first + third);
  const std::string id = begin();
  const auto copy = [&](int number, const std::string& range) {
    aws::Headers headers = {{"x-amz-copy-source", "/bucket/source"}};
    if (!range.empty()) headers.add("x-amz-copy-source-range", range);
    return part(id, number, "", headers);
  };
  const std::string end = std::to_string(part_size + third.size() - 1);
  CHECK(copy(1, "bytes=0-5242879").text("ETag") == "\"" + md5_hex(first) + "\"");
  CHECK(copy(2, "bytes=5242880-" + end).text("ETag") == "\"" + md5_hex(third) + "\"");
  for (const char* range : {"bytes=0-", "0-1", "bytes=2-1", "bytes=0-99999999"}) {
    CHECK(copy(3, range).code() == "InvalidArgument");
  }
  CHECK(complete(id, part_xml(1, first) + part_xml(2, third)).status == 200);
  CHECK(send("PUT", "/bucket/whole", {{"x-amz-copy-source", "/bucket/big%20file"}}).text("ETag") ==
        "\"" + md5_hex(first + third) + "\"");
  CHECK(send("GET", "/bucket/whole").body == first + third);
  CHECK(send("GET", "/bucket/whole?partNumber=2").status == 416);
}

TEST_CASE_FIXTURE(MultipartFixture, "completions at once make one object, and all of them are told so") {
  const std::string id = begin();
  part(id, 1, first);
  part(id, 2, second);
  sagemaker::local::CallContext caller = context;
  const sagemaker::json input = {
      {"Bucket", "bucket"},
      {"Key", "big file"},
      {"UploadId", id},
      {"MultipartUpload",
       {{"Parts",
         {{{"PartNumber", 1}, {"ETag", md5_hex(first)}}, {{"PartNumber", 2}, {"ETag", md5_hex(second)}}}}}}};
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      s3::EmptyBody empty;
      try {
        service.call("CompleteMultipartUpload", caller, input, empty);
        ++won;
      } catch (const sagemaker::local::ServiceFault&) {
        ++lost;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(won == 4);
  CHECK(lost == 0);
  CHECK(send("GET", "/bucket/big%20file").body == first + second);
  CHECK(file_count() == 1);
}
