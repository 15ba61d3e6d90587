// See input_validation.hpp.
#include "emulator/services/sagemaker/training/input_validation.hpp"

#include <cstdint>
#include <set>
#include <string>

#include "emulator/limits.hpp"
#include "emulator/services/sagemaker/quota.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

struct Checked {
  const json& channel;
  std::string name;
  std::string mode;

  [[noreturn]] void refuse(const std::string& why) const {
    throw validation_fault("Invalid channel \"" + name + "\": " + why);
  }
  [[noreturn]] void not_here(const std::string& what) const {
    throw validation_fault(what + " (channel " + name + ") is not implemented by sagemaker-local yet.");
  }
};

void check_source(const Checked& checked, const json& s3) {
  const std::string type = s3.at("S3DataType");
  if (type == "Converse") checked.not_here("S3DataType Converse");
  for (const char* member : {"ModelAccessConfig", "HubAccessConfig"})
    if (s3.contains(member)) checked.not_here(std::string("S3DataSource.") + member);
  const bool augmented = type == "AugmentedManifestFile";
  if (augmented && checked.mode != "Pipe")
    checked.refuse("S3DataType AugmentedManifestFile can only be used if the channel's input mode is Pipe.");
  if (checked.mode == "FastFile" && type != "S3Prefix")
    checked.refuse("FastFile input mode supports S3DataType S3Prefix only, not " + type + ".");
  const bool attributes = s3.contains("AttributeNames") && !s3["AttributeNames"].empty();
  if (augmented && !attributes)
    checked.refuse("AttributeNames must be specified for S3DataType AugmentedManifestFile.");
  if (!augmented && attributes)
    checked.refuse("AttributeNames can only be specified for S3DataType AugmentedManifestFile.");
}

void check_options(const Checked& checked) {
  const json& channel = checked.channel;
  if (checked.mode != "Pipe") {
    if (channel.value("CompressionType", "None") != "None")
      checked.refuse("CompressionType Gzip is supported in Pipe input mode only. In " + checked.mode +
                     " mode, leave this field unset or set it to None.");
    if (channel.value("RecordWrapperType", "None") != "None")
      checked.refuse("RecordWrapperType RecordIO is supported in Pipe input mode only. In " + checked.mode +
                     " mode, leave this field unset or set it to None.");
  }
  if (channel.value("ContentType", "") == "application/x-sagemaker-model" && checked.mode != "File")
    checked.refuse("to use a model for incremental training, choose File input mode.");
}

void check_groups(const Checked& checked, const json& s3, const std::set<std::string>& groups) {
  for (const json& group : s3.value("InstanceGroupNames", json::array()))
    if (!groups.contains(group.get<std::string>()))
      checked.refuse("InstanceGroupNames contains \"" + group.get<std::string>() +
                     "\", which is not the name of an instance group in ResourceConfig.");
}

std::set<std::string> group_names(const json& input) {
  std::set<std::string> names;
  for (const json& group : input.at("ResourceConfig").value("InstanceGroups", json::array()))
    names.insert(group.at("InstanceGroupName").get<std::string>());
  return names;
}

constexpr const char* usage = "training job usage";
constexpr std::int64_t limit = RunnerLimits{}.training_instances_max;

}  // namespace

void check_instance_groups(const json& input) {
  const json& resources = input.at("ResourceConfig");
  if (!resources.contains("InstanceGroups")) {
    if (!resources.contains("InstanceType") || !resources.contains("InstanceCount"))
      throw validation_fault("ResourceConfig must contain InstanceType and InstanceCount.");
    if (resources.at("InstanceCount").get<std::int64_t>() < 1)
      throw validation_fault("ResourceConfig.InstanceCount must be at least 1.");
    check_quota(resources["InstanceType"], usage, resources["InstanceCount"], limit);
    return;
  }
  if (resources.contains("InstanceType") || resources.contains("InstanceCount"))
    throw validation_fault(
        "You must specify either InstanceGroups, or InstanceType and InstanceCount in ResourceConfig, not "
        "both.");
  if (resources["InstanceGroups"].empty())
    throw validation_fault("ResourceConfig.InstanceGroups must contain at least one instance group.");
  if (group_names(input).size() != resources["InstanceGroups"].size())
    throw validation_fault("The names of the instance groups in ResourceConfig must be unique.");
  std::int64_t instances = 0;
  for (const json& group : resources["InstanceGroups"]) {
    if (group.at("InstanceCount").get<std::int64_t>() < 1)
      throw validation_fault("InstanceCount of instance group \"" +
                             group.at("InstanceGroupName").get<std::string>() + "\" must be at least 1.");
    check_quota(group.at("InstanceType"), usage, instances += group["InstanceCount"].get<std::int64_t>(),
                limit);
  }
}

void check_input_channels(const json& input) {
  const std::string default_mode = input.at("AlgorithmSpecification").at("TrainingInputMode");
  const std::set<std::string> groups = group_names(input);
  std::set<std::string> names;
  for (const json& channel : input.value("InputDataConfig", json::array())) {
    const Checked checked{channel, channel.at("ChannelName"), channel.value("InputMode", default_mode)};
    if (!names.insert(checked.name).second)
      throw validation_fault("Channel names must be unique: " + checked.name + ".");
    const json& source = channel.at("DataSource");
    for (const char* other : {"FileSystemDataSource", "DatasetSource"})
      if (source.contains(other)) checked.not_here(std::string("DataSource.") + other);
    if (!source.contains("S3DataSource")) checked.refuse("DataSource must contain S3DataSource.");
    check_source(checked, source["S3DataSource"]);
    check_options(checked);
    check_groups(checked, source["S3DataSource"], groups);
  }
}

}  // namespace sagemaker::local::services
