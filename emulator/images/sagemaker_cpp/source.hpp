// Where the user's code comes from and how it gets into /opt/ml/code: the rules of the SageMaker training and
// inference toolkits.
#pragma once

#include <filesystem>
#include <string>

#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

struct Source {
  std::filesystem::path directory;  // what sourcedir.tar.gz held
  std::string program;              // entry point, relative to it
};

// For "train": the hyperparameters sagemaker_program and sagemaker_submit_directory, else the variables
// SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY. For "serve": the variables, else /opt/ml/model/code. The
// submit directory is an s3:// URI or a local path of an archive, or a folder; an /opt/ml/code that holds
// something already is used as it is. Throws std::runtime_error naming what is missing and what is there.
Source locate_source(const std::string& command, const container::TrainingEnvironment& env,
                     const container::Variables& variables);

// Throws std::runtime_error naming the member that cannot be unpacked. Nothing leaves `directory`.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& directory);

}  // namespace sagemaker::local::images
