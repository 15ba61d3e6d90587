// Amazon S3: boto3's "s3" client in C++, as far as jobs, models and data sets need it.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/clients/s3_io.hpp>
#include <sagemaker/clients/s3_types.hpp>

namespace sagemaker {

class S3ObjectRange;

// A client of the API "Amazon Simple Storage Service" (2006-03-01). Buckets of AWS are addressed as
// https://BUCKET.s3.REGION.amazonaws.com, those of a custom endpoint as http://ENDPOINT/BUCKET, unless `s3 =
// addressing_style = path|virtual` of the profile says otherwise. Uploads carry a CRC-32 that S3 verifies and
// keeps; downloads are verified against it. Operations throw ServiceError ("NoSuchKey", "NoSuchBucket", ...;
// a HEAD request has no document, so its code is "404" and its message "Not Found"), TransportError and
// CredentialsError; files that cannot be read or written throw std::system_error. Copies share one connection
// pool; safe to call from several threads.
class S3Client {
 public:
  static constexpr std::uint64_t put_bytes_max = 5ull << 30;
  static constexpr std::size_t delete_keys_max = 1000;

  explicit S3Client(const ClientConfig& config = {})
      : client_({"S3", "s3", "s3", aws::Protocol::rest_xml}, config) {}

  // ---- buckets
  // -----------------------------------------------------------------------------------------------

  // In the client's region. BucketAlreadyOwnedByYou where it is there already.
  void create_bucket(const std::string& bucket) const {
    aws::ApiRequest request = bucket_request("CreateBucket", "PUT", bucket);
    if (region() != "us-east-1") {
      request.body =
          "<CreateBucketConfiguration "
          "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>" +
          aws::xml_escape(region()) + "</LocationConstraint></CreateBucketConfiguration>";
      request.headers.set("Content-Type", "application/xml");
    }
    client_.send(request);
  }

  void head_bucket(const std::string& bucket) const {
    client_.send(bucket_request("HeadBucket", "HEAD", bucket));
  }

  bool bucket_exists(const std::string& bucket) const {
    return exists([&] { head_bucket(bucket); });
  }

  // It must be empty: BucketNotEmpty.
  void delete_bucket(const std::string& bucket) const {
    client_.send(bucket_request("DeleteBucket", "DELETE", bucket));
  }

  std::vector<S3Bucket> list_buckets() const {
    aws::ApiRequest request;
    request.operation = "ListBuckets";
    request.method = "GET";
    const auto document = aws::parse_xml(client_.send(request).body);
    std::vector<S3Bucket> buckets;
    for (const pugi::xml_node& node : document->document_element().child("Buckets").children("Bucket")) {
      buckets.push_back(
          {aws::xml_text(node, "Name"), aws::parse_iso8601(aws::xml_text(node, "CreationDate"))});
    }
    return buckets;
  }

  // ---- objects
  // -----------------------------------------------------------------------------------------------

