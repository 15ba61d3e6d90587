// Several processes of a script: the switches that the SageMaker Python SDK's `distribution` argument
// becomes, and the variables by which processes of torch.distributed find each other
// (sagemaker-training-toolkit, runner.py, torch_distributed.py; sagemaker-pytorch-training-toolkit,
// training.py).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sagemaker/container/environment.hpp>

#include "emulator/images/sagemaker_python/entry_point.hpp"

namespace sagemaker::local::images {

enum class Launcher {
  process,  // one process a host
  torchrun
};

// Throws std::runtime_error naming a switch that this image does not know.
Launcher launcher_of(const container::TrainingEnvironment& env);

// MASTER_ADDR, MASTER_PORT, NCCL_*, GLOO_SOCKET_IFNAME, as they are to be set over what is in `variables`.
container::Variables distributed_variables(const container::TrainingEnvironment& env,
                                           const container::Variables& variables);

// `command`, which starts one process of a script, as torchrun starts it on this host. Throws
// std::runtime_error where the entry point is none that torchrun can start.
std::vector<std::string> torchrun_command(const std::vector<std::string>& command, EntryKind kind,
                                          const container::TrainingEnvironment& env,
                                          const container::Variables& distributed);

}  // namespace sagemaker::local::images
