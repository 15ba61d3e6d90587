// The network that train.cpp trains and inference.cpp serves. Plain libtorch.
#pragma once

#include <torch/torch.h>

struct NetImpl : torch::nn::Module {
  NetImpl() {
    first = register_module("first", torch::nn::Conv2d(1, 16, 5));
    second = register_module("second", torch::nn::Conv2d(16, 32, 5));
    output = register_module("output", torch::nn::Linear(32 * 4 * 4, 10));
  }

  // Pixels from 0 to 1, [n, 1, 28, 28] -> scores [n, 10].
  torch::Tensor forward(const torch::Tensor& images) {
    const torch::Tensor edges = torch::relu(torch::max_pool2d(first(images), 2));
    const torch::Tensor shapes = torch::relu(torch::max_pool2d(second(edges), 2));
    return output(shapes.flatten(1));
  }

  torch::nn::Conv2d first{nullptr}, second{nullptr};
  torch::nn::Linear output{nullptr};
};
TORCH_MODULE(Net);
