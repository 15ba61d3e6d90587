// Readers for data sets as they lie in a channel. The idx format of MNIST and its relatives, plain or
// gzip-compressed: http://yann.lecun.com/exdb/mnist/
#pragma once

#include <filesystem>
#include <string>

#include <torch/torch.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

// The array in an idx file, in its own shape and type (uint8, int8, int16, int32, float32, float64). Throws
// std::runtime_error naming the file and what is wrong with it.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor read_idx(const std::filesystem::path& file);

struct LabelledImages {
  torch::Tensor images;  // float32 [n, 1, height, width], from 0 to 1
  torch::Tensor labels;  // int64 [n]
};

// "train" or "t10k" of a folder with the four files of MNIST (or Fashion-MNIST), with or without .gz.
SAGEMAKER_CONTAINER_FUNCTION LabelledImages read_mnist(const std::filesystem::path& folder,
                                                       const std::string& part);

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/datasets.hpp>
#endif
