#include "emulator/wire/s3_response.hpp"

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/wire/s3_xml.hpp"

namespace sagemaker::local::wire {
namespace {

struct HeaderRow {
  const char* member;
  const char* header;
};

// Members of answers without a document.
constexpr HeaderRow plain_rows[] = {
    {"ContentType", "Content-Type"},
    {"ContentEncoding", "Content-Encoding"},
    {"ContentLanguage", "Content-Language"},
    {"ContentDisposition", "Content-Disposition"},
    {"CacheControl", "Cache-Control"},
    {"Expires", "Expires"},
    {"ETag", "ETag"},
    {"AcceptRanges", "Accept-Ranges"},
    {"ContentRange", "Content-Range"},
    {"Location", "Location"},
    {"StorageClass", "x-amz-storage-class"},
    {"WebsiteRedirectLocation", "x-amz-website-redirect-location"},
    {"PartsCount", "x-amz-mp-parts-count"},
    {"TagCount", "x-amz-tagging-count"},
    {"Restore", "x-amz-restore"},
    {"BucketRegion", "x-amz-bucket-region"},
    {"BucketArn", "x-amz-bucket-arn"},
    {"AccessPointAlias", "x-amz-access-point-alias"},
    {"ChecksumCRC32", "x-amz-checksum-crc32"},
    {"ChecksumCRC32C", "x-amz-checksum-crc32c"},
    {"ChecksumCRC64NVME", "x-amz-checksum-crc64nvme"},
    {"ChecksumSHA1", "x-amz-checksum-sha1"},
    {"ChecksumSHA256", "x-amz-checksum-sha256"},
    {"ChecksumType", "x-amz-checksum-type"},
};

// Members that are headers even beside a document.
constexpr HeaderRow always_rows[] = {
    {"Expiration", "x-amz-expiration"},
    {"TransitionDefaultMinimumObjectSize", "x-amz-transition-default-minimum-object-size"},
    {"ServerSideEncryption", "x-amz-server-side-encryption"},
    {"SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id"},
    {"BucketKeyEnabled", "x-amz-server-side-encryption-bucket-key-enabled"},
    {"SSEKMSEncryptionContext", "x-amz-server-side-encryption-context"},
    {"SSECustomerAlgorithm", "x-amz-server-side-encryption-customer-algorithm"},
    {"SSECustomerKeyMD5", "x-amz-server-side-encryption-customer-key-MD5"},
    {"VersionId", "x-amz-version-id"},
    {"CopySourceVersionId", "x-amz-copy-source-version-id"},
    {"DeleteMarker", "x-amz-delete-marker"},
    {"Allow", "Allow"},
};

constexpr HeaderRow create_upload_rows[] = {
    {"ChecksumAlgorithm", "x-amz-checksum-algorithm"},
    {"ChecksumType", "x-amz-checksum-type"},
};

template <typename Rows>
void add_headers(const Rows& rows, const json& document, http::Response& response) {
  for (const HeaderRow& row : rows) {
    const auto found = document.find(row.member);
    if (found != document.end()) response.headers.set(row.header, scalar_text(*found));
  }
}

void add_date(const json& document, http::Response& response) {
  const auto found = document.find("LastModified");
  if (found == document.end()) return;
  response.headers.set("Last-Modified",
                       aws::format_http_date(aws::from_epoch_ms(found->get<std::int64_t>())));
}

int status_of(const S3Call& call, const json& document) {
  // Two of the writes answer as the deletions of settings do.
  if (call.operation == "PutBucketPolicy" || call.operation == "PutBucketTagging") return 204;
  if (call.operation.starts_with("DeleteBucket") || call.operation == "DeletePublicAccessBlock") return 204;
  if (call.operation == "DeleteObject" || call.operation == "DeleteObjectTagging" ||
      call.operation == "AbortMultipartUpload") {
    return 204;
  }
  if (call.operation == "RestoreObject") return document["RestoredBefore"] == true ? 200 : 202;
  const bool reads = call.operation == "GetObject" || call.operation == "HeadObject";
  return reads && document.contains("ContentRange") ? 206 : 200;
}

}  // namespace

void add_s3_ids(http::Response& response, const std::string& request_id) {
  response.headers.set("x-amz-request-id", request_id);
  response.headers.set("x-amz-id-2", aws::base64_encode(aws::sha256(request_id)));
}

http::Response encode_s3_reply(const S3Call& call, services::s3::Reply reply, const http::Request& request) {
  http::Response response;
  response.status = status_of(call, reply.document);
  add_headers(always_rows, reply.document, response);
  add_date(reply.document, response);
  std::string xml = s3_document(call.operation, reply.document, request);
  if (!xml.empty()) {
    if (call.operation == "CreateMultipartUpload") add_headers(create_upload_rows, reply.document, response);
    // A policy comes back as it was set.
    const bool is_policy = call.operation == "GetBucketPolicy";
    response.headers.set("Content-Type", is_policy ? "application/json" : "application/xml");
    response.body = std::move(xml);
    return response;
  }
  add_headers(plain_rows, reply.document, response);
  if (reply.document.contains("Metadata")) {
    for (const auto& [name, value] : reply.document["Metadata"].items()) {
      response.headers.set("x-amz-meta-" + name, value.get<std::string>());
    }
  }
  if (call.operation == "HeadObject")
    response.head_length = reply.document["ContentLength"].get<std::uint64_t>();
  if (reply.content && reply.content->length > 0) {
    response.body =
        http::FileBody{reply.content->file.release(), reply.content->offset, reply.content->length};
  }
  return response;
}

http::Response encode_s3_fault(const ServiceFault& fault, const http::Request& request,
                               const std::string& request_id) {
  http::Response response;
  response.status = fault.http_status();
  add_s3_ids(response, request_id);
  if (fault.http_status() == 304) {
    add_headers(plain_rows, fault.fields(), response);
    add_date(fault.fields(), response);
    return response;
  }
  if (fault.code() == "InvalidRange" && fault.fields().contains("ActualObjectSize")) {
    response.headers.set("Content-Range", "bytes */" + scalar_text(fault.fields()["ActualObjectSize"]));
  }
  response.headers.set("Content-Type", "application/xml");
  json fields = fault.fields();
  if (const auto members = fields.find(services::s3::response_members); members != fields.end()) {
    add_headers(always_rows, *members, response);
    add_date(*members, response);
    fields.erase(members);
  }
  if (request.method == "HEAD") return response;
  if (fault.code() == "MethodNotAllowed") fields["Method"] = request.method;
  XmlWriter xml("Error", "");
  xml.element("Code", fault.code());
  xml.element("Message", fault.message());
  for (const auto& [name, value] : fields.items()) xml.element(name, scalar_text(value));
  xml.element("RequestId", request_id);
  xml.element("HostId", response.headers.get("x-amz-id-2"));
  response.body = xml.finish();
  return response;
}

}  // namespace sagemaker::local::wire
