// Amazon S3: boto3's "s3" client in C++, with transfers of files and folders of any size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/clients/s3_documents.hpp>
#include <sagemaker/clients/s3_io.hpp>
#include <sagemaker/clients/s3_multipart.hpp>
#include <sagemaker/clients/s3_range.hpp>
#include <sagemaker/clients/s3_requests.hpp>
#include <sagemaker/clients/s3_types.hpp>

namespace sagemaker {

// Described in clients/s3_transfer.hpp, which has to be included to use them.
struct S3Upload;
struct S3UploadStream;
struct S3Download;
struct S3Copy;
struct S3TransferResult;

using S3ObjectRange = S3Range<S3Object>;

// A client of the API "Amazon Simple Storage Service" (2006-03-01). Buckets of AWS are addressed as
// https://BUCKET.s3.REGION.amazonaws.com, those of a custom endpoint as http://ENDPOINT/BUCKET, unless `s3 =
// addressing_style = path|virtual` of the profile says otherwise. Uploads carry a checksum that S3 verifies
// and keeps; downloads are verified against it. Operations throw ServiceError ("NoSuchKey", "NoSuchBucket",
// ...; a HEAD request has no document, so its code is "404" and its message "Not Found"), ChecksumError,
// TransportError and CredentialsError; files that cannot be read or written throw std::system_error. Copies
// share one connection pool; safe to call from several threads.
class S3Client : public S3MultipartClient {
 public:
  static constexpr std::uint64_t put_bytes_max = 5ull << 30;
  static constexpr std::size_t delete_keys_max = 1000;

  explicit S3Client(const ClientConfig& config = {}) : S3MultipartClient(config) {}

  // ---- files and folders of any size, many parts at a time (clients/s3_transfer.hpp)

  S3TransferResult upload(const S3Upload& upload) const;
  S3TransferResult upload_stream(const S3UploadStream& upload) const;
  S3TransferResult download(const S3Download& download) const;
  S3TransferResult copy(const S3Copy& copy) const;

  // ---- buckets

  // In the client's region. BucketAlreadyOwnedByYou where it is there already.
  void create_bucket(const std::string& bucket) const {
    aws::ApiRequest request = requests_.bucket_request("CreateBucket", "PUT", bucket);
    if (region() != "us-east-1") {
      request.body = "<CreateBucketConfiguration " + std::string(detail::s3_namespace) + ">" +
                     detail::s3_element("LocationConstraint", region()) + "</CreateBucketConfiguration>";
      request.headers.set("Content-Type", "application/xml");
    }
    send(request);
  }

  // Further headers: {{"x-amz-expected-bucket-owner", account}} fails with 403 where it is somebody else's.
  void head_bucket(const std::string& bucket, const aws::Headers& headers = {}) const {
    aws::ApiRequest request = requests_.bucket_request("HeadBucket", "HEAD", bucket);
    request.headers = headers;
    send(request);
  }

  bool bucket_exists(const std::string& bucket) const {
    return exists([&] { head_bucket(bucket); });
  }

  // It must be empty: BucketNotEmpty.
  void delete_bucket(const std::string& bucket) const {
    send(requests_.bucket_request("DeleteBucket", "DELETE", bucket));
  }

  std::vector<S3Bucket> list_buckets() const {
    aws::ApiRequest request;
    request.operation = "ListBuckets";
    request.method = "GET";
    const auto document = aws::parse_xml(send(request).body);
    std::vector<S3Bucket> buckets;
    for (const pugi::xml_node& node : document->document_element().child("Buckets").children("Bucket")) {
      buckets.push_back(
          {aws::xml_text(node, "Name"), aws::parse_iso8601(aws::xml_text(node, "CreationDate"))});
    }
    return buckets;
  }

  // The region's name, also of us-east-1, for which S3 says nothing.
  std::string get_bucket_location(const std::string& bucket) const {
    const auto document =
        aws::parse_xml(send(sub_resource("GetBucketLocation", "GET", {bucket, "location"})).body);
    const std::string location = document->document_element().child_value();
    return location.empty() ? "us-east-1" : location == "EU" ? "eu-west-1" : location;
  }

