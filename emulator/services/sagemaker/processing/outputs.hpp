// The outputs of a processing job on their way to S3: while it runs (Continuous) or when it has ended
// (EndOfJob). What several instances write goes below one prefix; of two files of one name the last stays.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>

#include "emulator/runner/processing/run.hpp"
#include "emulator/services/sagemaker/folder_sync.hpp"
#include "emulator/services/sagemaker/paced_work.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class ProcessingOutputs {
 public:
  // `say`: into the job's log. All arguments must outlive this.
  ProcessingOutputs(Platform& platform, const json& job, const runner::ProcessingSpec& spec,
                    std::function<void(const std::string& line)> say);

  // The folders are there: what is Continuous is followed from now on.
  void begin();
  struct Stored {
    bool all = true;                      // false: `cancelled` came before the end
    std::optional<std::string> reason{};  // a FailureReason: a file could not be stored; the others are
  };
  // The containers have ended: everything goes to S3, until `cancelled`.
  Stored finish(const std::function<bool()>& cancelled);

 private:
  struct Output {
    FolderSync sync;
    bool continuous;
    std::string local_path;                      // in the container
    std::vector<std::filesystem::path> folders;  // of the hosts, on this machine
  };
  void follow();

  const std::string job_name_;
  const std::function<void(const std::string& line)> say_;
  std::list<Output> outputs_;
  PacedWork following_;  // last: joined before the rest goes away
};

}  // namespace sagemaker::local::services
