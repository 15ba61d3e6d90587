// The data that a job is given: channels, each an S3 location or a file system and how the job sees it.
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

// One channel of objects in S3. Names and defaults of the SageMaker Python SDK's TrainingInput; what is empty
// is left to the service.
struct TrainingInput {
  std::string s3_data;                           // s3://bucket/prefix
  std::string distribution = "FullyReplicated";  // or "ShardedByS3Key": every host gets a part of the objects
  std::string compression = {};                  // "Gzip" where the objects are to be unpacked (Pipe mode)
  std::string content_type = {};                 // "text/csv"
  std::string record_wrapping = {};              // "RecordIO"
  std::string s3_data_type = "S3Prefix";         // or "ManifestFile", "AugmentedManifestFile"
  std::string input_mode = {};                   // "File", "Pipe" or "FastFile"; empty: as the job
  std::optional<ShuffleConfig> shuffle_config = {};
  std::vector<std::string> attribute_names = {};  // of an augmented manifest, in the order the job gets them
  std::vector<std::string> instance_groups = {};  // of a heterogeneous cluster; empty: all of them
  json hub_access_config = {};                    // {"HubContentArn": ...}: a model of a private hub
  json model_access_config = {};                  // {"AcceptEula": true}
};

// One channel that is a folder of an Amazon EFS or FSx for Lustre file system; the job must run in a VPC that
// reaches it. Names and defaults of the SageMaker Python SDK's FileSystemInput. An emulator may refuse it.
struct FileSystemInput {
  std::string file_system_id;                  // "fs-0123456789abcdef0"
  std::string file_system_type;                // "EFS" or "FSxLustre"
  std::string directory_path;                  // absolute, in the file system
  std::string file_system_access_mode = "ro";  // or "rw"
  std::string content_type = {};
};

// What may stand for a channel: an S3 URI, a TrainingInput where more is to be said, or a FileSystemInput.
class ChannelSource {
 public:
  ChannelSource(const char* s3_uri) : input_{.s3_data = s3_uri} {}  // NOLINT(google-explicit-constructor)
  ChannelSource(std::string s3_uri)                                 // NOLINT(google-explicit-constructor)
      : input_{.s3_data = std::move(s3_uri)} {}
  ChannelSource(TrainingInput input) : input_(std::move(input)) {}  // NOLINT(google-explicit-constructor)
  ChannelSource(FileSystemInput input)                              // NOLINT(google-explicit-constructor)
      : file_system_(std::move(input)) {}

  const TrainingInput& input() const { return input_; }
  const std::optional<FileSystemInput>& file_system() const { return file_system_; }  // then input() is empty

 private:
  TrainingInput input_;
  std::optional<FileSystemInput> file_system_;
};

// The channels of a job in the order given: {{"train", uri}, {"test", uri}}. A single source is the channel
// "training"; its input_mode is then the job's, as in the SDK.
class TrainingInputs {
 public:
  using Channel = std::pair<std::string, ChannelSource>;

  TrainingInputs() = default;
  TrainingInputs(std::initializer_list<Channel> channels) : channels_(channels) {}
  TrainingInputs(std::vector<Channel> channels) : channels_(std::move(channels)) {}  // NOLINT
  TrainingInputs(const char* s3_uri) : channels_{{"training", s3_uri}} {}            // NOLINT
  TrainingInputs(const std::string& s3_uri) : channels_{{"training", s3_uri}} {}     // NOLINT
  TrainingInputs(const TrainingInput& input)                                         // NOLINT
      : channels_{{"training", input}}, input_mode_(input.input_mode) {}
  TrainingInputs(const FileSystemInput& input) : channels_{{"training", input}} {}  // NOLINT

  const std::vector<Channel>& channels() const { return channels_; }
  void add(std::string name, ChannelSource source) {
    channels_.emplace_back(std::move(name), std::move(source));
  }
  // What the whole job is to use; empty: what the estimator says.
  const std::string& input_mode() const { return input_mode_; }

 private:
  std::vector<Channel> channels_;
  std::string input_mode_;
};

namespace detail {

inline void check_one_of(const std::string& what, const std::string& value,
                         std::initializer_list<const char*> allowed) {
  std::string list;
  for (const char* one : allowed) {
    if (value == one) return;
    list += (list.empty() ? "" : ", ") + std::string(one);
  }
  throw ConfigError("Unrecognized " + what + ": " + value + ". Valid values: " + list + ".");
}

inline json file_system_document(const std::string& name, const FileSystemInput& input) {
  check_one_of("file system type", input.file_system_type, {"FSxLustre", "EFS"});
  check_one_of("file system access mode", input.file_system_access_mode, {"ro", "rw"});
  json source = object({{"FileSystemId", input.file_system_id},
                        {"FileSystemType", input.file_system_type},
                        {"DirectoryPath", input.directory_path},
                        {"FileSystemAccessMode", input.file_system_access_mode}});
  json channel = object({{"ChannelName", name}, {"DataSource", object({{"FileSystemDataSource", source}})}});
  if (!input.content_type.empty()) channel["ContentType"] = input.content_type;
  return channel;
}

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
  if (!input.hub_access_config.is_null()) source["HubAccessConfig"] = input.hub_access_config;
  if (!input.model_access_config.is_null()) source["ModelAccessConfig"] = input.model_access_config;
  json channel = object({{"ChannelName", name}, {"DataSource", object({{"S3DataSource", source}})}});
  if (!input.compression.empty()) channel["CompressionType"] = input.compression;
  if (!input.content_type.empty()) channel["ContentType"] = input.content_type;
  if (!input.record_wrapping.empty()) channel["RecordWrapperType"] = input.record_wrapping;
  if (!input.input_mode.empty()) channel["InputMode"] = input.input_mode;
  if (input.shuffle_config) channel["ShuffleConfig"] = object({{"Seed", input.shuffle_config->seed}});
  return channel;
}

// One element of InputDataConfig.
inline json channel_document(const std::string& name, const ChannelSource& source) {
  return source.file_system() ? file_system_document(name, *source.file_system())
                              : channel_document(name, source.input());
}

}  // namespace detail
}  // namespace sagemaker
