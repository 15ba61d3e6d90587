#include "emulator/services/sagemaker/transform/operations.hpp"

namespace sagemaker::local::services {

JobKind transform_jobs(Platform&, Capacity&) {
  return {.records = transform_job_kind,
          .noun = "transform job",
          .folder = "transform",
          .begin = [](const store::Record&, JobControl&) { return [] {}; },
          .resume = [](store::Record&, std::int64_t) { return false; }};
}

void add_transform_job_operations(OperationTable&, Platform&, JobExecutor&) {}

}  // namespace sagemaker::local::services
