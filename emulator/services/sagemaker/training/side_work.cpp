#include "emulator/services/sagemaker/training/side_work.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <spdlog/spdlog.h>

namespace sagemaker::local::services {
namespace {

using Clock = std::chrono::steady_clock;

// The folder of every host, guarded from the level that the job cannot reach.
std::vector<runner::GuardedFolder> folders_of(const runner::TrainingSpec& spec,
                                              std::filesystem::path (*folder_of)(const runner::TrainingSpec&,
                                                                                 int)) {
  std::vector<runner::GuardedFolder> folders;
  for (int host = 0; host < spec.instance_count; ++host)
    folders.emplace_back(spec.root, folder_of(spec, host).lexically_relative(spec.root));
  return folders;
}

}  // namespace

TrainingSideWork::TrainingSideWork(Platform& platform, const json& job, const runner::TrainingSpec& spec,
                                   JobControl& control, Plan plan)
    : platform_(platform), job_(job), spec_(spec), control_(control), plan_(std::move(plan)) {}

TrainingSideWork::~TrainingSideWork() { join(); }

void TrainingSideWork::begin(const runner::StopSignal& stop) {
  if (const auto config = job_.find("CheckpointConfig"); config != job_.end()) {
    checkpoints_ =
        std::make_unique<FolderSync>(platform_.objects, parse_s3_uri(config->at("S3Uri").get<std::string>()),
                                     folders_of(spec_, runner::checkpoint_folder), plan_.say);
    try {
      checkpoints_->restore([&stop] { return stop.requested(); });
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(std::string("ClientError: Checkpoint download failed: ") + error.what());
    }
  }
  S3Location output = parse_s3_uri(job_.at("OutputDataConfig").at("S3OutputPath").get<std::string>());
  while (output.key.ends_with('/')) output.key.pop_back();
  if (!output.key.empty()) output.key += '/';
  output.key += spec_.job_name + "/output/intermediate";
  intermediate_ = std::make_unique<FolderSync>(platform_.objects, std::move(output),
                                               folders_of(spec_, runner::intermediate_folder), plan_.say);
  syncing_.start([this] { keep_in_step(); });
  if (plan_.reclaim_after || plan_.deadline) timekeeper_ = std::thread([this] { keep_time(); });
}

// False where the attempt has ended before.
bool TrainingSideWork::wait(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  return !ending_.wait_until(lock, until, [this] { return ended_; });
}

void TrainingSideWork::keep_time() {
  const Clock::time_point never = Clock::time_point::max();
  const Clock::time_point reclaim = plan_.reclaim_after ? Clock::now() + *plan_.reclaim_after : never;
  const Clock::time_point deadline = plan_.deadline.value_or(never);
  if (!wait(std::min(reclaim, deadline))) return;
  control_.take_instances(reclaim < deadline ? JobControl::Cause::reclaimed : JobControl::Cause::out_of_time);
}

void TrainingSideWork::keep_in_step() {
  try {
    if (checkpoints_) {
      checkpoints_->upload(false);
      checkpoints_->download();
    }
    intermediate_->upload(false);
  } catch (const std::exception& error) {
    spdlog::error("training job {}: checkpoints: {}", spec_.job_name, error.what());
  }
}

void TrainingSideWork::end() {
  join();
  if (checkpoints_) checkpoints_->upload(true);
  if (intermediate_) intermediate_->upload(true);
}

void TrainingSideWork::join() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_all();
  syncing_.stop();
  if (timekeeper_.joinable()) timekeeper_.join();
}

}  // namespace sagemaker::local::services
