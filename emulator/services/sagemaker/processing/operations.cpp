#include "emulator/services/sagemaker/processing/operations.hpp"

namespace sagemaker::local::services {

JobKind processing_jobs(Platform&, Capacity&) {
  return {.records = processing_job_kind,
          .noun = "processing job",
          .folder = "processing",
          .begin = [](const store::Record&, JobControl&) { return [] {}; },
          .resume = [](store::Record&, std::int64_t) { return false; }};
}

void add_processing_job_operations(OperationTable&, Platform&, JobExecutor&) {}

}  // namespace sagemaker::local::services
