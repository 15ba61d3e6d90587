// Bodies of device.hpp.
#pragma once

#include <sagemaker/container/device.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Device device(int num_gpus) {
  return num_gpus > 0 && torch::cuda::is_available() ? torch::Device(torch::kCUDA)
                                                     : torch::Device(torch::kCPU);
}

SAGEMAKER_CONTAINER_FUNCTION c10::Device TrainingEnvironment::device() const {
  return container::device(num_gpus);
}

SAGEMAKER_CONTAINER_FUNCTION c10::Device ServingEnvironment::device() const {
  return container::device(num_gpus);
}

}  // namespace sagemaker::container
