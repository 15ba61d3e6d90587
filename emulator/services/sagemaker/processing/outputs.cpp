#include "emulator/services/sagemaker/processing/outputs.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace sagemaker::local::services {
namespace {

// The folder of every host, guarded from the level that the job cannot reach.
std::vector<runner::GuardedFolder> folders_of(const runner::ProcessingSpec& spec,
                                              const runner::ProcessingSpec::Output& output) {
  std::vector<runner::GuardedFolder> folders;
  for (int host = 0; host < spec.instance_count; ++host)
    folders.emplace_back(spec.root,
                         runner::processing_output_folder(spec, output, host).lexically_relative(spec.root));
  return folders;
}

json metadata_of(const json& config) {
  const std::string key = config.value("KmsKeyId", "");
  if (key.empty()) return json::object();
  return {{"ServerSideEncryption", "aws:kms"}, {"SSEKMSKeyId", key}};
}

}  // namespace

ProcessingOutputs::ProcessingOutputs(Platform& platform, const json& job, const runner::ProcessingSpec& spec,
                                     std::function<void(const std::string& line)> say)
    : job_name_(spec.job_name), say_(std::move(say)) {
  const json config = job.value("ProcessingOutputConfig", json::object());
  for (const json& described : config.value("Outputs", json::array())) {
    const auto output = std::find_if(spec.outputs.begin(), spec.outputs.end(),
                                     [&](const runner::ProcessingSpec::Output& known) {
                                       return known.name == described.at("OutputName");
                                     });
    if (output == spec.outputs.end()) continue;  // its program stores it itself
    const json& s3 = described.at("S3Output");
    outputs_.push_back({FolderSync(platform.objects, parse_s3_uri(s3.at("S3Uri").get<std::string>()),
                                   folders_of(spec, *output), say_, metadata_of(config)),
                        s3.at("S3UploadMode") == "Continuous",
                        output->local_path.string(),
                        {}});
    for (int host = 0; host < spec.instance_count; ++host)
      outputs_.back().folders.push_back(runner::processing_output_folder(spec, *output, host));
  }
}

void ProcessingOutputs::begin() {
  if (std::any_of(outputs_.begin(), outputs_.end(), [](const Output& output) { return output.continuous; }))
    following_.start([this] { follow(); });
}

void ProcessingOutputs::follow() {
  for (Output& output : outputs_) {
    try {
      if (output.continuous) output.sync.upload(false);
    } catch (const std::exception& error) {
      spdlog::error("processing job {}: outputs: {}", job_name_, error.what());
    }
  }
}

ProcessingOutputs::Stored ProcessingOutputs::finish(const std::function<bool()>& cancelled) {
  following_.stop();
  Stored stored;
  for (Output& output : outputs_) {
    // What the program has put in the folder's place is not followed, as no link is.
    for (const std::filesystem::path& folder : output.folders)
      if (!std::filesystem::is_directory(std::filesystem::symlink_status(folder)))
        say_("sagemaker-local: " + output.local_path + " is no folder any more: nothing of it is uploaded");
    stored.all = output.sync.upload(true, cancelled) && stored.all;
    if (!stored.all) return stored;
    if (const auto failure = output.sync.failure(); failure && !stored.reason)
      stored.reason = std::string(failure->machine ? "InternalServerError" : "ClientError") +
                      ": Failed to upload data. " + failure->reason;
  }
  return stored;
}

}  // namespace sagemaker::local::services
