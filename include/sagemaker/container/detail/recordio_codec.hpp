// RecordIO-protobuf to a tensor and back.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/dense_rows.hpp>
#include <sagemaker/container/detail/recordio.hpp>
#include <sagemaker/container/detail/sparse_rows.hpp>

namespace sagemaker::container::detail {

// Dense records, one after the other. They must all have the same shape.
class DenseRecords {
 public:
  void add(const RecordTensor& record, std::size_t number) {
    std::vector<std::int64_t> shape(record.shape.begin(), record.shape.end());
    std::size_t items = 1;
    for (const std::uint64_t size : record.shape) items = product_of(items, size);
    if (shape.size() > 32) bad_recordio("a shape has more than 32 dimensions");
    if (shape.empty() || items != record.values.size())
      shape = {static_cast<std::int64_t>(record.values.size())};
    if (rows_++ == 0) shape_ = shape;
    if (shape != shape_) {
      bad_recordio("record " + std::to_string(number) + " has " + std::to_string(record.values.size()) +
                   " values, in another shape than the records before it");
    }
    values_.insert(values_.end(), record.values.begin(), record.values.end());
  }

  torch::Tensor tensor() {
    shape_.insert(shape_.begin(), rows_);
    return torch::tensor(values_, torch::kFloat32).view(shape_);
  }

 private:
  std::vector<float> values_;
  std::vector<std::int64_t> shape_;
  std::int64_t rows_ = 0;
};

SAGEMAKER_CONTAINER_FUNCTION void add_sparse_record(const RecordTensor& record, SparseRows& rows) {
  if (record.keys.size() != record.values.size())
    bad_recordio("a sparse record has " + std::to_string(record.keys.size()) + " keys and " +
                 std::to_string(record.values.size()) + " values");
  for (std::size_t i = 0; i < record.keys.size(); ++i) {
    if (record.keys[i] > UINT32_MAX) bad_recordio("a key is greater than 4294967295");
    rows.add(record.keys[i], record.values[i]);
  }
  rows.end_row();
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_recordio(std::string_view body,
                                                           std::int64_t feature_dim) try {
  formats::RecordIoReader reader(body);
  detail::DenseRecords dense;
  detail::SparseRows sparse;
  std::uint64_t width = 0;  // of sparse records, as their shape tells it
  std::size_t count = 0, sparse_count = 0;
  std::string_view record;
  std::string buffer;
  while (reader.next(record, buffer)) {
    const detail::RecordTensor tensor = detail::read_record(record);
    ++count;
    const bool empty_sparse = tensor.values.empty() && !tensor.shape.empty();
    if (tensor.keys.empty() && !empty_sparse) {
      dense.add(tensor, count);
      continue;
    }
    ++sparse_count;
    if (!tensor.shape.empty()) width = std::max(width, tensor.shape.back());
    detail::add_sparse_record(tensor, sparse);
  }
  if (count == 0) detail::bad_recordio("the body is empty");
  if (sparse_count == 0) return dense.tensor();
  if (sparse_count != count) detail::bad_recordio("some of its records are dense and some are sparse");
  if (width > UINT32_MAX) detail::bad_recordio("a shape is too large");
  return detail::dense_tensor(sparse, feature_dim > 0 ? feature_dim : static_cast<std::int64_t>(width),
                              "invalid RecordIO-protobuf input", body.size());
} catch (const formats::FormatError& error) {
  throw RequestError(400, std::string("invalid RecordIO-protobuf input: ") + error.what());
}

SAGEMAKER_CONTAINER_FUNCTION std::string encode_recordio(const torch::Tensor& tensor) {
  torch::Tensor rows = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  if (rows.dim() == 0) rows = rows.view({1});
  if (rows.dim() == 1) rows = rows.view({-1, 1});
  const std::vector<std::int64_t> shape = rows.sizes().slice(1).vec();
  const auto count = static_cast<std::size_t>(rows.size(0) > 0 ? rows.numel() / rows.size(0) : 0);
  const float* values = rows.data_ptr<float>();
  std::string out;
  for (std::int64_t row = 0; row < rows.size(0); ++row, values += count)
    formats::append_recordio(out, detail::record_with_label("score", values, count, shape));
  return out;
}

}  // namespace sagemaker::container
