// The XML documents of S3's answers. Element order and names follow the API reference.
#include <functional>
#include <map>

#include <sagemaker/aws/uri.hpp>

#include "emulator/wire/s3_address.hpp"
#include "emulator/wire/s3_response.hpp"
#include "emulator/wire/s3_settings.hpp"
#include "emulator/wire/s3_xml.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr const char* checksum_members[] = {"ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME",
                                            "ChecksumSHA1", "ChecksumSHA256"};

// Keys and their like, which encoding-type=url protects from what XML cannot hold.
class KeyWriter {
 public:
  KeyWriter(XmlWriter& xml, const json& document) : xml_(xml), encode_(document.contains("EncodingType")) {}
  void member(const json& document, const char* name) {
    const auto found = document.find(name);
    if (found == document.end()) return;
    const auto& text = found->get_ref<const std::string&>();
    xml_.element(name, encode_ ? aws::uri_encode(text, true) : text);
  }

 private:
  XmlWriter& xml_;
  bool encode_;
};

void write_owner(XmlWriter& xml, const json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end()) return;
  xml.open(name);
  xml.member(*found, "ID");
  xml.member(*found, "DisplayName");
  xml.close();
}

void write_checksums(XmlWriter& xml, const json& document) {
  for (const char* member : checksum_members) xml.member(document, member);
}

void write_common_prefixes(XmlWriter& xml, KeyWriter& keys, const json& document) {
  for (const json& prefix : document["CommonPrefixes"]) {
    xml.open("CommonPrefixes");
    keys.member(prefix, "Prefix");
    xml.close();
  }
}

std::string list_buckets(const json& document) {
  XmlWriter xml("ListAllMyBucketsResult");
  write_owner(xml, document, "Owner");
  xml.open("Buckets");
  for (const json& bucket : document["Buckets"]) {
    xml.open("Bucket");
    xml.member(bucket, "Name");
    xml.time(bucket, "CreationDate");
    xml.member(bucket, "BucketRegion");
    xml.close();
  }
  xml.close();
  xml.member(document, "ContinuationToken");
  xml.member(document, "Prefix");
  return xml.finish();
}

// Both versions: the members that one of them lacks are absent from its document.
std::string list_objects(const json& document) {
  XmlWriter xml("ListBucketResult");
  KeyWriter keys(xml, document);
  xml.member(document, "Name");
  keys.member(document, "Prefix");
  keys.member(document, "Marker");
  keys.member(document, "NextMarker");
  keys.member(document, "StartAfter");
  xml.member(document, "ContinuationToken");
  xml.member(document, "NextContinuationToken");
  xml.member(document, "KeyCount");
  xml.member(document, "MaxKeys");
  keys.member(document, "Delimiter");
  xml.member(document, "EncodingType");
  xml.member(document, "IsTruncated");
  for (const json& object : document["Contents"]) {
    xml.open("Contents");
    keys.member(object, "Key");
    xml.time(object, "LastModified");
    xml.member(object, "ETag");
    xml.member(object, "ChecksumAlgorithm");
    xml.member(object, "ChecksumType");
    xml.member(object, "Size");
    write_owner(xml, object, "Owner");
    xml.member(object, "StorageClass");
    xml.close();
  }
  write_common_prefixes(xml, keys, document);
  return xml.finish();
}

std::string delete_objects(const json& document) {
  XmlWriter xml("DeleteResult");
  for (const json& deleted : document["Deleted"]) {
    xml.open("Deleted");
    xml.member(deleted, "Key");
    xml.member(deleted, "VersionId");
    xml.member(deleted, "DeleteMarker");
    xml.member(deleted, "DeleteMarkerVersionId");
    xml.close();
  }
  for (const json& error : document["Errors"]) {
    xml.open("Error");
    xml.member(error, "Key");
    xml.member(error, "VersionId");
    xml.member(error, "Code");
    xml.member(error, "Message");
    xml.close();
  }
  return xml.finish();
}

std::string copy_result(const char* root, const json& result) {
  XmlWriter xml(root);
  xml.time(result, "LastModified");
  xml.member(result, "ETag");
  write_checksums(xml, result);
  xml.member(result, "ChecksumType");
  return xml.finish();
}

std::string create_multipart_upload(const json& document) {
  XmlWriter xml("InitiateMultipartUploadResult");
  xml.member(document, "Bucket");
  xml.member(document, "Key");
  xml.member(document, "UploadId");
  return xml.finish();
}

std::string complete_multipart_upload(const json& document, const http::Request& request) {
  XmlWriter xml("CompleteMultipartUploadResult");
  xml.element("Location", s3_origin(request) + request.path);
  xml.member(document, "Bucket");
  xml.member(document, "Key");
  xml.member(document, "ETag");
  write_checksums(xml, document);
  xml.member(document, "ChecksumType");
  return xml.finish();
}

std::string list_parts(const json& document) {
  XmlWriter xml("ListPartsResult");
  xml.member(document, "Bucket");
  xml.member(document, "Key");
  xml.member(document, "UploadId");
  write_owner(xml, document, "Initiator");
  write_owner(xml, document, "Owner");
  xml.member(document, "StorageClass");
  xml.member(document, "ChecksumAlgorithm");
  xml.member(document, "ChecksumType");
  xml.member(document, "PartNumberMarker");
  xml.member(document, "NextPartNumberMarker");
  xml.member(document, "MaxParts");
  xml.member(document, "IsTruncated");
  for (const json& part : document["Parts"]) {
    xml.open("Part");
    xml.member(part, "PartNumber");
    xml.time(part, "LastModified");
    xml.member(part, "ETag");
    xml.member(part, "Size");
    write_checksums(xml, part);
    xml.close();
  }
  return xml.finish();
}

