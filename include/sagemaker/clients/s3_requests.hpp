// How a request to S3 is put together: where a bucket is addressed, what headers say, and how a body travels
// with its checksum. S3Client's operations are made of these.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/chunked_body.hpp>
#include <sagemaker/aws/client.hpp>
#include <sagemaker/clients/s3_io.hpp>
#include <sagemaker/clients/s3_types.hpp>

namespace sagemaker::detail {

inline std::uint64_t s3_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

inline void set_header(aws::ApiRequest& request, const std::string& name, const std::string& value) {
  if (!value.empty()) request.headers.set(name, value);
}

inline void add_query(aws::ApiRequest& request, std::string_view name, std::string_view value) {
  if (!request.query.empty()) request.query += '&';
  request.query += aws::uri_encode(name) + "=" + aws::uri_encode(value);
}

inline std::string tags_header(const S3Tags& tags) {
  std::string text;
  for (const auto& [name, value] : tags) {
    text += (text.empty() ? "" : "&") + aws::uri_encode(name) + "=" + aws::uri_encode(value);
  }
  return text;
}

// Of the headers of an upload those that go with every one of its requests, also with parts.
inline aws::Headers headers_of_parts(const aws::Headers& headers) {
  aws::Headers kept;
  for (const aws::Header& field : headers) {
    const std::string name = aws::to_lower(field.name);
    if (name == "x-amz-expected-bucket-owner" || name == "x-amz-request-payer" ||
        name.starts_with("x-amz-server-side-encryption-customer-")) {
      kept.add(field.name, field.value);
    }
  }
  return kept;
}

class S3Requests {
 public:
  explicit S3Requests(const ClientConfig& config)
      : client_({"S3", "s3", "s3", aws::Protocol::rest_xml}, config) {}

  const aws::ServiceClient& service() const { return client_; }
  bool tls() const { return client_.config().endpoint.scheme == "https"; }

  aws::ApiRequest bucket_request(std::string operation, std::string method, const std::string& bucket) const {
    if (bucket.empty() || bucket.find('/') != std::string::npos) {
      throw Error("Parameter validation failed: Invalid bucket name \"" + bucket + "\"");
    }
    aws::ApiRequest request;
    request.operation = std::move(operation);
    request.method = std::move(method);
    if (is_virtual_host(bucket)) {
      request.host_label = bucket + ".";
    } else {
      request.path = "/" + aws::uri_encode(bucket);
    }
    return request;
  }

  aws::ApiRequest key_request(std::string operation, std::string method, const std::string& bucket,
                              const std::string& key) const {
    if (key.empty()) throw Error("Parameter validation failed: the key of " + operation + " is empty");
    aws::ApiRequest request = bucket_request(std::move(operation), std::move(method), bucket);
    if (request.path == "/") request.path.clear();
    request.path += "/" + aws::uri_encode(key, true);
    return request;
  }

  aws::ApiRequest object_request(std::string operation, std::string method,
                                 const S3ObjectInput& input) const {
    aws::ApiRequest request = key_request(std::move(operation), std::move(method), input.bucket, input.key);
    request.headers = input.headers;
    if (!input.version_id.empty()) add_query(request, "versionId", input.version_id);
    if (input.part_number > 0) add_query(request, "partNumber", std::to_string(input.part_number));
    set_header(request, "Range", input.range);
    set_header(request, "If-Match", input.if_match);
    set_header(request, "If-None-Match", input.if_none_match);
    if (input.if_modified_since) {
      request.headers.set("If-Modified-Since", aws::format_http_date(*input.if_modified_since));
    }
    if (input.if_unmodified_since) {
      request.headers.set("If-Unmodified-Since", aws::format_http_date(*input.if_unmodified_since));
    }
    return request;
  }

  aws::ApiRequest upload_request(std::string operation, std::string method, const S3UploadId& upload) const {
    aws::ApiRequest request = key_request(std::move(operation), std::move(method), upload.bucket, upload.key);
    add_query(request, "uploadId", upload.upload_id);
    return request;
  }

  // What of the object's description goes with PutObject and CreateMultipartUpload alike.
  static void describe(aws::ApiRequest& request, const std::string& content_type,
                       const std::map<std::string, std::string>& metadata, const S3Tags& tags) {
    set_header(request, "Content-Type", content_type);
    for (const auto& [name, value] : metadata) set_header(request, "x-amz-meta-" + name, value);
    set_header(request, "x-amz-tagging", tags_header(tags));
  }

  // A document, which some operations accept only with its MD5.
  static void set_document(aws::ApiRequest& request, std::string body) {
    request.body = std::move(body);
    request.headers.set("Content-Type", "application/xml");
    set_checksum(request, S3ChecksumAlgorithm::crc32,
                 aws::checksum_base64(S3ChecksumAlgorithm::crc32, request.body));
    aws::Md5 md5;
    md5.update(request.body);
    request.headers.set("Content-MD5", aws::base64_encode(md5.finish()));
  }

