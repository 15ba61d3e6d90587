// The one decision about where tensors live: CUDA where this program may use a GPU and libtorch can, else the
// CPU.
#pragma once

#include <torch/torch.h>

#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Device device(int num_gpus);

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/device.hpp>
#endif
