// Bodies of device.hpp.
#pragma once

#include <algorithm>

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

SAGEMAKER_CONTAINER_FUNCTION c10::Device ServingEnvironment::worker_device(int worker) const {
  const c10::Device any = device();
  if (!any.is_cuda()) return any;
  const int there = std::min(num_gpus, static_cast<int>(torch::cuda::device_count()));
  return {any.type(), static_cast<c10::DeviceIndex>(worker % std::max(1, there))};
}

}  // namespace sagemaker::container
