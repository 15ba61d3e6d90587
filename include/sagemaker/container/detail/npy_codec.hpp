// NumPy's file format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/npy_header.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_npy(std::string_view body) {
  std::string_view data = body;
  const detail::NpyHeader header = detail::read_npy_header(detail::take_npy_dictionary(data));
  const std::size_t bytes = detail::npy_data_bytes(header, data.size());
  // Fortran order is C order of the reversed shape, seen through a transposition.
  std::vector<std::int64_t> stored = header.shape;
  if (header.fortran_order) std::reverse(stored.begin(), stored.end());
  torch::Tensor tensor = torch::empty(stored, detail::npy_scalar_type(header));
  auto* const out = static_cast<char*>(tensor.data_ptr());
  if (bytes > 0) std::memcpy(out, data.data(), bytes);
  const bool foreign = header.byte_order == (std::endian::native == std::endian::little ? '>' : '<');
  if (foreign && header.item_bytes > 1) {
    const auto item_bytes = static_cast<std::size_t>(header.item_bytes);
    for (std::size_t at = 0; at < bytes; at += item_bytes) std::reverse(out + at, out + at + item_bytes);
  }
  if (header.kind == 'b') {  // any other byte than 0 and 1 would be undefined behaviour in a bool
    for (std::size_t at = 0; at < bytes; ++at) out[at] = out[at] != 0;
  }
  if (header.kind == 'u' && header.item_bytes > 1) tensor = detail::widen_unsigned(tensor, header.item_bytes);
  if (header.fortran_order && tensor.dim() > 1) {
    std::vector<std::int64_t> order(stored.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(order.size() - 1 - i);
    tensor = tensor.permute(order).contiguous();
  }
  return tensor;
}

SAGEMAKER_CONTAINER_FUNCTION std::string encode_npy(const torch::Tensor& tensor) {
  torch::Tensor plain = tensor.detach().to(torch::kCPU);
  if (at::isComplexType(plain.scalar_type()))
    throw std::runtime_error("the prediction is complex; return its parts as real numbers");
  if (plain.scalar_type() == torch::kBFloat16) plain = plain.to(torch::kFloat);  // NumPy has no such type
  plain = plain.contiguous();
  std::string kind = "f";
  if (plain.scalar_type() == torch::kBool) {
    kind = "b";
  } else if (plain.scalar_type() == torch::kByte) {
    kind = "u";
  } else if (!at::isFloatingType(plain.scalar_type())) {
    kind = "i";
  }
  const auto item_bytes = static_cast<std::size_t>(plain.element_size());
  const char order = item_bytes == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  std::string header = std::string("{'descr': '") + order + kind + std::to_string(item_bytes) +
                       "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t size : plain.sizes()) header += std::to_string(size) + ", ";
  if (plain.dim() > 1) header.resize(header.size() - 2);
  if (plain.dim() == 1) header.resize(header.size() - 1);
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // the data begins at a multiple of 64 bytes
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  if (plain.numel() > 0)
    out.append(static_cast<const char*>(plain.data_ptr()),
               static_cast<std::size_t>(plain.numel()) * item_bytes);
  return out;
}

}  // namespace sagemaker::container
