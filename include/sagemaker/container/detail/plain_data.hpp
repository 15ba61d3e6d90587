// What the text codecs write numbers from: the data of any tensor as one of four types.
#pragma once

#include <cstdint>
#include <stdexcept>

#include <torch/torch.h>

namespace sagemaker::container::detail {

// Calls `use` with the data of a tensor that was made plain: on the CPU, contiguous, and float, double, int64
// or bool.
template <class Use>
void with_plain_data(const torch::Tensor& tensor, Use&& use) {
  torch::Tensor plain = tensor.detach().to(torch::kCPU);
  const auto type = plain.scalar_type();
  if (at::isComplexType(type))
    throw std::runtime_error("the prediction is complex; return its parts as real numbers");
  const bool kept = type == torch::kFloat || type == torch::kDouble || type == torch::kBool;
  if (!kept) plain = plain.to(at::isFloatingType(type) ? torch::kFloat : torch::kLong);
  plain = plain.contiguous();
  switch (plain.scalar_type()) {
    case torch::kFloat:
      return use(plain.data_ptr<float>(), plain.sizes());
    case torch::kDouble:
      return use(plain.data_ptr<double>(), plain.sizes());
    case torch::kBool:
      return use(plain.data_ptr<bool>(), plain.sizes());
    default:
      return use(plain.data_ptr<std::int64_t>(), plain.sizes());
  }
}

}  // namespace sagemaker::container::detail
