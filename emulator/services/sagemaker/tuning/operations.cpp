#include "emulator/services/sagemaker/tuning/operations.hpp"

namespace sagemaker::local::services {

JobKind tuning_jobs(Platform&, TrainingExecutor&) {
  return {.records = tuning_job_kind,
          .noun = "hyperparameter tuning job",
          .folder = "tuning",
          .begin = [](const store::Record&, JobControl&) -> std::function<void()> { return [] {}; },
          .resume = [](store::Record&, std::int64_t) { return false; }};
}

void add_tuning_job_operations(OperationTable&, Platform&, JobExecutor&) {}

}  // namespace sagemaker::local::services
