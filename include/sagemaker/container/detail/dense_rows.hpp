// Sparse rows, of whichever format, as a dense tensor.
#pragma once

#include <cstdint>
#include <string>

#include <torch/torch.h>

#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/detail/sparse_rows.hpp>
#include <sagemaker/container/linkage.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

// `feature_dim` is 0 where the rows tell by themselves.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor dense_tensor(const SparseRows& rows, std::int64_t feature_dim,
                                                        const std::string& what, std::size_t body_bytes) {
  const std::uint64_t columns = rows.columns(static_cast<std::uint64_t>(feature_dim));
  if (feature_dim > 0 && columns > static_cast<std::uint64_t>(feature_dim)) {
    throw RequestError(400, what + ": index " + std::to_string(columns - 1) +
                                " lies outside of feature_dim=" + std::to_string(feature_dim));
  }
  check_decoded_size(
      what + ": " + std::to_string(rows.rows()) + " rows of " + std::to_string(columns) + " columns",
      product_of(rows.rows(), columns), sizeof(float), body_bytes);
  torch::Tensor tensor = torch::zeros(
      {static_cast<std::int64_t>(rows.rows()), static_cast<std::int64_t>(columns)}, torch::kFloat32);
  rows.fill(tensor.data_ptr<float>(), columns);
  return tensor;
}

}  // namespace sagemaker::container::detail
