// Uploads in parts, operation by operation, as a part of S3Client; S3Client::upload does all of it for a
// file.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/clients/s3_documents.hpp>
#include <sagemaker/clients/s3_range.hpp>
#include <sagemaker/clients/s3_requests.hpp>
#include <sagemaker/clients/s3_types.hpp>

namespace sagemaker {

class S3MultipartClient {
 public:
  S3UploadId create_multipart_upload(const CreateMultipartUploadInput& input) const {
    aws::ApiRequest request = requests_.key_request("CreateMultipartUpload", "POST", input.bucket, input.key);
    request.query = "uploads=";
    request.headers = input.headers;
    detail::S3Requests::describe(request, input.content_type, input.metadata, input.tags);
    if (const S3ChecksumChoice algorithm = requests_.checksum_to_send(input.checksum)) {
      request.headers.set("x-amz-checksum-algorithm", std::string(aws::name_of(*algorithm)));
      const bool whole = is_full_object(*algorithm, input.checksum_type);
      request.headers.set("x-amz-checksum-type", whole ? "FULL_OBJECT" : "COMPOSITE");
    }
    const auto document = aws::parse_xml(send(request).body);
    return {input.bucket, input.key, aws::xml_text(document->document_element(), "UploadId")};
  }

  S3Part upload_part(const UploadPartInput& input) const {
    aws::ApiRequest request = requests_.upload_request("UploadPart", "PUT", input.upload);
    detail::add_query(request, "partNumber", std::to_string(input.part_number));
    request.headers = input.headers;
    if (!input.body) throw Error("Parameter validation failed: UploadPart has no body");
    const std::uint64_t size = input.body->size();
    const auto sent = requests_.send_body(request, input.body, input.checksum, input.on_sent);
    return {input.part_number, sent.response.headers.get("ETag"), size, sent.checksum};
  }

  S3Part upload_part_copy(const UploadPartCopyInput& input) const {
    aws::ApiRequest request = requests_.upload_request("UploadPartCopy", "PUT", input.upload);
    detail::add_query(request, "partNumber", std::to_string(input.part_number));
    request.headers = input.headers;
    set_source(request, {input.source_bucket, input.source_key, input.source_version_id});
    detail::set_header(request, "x-amz-copy-source-range", input.source_range);
    detail::set_header(request, "x-amz-copy-source-if-match", input.source_if_match);
    request.error_in_success = true;
    const auto document = aws::parse_xml(send(request).body);
    const pugi::xml_node root = document->document_element();
    return {input.part_number, aws::xml_text(root, "ETag"), 0, detail::read_checksum(root)};
  }

  PutObjectOutput complete_multipart_upload(const CompleteMultipartUploadInput& input) const {
    aws::ApiRequest request = requests_.upload_request("CompleteMultipartUpload", "POST", input.upload);
    request.headers = input.headers;
    request.headers.set("Content-Type", "application/xml");
    if (!input.checksum.empty()) {
      const bool composite = input.checksum.find('-') != std::string::npos;
      request.headers.set(aws::header_of(input.checksum_algorithm), input.checksum);
      request.headers.set("x-amz-checksum-type", composite ? "COMPOSITE" : "FULL_OBJECT");
    }
    request.body = detail::complete_document(input);
    request.error_in_success = true;
    aws::HttpResponse response = send(request);
    const auto document = aws::parse_xml(response.body);
    const pugi::xml_node root = document->document_element();
    const std::string stored = detail::read_checksum(root);
    if (!stored.empty() && !input.checksum.empty() && stored != input.checksum) {
      throw ChecksumError("S3 stored an object of checksum " + stored + " but " + input.checksum +
                          " was sent");
    }
    return {aws::xml_text(root, "ETag"), response.headers.get("x-amz-version-id"),
            std::move(response.headers)};
  }

