// Some formats say in a few bytes that they need gigabytes: compressed archives, pictures, sparse rows. What
// they may become is limited.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

inline constexpr std::size_t decoded_bytes_max = std::size_t{256} << 20;

// A body of `body_bytes` may always become as large as itself. Throws RequestError 400.
inline void check_decoded_size(const std::string& what, std::size_t items, std::size_t item_bytes,
                               std::size_t body_bytes) {
  const std::size_t bytes_max = std::max(decoded_bytes_max, body_bytes);
  if (item_bytes == 0 || items <= bytes_max / item_bytes) return;
  throw RequestError(
      400, what + " would become larger than " + std::to_string(bytes_max) + " bytes when it is decoded");
}

// Rows times columns, where that can be counted; as many as a size can hold where not.
inline std::size_t product_of(std::size_t rows, std::size_t columns) {
  if (columns != 0 && rows > SIZE_MAX / columns) return SIZE_MAX;
  return rows * columns;
}

// What an array of this shape takes. Where it has no items, its other sizes count: nothing can go through
// 2^50 rows, even of nothing.
template <class Shape>
void check_decoded_shape(const std::string& what, const Shape& shape, std::size_t item_bytes,
                         std::size_t body_bytes) {
  std::size_t items = 1;
  for (const auto size : shape) {
    if (size != 0) items = product_of(items, static_cast<std::size_t>(size));
  }
  check_decoded_size(what, items, item_bytes, body_bytes);
}

}  // namespace sagemaker::container::detail
