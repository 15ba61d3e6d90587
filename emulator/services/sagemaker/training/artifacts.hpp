// What a training job leaves in S3: its model and its output data.
#pragma once

#include <filesystem>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/archive.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// Puts a directory under `<S3OutputPath>/<job>/output/`: as `name`.tar.gz, or file by file below `name`/ for
// CompressionType NONE. Throws std::runtime_error where that is not possible, runner::ArchiveCancelled.
void publish_artifacts(Platform& platform, const json& job, const std::filesystem::path& directory,
                       const std::string& name, const runner::Cancelled& cancelled);

// ModelArtifacts.S3ModelArtifacts of this job.
std::string model_artifacts_uri(const json& job);

}  // namespace sagemaker::local::services