  static void set_checksum(aws::ApiRequest& request, S3ChecksumAlgorithm algorithm,
                           const std::string& value) {
    request.headers.set("x-amz-sdk-checksum-algorithm", std::string(aws::name_of(algorithm)));
    request.headers.set(aws::header_of(algorithm), value);
  }

  struct Sent {
    aws::HttpResponse response;
    std::string checksum;  // base64, of what was sent
  };

  S3ChecksumChoice checksum_to_send(const S3ChecksumChoice& chosen) const {
    if (chosen || client_.config().request_checksums == aws::ChecksumMode::when_required) return chosen;
    return S3ChecksumAlgorithm::crc32;
  }
  // Asks for the checksum that S3 stored, to compare it.
  void ask_for_checksum(aws::ApiRequest& request) const {
    if (client_.config().response_checksums == aws::ChecksumMode::when_required) return;
    request.headers.set("x-amz-checksum-mode", "ENABLED");
  }

  // Sends a body with its checksum and compares what S3 says that it received. Over TLS the checksum is a
  // trailer; else the signature has to cover the bytes: known before where they can be read twice, chunk by
  // chunk where not.
  Sent send_body(aws::ApiRequest& request, std::shared_ptr<aws::BodySource> body,
                 const S3ChecksumChoice& chosen, const S3BytesMoved& on_sent) const {
    const S3ChecksumChoice algorithm = checksum_to_send(chosen);
    const bool sign = !tls() || client_.config().s3.payload_signing;
    Sent sent;
    if (body->can_rewind() && (sign || body->size() == 0)) {
      aws::BodyDigests digests = aws::digest_body(*body, algorithm);
      request.payload_hash = std::move(digests.sha256_hex);
      if (algorithm) set_checksum(request, *algorithm, digests.checksum);
      sent.checksum = std::move(digests.checksum);
      request.stream = watched(std::move(body), on_sent);
      sent.response = client_.send(request);
    } else if (!algorithm && !sign) {
      request.payload_hash = aws::sigv4::unsigned_payload;
      request.stream = watched(std::move(body), on_sent);
      sent.response = client_.send(request);
    } else {
      const auto chunked = std::make_shared<aws::ChunkedSource>(
          watched(std::move(body), on_sent), algorithm.value_or(S3ChecksumAlgorithm::crc32), sign);
      frame(request, *chunked);
      if (sign) {
        request.on_signed = [chunked](const aws::sigv4::ChunkContext& context, const std::string& seed) {
          chunked->begin(context, seed);
        };
      }
      request.stream = chunked;
      sent.response = client_.send(request);
      sent.checksum = chunked->checksum();
    }
    if (algorithm) compare(request, sent, *algorithm);
    return sent;
  }

 private:
  static std::shared_ptr<aws::BodySource> watched(std::shared_ptr<aws::BodySource> source,
                                                  const S3BytesMoved& on_sent) {
    if (!on_sent) return source;
    return std::make_shared<aws::WatchedSource>(std::move(source), on_sent);
  }

  static void frame(aws::ApiRequest& request, const aws::ChunkedSource& chunked) {
    request.headers.set("x-amz-sdk-checksum-algorithm", std::string(aws::name_of(chunked.algorithm())));
    request.headers.set("x-amz-trailer", aws::header_of(chunked.algorithm()));
    request.headers.set("x-amz-decoded-content-length", std::to_string(chunked.inner_size()));
    const std::string encoding = request.headers.get("Content-Encoding");
    request.headers.set("Content-Encoding", encoding.empty() ? "aws-chunked" : "aws-chunked," + encoding);
    request.payload_hash = chunked.payload_hash();
  }

  static void compare(const aws::ApiRequest& request, const Sent& sent, S3ChecksumAlgorithm algorithm) {
    const std::string stored = sent.response.headers.get(aws::header_of(algorithm));
    if (stored.empty() || sent.checksum.empty() || stored == sent.checksum) return;
    throw ChecksumError("S3 stored checksum " + stored + " but " + sent.checksum + " was sent (" +
                        std::string(aws::name_of(algorithm)) + ", " + request.operation + ")");
  }

  // Whether the bucket becomes part of the host name: only then is it also found in partitions and regions of
  // AWS that no longer know the path style. Names with dots do not match AWS's certificates.
  bool is_virtual_host(const std::string& bucket) const {
    const std::string& style = client_.config().s3_addressing_style;
    const bool wanted = style == "virtual" || (style != "path" && !client_.config().custom_endpoint);
    if (!wanted || bucket.size() < 3 || bucket.size() > 63) return false;
    return std::all_of(bucket.begin(), bucket.end(), [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && !tls());
    });
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker::detail
