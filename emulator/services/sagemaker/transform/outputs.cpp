#include "emulator/services/sagemaker/transform/outputs.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::services::transform {
namespace {

constexpr std::size_t waiting_max = 256;  // what is stored together waits for the disk once

// A prefix as a folder: "" or "a/b/".
std::string folder(std::string key) {
  while (key.ends_with('/')) key.pop_back();
  return key.empty() ? key : key + '/';
}

void require_bucket(const store::Objects& objects, const std::string& uri, const char* member) {
  const std::string bucket = parse_s3_uri(uri).bucket;
  if (!objects.find_bucket(bucket))
    throw std::runtime_error("the bucket " + bucket + " of " + member + " does not exist");
}

// What all keys have in common, up to the last '/': the prefix of their manifest.
std::string common_folder(const std::vector<S3Location>& objects) {
  std::string common = objects.front().key;
  for (const S3Location& object : objects) {
    const auto differs = std::mismatch(common.begin(), common.end(), object.key.begin(), object.key.end());
    common.erase(differs.first, common.end());
  }
  const std::size_t slash = common.rfind('/');
  return slash == std::string::npos ? "" : common.substr(0, slash + 1);
}

// "2022/08/26/13": the hour in which the job began.
std::string hour_path(const json& job) {
  const double seconds = job.value("TransformStartTime", job.at("CreationTime").get<double>());
  std::string hour = aws::format_iso8601(aws::from_epoch_seconds(seconds)).substr(0, 13);
  std::replace_if(
      hour.begin(), hour.end(), [](char c) { return c == '-' || c == 'T'; }, '/');
  return hour;
}

// The metadata of an object that is encrypted with this key; empty: with none.
json encryption(const std::string& kms_key) {
  if (kms_key.empty()) return json::object();
  return {{"ServerSideEncryption", "aws:kms"}, {"SSEKMSKeyId", kms_key}};
}

}  // namespace

void require_output_buckets(const store::Objects& objects, const json& job) {
  require_bucket(objects, job.at("TransformOutput").at("S3OutputPath"), "S3OutputPath");
  if (const auto capture = job.find("DataCaptureConfig"); capture != job.end())
    require_bucket(objects, capture->at("DestinationS3Uri"), "DataCaptureConfig.DestinationS3Uri");
}

void Outputs::put(const std::string& bucket, const std::vector<store::Objects::NewFile>& files) {
  for (store::ObjectInfo& info : platform_.objects.put_files(bucket, files))
    published_.push_back({bucket, std::move(info)});
}

void Outputs::publish(const InputObject& input, const std::filesystem::path& file) {
  const json& output = job_.at("TransformOutput");
  S3Location target = parse_s3_uri(output.at("S3OutputPath").get<std::string>());
  target.key = folder(target.key) + input.relative + ".out";
  if (target.key.size() > platform_.limits.s3.key_bytes_max)
    throw InvalidKey("the key of the output " + target.uri() + " is too long");
  waiting_.push_back({target.key, file, encryption(output.value("KmsKeyId", ""))});
  waiting_inputs_.push_back(input.location);
  if (waiting_.size() >= waiting_max) flush();
}

void Outputs::flush() {
  if (waiting_.empty()) return;
  const std::string bucket = parse_s3_uri(job_["TransformOutput"]["S3OutputPath"].get<std::string>()).bucket;
  const auto files = std::exchange(waiting_, {});
  const auto inputs = std::exchange(waiting_inputs_, {});
  put(bucket, files);
  inputs_.insert(inputs_.end(), inputs.begin(), inputs.end());
  for (const store::Objects::NewFile& file : files) {
    outputs_.push_back({bucket, file.key});
    std::filesystem::remove(file.file);  // the bytes are in the store: they are not kept twice
  }
}

void Outputs::publish_capture(const std::filesystem::path& scratch) {
  if (!job_.contains("DataCaptureConfig") || outputs_.empty()) return;
  put_manifest("input", inputs_, scratch);
  put_manifest("output", outputs_, scratch);
}

void Outputs::put_manifest(const std::string& side, const std::vector<S3Location>& objects,
                           const std::filesystem::path& scratch) {
  const std::string common = common_folder(objects);
  json manifest = json::array({{{"prefix", S3Location{objects.front().bucket, common}.uri()}}});
  for (const S3Location& object : objects) manifest.push_back(object.key.substr(common.size()));
  const std::filesystem::path file = scratch / ("capture-" + side);
  std::ofstream text(file, std::ios::binary);
  text.exceptions(std::ios::failbit | std::ios::badbit);
  text << aws::dump_json(manifest) << '\n';
  text.close();
  const json& capture = job_.at("DataCaptureConfig");
  S3Location target = parse_s3_uri(capture.at("DestinationS3Uri").get<std::string>());
  target.key = folder(target.key) + side + "/" + hour_path(job_) + "/" +
               job_.at("TransformJobName").get<std::string>() + "-" + aws::uuid4() + ".jsonl";
  put(target.bucket, {{target.key, file, encryption(capture.value("KmsKeyId", ""))}});
}

void Outputs::withdraw() noexcept {
  for (const Published& one : published_) {
    try {
      const auto replaced = [&one](const store::ObjectInfo* current) {
        if (current == nullptr || current->blob != one.info.blob)
          throw std::runtime_error("somebody has replaced it");
      };
      platform_.objects.erase(one.bucket, one.info.key, {.version = one.info.version, .condition = replaced});
    } catch (const std::exception& error) {
      spdlog::warn("the output s3://{}/{} of a stopped transform job is left: {}", one.bucket, one.info.key,
                   error.what());
    }
  }
  published_.clear();
}

}  // namespace sagemaker::local::services::transform
