#include "emulator/services/sagemaker/jobs/executor.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/tags.hpp"

namespace sagemaker::local::services {

JobExecutor::JobExecutor(Platform& platform, Capacity& capacity, JobKind kind)
    : platform_(platform), capacity_(capacity), kind_(std::move(kind)) {}

JobExecutor::~JobExecutor() {
  interrupt();
  tasks_.join();
}

void JobExecutor::interrupt() {
  const std::lock_guard lock(mutex_);
  shutting_down_ = true;
  for (auto& [name, control] : running_) control->shut_down();
}

bool JobExecutor::create(const store::Record& job, const json& tags) {
  if (!insert_tagged(platform_, kind_.records, job, tags)) return false;
  try {
    start(job);
  } catch (...) {  // what nobody runs would be InProgress until the next start
    erase_tagged(platform_, kind_.records, job);
    throw;
  }
  return true;
}

void JobExecutor::start(const store::Record& record) {
  auto control = std::make_shared<JobControl>(capacity_);
  std::function<void()> run;
  {
    const std::lock_guard lock(mutex_);
    if (shutting_down_) return;  // recovery at the next start goes on with the job
    run = kind_.begin(record, *control);
    running_[record.name] = control;
  }
  // Only its own entry: a new job may have taken the name of one that has ended and was deleted.
  const auto forget = [this, control, name = record.name] {
    const std::lock_guard lock(mutex_);
    if (const auto found = running_.find(name); found != running_.end() && found->second == control)
      running_.erase(found);
  };
  try {
    tasks_.run([run = std::move(run), forget]() mutable {
      run();
      run = nullptr;  // before the control that it refers to
      forget();
    });
  } catch (...) {
    forget();
    throw;
  }
}

void JobExecutor::stop(const std::string& job_name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = running_.find(job_name); found != running_.end()) found->second->stop();
}

bool JobExecutor::take_instances(const std::string& job_name, JobControl::Cause cause) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(job_name);
  return found != running_.end() && found->second->take_instances(cause);
}

void JobExecutor::recover(const store::Record& left) {
  bool goes_on = false;
  const auto record = platform_.records.update(
      kind_.records, left.name, [&](store::Record& job) { goes_on = kind_.resume(job, platform_.now_ms()); });
  if (!record) return;
  spdlog::warn("{} {} was not at its end when the last sagemaker-local ended: it {}", kind_.noun, left.name,
               goes_on ? "goes on" : "is " + record->status + " now");
  if (goes_on) start(*record);
}

void JobExecutor::recover() {
  std::error_code ignored;
  std::filesystem::remove_all(platform_.work_directory / kind_.folder, ignored);
  for (const store::Record& left : platform_.records.with_status(kind_.records, {"InProgress", "Stopping"})) {
    try {
      recover(left);
    } catch (const std::exception& error) {  // one record that cannot be read must not keep the emulator from
                                             // starting
      spdlog::error("{} {} cannot be given an end: {}", kind_.noun, left.name, error.what());
    }
  }
}

}  // namespace sagemaker::local::services
