// Models without code: the program that serves TorchScript, and the settings for libtorch of every program
// that an image starts.
#pragma once

#include <filesystem>

#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

// sagemaker-torchscript-server beside this program; empty where it is not there, because the project was
// built without libtorch. It is started with "serve" and reads the variables of ServingEnvironment.
std::filesystem::path torchscript_server();

// Of this process, for the program that it becomes; nothing that the user has set is changed. Measured to pay
// for libtorch on the CPU: as many threads as the instance type has processors (SM_NUM_CPUS); one pool of
// threads rather than two that fight; threads that sleep rather than spin while they wait for each other,
// which makes training ten times slower as soon as other programs need the processors; memory that is kept.
void set_libtorch_defaults(const container::Variables& variables);

}  // namespace sagemaker::local::images
