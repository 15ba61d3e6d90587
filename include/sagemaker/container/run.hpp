// The main function of a container's program: `train` and `serve` in one, as SageMaker starts them.
#pragma once

#include <sagemaker/container/hooks.hpp>
#include <sagemaker/container/linkage.hpp>
#include <sagemaker/container/serving.hpp>
#include <sagemaker/container/training.hpp>

namespace sagemaker::container {

// Returns the exit code of the process: that of run_training or run_serving, 2 for any other command.
SAGEMAKER_CONTAINER_FUNCTION int run(int argc, char** argv, const Hooks& hooks);

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/run.hpp>
#endif
