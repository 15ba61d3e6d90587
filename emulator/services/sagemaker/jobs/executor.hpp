// Runs the jobs of one kind (training, transform, processing): one thread a job, from its creation to its
// end.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// What makes a kind of job.
struct JobKind {
  std::string_view records;  // "training-job": the kind of their records
  std::string_view noun;     // "training job": for people
  std::string_view folder;   // below the work directory: what they leave there is removed at a start
  // A job that is InProgress is made ready to run: its place in the queue for instances is taken here, for
  // the threads of jobs begin in any order. What it returns is called on the job's own thread, and returns
  // when the job has ended or, at a shutdown, when the next start can go on with it.
  std::function<std::function<void()>(const store::Record& job, JobControl& control)> begin;
  // At a start: what becomes of a job that was InProgress or Stopping when the last emulator ended. Changes
  // the record; true: the job goes on.
  std::function<bool(store::Record& job, std::int64_t now_ms)> resume;
};

class JobExecutor {
 public:
  JobExecutor(Platform& platform, Capacity& capacity, JobKind kind);
  ~JobExecutor();  // interrupts, and waits for the ends
  JobExecutor(const JobExecutor&) = delete;
  JobExecutor& operator=(const JobExecutor&) = delete;

  // Tells what runs to end, for a shutdown; those jobs fail with the reason, or go on at the next start. Does
  // not wait.
  void interrupt();
  // Keeps the record, which must be InProgress, with its tags ([{"Key", "Value"}]), and starts the job: all
  // of it or nothing. Wherever the record is, its tags are. False: there is a job of this name.
  bool create(const store::Record& job, const json& tags);
  // Tells the job to stop, where it runs; the state changes when it has ended.
  void stop(const std::string& job_name);
  // Ends the attempt of a job that runs now as if its instances were gone. False where none runs.
  bool take_instances(const std::string& job_name, JobControl::Cause cause);
  // At start-up: whatever an earlier emulator left unfinished goes on, or is given an end.
  void recover();

 private:
  void start(const store::Record& job);
  void recover(const store::Record& left);

  Platform& platform_;
  Capacity& capacity_;
  const JobKind kind_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<JobControl>> running_;  // by job name
  bool shutting_down_ = false;
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace sagemaker::local::services
