// NumPy's archives: one array, as numpy.savez and savez_compressed write it, or one sparse matrix of
// scipy.sparse.save_npz, which is what the Python SDK's SparseMatrixSerializer sends.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/detail/npy_header.hpp>
#include <sagemaker/container/detail/zip_reader.hpp>

namespace sagemaker::container::detail {

// A sparse matrix becomes a dense one of float32.
class SparseNpzReader {
 public:
  SparseNpzReader(const ZipReader& archive, std::size_t body_bytes)
      : archive_(archive), body_bytes_(body_bytes) {}

  torch::Tensor read() {
    const torch::Tensor shape = integers("shape");
    if (shape.numel() != 2) archive_.fail("a sparse matrix has two dimensions");
    rows_ = shape[0].item<std::int64_t>();
    columns_ = shape[1].item<std::int64_t>();
    if (rows_ < 0 || columns_ < 0) archive_.fail("its shape cannot be read");
    check_decoded_shape("invalid NPZ input: a sparse matrix of " + std::to_string(rows_) + " times " +
                            std::to_string(columns_),
                        std::array<std::int64_t, 2>{rows_, columns_}, sizeof(float), body_bytes_);
    data_ = array("data", sizeof(float)).to(torch::kFloat32);
    dense_ = torch::zeros({rows_, columns_}, torch::kFloat32);
    const std::string format = format_name();
    if (format == "csr") {
      add(expanded(rows_), integers("indices"));
    } else if (format == "csc") {
      add(integers("indices"), expanded(columns_));
    } else if (format == "coo") {
      add(integers("row"), integers("col"));
    } else if (format == "bsr") {
      add_blocks();
    } else if (format == "dia") {
      add_diagonals();
    } else {
      archive_.fail("the sparse format '" + format.substr(0, 40) + "' is none of csr, csc, coo, bsr and dia");
    }
    return dense_;
  }

 private:
  // Its items become `item_bytes` large afterwards.
  torch::Tensor array(const std::string& name, std::size_t item_bytes) const {
    const ZipEntry* const entry = archive_.find(name + ".npy");
    if (entry == nullptr) archive_.fail("a sparse matrix has no array '" + name + "'");
    std::string buffer;
    const std::string_view content = archive_.content(*entry, buffer);
    std::string_view data = content;
    check_decoded_shape("invalid NPZ input: the array '" + name + "'",
                        read_npy_header(take_npy_dictionary(data)).shape, item_bytes, body_bytes_);
    return decode_npy(content);
  }

  torch::Tensor integers(const std::string& name) const {
    const torch::Tensor read = array(name, sizeof(std::int64_t));
    if (read.dim() != 1 || at::isFloatingType(read.scalar_type()) || read.scalar_type() == torch::kBool)
      archive_.fail("the array '" + name + "' of a sparse matrix must hold integers in one dimension");
    return read.to(torch::kLong);
  }

  // A text of bytes or of wide characters: 'csr'.
  std::string format_name() const {
    std::string buffer;
    std::string_view data = archive_.content(*archive_.find("format.npy"), buffer);
    take_npy_dictionary(data);
    std::string name(data);
    name.erase(std::remove(name.begin(), name.end(), '\0'), name.end());
    return name;
  }

  // The row of each item, where `indptr` tells where each row's items begin and end.
  torch::Tensor expanded(std::int64_t rows) const {
    const torch::Tensor ends = integers("indptr");
    if (ends.numel() - 1 != rows) archive_.fail("the array 'indptr' does not fit the shape");
    // Before they are subtracted: differences of numbers outside of the data may wrap around.
    if (ends.min().item<std::int64_t>() < 0 || ends.max().item<std::int64_t>() > data_.size(0))
      archive_.fail("the array 'indptr' does not fit the data");
    const torch::Tensor counts = ends.slice(0, 1) - ends.slice(0, 0, rows);
    const bool rising = rows == 0 || counts.min().item<std::int64_t>() >= 0;
    if (!rising || ends[0].item<std::int64_t>() != 0 || ends[rows].item<std::int64_t>() != data_.size(0))
      archive_.fail("the array 'indptr' does not fit the data");
    return torch::arange(rows, torch::kLong).repeat_interleave(counts);
  }

  void check_indices(const torch::Tensor& indices, std::int64_t size) const {
    if (indices.numel() != data_.size(0))
      archive_.fail("indices and data of a sparse matrix differ in length");
    if (indices.numel() == 0) return;
    if (indices.min().item<std::int64_t>() < 0 || indices.max().item<std::int64_t>() >= size)
      archive_.fail("an index lies outside of the sparse matrix");
  }

  // Items of the same place are added up, as SciPy does it.
  void add(const torch::Tensor& rows, const torch::Tensor& columns) {
    if (data_.dim() != 1) archive_.fail("the data of a sparse matrix must have one dimension");
    check_indices(rows, rows_);
    check_indices(columns, columns_);
    dense_.index_put_({rows, columns}, data_, true);
  }

  void add_blocks() {
    const bool blocks = data_.dim() == 3 && data_.size(1) > 0 && data_.size(2) > 0;
    if (!blocks || rows_ % data_.size(1) != 0 || columns_ % data_.size(2) != 0)
      archive_.fail("the blocks of a sparse matrix do not fit its shape");
    const std::int64_t high = data_.size(1), wide = data_.size(2);
    const torch::Tensor rows = expanded(rows_ / high), columns = integers("indices");
    check_indices(columns, columns_ / wide);
    dense_.view({rows_ / high, high, columns_ / wide, wide})
        .permute({0, 2, 1, 3})
        .index_put_({rows, columns}, data_, true);
  }

  void add_diagonals() {
    const torch::Tensor offsets = integers("offsets");
    if (data_.dim() != 2 || data_.size(0) != offsets.numel())
      archive_.fail("the diagonals of a sparse matrix do not fit its data");
    for (std::int64_t i = 0; i < offsets.numel(); ++i) {
      const auto offset = offsets[i].item<std::int64_t>();
      if (offset <= -rows_ || offset >= columns_) continue;
      const std::int64_t start = std::max<std::int64_t>(offset, 0);
      torch::Tensor diagonal = dense_.diagonal(offset);
      const std::int64_t count = std::min(diagonal.size(0), data_.size(1) - start);
      if (count > 0) diagonal.narrow(0, 0, count).add_(data_[i].narrow(0, start, count));
    }
  }

  const ZipReader& archive_;
  const std::size_t body_bytes_;
  std::int64_t rows_ = 0, columns_ = 0;
  torch::Tensor data_, dense_;
};

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_npz(std::string_view body) {
  const detail::ZipReader archive(body, "invalid NPZ input");
  if (archive.find("format.npy") != nullptr) return detail::SparseNpzReader(archive, body.size()).read();
  if (archive.entries().size() != 1) {
    archive.fail("it holds " + std::to_string(archive.entries().size()) +
                 " arrays; one, or a sparse matrix of scipy.sparse.save_npz, is expected");
  }
  std::string buffer;
  return decode_npy(archive.content(archive.entries().front(), buffer));
}

}  // namespace sagemaker::container