  // Its parts are gone, and nothing has to be paid for them any longer.
  void abort_multipart_upload(const S3UploadId& upload, const aws::Headers& headers = {}) const {
    aws::ApiRequest request = requests_.upload_request("AbortMultipartUpload", "DELETE", upload);
    request.headers = headers;
    send(request);
  }

  S3Range<S3Part> list_parts(S3UploadId upload) const {
    return S3Range<S3Part>([client = *this, upload = std::move(upload)](const std::string& from) {
      aws::ApiRequest request = client.requests_.upload_request("ListParts", "GET", upload);
      if (!from.empty()) detail::add_query(request, "part-number-marker", from);
      const auto document = aws::parse_xml(client.send(request).body);
      const pugi::xml_node root = document->document_element();
      S3Range<S3Part>::Page page;
      for (const pugi::xml_node& node : root.children("Part")) page.items.push_back(detail::read_part(node));
      if (aws::xml_text(root, "IsTruncated") == "true")
        page.next = aws::xml_text(root, "NextPartNumberMarker");
      return page;
    });
  }

  // Uploads that were begun and neither completed nor aborted.
  S3Range<S3MultipartUpload> list_multipart_uploads(ListObjectVersionsInput input) const {
    return S3Range<S3MultipartUpload>([client = *this, input = std::move(input)](const std::string& from) {
      aws::ApiRequest request = client.sub_resource("ListMultipartUploads", "GET", {input.bucket, "uploads"});
      request.query += "&encoding-type=url";
      if (!input.prefix.empty()) detail::add_query(request, "prefix", input.prefix);
      if (!from.empty()) {
        const std::size_t middle = from.find('\0');
        detail::add_query(request, "key-marker", from.substr(0, middle));
        detail::add_query(request, "upload-id-marker", from.substr(middle + 1));
      }
      const detail::S3Listing listing(client.send(request).body);
      S3Range<S3MultipartUpload>::Page page;
      for (const pugi::xml_node& node : listing.root().children("Upload")) {
        page.items.push_back({listing.key(node, "Key"), aws::xml_text(node, "UploadId"),
                              aws::parse_iso8601(aws::xml_text(node, "Initiated"))});
      }
      if (listing.truncated()) {
        page.next = listing.key(listing.root(), "NextKeyMarker") + '\0' + listing.text("NextUploadIdMarker");
      }
      return page;
    });
  }

  // The algorithm that an upload with this choice uses.
  S3ChecksumChoice checksum_to_send(const S3ChecksumChoice& chosen) const {
    return requests_.checksum_to_send(chosen);
  }
  static bool is_full_object(S3ChecksumAlgorithm algorithm, S3ChecksumType type) {
    return type == S3ChecksumType::automatic ? aws::is_crc(algorithm) : type == S3ChecksumType::full_object;
  }

  const std::string& region() const { return service().region(); }
  const aws::ServiceClient& service() const { return requests_.service(); }

 protected:
  explicit S3MultipartClient(const ClientConfig& config) : requests_(config) {}

  struct SubResource {
    const std::string& bucket;
    const char* name;
  };

  struct Source {
    const std::string& bucket;
    const std::string& key;
    const std::string& version_id;
  };

  aws::HttpResponse send(const aws::ApiRequest& request) const { return service().send(request); }

  aws::ApiRequest sub_resource(std::string operation, std::string method, SubResource resource) const {
    aws::ApiRequest request =
        requests_.bucket_request(std::move(operation), std::move(method), resource.bucket);
    request.query = std::string(resource.name) + "=";
    return request;
  }

  static void set_source(aws::ApiRequest& request, const Source& source) {
    std::string text = aws::uri_encode(source.bucket) + "/" + aws::uri_encode(source.key, true);
    if (!source.version_id.empty()) text += "?versionId=" + aws::uri_encode(source.version_id);
    detail::set_header(request, "x-amz-copy-source", text);
  }

  detail::S3Requests requests_;
};

}  // namespace sagemaker