  // "Enabled", "Suspended", or "" where it never was.
  std::string get_bucket_versioning(const std::string& bucket) const {
    const auto document =
        aws::parse_xml(send(sub_resource("GetBucketVersioning", "GET", {bucket, "versioning"})).body);
    return aws::xml_text(document->document_element(), "Status");
  }

  void put_bucket_versioning(const std::string& bucket, bool enabled) const {
    aws::ApiRequest request = sub_resource("PutBucketVersioning", "PUT", {bucket, "versioning"});
    detail::S3Requests::set_document(request,
                                     "<VersioningConfiguration " + std::string(detail::s3_namespace) + ">" +
                                         detail::s3_element("Status", enabled ? "Enabled" : "Suspended") +
                                         "</VersioningConfiguration>");
    send(request);
  }

  // Empty where there are none.
  S3Tags get_bucket_tagging(const std::string& bucket) const {
    try {
      return detail::read_tags(send(sub_resource("GetBucketTagging", "GET", {bucket, "tagging"})).body);
    } catch (const ServiceError& error) {
      if (error.code() == "NoSuchTagSet") return {};
      throw;
    }
  }

  void put_bucket_tagging(const std::string& bucket, const S3Tags& tags) const {
    aws::ApiRequest request = sub_resource("PutBucketTagging", "PUT", {bucket, "tagging"});
    detail::S3Requests::set_document(request, detail::tags_document(tags));
    send(request);
  }

  void delete_bucket_tagging(const std::string& bucket) const {
    send(sub_resource("DeleteBucketTagging", "DELETE", {bucket, "tagging"}));
  }

  // ---- objects

  PutObjectOutput put_object(const PutObjectInput& input) const {
    aws::ApiRequest request = requests_.key_request("PutObject", "PUT", input.bucket, input.key);
    request.headers = input.headers;
    detail::S3Requests::describe(request, input.content_type, input.metadata, input.tags);
    detail::set_header(request, "Content-Encoding", input.content_encoding);
    detail::set_header(request, "Cache-Control", input.cache_control);
    detail::set_header(request, "If-None-Match", input.if_none_match);
    detail::set_header(request, "If-Match", input.if_match);
    detail::set_header(request, "x-amz-storage-class", input.storage_class);
    aws::HttpResponse response;
    if (!input.file.empty() || input.reader) {
      response = requests_.send_body(request, body_of(input), input.checksum, input.on_sent).response;
    } else {
      request.body = input.body;
      if (const S3ChecksumChoice algorithm = requests_.checksum_to_send(input.checksum)) {
        detail::S3Requests::set_checksum(request, *algorithm, aws::checksum_base64(*algorithm, input.body));
      }
      response = send(request);
    }
    return {response.headers.get("ETag"), response.headers.get("x-amz-version-id"),
            std::move(response.headers)};
  }

  GetObjectOutput get_object(const S3ObjectInput& input) const {
    aws::StringSink sink;
    S3ObjectInfo info = get_into(input, sink);
    return {std::move(info), std::move(sink.bytes)};
  }

  // Into a file that appears under its name only when it is complete and verified. The folder must exist.
  S3ObjectInfo get_object_to_file(const S3ObjectInput& input, const std::filesystem::path& path) const {
    aws::FileSink sink(path);
    S3ObjectInfo info = get_into(input, sink);
    sink.commit();
    return info;
  }

  // Piece by piece, in constant memory. Throws at the end where the pieces turn out not to be what was
  // stored.
  S3ObjectInfo get_object_to(const S3ObjectInput& input,
                             std::function<void(std::string_view)> receive) const {
    aws::CallbackSink sink(std::move(receive));
    return get_into(input, sink);
  }

  // Into a sink of the caller's; sink.check() was called.
  S3ObjectInfo get_into(const S3ObjectInput& input, aws::CheckedSink& sink) const {
    aws::ApiRequest request = requests_.object_request("GetObject", "GET", input);
    requests_.ask_for_checksum(request);
    request.sink = &sink;
    S3ObjectInfo info = detail::info_of(send(request).headers);
    sink.check();
    return info;
  }

  S3ObjectInfo head_object(const S3ObjectInput& input) const {
    aws::ApiRequest request = requests_.object_request("HeadObject", "HEAD", input);
    requests_.ask_for_checksum(request);
    return detail::info_of(send(request).headers);
  }

