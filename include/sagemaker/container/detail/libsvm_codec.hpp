// LibSVM to a tensor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/dense_rows.hpp>
#include <sagemaker/container/detail/libsvm_reader.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_libsvm(std::string_view body, std::int64_t feature_dim) {
  return detail::dense_tensor(detail::LibSvmReader(body).read(), feature_dim, "invalid LibSVM input",
                              body.size());
}

}  // namespace sagemaker::container
