// One processing job from its creation, or from what an earlier emulator left of it, to its last state.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/processing/run.hpp"
#include "emulator/services/sagemaker/jobs/capacity.hpp"
#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/jobs/record.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class ProcessingOutputs;

class ProcessingJobRun {
 public:
  // Its place in the queue for instances is taken here and now.
  ProcessingJobRun(Platform& platform, Capacity& capacity, std::string name, json document,
                   JobControl& control);
  // Returns when the job has ended, or, at a shutdown, when the next start can go on with it.
  void run();

 private:
  struct Result;  // what came of its containers

  void work();
  Result process();
  void store(ProcessingOutputs& outputs, Result& result);
  void end(store::Record& job, const Result& result, std::int64_t now);

  Platform& platform_;
  const std::string name_;
  const json document_;
  JobControl& control_;
  JobRecord record_;
  std::unique_ptr<Capacity::Claim> claim_;
  const std::filesystem::path root_;
};

}  // namespace sagemaker::local::services
