// One tuning job from its creation, or from what an earlier emulator left of it, to its last state: it asks
// the search what to try, creates training jobs, listens to what they report, and ends those that are not
// worth their time. All that it knows lies in the records of its training jobs and in its own, so that after
// a restart it goes on where it was.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/executor.hpp"
#include "emulator/services/sagemaker/training/objective_feed.hpp"
#include "emulator/services/sagemaker/tuning/course.hpp"

namespace sagemaker::local::services::tuning_job {

class TuningJobRun {
 public:
  // `document`: of the job's record.
  TuningJobRun(Platform& platform, TrainingExecutor& training, std::string name, json document,
               JobControl& control);
  ~TuningJobRun();
  TuningJobRun(const TuningJobRun&) = delete;
  TuningJobRun& operator=(const TuningJobRun&) = delete;
  // Returns when the job has ended, or, at a shutdown, when the next start can go on with it.
  void run();

 private:
  using Clock = ObjectiveFeed::Clock;

  void prepare();
  void find_trials();
  bool go_on();
  bool work();
  void take(const ObjectiveFeed::News& news);
  void look_at_ended();
  void look_at(const std::string& trial_job);
  void show_if_best(const TrialJob& trial);
  void begin_trials();
  void begin(const Course::Proposal& proposal);
  void stop(const std::vector<std::string>& trial_jobs);
  void give_up(const std::string& reason);
  bool all_stopped(std::span<const store::Record> trials);
  void publish();
  bool notes_time() const;
  void note_time();
  void notice_convergence();
  bool conclude(const std::string& status, const std::string& reason);
  bool fail(const std::string& reason, std::span<const store::Record> trials);
  void show_progress(store::Record& job, std::int64_t now_ms);
  bool write(const std::function<void(store::Record& job, std::int64_t now_ms)>& change);
  void failed_to(const std::string& what, const std::exception& error);
  std::chrono::milliseconds run_time() const;
  Clock::time_point next_look() const;

  Platform& platform_;
  TrainingExecutor& training_;
  const std::string name_, arn_;
  const json document_;
  JobControl& control_;
  ObjectiveFeed::Listener news_;
  std::optional<Course> course_;                // from prepare() on
  const std::chrono::milliseconds run_before_;  // by earlier emulators
  const Clock::time_point started_ = Clock::now();
  Clock::time_point noted_ = started_;     // when the record was told how long it ran
  bool changed_ = true;                    // something is to be shown
  json best_;                              // HyperParameterTrainingJobSummary
  std::map<std::string, TrialJob> begun_;  // those that run, as they were when they were begun or found
  std::set<std::string> ended_;            // training jobs whose records are to be looked at
  Counters lost_;                          // of trials that are not known any more
  std::optional<std::int64_t> converged_ms_;
  // The disk was full: nothing is tried again before.
  std::optional<Clock::time_point> again_at_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace sagemaker::local::services::tuning_job
