// Files, folders and texts to and from S3: what Session does with an S3Client.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/s3_uri.hpp>

namespace sagemaker::detail {

struct BucketOwner {
  std::string bucket;
  std::string account;  // empty: whoever it is
};

// HeadBucket that fails with 403 where the bucket belongs to somebody else: bucket names are guessable, and a
// stranger may have made ours first.
inline void head_bucket(const S3Client& s3, const BucketOwner& owner) {
  if (owner.account.empty()) return s3.head_bucket(owner.bucket);
  const aws::ResolvedConfig& config = s3.service().config();
  aws::ApiRequest request;
  request.operation = "HeadBucket";
  request.method = "HEAD";
  request.headers.set("x-amz-expected-bucket-owner", owner.account);
  const std::string& style = config.s3_addressing_style;
  if (style == "virtual" || (style != "path" && !config.custom_endpoint)) {
    request.host_label = owner.bucket + ".";
  } else {
    request.path = "/" + aws::uri_encode(owner.bucket);
  }
  s3.service().send(request);
}

// Makes the bucket where it is missing. Throws Error in the SDK's words where it is somebody else's.
inline void ensure_bucket(const S3Client& s3, const BucketOwner& owner) {
  try {
    return head_bucket(s3, owner);
  } catch (const ServiceError& error) {
    if (error.http_status() == 403 && !owner.account.empty()) {
      throw Error("Since default_bucket was not set, the bucket " + owner.bucket +
                  " was to be used, but it is not accessible or not owned by account " + owner.account +
                  ". It's recommended to set default_bucket in SessionOptions. (" + error.what() + ")");
    }
    if (error.http_status() == 403) {
      throw Error("Bucket " + owner.bucket +
                  " exists, but access is forbidden. Please try again after adding " +
                  "appropriate access. (" + error.what() + ")");
    }
    if (error.http_status() != 404) throw;
  }
  try {
    s3.create_bucket(owner.bucket);
  } catch (const ServiceError& error) {
    // Another program made it meanwhile, or is just making it.
    if (error.code() != "BucketAlreadyOwnedByYou" && error.code() != "OperationAborted") throw;
  }
}

struct Upload {
  std::string expected_owner;  // account; empty: whoever it is
  std::string kms_key;
};

inline PutObjectInput put_input(const S3Uri& target, const Upload& settings) {
  PutObjectInput input;
  input.bucket = target.bucket();
  input.key = target.key();
  if (!settings.expected_owner.empty())
    input.headers.set("x-amz-expected-bucket-owner", settings.expected_owner);
  if (!settings.kms_key.empty()) {
    input.headers.set("x-amz-server-side-encryption", "aws:kms");
    input.headers.set("x-amz-server-side-encryption-aws-kms-key-id", settings.kms_key);
  }
  return input;
}

inline void upload_file(const S3Client& s3, const std::filesystem::path& file, const S3Uri& target,
                        const Upload& settings) {
  PutObjectInput input = put_input(target, settings);
  input.file = file;
  s3.put_object(input);
}

inline void upload_bytes(const S3Client& s3, std::string bytes, const S3Uri& target, const Upload& settings) {
  PutObjectInput input = put_input(target, settings);
  input.body = std::move(bytes);
  s3.put_object(input);
}

inline S3ObjectInput object_input(const S3Uri& object) {
  S3ObjectInput input;
  input.bucket = object.bucket();
  input.key = object.key();
  return input;
}

inline void download_file(const S3Client& s3, const S3Uri& object, const std::filesystem::path& file) {
  s3.get_object_to_file(object_input(object), file);
}

inline std::string read_object(const S3Client& s3, const S3Uri& object) {
  return s3.get_object(object_input(object)).body;
}

inline std::vector<std::string> list_keys(const S3Client& s3, const S3Uri& prefix) {
  ListObjectsV2Input input;
  input.bucket = prefix.bucket();
  input.prefix = prefix.key();
  std::vector<std::string> keys;
  for (const S3Object& object : s3.list_objects(std::move(input))) keys.push_back(object.key);
  return keys;
}

// The files below a folder by their path in it, with '/' between the parts. Links to folders are not
// followed.
inline std::map<std::string, std::filesystem::path> files_below(const std::filesystem::path& folder) {
  std::map<std::string, std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files.emplace(entry.path().lexically_relative(folder).generic_string(), entry.path());
  }
  if (files.empty())
    throw ConfigError("Cannot upload \"" + folder.string() + "\": the folder holds no files");
  return files;
}

// Where an object goes below the folder of a download: its key without the prefix's folder. Throws Error for
// a key that would lead out of the folder.
inline std::string relative_key(std::string_view key, std::string_view prefix) {
  const bool whole_parts =
      prefix.empty() || prefix.ends_with('/') || (key.size() > prefix.size() && key[prefix.size()] == '/');
  const std::size_t start = whole_parts ? prefix.size() : prefix.rfind('/') + 1;  // npos + 1 is 0
  std::string_view rest = key.substr(start);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  std::string_view parts = rest;
  while (!parts.empty()) {
    const std::size_t end = parts.find('/');
    const std::string_view part = parts.substr(0, end);
    if (part == ".." || part == "." || part.find('\0') != std::string_view::npos) {
      throw Error("The key \"" + std::string(key) + "\" cannot become a file name");
    }
    parts.remove_prefix(end == std::string_view::npos ? parts.size() : end + 1);
  }
  if (rest.empty()) throw Error("The key \"" + std::string(key) + "\" cannot become a file name");
  return std::string(rest);
}

}  // namespace sagemaker::detail
