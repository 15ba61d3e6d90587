#include "emulator/services/sagemaker/training/validation.hpp"

#include <set>
#include <string>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// What is part of the API but not of this emulator yet is refused by name: nothing is silently ignored.
void refuse_unimplemented(const json& input) {
  const auto refuse = [](const std::string& what) {
    throw validation_fault(what + " is not implemented by sagemaker-local yet.");
  };
  for (const char* member :
       {"CheckpointConfig", "RetryStrategy", "RemoteDebugConfig", "SessionChainingConfig", "InfraCheckConfig",
        "TensorBoardOutputConfig", "ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig"})
    if (input.contains(member)) refuse(member);
  if (input["AlgorithmSpecification"].contains("AlgorithmName"))
    refuse("AlgorithmSpecification.AlgorithmName");
  const json& resources = input.at("ResourceConfig");
  for (const char* member : {"InstanceGroups", "TrainingPlanArn", "KeepAlivePeriodInSeconds"})
    if (resources.contains(member)) refuse(std::string("ResourceConfig.") + member);
  const std::string mode = input["AlgorithmSpecification"].at("TrainingInputMode");
  for (const json& channel : input.value("InputDataConfig", json::array())) {
    const std::string name = channel.at("ChannelName");
    if (channel.value("InputMode", mode) == "Pipe") refuse("Input mode Pipe (channel " + name + ")");
    if (!channel.at("DataSource").contains("S3DataSource"))
      refuse("A data source other than S3DataSource (channel " + name + ")");
    if (channel["DataSource"]["S3DataSource"].at("S3DataType") == "AugmentedManifestFile")
      refuse("S3DataType AugmentedManifestFile (channel " + name + ")");
    if (channel.contains("ShuffleConfig")) refuse("ShuffleConfig (channel " + name + ")");
    if (channel.value("CompressionType", "None") != "None")
      refuse("CompressionType Gzip (channel " + name + ")");
  }
}

// What the service model does not say but the service demands.
void require(const json& input) {
  for (const char* member : {"AlgorithmSpecification", "ResourceConfig"})
    if (!input.contains(member)) throw validation_fault(std::string("Request must contain ") + member + ".");
  const json& algorithm = input["AlgorithmSpecification"];
  if (algorithm.contains("AlgorithmName") == algorithm.contains("TrainingImage"))
    throw validation_fault(
        "You must specify exactly one of TrainingImage and AlgorithmName in AlgorithmSpecification.");
  const json& resources = input["ResourceConfig"];
  if (!resources.contains("InstanceGroups") &&
      (!resources.contains("InstanceType") || !resources.contains("InstanceCount")))
    throw validation_fault("ResourceConfig must contain InstanceType and InstanceCount.");
  std::set<std::string> names;
  for (const json& channel : input.value("InputDataConfig", json::array()))
    if (!names.insert(channel.at("ChannelName").get<std::string>()).second)
      throw validation_fault("Channel names must be unique: " + channel["ChannelName"].get<std::string>() +
                             ".");
}

}  // namespace

void check_training_request(const json& input) {
  require(input);
  refuse_unimplemented(input);
}

}  // namespace sagemaker::local::services
