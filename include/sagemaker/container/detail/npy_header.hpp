// The header of NumPy's file format: what the bytes behind it are.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
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

#include <torch/torch.h>

#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/linkage.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

struct NpyHeader {
  char byte_order = '|';  // '<', '>', or '|' and '=': ours
  char kind = 'f';        // b, i, u, f
  int item_bytes = 4;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

[[noreturn]] SAGEMAKER_CONTAINER_FUNCTION void bad_npy(const std::string& what) {
  throw RequestError(400, "invalid NPY input: " + what);
}

// The text after `'key':` in the header's Python dictionary.
SAGEMAKER_CONTAINER_FUNCTION std::string_view npy_member(std::string_view header, const std::string& key) {
  auto at = header.find("'" + key + "'");
  if (at == std::string_view::npos) bad_npy("its header has no '" + key + "'");
  at = header.find_first_not_of(" \t", at + key.size() + 2);
  if (at == std::string_view::npos || header[at] != ':')
    bad_npy("its header cannot be read at '" + key + "'");
  at = header.find_first_not_of(" \t", at + 1);
  return at == std::string_view::npos ? std::string_view() : header.substr(at);
}

SAGEMAKER_CONTAINER_FUNCTION void read_npy_type(std::string_view text, NpyHeader& header) {
  const auto end = text.empty() || text.front() != '\'' ? std::string_view::npos : text.find('\'', 1);
  const std::string descr(end == std::string_view::npos ? text.substr(0, 40) : text.substr(1, end - 1));
  const bool simple = end != std::string_view::npos && descr.size() == 3 &&
                      std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
  const std::string_view widths = !simple ? "" : descr[1] == 'b' ? "1" : descr[1] == 'f' ? "248" : "1248";
  if (!simple || std::string_view("biuf").find(descr[1]) == std::string_view::npos ||
      widths.find(descr[2]) == std::string_view::npos) {
    bad_npy("type " + descr + " is not supported; use bool, an integer or float16, float32, float64");
  }
  header.byte_order = descr[0];
  header.kind = descr[1];
  header.item_bytes = descr[2] - '0';
}

SAGEMAKER_CONTAINER_FUNCTION std::vector<std::int64_t> read_npy_shape(std::string_view text) {
  const auto end = text.find(')');
  if (text.empty() || text.front() != '(' || end == std::string_view::npos)
    bad_npy("its shape cannot be read");
  std::vector<std::int64_t> shape;
  const char* at = text.data() + 1;
  const char* const last = text.data() + end;
  while (true) {
    while (at != last && (*at == ' ' || *at == ',')) ++at;
    if (at == last) return shape;
    std::int64_t size = 0;
    const auto [next, error] = std::from_chars(at, last, size);
    if (error != std::errc() || size < 0 || shape.size() == 32) bad_npy("its shape cannot be read");
    at = next != last && *next == 'L' ? next + 1 : next;  // Python 2 wrote 10L
    shape.push_back(size);
  }
}

// The Python dictionary at the beginning; the rest of `body` is the data.
SAGEMAKER_CONTAINER_FUNCTION std::string_view take_npy_dictionary(std::string_view& body) {
  if (body.substr(0, 6) != std::string_view("\x93NUMPY", 6)) bad_npy("it does not begin with \\x93NUMPY");
  if (body.size() < 10) bad_npy("it ends within the header");
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(body[i]));
  };
  const auto version = byte(6);
  if (version < 1 || version > 3) bad_npy("format version " + std::to_string(version) + " is not known");
  const std::size_t start = version == 1 ? 10 : 12;
  if (body.size() < start) bad_npy("it ends within the header");
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > body.size() - start) bad_npy("it ends within the header");
  const std::string_view dictionary = body.substr(start, length);
  body.remove_prefix(start + length);
  return dictionary;
}

SAGEMAKER_CONTAINER_FUNCTION NpyHeader read_npy_header(std::string_view dictionary) {
  NpyHeader header;
  read_npy_type(npy_member(dictionary, "descr"), header);
  const std::string_view order = npy_member(dictionary, "fortran_order");
  header.fortran_order = order.starts_with("True");
  if (!header.fortran_order && !order.starts_with("False")) bad_npy("its memory order cannot be read");
  header.shape = read_npy_shape(npy_member(dictionary, "shape"));
  return header;
}

// Bytes of the array; checked against what was sent, so that a claimed shape cannot make us allocate.
SAGEMAKER_CONTAINER_FUNCTION std::size_t npy_data_bytes(const NpyHeader& header, std::size_t available) {
  const auto item_bytes = static_cast<std::size_t>(header.item_bytes);
  std::size_t bytes = item_bytes;
  if (std::find(header.shape.begin(), header.shape.end(), 0) != header.shape.end()) {
    check_decoded_shape("invalid NPY input: its shape", header.shape, item_bytes, available);
    return 0;
  }
  for (const std::int64_t size : header.shape) {
    const auto items = static_cast<std::size_t>(size);
    if (items > std::numeric_limits<std::size_t>::max() / bytes) bad_npy("its shape is too large");
    bytes *= items;
  }
  if (bytes > available) {
    bad_npy("it is truncated: " + std::to_string(bytes) + " bytes of data announced, " +
            std::to_string(available) + " sent");
  }
  return bytes;
}

SAGEMAKER_CONTAINER_FUNCTION torch::ScalarType npy_scalar_type(const NpyHeader& header) {
  switch (header.kind) {
    case 'b':
      return torch::kBool;
    case 'f':
      return header.item_bytes == 2 ? torch::kHalf : header.item_bytes == 4 ? torch::kFloat : torch::kDouble;
    case 'i':
      break;
    default:
      if (header.item_bytes == 1) return torch::kByte;
  }
  return header.item_bytes == 1   ? torch::kChar
         : header.item_bytes == 2 ? torch::kShort
         : header.item_bytes == 4 ? torch::kInt
                                  : torch::kLong;
}

// Unsigned integers wider than a byte have no type in every libtorch: the next wider signed one holds them.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor widen_unsigned(const torch::Tensor& read, int item_bytes) {
  switch (item_bytes) {
    case 2:
      return read.to(torch::kInt).bitwise_and(0xFFFF);
    case 4:
      return read.to(torch::kLong).bitwise_and(std::int64_t{0xFFFFFFFF});
    default:
      if (read.numel() > 0 && read.min().item<std::int64_t>() < 0)
        bad_npy("a value does not fit into a 64-bit signed integer");
      return read;
  }
}

}  // namespace sagemaker::container::detail