  PutObjectOutput put_object(const PutObjectInput& input) const {
    aws::ApiRequest request = object_request("PutObject", "PUT", {input.bucket, input.key});
    request.headers = input.headers;
    set(request, "Content-Type", input.content_type);
    set(request, "Content-Encoding", input.content_encoding);
    set(request, "Cache-Control", input.cache_control);
    for (const auto& [name, value] : input.metadata) set(request, "x-amz-meta-" + name, value);
    if (!input.file.empty()) {
      request.stream = std::make_shared<aws::FileSource>(input.file);
      if (request.stream->size() > put_bytes_max) {
        throw Error("Your proposed upload exceeds the maximum allowed size: " + input.file.string() +
                    " has " + std::to_string(request.stream->size()) + " bytes, one upload takes at most " +
                    std::to_string(put_bytes_max));
      }
      // TLS and the checksum protect the bytes on their way; without TLS the signature must cover them.
      const bool tls = client_.config().endpoint.scheme == "https";
      const aws::BodyDigests digests = aws::digest_body(*request.stream, !tls);
      request.payload_hash = tls ? std::string(aws::sigv4::unsigned_payload) : digests.sha256_hex;
      set_checksum(request, digests.crc32);
    } else {
      request.body = input.body;
      set_checksum(request, aws::crc32(input.body));
    }
    aws::HttpResponse response = client_.send(request);
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

  S3ObjectInfo head_object(const S3ObjectInput& input) const {
    aws::ApiRequest request = object_request("HeadObject", "HEAD", input);
    return info_of(client_.send(request).headers);
  }

  bool object_exists(const S3ObjectInput& input) const {
    return exists([&] { head_object(input); });
  }

  // Also succeeds where there is no such object.
  void delete_object(const S3ObjectInput& input) const {
    client_.send(object_request("DeleteObject", "DELETE", input));
  }

  // Returns the keys that could not be deleted, and why.
  std::vector<S3DeleteFailure> delete_objects(const DeleteObjectsInput& input) const {
    std::vector<S3DeleteFailure> failures;
    for (std::size_t first = 0; first < input.keys.size(); first += delete_keys_max) {
      const std::size_t last = std::min(input.keys.size(), first + delete_keys_max);
      delete_group({input.bucket,
                    {input.keys.begin() + static_cast<std::ptrdiff_t>(first),
                     input.keys.begin() + static_cast<std::ptrdiff_t>(last)}},
                   failures);
    }
    return failures;
  }

  // One page. list_objects() gives them all.
  ListObjectsV2Output list_objects_v2(const ListObjectsV2Input& input) const {
    aws::ApiRequest request = bucket_request("ListObjectsV2", "GET", input.bucket);
    request.query = "list-type=2&encoding-type=url";  // any key survives XML only in its encoded form
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) request.query += std::string("&") + name + "=" + aws::uri_encode(value);
    };
    add("prefix", input.prefix);
    add("delimiter", input.delimiter);
    add("start-after", input.start_after);
    add("continuation-token", input.continuation_token);
    if (input.max_keys) add("max-keys", std::to_string(*input.max_keys));
    return read_page(client_.send(request).body);
  }

  // All objects below a prefix, page after page: for (const S3Object& object : s3.list_objects({...})) ...
  S3ObjectRange list_objects(ListObjectsV2Input input) const;

  // A URL with which anyone may make this request until it expires (1 s to 7 days). Method: "GET" or "PUT".
  std::string presigned_url(std::string_view method, const S3ObjectInput& input,
                            std::chrono::seconds expires) const {
    aws::ApiRequest request = object_request("PresignedUrl", std::string(method), input);
    request.payload_hash = aws::sigv4::unsigned_payload;
    return client_.presigned_url(request, expires);
  }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

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

