// Which Python serves a model: where its script lies, what it needs, and how a worker is told.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <sagemaker/container/environment.hpp>

#include "emulator/images/sagemaker_python/packages.hpp"
#include "emulator/images/sagemaker_python/serving/settings.hpp"
#include "emulator/images/sagemaker_python/serving/worker.hpp"

namespace sagemaker::local::images {

struct ServingCode {
  std::filesystem::path directory = {};  // on the PYTHONPATH
  std::string program = {};              // inference.py; empty: the model has no code
};

// SAGEMAKER_PROGRAM (inference.py) in the folder that SAGEMAKER_SUBMIT_DIRECTORY names (s3://, an archive, or
// a folder of this container), else in code/ of the model. Throws std::runtime_error where a script is named
// and is not there.
ServingCode find_serving_code(const container::Variables& variables, const std::filesystem::path& base_dir,
                              const std::filesystem::path& model_dir);

// The prebuilt C++ server for a TorchScript model without code, where it lies beside this program and such a
// model is there; else empty.
std::filesystem::path prebuilt_server(const ServingSettings& settings, const ServingCode& code);

// How the workers of one model are started; keeps its packages in use while it lives.
class WorkerRecipe {
 public:
  // Installs requirements.txt. Throws as install_packages and find_python.
  WorkerRecipe(const ServingSettings& settings, const container::Variables& variables,
               const ServingCode& code, std::filesystem::path model_dir, std::string model_name);
  // `gpu`: counted from 0, taken modulo the GPUs that there are.
  WorkerSpec worker(std::size_t gpu) const;

 private:
  const ServingSettings& settings_;
  container::Variables variables_;
  ServingCode code_;
  std::filesystem::path model_dir_;
  std::string model_name_;
  Packages packages_;
};

}  // namespace sagemaker::local::images
