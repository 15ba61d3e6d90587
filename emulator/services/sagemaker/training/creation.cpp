#include "emulator/services/sagemaker/training/creation.hpp"

#include <cstdint>
#include <string>

#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {

void check_training_image(const Platform& platform, const json& input) {
  const std::string image = input.at("AlgorithmSpecification").at("TrainingImage");
  if (!platform.images.resolve(image))
    throw validation_fault("ECR image \"" + image + "\" is invalid. " +
                           platform.images.explain_unknown(image));
  parse_s3_uri(input.at("OutputDataConfig").at("S3OutputPath").get<std::string>());
}

void require_training_inputs(const Platform& platform, const json& input) {
  for (const json& channel : input.value("InputDataConfig", json::array()))
    require_objects(platform.objects, channel["DataSource"]["S3DataSource"], platform.region,
                    input.at("RoleArn"));
}

store::Record new_training_job(const Platform& platform, const json& input) {
  const std::int64_t now = platform.now_ms();
  store::Record job;
  job.name = input.at("TrainingJobName");
  job.arn = platform.arn("training-job", job.name);
  job.status = "InProgress";
  job.created_ms = now;
  job.document = input;
  json& document = job.document;
  document.erase("Tags");
  document["TrainingJobArn"] = job.arn;
  document["TrainingJobStatus"] = "InProgress";
  document["CreationTime"] = timestamp(now);
  // Clients of AWS index these without asking, so the service fills them in.
  document["OutputDataConfig"].emplace("KmsKeyId", "");
  document["OutputDataConfig"].emplace("CompressionType", "GZIP");
  document["ResourceConfig"].emplace("VolumeSizeInGB", 30);
  if (!document.contains("StoppingCondition")) document["StoppingCondition"] = json::object();
  document["StoppingCondition"].emplace("MaxRuntimeInSeconds", 86400);
  for (const char* member :
       {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"})
    document.emplace(member, false);
  document["AlgorithmSpecification"].emplace("EnableSageMakerMetricsTimeSeries", false);
  training_state::enter(job, "Starting", "Starting the training job", now);
  return job;
}

}  // namespace sagemaker::local::services
