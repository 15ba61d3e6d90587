// The XML documents of S3's answers as structures, and those of its requests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/uri.hpp>
#include <sagemaker/aws/xml.hpp>
#include <sagemaker/clients/s3_requests.hpp>
#include <sagemaker/clients/s3_types.hpp>

namespace sagemaker::detail {

inline constexpr std::string_view s3_namespace = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

inline std::string s3_element(std::string_view name, std::string_view text) {
  std::string element = "<";
  element.append(name).append(">").append(aws::xml_escape(text)).append("</").append(name).append(">");
  return element;
}

// Keys of a listing travel percent-encoded, since XML cannot hold every character.
class S3Listing {
 public:
  explicit S3Listing(const std::string& body) : document_(aws::parse_xml(body)) {
    encoded_ = text("EncodingType") == "url";
  }
  pugi::xml_node root() const { return document_->document_element(); }
  std::string text(const char* name) const { return aws::xml_text(root(), name); }
  bool truncated() const { return text("IsTruncated") == "true"; }
  std::string key(const pugi::xml_node& node, const char* name) const {
    std::string raw = aws::xml_text(node, name);
    return encoded_ ? aws::uri_decode(raw, true).value_or(raw) : raw;
  }

 private:
  std::unique_ptr<pugi::xml_document> document_;
  bool encoded_ = false;
};

inline std::uint64_t xml_number(const pugi::xml_node& node, const char* name) {
  return s3_number(aws::xml_text(node, name));
}

inline ListObjectsV2Output read_objects(const std::string& body) {
  const S3Listing listing(body);
  ListObjectsV2Output page;
  for (const pugi::xml_node& node : listing.root().children("Contents")) {
    page.contents.push_back({listing.key(node, "Key"), xml_number(node, "Size"), aws::xml_text(node, "ETag"),
                             aws::parse_iso8601(aws::xml_text(node, "LastModified")),
                             aws::xml_text(node, "StorageClass")});
  }
  for (const pugi::xml_node& node : listing.root().children("CommonPrefixes")) {
    page.common_prefixes.push_back(listing.key(node, "Prefix"));
  }
  page.is_truncated = listing.truncated();
  page.next_continuation_token = listing.text("NextContinuationToken");
  page.key_count = static_cast<int>(xml_number(listing.root(), "KeyCount"));
  return page;
}

struct S3VersionsPage {
  std::vector<S3ObjectVersion> versions;
  bool is_truncated = false;
  std::string next_key_marker, next_version_id_marker;
};

// Versions and delete markers in the order in which S3 lists them.
inline S3VersionsPage read_versions(const std::string& body) {
  const S3Listing listing(body);
  S3VersionsPage page;
  for (const pugi::xml_node& node : listing.root().children()) {
    const bool marker = std::string_view(node.name()) == "DeleteMarker";
    if (!marker && std::string_view(node.name()) != "Version") continue;
    page.versions.push_back({listing.key(node, "Key"), aws::xml_text(node, "VersionId"),
                             aws::xml_text(node, "IsLatest") == "true", marker, xml_number(node, "Size"),
                             aws::xml_text(node, "ETag"),
                             aws::parse_iso8601(aws::xml_text(node, "LastModified"))});
  }
  page.is_truncated = listing.truncated();
  page.next_key_marker = listing.key(listing.root(), "NextKeyMarker");
  page.next_version_id_marker = listing.text("NextVersionIdMarker");
  return page;
}

// The value of the one checksum that a document's node holds, and its algorithm.
inline std::string read_checksum(const pugi::xml_node& node,
                                 std::optional<S3ChecksumAlgorithm>* found = nullptr) {
  for (const S3ChecksumAlgorithm algorithm : aws::checksum_algorithms) {
    const std::string value =
        aws::xml_text(node, ("Checksum" + std::string(aws::name_of(algorithm))).c_str());
    if (value.empty()) continue;
    if (found) *found = algorithm;
    return value;
  }
  return "";
}

inline S3Part read_part(const pugi::xml_node& node) {
  return {static_cast<int>(xml_number(node, "PartNumber")), aws::xml_text(node, "ETag"),
          xml_number(node, "Size"), read_checksum(node)};
}

inline S3ObjectAttributes read_attributes(const std::string& body) {
  const auto document = aws::parse_xml(body);
  const pugi::xml_node root = document->document_element();
  S3ObjectAttributes attributes;
  attributes.etag = aws::xml_text(root, "ETag");
  attributes.size = xml_number(root, "ObjectSize");
  attributes.storage_class = aws::xml_text(root, "StorageClass");
  const pugi::xml_node checksum = root.child("Checksum");
  attributes.checksum = read_checksum(checksum, &attributes.checksum_algorithm);
  attributes.composite = aws::xml_text(checksum, "ChecksumType") == "COMPOSITE" ||
                         attributes.checksum.find('-') != std::string::npos;
  const pugi::xml_node parts = root.child("ObjectParts");
  attributes.parts_count = xml_number(parts, "PartsCount");
  if (attributes.parts_count == 0) attributes.parts_count = xml_number(parts, "TotalPartsCount");
  for (const pugi::xml_node& node : parts.children("Part")) attributes.parts.push_back(read_part(node));
  return attributes;
}

inline S3Tags read_tags(const std::string& body) {
  const auto document = aws::parse_xml(body);
  S3Tags tags;
  for (const pugi::xml_node& node : document->document_element().child("TagSet").children("Tag")) {
    tags[aws::xml_text(node, "Key")] = aws::xml_text(node, "Value");
  }
  return tags;
}

inline std::string tags_document(const S3Tags& tags) {
  std::string document = "<Tagging " + std::string(s3_namespace) + "><TagSet>";
  for (const auto& [name, value] : tags) {
    document += "<Tag>" + s3_element("Key", name) + s3_element("Value", value) + "</Tag>";
  }
  return document + "</TagSet></Tagging>";
}

inline std::string complete_document(const CompleteMultipartUploadInput& input) {
  std::string document = "<CompleteMultipartUpload " + std::string(s3_namespace) + ">";
  const std::string checksum = "Checksum" + std::string(aws::name_of(input.checksum_algorithm));
  for (const S3Part& part : input.parts) {
    document += "<Part>";
    if (!part.checksum.empty()) document += s3_element(checksum, part.checksum);
    document +=
        s3_element("ETag", part.etag) + s3_element("PartNumber", std::to_string(part.number)) + "</Part>";
  }
  return document + "</CompleteMultipartUpload>";
}

struct S3KeyVersion {
  std::string key;
  std::string version_id = {};
};

inline std::string delete_document(const std::vector<S3KeyVersion>& keys) {
  std::string document = "<Delete " + std::string(s3_namespace) + "><Quiet>true</Quiet>";
  for (const S3KeyVersion& object : keys) {
    document += "<Object>" + s3_element("Key", object.key);
    if (!object.version_id.empty()) document += s3_element("VersionId", object.version_id);
    document += "</Object>";
  }
  return document + "</Delete>";
}

inline S3ObjectInfo info_of(const aws::Headers& headers) {
  S3ObjectInfo info;
  info.content_length = s3_number(headers.get("Content-Length"));
  info.content_type = headers.get("Content-Type");
  info.content_encoding = headers.get("Content-Encoding");
  info.etag = headers.get("ETag");
  info.version_id = headers.get("x-amz-version-id");
  info.last_modified = aws::parse_http_date(headers.get("Last-Modified"));
  constexpr std::string_view prefix = "x-amz-meta-";
  for (const aws::Header& field : headers) {
    std::string name = aws::to_lower(field.name);
    if (name.starts_with(prefix)) info.metadata[name.substr(prefix.size())] = field.value;
  }
  info.headers = headers;
  return info;
}

}  // namespace sagemaker::detail
