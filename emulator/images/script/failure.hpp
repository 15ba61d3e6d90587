// What a container tells of its end: /opt/ml/output/failure and success, in the form of AWS's training
// toolkit (sagemaker-training-toolkit: errors.py, files.py), so that a job's FailureReason reads as it does
// there; /opt/ml/output/message of a processing job, which becomes its ExitMessage.
#pragma once

#include <filesystem>
#include <string>

namespace sagemaker::local::images {

struct FailedCommand {
  std::string error = "ExecuteUserScriptError";  // or InstallRequirementsError, InstallModuleError
  int exit_code = 1;
  std::string message;
  std::string extra_info = {};  // left out where empty
  std::string command;
};

// 'ERROR:\nExitCode N\nErrorMessage "..."\nExtraInfo "..."\nCommand "..."'
std::string failure_text(const FailedCommand& failed);

// A file that is there stays as it is: the user's own words are better than ours.
void write_failure(const std::filesystem::path& output_dir, const std::string& text);
void write_message(const std::filesystem::path& output_dir, const std::string& text);  // of a processing job
void write_success(const std::filesystem::path& output_dir);

}  // namespace sagemaker::local::images
