#include "emulator/services/sagemaker/training/validation.hpp"

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// What is part of the API but not of this emulator yet is refused by name: nothing is silently ignored.
void refuse_unimplemented(const json& input) {
  const auto refuse = [](const std::string& what) {
    throw validation_fault(what + " is not implemented by sagemaker-local yet.");
  };
  for (const char* member :
       {"RemoteDebugConfig", "SessionChainingConfig", "InfraCheckConfig", "TensorBoardOutputConfig",
        "ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig"})
    if (input.contains(member)) refuse(member);
  if (input["AlgorithmSpecification"].contains("AlgorithmName"))
    refuse("AlgorithmSpecification.AlgorithmName");
  const json& resources = input.at("ResourceConfig");
  for (const char* member : {"InstanceGroups", "TrainingPlanArn"})
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

// How long a job may take, and what may happen to it meanwhile.
void check_life(const json& input) {
  const json stopping = input.value("StoppingCondition", json::object());
  const auto run = stopping.value("MaxRuntimeInSeconds", std::int64_t{86400});
  const bool spot = input.value("EnableManagedSpotTraining", false);
  if (spot && stopping.value("MaxWaitTimeInSeconds", std::int64_t{0}) < run)
    throw validation_fault(
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
        "MaxRuntimeInSeconds");
  if (!spot && stopping.contains("MaxWaitTimeInSeconds"))
    throw validation_fault(
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is true");
  if (spot && input.at("ResourceConfig").value("KeepAlivePeriodInSeconds", 0) > 0)
    throw validation_fault("KeepAlivePeriodInSeconds is not supported with managed spot training");
  const json checkpoints = input.value("CheckpointConfig", json::object());
  if (checkpoints.empty()) return;
  parse_s3_uri(checkpoints.at("S3Uri").get<std::string>());
  const std::filesystem::path local =
      std::filesystem::path(checkpoints.value("LocalPath", "/opt/ml/checkpoints")).lexically_normal();
  for (const std::filesystem::path taken :
       {"/", "/opt", "/opt/ml", "/opt/ml/input", "/opt/ml/model", "/opt/ml/output", "/opt/ml/code"}) {
    if (local == taken || local / "" == taken)
      throw validation_fault("Invalid LocalPath of CheckpointConfig: " + local.string() +
                             " is used by SageMaker");
  }
  if (!local.is_absolute())
    throw validation_fault("Invalid LocalPath of CheckpointConfig: it must be an absolute path");
}

}  // namespace

void check_training_request(const json& input) {
  require(input);
  refuse_unimplemented(input);
  check_life(input);
}

}  // namespace sagemaker::local::services
