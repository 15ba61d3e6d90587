// What objects carry besides bytes and tags: attributes at a glance, keys of customers, archives.
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;
namespace local = sagemaker::local;

namespace {

using Texts = std::vector<std::string>;

struct DetailsFixture : S3BucketFixture {
  S3Answer attributes(const std::string& target, const std::string& wanted, aws::Headers headers = {}) {
    headers.add("x-amz-object-attributes", wanted);
    return send("GET", target + "?attributes", std::move(headers));
  }
  // An object of these parts, each with its checksum.
  S3Answer in_parts(const std::string& key, const Texts& parts, const std::string& type) {
    const S3Answer begun = send("POST", "/bucket/" + key + "?uploads",
                                {{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", type}});
    const std::string target = "/bucket/" + key + "?uploadId=" + begun.text("UploadId");
    std::string xml = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      const std::string checksum = aws::crc32_base64(aws::crc32(parts[i]));
      const S3Answer part =
          put(target + "&partNumber=" + number, parts[i], {{"x-amz-checksum-crc32", checksum}});
      REQUIRE(part.status == 200);
      xml.append("<Part><PartNumber>").append(number).append("</PartNumber><ETag>");
      xml.append(part.headers.get("ETag")).append("</ETag><ChecksumCRC32>").append(checksum);
      xml.append("</ChecksumCRC32></Part>");
    }
    return send("POST", target, {}, xml + "</CompleteMultipartUpload>");
  }
};

struct SmallPartsFixture : DetailsFixture {
  local::S3Limits small_limits = [] {
    local::S3Limits small;
    small.part_bytes_min = 1;
    return small;
  }();
  local::services::s3::Service small_service{objects, settings, clock, small_limits};
  local::wire::S3Protocol small_protocol{small_service, small_limits};
  SmallPartsFixture() { used = &small_protocol; }
};

aws::Headers customer_key(char fill, const std::string& prefix = "x-amz-server-side-encryption-customer-") {
  const std::string key(32, fill);
  return {{prefix + "algorithm", "AES256"},
          {prefix + "key", aws::base64_encode(key)},
          {prefix + "key-MD5", md5_base64(key)}};
}

}  // namespace

TEST_CASE_FIXTURE(DetailsFixture, "the attributes of an object, as far as they are asked for") {
  put("/bucket/key", "hello", {{"x-amz-checksum-crc32", aws::crc32_base64(aws::crc32("hello"))}});
  const S3Answer all = attributes("/bucket/key", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize");
  CHECK(all.status == 200);
  CHECK(all.text("ETag") == md5_hex("hello"));
  CHECK(all.text("ChecksumCRC32") == aws::crc32_base64(aws::crc32("hello")));
  CHECK(all.text("ChecksumType") == "FULL_OBJECT");
  CHECK(all.text("StorageClass") == "STANDARD");
  CHECK(all.text("ObjectSize") == "5");
  CHECK(all.texts("/GetObjectAttributesResponse/ObjectParts").empty());
  CHECK(all.headers.get("Last-Modified") == "Fri, 24 May 2013 00:00:00 GMT");
  const S3Answer size = attributes("/bucket/key", "ObjectSize");
  CHECK(size.text("ETag").empty());
  CHECK(size.text("ObjectSize") == "5");
  CHECK(attributes("/bucket/key", "Size").code() == "InvalidArgument");
  CHECK(send("GET", "/bucket/key?attributes").code() == "InvalidArgument");
  CHECK(attributes("/bucket/none", "ETag").code() == "NoSuchKey");
}

TEST_CASE_FIXTURE(SmallPartsFixture, "the parts of an object come in pages") {
  REQUIRE(in_parts("big", {"one", "two", "three"}, "COMPOSITE").status == 200);
  const S3Answer all = attributes("/bucket/big", "ObjectParts,Checksum");
  CHECK(all.text("PartsCount") == "3");
  CHECK(all.texts("/GetObjectAttributesResponse/ObjectParts/Part/Size") == Texts{"3", "3", "5"});
  CHECK(all.text("ChecksumCRC32").ends_with("-3"));
  CHECK(all.texts("/GetObjectAttributesResponse/ObjectParts/Part/ChecksumCRC32").at(1) ==
        aws::crc32_base64(aws::crc32("two")));
  const S3Answer page =
      attributes("/bucket/big", "ObjectParts", {{"x-amz-max-parts", "1"}, {"x-amz-part-number-marker", "1"}});
  CHECK(page.texts("/GetObjectAttributesResponse/ObjectParts/Part/PartNumber") == Texts{"2"});
  CHECK(page.text("IsTruncated") == "true");
  CHECK(page.text("NextPartNumberMarker") == "2");
  CHECK(page.text("MaxParts") == "1");
  const S3Answer behind = attributes("/bucket/big", "ObjectParts", {{"x-amz-part-number-marker", "9"}});
  CHECK(behind.text("IsTruncated") == "false");
  REQUIRE(in_parts("whole", {"one", "two"}, "FULL_OBJECT").status == 200);
  CHECK(attributes("/bucket/whole", "Checksum").text("ChecksumCRC32") ==
        aws::crc32_base64(aws::crc32("onetwo")));
}

TEST_CASE_FIXTURE(SmallPartsFixture,
                  "completing twice answers twice the same, and other parts are no repetition") {
  const S3Answer begun = send("POST", "/bucket/big?uploads");
  const std::string target = "/bucket/big?uploadId=" + begun.text("UploadId");
  const std::string etag = put(target + "&partNumber=1", "x").headers.get("ETag");
  const std::string xml = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etag +
                          "</ETag></Part></CompleteMultipartUpload>";
  const S3Answer first = send("POST", target, {}, xml);
  CHECK(first.status == 200);
  const S3Answer second = send("POST", target, {}, xml);
  CHECK(second.status == 200);
  CHECK(second.text("ETag") == first.text("ETag"));
  const std::string other = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                            md5_hex("other") + "</ETag></Part></CompleteMultipartUpload>";
  CHECK(send("POST", target, {}, other).code() == "NoSuchUpload");
  CHECK(send("DELETE", target).code() == "NoSuchUpload");
  put("/bucket/big", "replaced");
  CHECK(send("POST", target, {}, xml).code() == "NoSuchUpload");
  CHECK(send("GET", "/bucket/big").body == "replaced");
}

TEST_CASE_FIXTURE(SmallPartsFixture,
                  "a completion under a condition fails when the key was touched meanwhile") {
  const auto complete = [&](const std::string& id, aws::Headers headers) {
    const std::string target = "/bucket/big?uploadId=" + id;
    const std::string etag = put(target + "&partNumber=1", "x").headers.get("ETag");
    return send("POST", target, std::move(headers),
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etag +
                    "</ETag></Part></CompleteMultipartUpload>");
  };
  const auto begin = [&] { return send("POST", "/bucket/big?uploads").text("UploadId"); };
  const std::string first = begin();
  put("/bucket/big", "1");
  CHECK(complete(first, {{"If-None-Match", "*"}}).status == 412);
  send("DELETE", "/bucket/big");
  const S3Answer conflict = complete(first, {{"If-None-Match", "*"}});
  CHECK(conflict.status == 409);
  CHECK(conflict.code() == "ConditionalRequestConflict");
  CHECK(conflict.text("Message") ==
        "The conditional request cannot succeed due to a conflicting operation against this resource.");
  CHECK(conflict.text("Condition") == "If-None-Match");
  CHECK(conflict.text("Key") == "big");
  CHECK(complete(begin(), {{"If-None-Match", "*"}}).status == 200);
  const std::string second = begin();
  put("/bucket/big", "2");
  CHECK(complete(second, {{"If-Match", md5_hex("2")}}).text("Condition") == "If-Match");
  CHECK(complete(begin(), {{"If-Match", md5_hex("2")}}).status == 200);
}

TEST_CASE_FIXTURE(DetailsFixture, "with a key of the customer nobody reads the object without that key") {
  const S3Answer stored = put("/bucket/key", "secret", customer_key('k'));
  CHECK(stored.status == 200);
  CHECK(stored.headers.get("x-amz-server-side-encryption-customer-algorithm") == "AES256");
  CHECK(stored.headers.get("x-amz-server-side-encryption-customer-key-MD5") ==
        md5_base64(std::string(32, 'k')));
  CHECK_FALSE(stored.headers.contains("x-amz-server-side-encryption"));
  const S3Answer without = send("GET", "/bucket/key");
  CHECK(without.status == 400);
  CHECK(without.text("Message") ==
        "The object was stored using a form of Server Side Encryption. The correct parameters must be "
        "provided to "
        "retrieve the object.");
  CHECK(send("HEAD", "/bucket/key").status == 400);
  CHECK(attributes("/bucket/key", "ETag").status == 400);
  CHECK(send("GET", "/bucket/key", customer_key('x')).status == 403);
  CHECK(send("GET", "/bucket/key", customer_key('k')).body == "secret");
  CHECK(put("/bucket/copy", "", {{"x-amz-copy-source", "/bucket/key"}}).status == 400);
  aws::Headers copy = customer_key('k', "x-amz-copy-source-server-side-encryption-customer-");
  copy.add("x-amz-copy-source", "/bucket/key");
  CHECK(put("/bucket/copy", "", copy).status == 200);
  CHECK(send("GET", "/bucket/copy").body == "secret");
  CHECK(send("GET", "/bucket/copy", customer_key('k')).status == 400);
  CHECK(send("GET", "/bucket/copy").headers.get("x-amz-server-side-encryption") == "AES256");
}

TEST_CASE_FIXTURE(DetailsFixture, "keys of customers that cannot be used are refused in AWS's words") {
  const std::string prefix = "x-amz-server-side-encryption-customer-";
  const auto message = [&](const char* name, const std::string& value) {
    aws::Headers headers = customer_key('k');
    headers.set(prefix + name, value);
    return put("/bucket/key", "x", headers).text("Message");
  };
  CHECK(message("algorithm", "") ==
        "Requests specifying Server Side Encryption with Customer provided keys must provide a valid "
        "encryption "
        "algorithm.");
  CHECK(message("key", "") ==
        "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate "
        "secret "
        "key.");
  CHECK(message("algorithm", "AES128") ==
        "The Encryption request you specified is not valid. Supported value: AES256.");
  CHECK(message("key", "c2hvcnQ=") == "The secret key was invalid for the specified algorithm.");
  CHECK(message("key-MD5", md5_base64("other")) ==
        "The calculated MD5 hash of the key did not match the hash that was provided.");
  aws::Headers both = customer_key('k');
  both.add("x-amz-server-side-encryption", "aws:kms");
  const S3Answer refused = put("/bucket/key", "x", both);
  CHECK(refused.text("Message") ==
        "Server Side Encryption with Customer provided key is incompatible with the encryption method "
        "specified");
  CHECK(refused.text("ArgumentValue") == "aws:kms");
  CHECK(send("GET", "/bucket/key").status == 404);
}

TEST_CASE_FIXTURE(DetailsFixture, "parts of an upload come with the key that it began with") {
  const S3Answer begun = send("POST", "/bucket/big?uploads", customer_key('k'));
  CHECK(begun.status == 200);
  const std::string target = "/bucket/big?uploadId=" + begun.text("UploadId") + "&partNumber=1";
  CHECK(put(target, "x").text("Message") ==
        "The multipart upload initiate requested encryption. Subsequent part requests must include the "
        "appropriate "
        "encryption parameters.");
  CHECK(put(target, "x", customer_key('x')).text("Message") ==
        "The provided encryption parameters did not match the ones used originally.");
  CHECK(put(target, "x", customer_key('k')).status == 200);
}

TEST_CASE_FIXTURE(DetailsFixture, "archived objects are read after they were restored") {
  put("/bucket/key", "cold", {{"x-amz-storage-class", "GLACIER"}});
  const S3Answer refused = send("GET", "/bucket/key");
  CHECK(refused.status == 403);
  CHECK(refused.code() == "InvalidObjectState");
  CHECK(refused.text("Message") == "The operation is not valid for the object's storage class");
  CHECK(refused.text("StorageClass") == "GLACIER");
  CHECK(send("HEAD", "/bucket/key").status == 200);
  CHECK(put("/bucket/copy", "", {{"x-amz-copy-source", "/bucket/key"}}).code() == "InvalidObjectState");
  for (const char* days : {"0", "2147483648", "9223372036854775807"}) {
    const std::string text = std::string("<RestoreRequest><Days>") + days + "</Days></RestoreRequest>";
    CHECK(send("POST", "/bucket/key?restore", {}, text).code() == "MalformedXML");
  }
  const std::string request = "<RestoreRequest><Days>1</Days></RestoreRequest>";
  CHECK(send("POST", "/bucket/key?restore", {}, request).status == 202);
  CHECK(send("POST", "/bucket/key?restore", {}, request).status == 200);
  CHECK(send("GET", "/bucket/key").body == "cold");
  CHECK(send("HEAD", "/bucket/key").headers.get("x-amz-restore") ==
        "ongoing-request=\"false\", expiry-date=\"Sun, 26 May 2013 00:00:00 GMT\"");
  clock->now_ms += 3 * 86'400'000LL;
  CHECK(send("GET", "/bucket/key").status == 403);
  put("/bucket/warm", "x");
  CHECK(send("POST", "/bucket/warm?restore", {}, request).code() == "InvalidObjectState");
}

TEST_CASE_FIXTURE(DetailsFixture, "object locks are refused as by a bucket that has none") {
  const S3Answer refused = put("/bucket/key", "x", {{"x-amz-object-lock-mode", "GOVERNANCE"}});
  CHECK(refused.status == 400);
  CHECK(refused.text("Message") == "Bucket is missing Object Lock Configuration");
  put("/bucket/key", "x");
  CHECK(put("/bucket/key?retention", "<Retention/>").text("Message") ==
        "Bucket is missing Object Lock Configuration");
  CHECK(send("GET", "/bucket/key?legal-hold").code() == "InvalidRequest");
}

TEST_CASE_FIXTURE(DetailsFixture, "access control lists of objects are kept where the bucket allows them") {
  put("/bucket/key", "x");
  CHECK(put("/bucket/key?acl", "", {{"x-amz-acl", "public-read"}}).code() == "AccessControlListNotSupported");
  // What the bucket enforces may be said in so many words: s3cmd does so when it copies.
  const S3Answer enforced = send("GET", "/bucket/key?acl");
  CHECK(put("/bucket/key?acl", enforced.body).status == 200);
  put("/bucket?ownershipControls",
      "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>");
  CHECK(put("/bucket/key?acl", "", {{"x-amz-acl", "public-read"}}).code() == "AccessDenied");
  CHECK(send("DELETE", "/bucket?publicAccessBlock").status == 204);
  CHECK(put("/bucket/key?acl", "", {{"x-amz-acl", "public-read"}}).status == 200);
  CHECK(send("GET", "/bucket/key?acl").texts("//Permission") == Texts{"FULL_CONTROL", "READ"});
  CHECK(put("/bucket/key?acl", "", {{"x-amz-acl", "private"}}).status == 200);
  CHECK(send("GET", "/bucket/key?acl").texts("//Permission") == Texts{"FULL_CONTROL"});
  CHECK(put("/bucket/key?acl", "<AccessControlPolicy/>").code() == "MalformedACLError");
  CHECK(put("/bucket/key?acl", "").code() == "MissingSecurityHeader");
  CHECK(put("/bucket/none?acl", "", {{"x-amz-acl", "private"}}).code() == "NoSuchKey");
}