std::string list_multipart_uploads(const json& document) {
  XmlWriter xml("ListMultipartUploadsResult");
  KeyWriter keys(xml, document);
  xml.member(document, "Bucket");
  keys.member(document, "KeyMarker");
  xml.member(document, "UploadIdMarker");
  keys.member(document, "NextKeyMarker");
  xml.member(document, "NextUploadIdMarker");
  keys.member(document, "Prefix");
  keys.member(document, "Delimiter");
  xml.member(document, "EncodingType");
  xml.member(document, "MaxUploads");
  xml.member(document, "IsTruncated");
  for (const json& upload : document["Uploads"]) {
    xml.open("Upload");
    keys.member(upload, "Key");
    xml.member(upload, "UploadId");
    write_owner(xml, upload, "Initiator");
    write_owner(xml, upload, "Owner");
    xml.member(upload, "StorageClass");
    xml.time(upload, "Initiated");
    xml.member(upload, "ChecksumAlgorithm");
    xml.member(upload, "ChecksumType");
    xml.close();
  }
  write_common_prefixes(xml, keys, document);
  return xml.finish();
}

std::string location(const json& document) {
  XmlWriter xml("LocationConstraint");
  std::string text = xml.finish();
  const std::string region = document["LocationConstraint"].get<std::string>();
  // The root is itself the element: its text goes between the two tags.
  return text.insert(text.rfind("</"), region);
}

std::string tagging(const json& document) {
  XmlWriter xml("Tagging");
  xml.open("TagSet");
  for (const json& tag : document["TagSet"]) {
    xml.open("Tag");
    xml.member(tag, "Key");
    xml.member(tag, "Value");
    xml.close();
  }
  return xml.finish();
}

std::string versioning(const json& document) {
  XmlWriter xml("VersioningConfiguration");
  xml.member(document, "Status");
  return xml.finish();
}

// Versions and delete markers stand between each other, in the order of the listing.
std::string list_object_versions(const json& document) {
  XmlWriter xml("ListVersionsResult");
  KeyWriter keys(xml, document);
  xml.member(document, "Name");
  keys.member(document, "Prefix");
  keys.member(document, "KeyMarker");
  xml.member(document, "VersionIdMarker");
  keys.member(document, "NextKeyMarker");
  xml.member(document, "NextVersionIdMarker");
  xml.member(document, "MaxKeys");
  keys.member(document, "Delimiter");
  xml.member(document, "EncodingType");
  xml.member(document, "IsTruncated");
  for (const json& entry : document["Entries"]) {
    xml.open(entry.contains("DeleteMarker") ? "DeleteMarker" : "Version");
    keys.member(entry, "Key");
    xml.member(entry, "VersionId");
    xml.member(entry, "IsLatest");
    xml.time(entry, "LastModified");
    xml.member(entry, "ETag");
    xml.member(entry, "ChecksumAlgorithm");
    xml.member(entry, "ChecksumType");
    xml.member(entry, "Size");
    write_owner(xml, entry, "Owner");
    xml.member(entry, "StorageClass");
    xml.close();
  }
  write_common_prefixes(xml, keys, document);
  return xml.finish();
}

std::string object_attributes(const json& document) {
  XmlWriter xml("GetObjectAttributesResponse");
  xml.member(document, "ETag");
  if (const auto checksum = document.find("Checksum"); checksum != document.end()) {
    xml.open("Checksum");
    write_checksums(xml, *checksum);
    xml.member(*checksum, "ChecksumType");
    xml.close();
  }
  if (const auto parts = document.find("ObjectParts"); parts != document.end()) {
    xml.open("ObjectParts");
    xml.member_as(*parts, "TotalPartsCount", "PartsCount");
    xml.member(*parts, "PartNumberMarker");
    xml.member(*parts, "NextPartNumberMarker");
    xml.member(*parts, "MaxParts");
    xml.member(*parts, "IsTruncated");
    for (const json& part : parts->value("Parts", json::array())) {
      xml.open("Part");
      xml.member(part, "PartNumber");
      xml.member(part, "Size");
      write_checksums(xml, part);
      xml.close();
    }
    xml.close();
  }
  xml.member(document, "StorageClass");
  xml.member(document, "ObjectSize");
  return xml.finish();
}

}  // namespace

std::string s3_document(const std::string& operation, const json& document, const http::Request& request) {
  using Render = std::function<std::string(const json&)>;
  static const std::map<std::string, Render, std::less<>> renders = {
      {"ListBuckets", list_buckets},
      {"ListObjects", list_objects},
      {"ListObjectsV2", list_objects},
      {"DeleteObjects", delete_objects},
      {"CreateMultipartUpload", create_multipart_upload},
      {"ListParts", list_parts},
      {"ListMultipartUploads", list_multipart_uploads},
      {"GetBucketLocation", location},
      {"GetObjectTagging", tagging},
      {"CopyObject",
       [](const json& result) { return copy_result("CopyObjectResult", result["CopyObjectResult"]); }},
      {"UploadPartCopy",
       [](const json& result) { return copy_result("CopyPartResult", result["CopyPartResult"]); }},
      {"GetBucketVersioning", versioning},
      {"ListObjectVersions", list_object_versions},
      {"GetObjectAttributes", object_attributes},
  };
  if (operation == "CompleteMultipartUpload") return complete_multipart_upload(document, request);
  const auto found = renders.find(operation);
  return found == renders.end() ? write_s3_setting(operation, document) : found->second(document);
}

}  // namespace sagemaker::local::wire
