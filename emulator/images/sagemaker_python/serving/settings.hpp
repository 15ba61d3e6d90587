// What the variables of a serving container say: those of AWS's inference toolkit and of its PyTorch
// container (sagemaker-inference-toolkit, parameters.py, environment.py; sagemaker-pytorch-inference-toolkit,
// torchserve.py).
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

struct ServingSettings {
  // Throws sagemaker::ConfigError naming the variable that cannot be understood, or std::runtime_error naming
  // one that is not implemented.
  static ServingSettings read(const container::Variables& variables);

  container::ServingEnvironment environment;
  bool multi_model = false;  // SAGEMAKER_MULTI_MODEL
  std::string framework;    // SAGEMAKER_PYTHON_FRAMEWORK: as defaults.py knows them; empty: the model decides
  std::size_t workers = 1;  // SAGEMAKER_MODEL_SERVER_WORKERS
  int threads = 0;          // of each worker; 0: the user has set OMP_NUM_THREADS
  std::size_t batch_max = 1;                         // SAGEMAKER_TS_BATCH_SIZE
  std::chrono::milliseconds batch_delay{0};          // SAGEMAKER_TS_MAX_BATCH_DELAY
  std::chrono::milliseconds timeout{60'000};         // environment.invocation_timeout
  std::chrono::milliseconds start_timeout{600'000};  // SAGEMAKER_STARTUP_TIMEOUT, to load a model
};

}  // namespace sagemaker::local::images