  // Whether the bucket becomes part of the host name: only then is it also found in partitions and regions of
  // AWS that no longer know the path style. Names with dots do not match AWS's certificates.
  bool is_virtual_host(const std::string& bucket) const {
    const std::string& style = client_.config().s3_addressing_style;
    const bool wanted = style == "virtual" || (style != "path" && !client_.config().custom_endpoint);
    if (!wanted || bucket.size() < 3 || bucket.size() > 63) return false;
    const bool tls = client_.config().endpoint.scheme == "https";
    return std::all_of(bucket.begin(), bucket.end(), [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && !tls);
    });
  }

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

  aws::ApiRequest object_request(std::string operation, std::string method,
                                 const S3ObjectInput& input) const {
    if (input.key.empty()) throw Error("Parameter validation failed: the key of " + operation + " is empty");
    aws::ApiRequest request = bucket_request(std::move(operation), std::move(method), input.bucket);
    if (request.path == "/") request.path.clear();
    request.path += "/" + aws::uri_encode(input.key, true);
    request.headers = input.headers;
    if (!input.version_id.empty()) request.query = "versionId=" + aws::uri_encode(input.version_id);
    set(request, "Range", input.range);
    return request;
  }

  // A line break in a value would end the header and start another one.
  static void set(aws::ApiRequest& request, const std::string& name, const std::string& value) {
    if (value.empty()) return;
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      throw Error("Parameter validation failed: the value of " + name + " contains a line break");
    }
    request.headers.set(name, value);
  }

  static void set_checksum(aws::ApiRequest& request, std::uint32_t crc) {
    request.headers.set("x-amz-sdk-checksum-algorithm", "CRC32");
    request.headers.set("x-amz-checksum-crc32", aws::crc32_base64(crc));
  }

  S3ObjectInfo get_into(const S3ObjectInput& input, aws::CheckedSink& sink) const {
    aws::ApiRequest request = object_request("GetObject", "GET", input);
    request.headers.set("x-amz-checksum-mode", "ENABLED");
    request.sink = &sink;
    S3ObjectInfo info = info_of(client_.send(request).headers);
    sink.check();
    return info;
  }

  static S3ObjectInfo info_of(const aws::Headers& headers) {
    S3ObjectInfo info;
    const std::string length = headers.get("Content-Length");
    std::from_chars(length.data(), length.data() + length.size(), info.content_length);
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

  void delete_group(const DeleteObjectsInput& group, std::vector<S3DeleteFailure>& failures) const {
    aws::ApiRequest request = bucket_request("DeleteObjects", "POST", group.bucket);
    request.query = "delete=";
    request.body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
    for (const std::string& key : group.keys) {
      request.body += "<Object><Key>" + aws::xml_escape(key) + "</Key></Object>";
    }
    request.body += "</Delete>";
    request.headers.set("Content-Type", "application/xml");
    set_checksum(request, aws::crc32(request.body));
    aws::Md5 md5;
    md5.update(request.body);
    request.headers.set("Content-MD5", aws::base64_encode(md5.finish()));
    const auto document = aws::parse_xml(client_.send(request).body);
    for (const pugi::xml_node& node : document->document_element().children("Error")) {
      failures.push_back(
          {aws::xml_text(node, "Key"), aws::xml_text(node, "Code"), aws::xml_text(node, "Message")});
    }
  }

  static ListObjectsV2Output read_page(const std::string& body) {
    const auto document = aws::parse_xml(body);
    const pugi::xml_node root = document->document_element();
    const bool encoded = aws::xml_text(root, "EncodingType") == "url";
    const auto key_text = [&](const pugi::xml_node& node, const char* name) {
      std::string text = aws::xml_text(node, name);
      return encoded ? aws::uri_decode(text, true).value_or(text) : text;
    };
    const auto number = [](const std::string& text) {
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    };
    ListObjectsV2Output page;
    for (const pugi::xml_node& node : root.children("Contents")) {
      page.contents.push_back(
          {key_text(node, "Key"), number(aws::xml_text(node, "Size")), aws::xml_text(node, "ETag"),
           aws::parse_iso8601(aws::xml_text(node, "LastModified")), aws::xml_text(node, "StorageClass")});
    }
    for (const pugi::xml_node& node : root.children("CommonPrefixes")) {
      page.common_prefixes.push_back(key_text(node, "Prefix"));
    }
    page.is_truncated = aws::xml_text(root, "IsTruncated") == "true";
    page.next_continuation_token = aws::xml_text(root, "NextContinuationToken");
    page.key_count = static_cast<int>(number(aws::xml_text(root, "KeyCount")));
    return page;
  }

  aws::ServiceClient client_;
};

// The objects of a listing, fetched page by page as the loop goes on. Each begin() starts again.
class S3ObjectRange {
 public:
  S3ObjectRange(S3Client client, ListObjectsV2Input input)
      : client_(std::move(client)), input_(std::move(input)) {}

  class Iterator {
   public:
    using value_type = S3Object;
    using difference_type = std::ptrdiff_t;

    Iterator(const S3Client& client, ListObjectsV2Input input)
        : client_(client), input_(std::move(input)), page_(client_.list_objects_v2(input_)) {
      settle();
    }
    const S3Object& operator*() const { return page_.contents[index_]; }
    const S3Object* operator->() const { return &page_.contents[index_]; }
    Iterator& operator++() {
      ++index_;
      settle();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return index_ >= page_.contents.size(); }

   private:
    // Goes on to the next page that is not empty, if there is one.
    void settle() {
      while (index_ >= page_.contents.size() && page_.is_truncated &&
             !page_.next_continuation_token.empty()) {
        if (page_.next_continuation_token == input_.continuation_token) {
          throw Error("Error during pagination: The same next token was received twice: " +
                      page_.next_continuation_token);
        }
        input_.continuation_token = page_.next_continuation_token;
        page_ = client_.list_objects_v2(input_);
        index_ = 0;
      }
    }

    S3Client client_;
    ListObjectsV2Input input_;
    ListObjectsV2Output page_;
    std::size_t index_ = 0;
  };

  Iterator begin() const { return Iterator(client_, input_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  S3Client client_;
  ListObjectsV2Input input_;
};

inline S3ObjectRange S3Client::list_objects(ListObjectsV2Input input) const {
  return S3ObjectRange(*this, std::move(input));
}

}  // namespace sagemaker
