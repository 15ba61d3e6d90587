// The instances of a transform job: started, awaited and ended together.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/hosting/instance.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::transform {

// The containers of the job's model as a transform job starts them. Keeps the model's files below `kept`.
// Throws std::runtime_error in AWS's words where the model's data or image is not there (any more).
hosting::VariantPlan instance_plan(Platform& platform, const json& job, const std::filesystem::path& kept);

class Instances {
 public:
  // Starts them in the background. `platform` must outlive this.
  Instances(Platform& platform, const hosting::VariantPlan& plan, const std::filesystem::path& root,
            int count);

  std::size_t size() const { return instances_.size(); }
  hosting::Instance& at(std::size_t index) { return *instances_.at(index); }

  // Waits until all of them serve. False: one cannot, see failure_reason(), or `stopped` said so.
  bool wait_started(const std::function<bool()>& stopped);
  // In AWS's words, with the kind of failure; empty: none.
  std::string failure_reason() const;
  // SIGTERM, and SIGKILL after `grace`, or two seconds after `hurry` says so. Returns when all are gone.
  void stop(std::chrono::milliseconds grace, const std::function<bool()>& hurry);

 private:
  std::vector<std::unique_ptr<hosting::Instance>> instances_;
};

}  // namespace sagemaker::local::services::transform