  bool object_exists(const S3ObjectInput& input) const {
    return exists([&] { head_object(input); });
  }

  // Size, checksum and, where they have checksums, all parts; needs the permission s3:GetObjectAttributes.
  S3ObjectAttributes get_object_attributes(const S3ObjectInput& input) const {
    S3ObjectAttributes attributes;
    std::string marker;
    while (true) {
      aws::ApiRequest request = requests_.object_request("GetObjectAttributes", "GET", input);
      request.query = request.query.empty() ? "attributes=" : "attributes=&" + request.query;
      request.headers.set("x-amz-object-attributes", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize");
      if (!marker.empty()) request.headers.set("x-amz-part-number-marker", marker);
      const std::string body = send(request).body;
      S3ObjectAttributes page = detail::read_attributes(body);
      page.parts.insert(page.parts.begin(), attributes.parts.begin(), attributes.parts.end());
      attributes = std::move(page);
      const auto document = aws::parse_xml(body);
      const pugi::xml_node parts = document->document_element().child("ObjectParts");
      const std::string next = aws::xml_text(parts, "NextPartNumberMarker");
      if (aws::xml_text(parts, "IsTruncated") != "true" || next.empty() || next == marker) return attributes;
      marker = next;
    }
  }

  // Also succeeds where there is no such object.
  void delete_object(const S3ObjectInput& input) const {
    send(requests_.object_request("DeleteObject", "DELETE", input));
  }

  // Returns the keys that could not be deleted, and why.
  std::vector<S3DeleteFailure> delete_objects(const DeleteObjectsInput& input) const {
    std::vector<S3DeleteFailure> failures;
    std::vector<detail::S3KeyVersion> group;
    for (const std::string& key : input.keys) {
      group.push_back({key});
      if (group.size() == delete_keys_max) delete_group(input.bucket, group, failures);
    }
    delete_group(input.bucket, group, failures);
    return failures;
  }

  // Every object whose key begins with the prefix.
  DeletePrefixOutput delete_prefix(const DeletePrefixInput& input) const {
    if (input.prefix.empty() && !input.whole_bucket) {
      throw Error(
          "Parameter validation failed: the prefix of delete_prefix is empty, which means every object of "
          "\"" +
          input.bucket + "\": set whole_bucket to delete them all");
    }
    DeletePrefixOutput output;
    std::vector<detail::S3KeyVersion> group;
    const auto take = [&](detail::S3KeyVersion object) {
      ++output.deleted;
      group.push_back(std::move(object));
      if (group.size() == delete_keys_max) delete_group(input.bucket, group, output.failures);
    };
    if (input.all_versions) {
      for (const S3ObjectVersion& version : list_object_versions({input.bucket, input.prefix})) {
        take({version.key, version.version_id});
      }
    } else {
      for (const S3Object& object : list_objects({.bucket = input.bucket, .prefix = input.prefix})) {
        take({object.key});
      }
    }
    delete_group(input.bucket, group, output.failures);
    output.deleted -= output.failures.size();
    return output;
  }

  // In S3 itself; at most 5 GiB, copy() takes more.
  CopyObjectOutput copy_object(const CopyObjectInput& input) const {
    aws::ApiRequest request = requests_.key_request("CopyObject", "PUT", input.bucket, input.key);
    request.headers = input.headers;
    set_source(request, {input.source_bucket, input.source_key, input.source_version_id});
    detail::set_header(request, "x-amz-copy-source-if-match", input.source_if_match);
    if (input.replace_metadata) {
      request.headers.set("x-amz-metadata-directive", "REPLACE");
      detail::S3Requests::describe(request, input.content_type, input.metadata, {});
    }
    request.error_in_success = true;
    const aws::HttpResponse response = send(request);
    const auto document = aws::parse_xml(response.body);
    const pugi::xml_node root = document->document_element();
    return {aws::xml_text(root, "ETag"), response.headers.get("x-amz-version-id"),
            aws::parse_iso8601(aws::xml_text(root, "LastModified"))};
  }

  S3Tags get_object_tagging(const S3ObjectInput& input) const {
    return detail::read_tags(send(tagging_request("GetObjectTagging", "GET", input)).body);
  }
  void put_object_tagging(const S3ObjectInput& input, const S3Tags& tags) const {
    aws::ApiRequest request = tagging_request("PutObjectTagging", "PUT", input);
    detail::S3Requests::set_document(request, detail::tags_document(tags));
    send(request);
  }
  void delete_object_tagging(const S3ObjectInput& input) const {
    send(tagging_request("DeleteObjectTagging", "DELETE", input));
  }

  // ---- listings

  // One page. list_objects() gives them all.
  ListObjectsV2Output list_objects_v2(const ListObjectsV2Input& input) const {
    aws::ApiRequest request = requests_.bucket_request("ListObjectsV2", "GET", input.bucket);
    request.query = "list-type=2&encoding-type=url";  // any key survives XML only in its encoded form
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) detail::add_query(request, name, value);
    };
    add("prefix", input.prefix);
    add("delimiter", input.delimiter);
    add("start-after", input.start_after);
    add("continuation-token", input.continuation_token);
    if (input.max_keys) add("max-keys", std::to_string(*input.max_keys));
    return detail::read_objects(send(request).body);
  }

