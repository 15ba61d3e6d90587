// One tuning job from its creation, or from what an earlier emulator left of it, to its last state: it asks
// the search what to try, creates training jobs, listens to what they report, and ends those that are not
// worth their time.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/jobs/record.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/executor.hpp"

namespace sagemaker::local::services::tuning_job {

class TuningJobRun {
 public:
  // `document`: of the job's record.
  TuningJobRun(Platform& platform, TrainingExecutor& training, std::string name, json document,
               JobControl& control);
  // Returns when the job has ended, or, at a shutdown, when the next start can go on with it.
  void run();

 private:
  Platform& platform_;
  TrainingExecutor& training_;
  const std::string name_;
  const json document_;
  JobControl& control_;
  JobRecord record_;
};

}  // namespace sagemaker::local::services::tuning_job
