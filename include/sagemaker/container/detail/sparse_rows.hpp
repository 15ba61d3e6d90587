// Rows of which only some columns are known, until the width is known too. Without libtorch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

class SparseRows {
 public:
  void add(std::uint64_t column, float value) { items_.emplace_back(column, value); }
  void end_row() { row_ends_.push_back(items_.size()); }

  std::size_t rows() const { return row_ends_.size(); }

  // One more than the last column that is known, and at least `columns_min`.
  std::uint64_t columns(std::uint64_t columns_min) const {
    for (const auto& [column, value] : items_) columns_min = std::max(columns_min, column + 1);
    return columns_min;
  }

  // Into rows() times `columns` zeros. Of several values of one place the last one counts.
  void fill(float* dense, std::uint64_t columns) const {
    std::size_t at = 0;
    for (const std::size_t end : row_ends_) {
      for (; at < end; ++at) dense[items_[at].first] = items_[at].second;
      dense += columns;
    }
  }

 private:
  std::vector<std::pair<std::uint64_t, float>> items_;
  std::vector<std::size_t> row_ends_;
};

}  // namespace sagemaker::container::detail