  // All objects below a prefix, page after page: for (const S3Object& object : s3.list_objects({...})) ...
  S3ObjectRange list_objects(ListObjectsV2Input input) const {
    return S3ObjectRange([client = *this, input = std::move(input)](const std::string& from) mutable {
      input.continuation_token = from.empty() ? input.continuation_token : from;
      ListObjectsV2Output page = client.list_objects_v2(input);
      return S3ObjectRange::Page{std::move(page.contents),
                                 page.is_truncated ? page.next_continuation_token : ""};
    });
  }

  // What a folder holds, not what is below its folders: objects and "directories". The delimiter is '/' where
  // it is empty. Directories of a page come before its objects.
  S3Range<S3Entry> list_directory(ListObjectsV2Input input) const {
    if (input.delimiter.empty()) input.delimiter = "/";
    return S3Range<S3Entry>([client = *this, input = std::move(input)](const std::string& from) mutable {
      input.continuation_token = from.empty() ? input.continuation_token : from;
      ListObjectsV2Output page = client.list_objects_v2(input);
      S3Range<S3Entry>::Page entries;
      for (std::string& prefix : page.common_prefixes)
        entries.items.push_back({std::move(prefix), std::nullopt});
      for (S3Object& object : page.contents) {
        std::string key = object.key;
        entries.items.push_back({std::move(key), std::move(object)});
      }
      if (page.is_truncated) entries.next = page.next_continuation_token;
      return entries;
    });
  }

  // All versions and delete markers, the newest of a key first.
  S3Range<S3ObjectVersion> list_object_versions(ListObjectVersionsInput input) const {
    return S3Range<S3ObjectVersion>([client = *this, input = std::move(input)](const std::string& from) {
      aws::ApiRequest request = client.sub_resource("ListObjectVersions", "GET", {input.bucket, "versions"});
      request.query += "&encoding-type=url";
      if (!input.prefix.empty()) detail::add_query(request, "prefix", input.prefix);
      if (!from.empty()) {
        const std::size_t middle = from.find('\0');
        detail::add_query(request, "key-marker", from.substr(0, middle));
        if (middle + 1 < from.size())
          detail::add_query(request, "version-id-marker", from.substr(middle + 1));
      }
      detail::S3VersionsPage page = detail::read_versions(client.send(request).body);
      std::string next;
      if (page.is_truncated) next = page.next_key_marker + '\0' + page.next_version_id_marker;
      return S3Range<S3ObjectVersion>::Page{std::move(page.versions), std::move(next)};
    });
  }

  // ---- URLs and anything else

  std::string presign(const PresignInput& input) const {
    if (input.expires < std::chrono::seconds(1) || input.expires > std::chrono::hours(24 * 7)) {
      throw Error("Parameter validation failed: a presigned URL is good for 1 second to 7 days, not for " +
                  std::to_string(input.expires.count()) + " seconds");
    }
    aws::ApiRequest request = requests_.key_request("PresignedUrl", input.method, input.bucket, input.key);
    for (const aws::Header& field : input.headers) detail::set_header(request, field.name, field.value);
    if (!input.version_id.empty()) detail::add_query(request, "versionId", input.version_id);
    for (const auto& [name, value] : input.query) detail::add_query(request, name, value);
    request.payload_hash = aws::sigv4::unsigned_payload;
    return service().presigned_url(request, input.expires);
  }

