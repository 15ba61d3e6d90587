// One transform job from its creation, or from what an earlier emulator left of it, to its last state.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/jobs/capacity.hpp"
#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/jobs/record.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/transform/input_objects.hpp"

namespace sagemaker::local::services::transform {

class Instances;
class Outputs;

inline constexpr std::string_view work_folder = "transform";  // below Platform::work_directory

class JobRun {
 public:
  // Its place in the queue for instances is taken here and now.
  JobRun(Platform& platform, Capacity& capacity, std::string name, json document, JobControl& control);
  // Returns when the job has ended and its instances are gone, or, at a shutdown, when the next start can run
  // it again.
  void run();

 private:
  struct Result;

  void attempt();
  Result work(Instances& instances, const std::vector<InputObject>& objects,
              const runner::StopSignal& stop) const;
  void publish(Result& result, const std::vector<InputObject>& objects, Outputs& outputs) const;
  void conclude(const Result& result, Outputs& outputs);
  void settle(const std::string& failure_reason);

  Platform& platform_;
  const std::string name_;
  json document_;  // as it was created, and when it began
  JobControl& control_;
  JobRecord record_;
  std::unique_ptr<Capacity::Claim> claim_;
  const std::filesystem::path root_;
};

}  // namespace sagemaker::local::services::transform
