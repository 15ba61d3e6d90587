// The data that a job is given: channels, each an S3 location and how the job sees it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>

namespace sagemaker {

struct ShuffleConfig {
  std::int64_t seed = 0;
};

// One channel. Names and defaults of the SageMaker Python SDK's TrainingInput; what is empty is left to the
// service.
struct TrainingInput {
  std::string s3_data;                           // s3://bucket/prefix
  std::string distribution = "FullyReplicated";  // or "ShardedByS3Key": every host gets a part of the objects
  std::string compression = {};                  // "Gzip" where the objects are to be unpacked (Pipe mode)
  std::string content_type = {};                 // "text/csv"
  std::string record_wrapping = {};              // "RecordIO"
  std::string s3_data_type = "S3Prefix";         // or "ManifestFile", "AugmentedManifestFile"
  std::string input_mode = {};                   // "File", "Pipe" or "FastFile"; empty: as the job
  std::optional<ShuffleConfig> shuffle_config = {};
  std::vector<std::string> attribute_names = {};  // of an augmented manifest
  std::vector<std::string> instance_groups = {};
};

// What may stand for a channel: an S3 URI, or a TrainingInput where more is to be said.
class ChannelSource {
 public:
  ChannelSource(const char* s3_uri) : input_{.s3_data = s3_uri} {}  // NOLINT(google-explicit-constructor)
  ChannelSource(std::string s3_uri)
      : input_{.s3_data = std::move(s3_uri)} {}                     // NOLINT(google-explicit-constructor)
  ChannelSource(TrainingInput input) : input_(std::move(input)) {}  // NOLINT(google-explicit-constructor)
  const TrainingInput& input() const { return input_; }

 private:
  TrainingInput input_;
};

// The channels of a job in the order given: {{"train", uri}, {"test", uri}}. A single source is the channel
// "training".
class TrainingInputs {
 public:
  using Channel = std::pair<std::string, ChannelSource>;

  TrainingInputs() = default;
  TrainingInputs(std::initializer_list<Channel> channels) : channels_(channels) {}
  TrainingInputs(std::vector<Channel> channels) : channels_(std::move(channels)) {}  // NOLINT
  TrainingInputs(const char* s3_uri) : channels_{{"training", s3_uri}} {}            // NOLINT
  TrainingInputs(const std::string& s3_uri) : channels_{{"training", s3_uri}} {}     // NOLINT
  TrainingInputs(const TrainingInput& input) : channels_{{"training", input}} {}     // NOLINT

  const std::vector<Channel>& channels() const { return channels_; }
  void add(std::string name, ChannelSource source) {
    channels_.emplace_back(std::move(name), std::move(source));
  }

 private:
  std::vector<Channel> channels_;
};

namespace detail {

// One element of InputDataConfig.
inline json channel_document(const std::string& name, const TrainingInput& input) {
  if (!input.s3_data.starts_with("s3://")) {
    throw ConfigError(
        "URI input " + (input.s3_data.empty() ? "\"\"" : input.s3_data) + " of channel \"" + name +
        "\" must be a valid S3 URI: must start with \"s3://\" (Session::upload_data makes one)");
  }
  json source = object({{"S3DataType", input.s3_data_type},
                        {"S3Uri", input.s3_data},
                        {"S3DataDistributionType", input.distribution}});
  if (!input.attribute_names.empty()) source["AttributeNames"] = text_array(input.attribute_names);
  if (!input.instance_groups.empty()) source["InstanceGroupNames"] = text_array(input.instance_groups);
  json channel = object({{"ChannelName", name}, {"DataSource", object({{"S3DataSource", source}})}});
  if (!input.compression.empty()) channel["CompressionType"] = input.compression;
  if (!input.content_type.empty()) channel["ContentType"] = input.content_type;
  if (!input.record_wrapping.empty()) channel["RecordWrapperType"] = input.record_wrapping;
  if (!input.input_mode.empty()) channel["InputMode"] = input.input_mode;
  if (input.shuffle_config) channel["ShuffleConfig"] = object({{"Seed", input.shuffle_config->seed}});
  return channel;
}

}  // namespace detail
}  // namespace sagemaker
