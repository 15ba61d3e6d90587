#include "emulator/services/sagemaker/operations.hpp"

#include <utility>

#include "emulator/services/sagemaker/hosting/endpoint_configs.hpp"
#include "emulator/services/sagemaker/hosting/endpoints.hpp"
#include "emulator/services/sagemaker/hosting/inference_components.hpp"
#include "emulator/services/sagemaker/hosting/models.hpp"
#include "emulator/services/sagemaker/processing/operations.hpp"
#include "emulator/services/sagemaker/request_rules.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/transform/operations.hpp"
#include "emulator/services/sagemaker/tuning/operations.hpp"

namespace sagemaker::local::services {

OperationTable sagemaker_operations(Platform& platform, const Executors& executors, hosting::Fleet& fleet) {
  OperationTable table;
  add_training_job_operations(table, platform, executors.training);
  add_transform_job_operations(table, platform, executors.transform);
  add_processing_job_operations(table, platform, executors.processing);
  add_tuning_job_operations(table, platform, executors.tuning);
  add_model_operations(table, platform);
  add_endpoint_config_operations(table, platform);
  add_endpoint_operations(table, platform, fleet);
  add_inference_component_operations(table, platform, fleet);
  add_tag_operations(table, platform);
  return with_request_rules(std::move(table));
}

}  // namespace sagemaker::local::services
