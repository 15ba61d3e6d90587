// CSV to a tensor and back.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/csv_reader.hpp>
#include <sagemaker/container/detail/json_reader.hpp>
#include <sagemaker/container/detail/plain_data.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_csv(std::string_view body, std::int64_t label_size) {
  body = detail::without_byte_order_mark(body);
  detail::CsvReader reader(body, label_size);
  torch::Tensor tensor =
      torch::empty({static_cast<std::int64_t>(detail::CsvReader::numbers_max(body))}, torch::kFloat32);
  reader.read(tensor.data_ptr<float>());
  return tensor.resize_({reader.rows(), reader.columns()});
}

// One line a row, one number a line for a vector: what numpy.savetxt(fmt="%s", delimiter=",") writes.
SAGEMAKER_CONTAINER_FUNCTION std::string encode_csv(const torch::Tensor& tensor) {
  if (tensor.dim() > 2) {
    throw RequestError(
        406, "the prediction has " + std::to_string(tensor.dim()) +
                 " dimensions; text/csv holds one or two, use application/json or application/x-npy");
  }
  std::string out;
  out.reserve(static_cast<std::size_t>(tensor.numel()) * 11);
  detail::with_plain_data(tensor, [&](const auto* data, c10::IntArrayRef shape) {
    const std::int64_t rows = shape.empty() ? 1 : shape[0];
    const auto columns = static_cast<std::size_t>(shape.size() < 2 ? 1 : shape[1]);
    for (std::int64_t row = 0; row < rows; ++row, data += columns) {
      detail::append_numbers(out, data, columns, ",", detail::csv_words);
      out += '\n';
    }
  });
  return out;
}

}  // namespace sagemaker::container
