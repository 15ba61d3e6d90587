#include "emulator/services/sagemaker/tuning/job_run.hpp"

#include <utility>

#include "emulator/services/sagemaker/tuning/operations.hpp"
#include "emulator/services/sagemaker/tuning/state.hpp"

namespace sagemaker::local::services::tuning_job {

TuningJobRun::TuningJobRun(Platform& platform, TrainingExecutor& training, std::string name, json document,
                           JobControl& control)
    : platform_(platform),
      training_(training),
      name_(std::move(name)),
      document_(std::move(document)),
      control_(control),
      record_(platform, tuning_job_kind, "hyperparameter tuning job", name_, control) {}

void TuningJobRun::run() {
  record_.settle([](store::Record& job, std::int64_t now_ms) {
    finish(job, "Failed", "Running tuning jobs is not implemented by sagemaker-local yet.", now_ms);
  });
}

}  // namespace sagemaker::local::services::tuning_job