  // A URL with which anyone may make this request until it expires (1 s to 7 days). Method: "GET" or "PUT".
  std::string presigned_url(std::string_view method, const S3ObjectInput& input,
                            std::chrono::seconds expires) const {
    aws::ApiRequest request = requests_.object_request("PresignedUrl", std::string(method), input);
    request.payload_hash = aws::sigv4::unsigned_payload;
    return service().presigned_url(request, expires);
  }

  // Any operation that has no method here, signed and retried like all others. `operation` is its name in
  // errors. Throws ServiceError where S3 refuses.
  S3Response call(std::string_view operation, const S3Request& input) const {
    aws::ApiRequest request;
    if (!input.key.empty()) {
      request = requests_.key_request(std::string(operation), input.method, input.bucket, input.key);
    } else if (!input.bucket.empty()) {
      request = requests_.bucket_request(std::string(operation), input.method, input.bucket);
    } else {
      request.operation = std::string(operation);
      request.method = input.method;
    }
    for (const auto& [name, value] : input.query) detail::add_query(request, name, value);
    for (const aws::Header& field : input.headers) detail::set_header(request, field.name, field.value);
    request.body = input.body;
    request.idempotent = input.idempotent;
    request.error_in_success = input.method != "GET";  // what it reads may be any document
    if (!input.body.empty() && !has_checksum(request.headers)) {
      detail::S3Requests::set_checksum(request, S3ChecksumAlgorithm::crc32,
                                       aws::checksum_base64(S3ChecksumAlgorithm::crc32, request.body));
    }
    aws::HttpResponse response = send(request);
    return {response.status, std::move(response.headers), std::move(response.body)};
  }

 private:
  template <typename Head>
  static bool exists(Head&& head) {
    try {
      head();
      return true;
    } catch (const ServiceError& error) {
      if (error.http_status() == 404) return false;
      throw;
    }
  }

  aws::ApiRequest tagging_request(std::string operation, std::string method,
                                  const S3ObjectInput& input) const {
    aws::ApiRequest request = requests_.object_request(std::move(operation), std::move(method), input);
    request.query = request.query.empty() ? "tagging=" : "tagging=&" + request.query;
    return request;
  }

  static bool has_checksum(const aws::Headers& headers) {
    return std::any_of(headers.begin(), headers.end(), [](const aws::Header& field) {
      return aws::to_lower(field.name).starts_with("x-amz-checksum-") ||
             aws::iequals(field.name, "Content-MD5");
    });
  }

  static std::shared_ptr<aws::BodySource> body_of(const PutObjectInput& input) {
    std::shared_ptr<aws::BodySource> source;
    if (input.reader) {
      if (!input.content_length) {
        throw Error(
            "Parameter validation failed: a body that is read from a function needs its content_length; "
            "upload_stream takes one of unknown length");
      }
      source = std::make_shared<aws::ReaderSource>(input.reader, *input.content_length);
    } else {
      source = std::make_shared<aws::FileSource>(input.file);
    }
    if (source->size() > put_bytes_max) {
      throw Error("Your proposed upload exceeds the maximum allowed size: " + input.file.string() + " has " +
                  std::to_string(source->size()) + " bytes, one upload takes at most " +
                  std::to_string(put_bytes_max));
    }
    return source;
  }

  void delete_group(const std::string& bucket, std::vector<detail::S3KeyVersion>& group,
                    std::vector<S3DeleteFailure>& failures) const {
    if (group.empty()) return;
    aws::ApiRequest request = sub_resource("DeleteObjects", "POST", {bucket, "delete"});
    detail::S3Requests::set_document(request, detail::delete_document(group));
    const auto document = aws::parse_xml(send(request).body);
    for (const pugi::xml_node& node : document->document_element().children("Error")) {
      failures.push_back(
          {aws::xml_text(node, "Key"), aws::xml_text(node, "Code"), aws::xml_text(node, "Message")});
    }
    group.clear();
  }
};

}  // namespace sagemaker
