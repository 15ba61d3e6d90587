// The place of an object, or of all objects below a prefix: s3://bucket/key.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker {

class S3Uri {
 public:
  // Throws ConfigError for a text that is no s3:// URI.
  S3Uri(std::string_view uri) {  // NOLINT(google-explicit-constructor): an URI in a text is what callers have
    constexpr std::string_view scheme = "s3://";
    const std::size_t slash = uri.find('/', scheme.size());
    bucket_ = uri.substr(0, slash).substr(std::min(uri.size(), scheme.size()));
    if (!uri.starts_with(scheme) || bucket_.empty()) {
      throw ConfigError("Expecting 's3' scheme, got \"" + std::string(uri) +
                        "\": the form is s3://bucket/key");
    }
    if (slash != std::string_view::npos) key_ = uri.substr(slash + 1);
  }
  S3Uri(const std::string& uri) : S3Uri(std::string_view(uri)) {}  // NOLINT(google-explicit-constructor)
  S3Uri(const char* uri) : S3Uri(std::string_view(uri)) {}         // NOLINT(google-explicit-constructor)

  struct Parts {
    std::string bucket;
    std::string key = {};
  };
  static S3Uri of(Parts parts) { return S3Uri(std::move(parts)); }

  const std::string& bucket() const { return bucket_; }
  const std::string& key() const { return key_; }  // "" stands for the whole bucket
  std::string text() const { return key_.empty() ? "s3://" + bucket_ : "s3://" + bucket_ + "/" + key_; }

  // The place below this one; empty parts and double slashes are left out, as in the SDK's s3_path_join.
  S3Uri operator/(std::string_view below) const {
    S3Uri result = *this;
    while (result.key_.ends_with('/')) result.key_.pop_back();
    while (below.starts_with('/')) below.remove_prefix(1);
    if (!below.empty()) result.key_ += (result.key_.empty() ? "" : "/") + std::string(below);
    return result;
  }
  bool operator==(const S3Uri&) const = default;

 private:
  explicit S3Uri(Parts parts) : bucket_(std::move(parts.bucket)), key_(std::move(parts.key)) {}

  std::string bucket_;
  std::string key_;
};

}  // namespace sagemaker
