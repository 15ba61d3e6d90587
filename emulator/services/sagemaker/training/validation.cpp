#include "emulator/services/sagemaker/training/validation.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/training/input_validation.hpp"
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
  if (input["ResourceConfig"].contains("TrainingPlanArn")) refuse("ResourceConfig.TrainingPlanArn");
}

// What the service model does not say but the service demands.
void require(const json& input) {
  for (const char* member : {"AlgorithmSpecification", "ResourceConfig"})
    if (!input.contains(member)) throw validation_fault(std::string("Request must contain ") + member + ".");
  const json& algorithm = input["AlgorithmSpecification"];
  if (algorithm.contains("AlgorithmName") == algorithm.contains("TrainingImage"))
    throw validation_fault(
        "You must specify exactly one of TrainingImage and AlgorithmName in AlgorithmSpecification.");
}

// The folder may not hide what SageMaker has put into the container, nor lie in what it reads from there.
void check_checkpoint_folder(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    throw validation_fault("Invalid LocalPath of CheckpointConfig: " + path + " " + why);
  };
  std::string local = std::filesystem::path(path).lexically_normal().string();
  while (local.size() > 1 && local.ends_with('/')) local.pop_back();
  if (!local.starts_with('/') || local.find('\0') != std::string::npos) refuse("must be an absolute path");
  for (const std::string_view taken : {"/", "/opt", "/opt/ml", "/opt/ml/model", "/opt/ml/output"})
    if (local == taken) refuse("is used by SageMaker");
  for (const std::string taken : {"/opt/ml/input", "/opt/ml/code", "/opt/ml/sagemaker"})
    if (local == taken || local.starts_with(taken + "/")) refuse("is used by SageMaker");
  // The rest of a container's file system is this machine's, read-only.
  for (const std::string above : {"/opt", "/tmp", "/var/tmp"})
    if (local.starts_with(above + "/")) return;
  refuse("is not implemented by sagemaker-local: it can make folders below /opt, /tmp and /var/tmp");
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
  check_checkpoint_folder(checkpoints.value("LocalPath", "/opt/ml/checkpoints"));
}

}  // namespace

void check_training_request(const json& input) {
  require(input);
  check_instance_groups(input);
  refuse_unimplemented(input);
  check_life(input);
  check_input_channels(input);
}

}  // namespace sagemaker::local::services
