// The record of a job as the thread that runs the job changes it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class JobRecord {
 public:
  using Change = std::function<void(store::Record& job, std::int64_t now_ms)>;

  // `kind`: of the record; `noun`: "training job", for the emulator's own log.
  JobRecord(Platform& platform, std::string_view kind, std::string_view noun, std::string name,
            JobControl& control);

  const std::string& name() const { return name_; }

  // Changes the record, and tells the control where the job is Stopping: the operation may have come before
  // there was a job to tell. Throws store::DatabaseError.
  void change(const Change& apply);
  // What may be missed where it cannot be stored: the job goes on.
  void note(const Change& apply);
  // What must be stored, or the job would be under way for ever: the disk may have room again later. False at
  // a shutdown; the next start finds what is stored.
  bool settle(const Change& apply);

 private:
  Platform& platform_;
  const std::string_view kind_, noun_;
  const std::string name_;
  JobControl& control_;
};

inline bool is_stopping(const store::Record& job) { return job.status == "Stopping"; }

// Opens a log stream for each host, "NAME/algo-1-SECOND", and returns their names. A job within the same
// second as an earlier one of its name takes the next second that is free.
std::vector<std::string> open_host_streams(const Platform& platform, const std::string& group,
                                           const std::string& job_name, int hosts);

}  // namespace sagemaker::local::services
