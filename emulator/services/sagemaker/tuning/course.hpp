// How a tuning job goes, as a pure function of what is known of its trials: what to try next, which trials
// are not worth their time any more, and when there is nothing left to do. No I/O and no clock.
// https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-progress.html
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/services/sagemaker/tuning/definition.hpp"
#include "emulator/services/sagemaker/tuning/state.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"
#include "emulator/tuning/search.hpp"
#include "emulator/tuning/stopping.hpp"

namespace sagemaker::local::services::tuning_job {

class Course {
 public:
  struct Proposal {
    std::size_t definition = 0;  // its place in the plan
    std::int64_t number = 0;     // of the new trial
    tuning::Assignment parameters;
  };
  struct Ending {
    std::string status;  // "Completed" or "Failed"
    std::string reason;  // of a failure
  };

  // `parents`: of a warm start, for each of the plan's definitions; empty: none. `created`: how many trials
  // were created before, of which some may not be known any more, because their training jobs were deleted.
  Course(Plan plan, std::vector<std::vector<tuning::History::Run>> parents, std::int64_t created = 0);
  ~Course();

  const Plan& plan() const { return plan_; }

  // ---- what is known ----

  // A trial as its training job's record tells it now. To be told of trials that have ended in the order in
  // which they did.
  void know(const TrialJob& trial);
  // What a trial that runs has reported so far.
  void hear(const std::string& job, const tuning::Curve& curve);
  // The training job of a trial is gone: it had ended, and somebody deleted it. Returns what counts as its
  // objective; nullopt: nothing does.
  std::optional<double> lose(const std::string& job);
  // Its training job has been told to stop.
  void stopping(const std::string& job);

  // ---- what follows ----

  // Whether the tuning job has come to its end, which lets nothing begin any more; trials may still be
  // running. Asked again, it says the same. `run`: for how long the tuning job has been running.
  const std::optional<Ending>& ending(std::chrono::milliseconds run);
  // What is to be begun now; each is to be told by know() before this is asked again, or is proposed again.
  std::vector<Proposal> proposals();
  // Training jobs to be stopped, because they are not worth their time; until stopping() is told.
  std::vector<std::string> not_worth_their_time() const;
  // Training jobs that run and have not been told to stop.
  std::vector<std::string> running_freely() const;
  std::size_t running() const { return running_; }

  // ---- what is shown ----

  std::int64_t created() const { return created_; }
  Counters counters() const;
  // The training job with the best objective so far; nullptr: none has one.
  const std::string* best() const;
  // Trials that ended since the best objective improved by 1 % the last time.
  std::int64_t not_improving() const;
  // Whether every search has found what it can find.
  bool converged();

 private:
  struct Trial;
  struct Branch;

  Trial* find(const std::string& job);
  void end(Trial& trial);
  void judge(Trial& trial);
  bool too_bad(const Branch& branch, const Trial& trial, std::size_t values) const;
  tuning::Goal goal() const;
  tuning::History history(const Branch& branch) const;
  std::vector<std::size_t> shares_of(std::size_t free) const;
  bool exhausted() const;  // no search has anything left
  std::optional<Ending> find_ending(std::chrono::milliseconds run);
  std::optional<Ending> fruitless(bool all_tried) const;

  const Plan plan_;
  std::vector<std::unique_ptr<Branch>> branches_;  // one a definition
  std::vector<std::unique_ptr<Trial>> trials_;     // in the order of their creation
  std::map<std::string, Trial*> by_job_;
  std::vector<double> objectives_;  // in the order in which trials ended
  const Trial* best_ = nullptr;
  std::size_t running_ = 0, ended_ = 0;
  std::int64_t created_ = 0;
  std::optional<bool> converged_;  // nullopt: not asked since the last trial ended
  std::optional<Ending> ending_;
};

}  // namespace sagemaker::local::services::tuning_job
