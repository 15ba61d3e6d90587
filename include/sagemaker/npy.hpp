// Arrays in NumPy's file format (.npy, content type application/x-npy): the densest way to send a batch of
// numbers to an endpoint. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html,
// versions 1.0 to 3.0.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker {

// The data is no NPY file, or one of a kind that this library does not read (structured types, text, complex
// numbers).
class NpyError : public Error {
 public:
  using Error::Error;
};

namespace detail {

template <class T>
constexpr std::string_view npy_descr() {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "NPY holds bool, integers and float or double");
  if constexpr (std::is_same_v<T, bool>)
    return "|b1";
  else if constexpr (std::is_same_v<T, float>)
    return "<f4";
  else if constexpr (std::is_same_v<T, double>)
    return "<f8";
  else if constexpr (std::is_signed_v<T>)
    return sizeof(T) == 1 ? "|i1" : sizeof(T) == 2 ? "<i2" : sizeof(T) == 4 ? "<i4" : "<i8";
  else
    return sizeof(T) == 1 ? "|u1" : sizeof(T) == 2 ? "<u2" : sizeof(T) == 4 ? "<u4" : "<u8";
}

// The width of a NumPy type string such as "<f4"; 0 where it is none that this library reads.
inline std::size_t npy_item_size(std::string_view descr) {
  if (descr.size() != 3 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) return 0;
  const char kind = descr[1];
  const char width = descr[2];
  if (kind == 'b') return width == '1' ? 1 : 0;
  if (kind == 'f')
    return width == '2' || width == '4' || width == '8' ? static_cast<std::size_t>(width - '0') : 0;
  if (kind != 'i' && kind != 'u') return 0;
  return width == '1' || width == '2' || width == '4' || width == '8' ? static_cast<std::size_t>(width - '0')
                                                                      : 0;
}

inline double half_to_double(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const double fraction = half & 0x3ff;
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0x1f) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024, exponent - 25);
}

// Calls `visit` with a value of the C++ type that `descr` stands for (float16 is read as double).
template <class Visitor>
void npy_visit(std::string_view descr, const char* item, Visitor&& visit) {
  const auto load = [item]<class T>(T value) {
    std::memcpy(&value, item, sizeof value);
    return value;
  };
  const char kind = descr[1];
  const char width = descr[2];
  if (kind == 'f') {
    if (width == '2') return visit(half_to_double(load(std::uint16_t{})));
    return width == '4' ? visit(load(float{})) : visit(load(double{}));
  }
  if (kind == 'b') return visit(load(std::uint8_t{}));
  if (kind == 'i') {
    if (width == '1') return visit(load(std::int8_t{}));
    if (width == '2') return visit(load(std::int16_t{}));
    return width == '4' ? visit(load(std::int32_t{})) : visit(load(std::int64_t{}));
  }
  if (width == '1') return visit(load(std::uint8_t{}));
  if (width == '2') return visit(load(std::uint16_t{}));
  return width == '4' ? visit(load(std::uint32_t{})) : visit(load(std::uint64_t{}));
}

}  // namespace detail

// An n-dimensional array of numbers: little-endian bytes in row-major order.
class NpyArray {
 public:
  NpyArray() = default;

  // Copies `values`, whose number must be the product of `shape`.
  template <class T>
  explicit NpyArray(std::span<const T> values, std::vector<std::size_t> shape)
      : NpyArray(std::string(detail::npy_descr<std::remove_const_t<T>>()), std::move(shape),
                 std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes())) {}
  template <class T>
  explicit NpyArray(const std::vector<T>& values, std::vector<std::size_t> shape)
      : NpyArray(std::span<const T>(values), std::move(shape)) {
    static_assert(!std::is_same_v<T, bool>,
                  "std::vector<bool> has no contiguous storage: use std::vector<std::uint8_t>");
  }

  const std::vector<std::size_t>& shape() const { return shape_; }
  const std::string& dtype() const { return dtype_; }  // NumPy's type string, "<f4" for float
  const std::string& bytes() const { return bytes_; }  // little-endian, row-major, without the header
  std::size_t size() const { return bytes_.size() / detail::npy_item_size(dtype_); }

  // The numbers as T, converted where the array holds another type.
  template <class T>
  std::vector<T> values() const {
    static_assert(!std::is_same_v<T, bool>,
                  "ask for std::uint8_t: std::vector<bool> has no contiguous storage");
    std::vector<T> result(size());
    if (dtype_ == detail::npy_descr<T>()) {
      if (!bytes_.empty()) std::memcpy(result.data(), bytes_.data(), bytes_.size());
      return result;
    }
    const std::size_t width = detail::npy_item_size(dtype_);
    for (std::size_t index = 0; index < result.size(); ++index) {
      detail::npy_visit(dtype_, bytes_.data() + index * width,
                        [&](auto value) { result[index] = static_cast<T>(value); });
    }
    return result;
  }

  bool operator==(const NpyArray&) const = default;

  std::string encode() const;                     // the whole .npy file, format version 1.0
  static NpyArray decode(std::string_view file);  // throws NpyError

 private:
  NpyArray(std::string dtype, std::vector<std::size_t> shape, std::string bytes)
      : dtype_(std::move(dtype)), shape_(std::move(shape)), bytes_(std::move(bytes)) {
    static_assert(std::endian::native == std::endian::little,
                  "NpyArray stores little-endian numbers as they lie");
    if (item_count(shape_) * detail::npy_item_size(dtype_) != bytes_.size()) {
      throw NpyError("NPY: shape " + shape_text(shape_) + " does not fit " +
                     std::to_string(bytes_.size() / detail::npy_item_size(dtype_)) + " values");
    }
  }

  static std::string shape_text(const std::vector<std::size_t>& shape) {
    std::string text = "(";
    for (std::size_t index = 0; index < shape.size(); ++index) {
      text += (index > 0 ? ", " : "") + std::to_string(shape[index]);
    }
    return text + (shape.size() == 1 ? ",)" : ")");
  }

  static std::size_t item_count(const std::vector<std::size_t>& shape) {
    std::size_t count = 1;
    for (const std::size_t extent : shape) {
      if (extent != 0 && count > std::numeric_limits<std::size_t>::max() / 16 / extent) {
        throw NpyError("NPY: shape " + shape_text(shape) + " is too large");
      }
      count *= extent;
    }
    return count;
  }

  std::string dtype_ = "<f4";
  std::vector<std::size_t> shape_{0};
  std::string bytes_;
};

namespace detail {

// Reads the header's Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class NpyHeader {
 public:
  explicit NpyHeader(std::string_view text) : rest_(text) {
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr")
        descr = quoted();
      else if (key == "fortran_order")
        fortran_order = truth();
      else if (key == "shape")
        shape = tuple();
      else
        throw NpyError("NPY: the header has the unknown key '" + key + "'");
      ++keys_seen_;
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty() || keys_seen_ != 3 || descr.empty()) throw NpyError("NPY: malformed header");
  }

  std::string descr;
  bool fortran_order = false;
  std::vector<std::size_t> shape;

 private:
  void skip_space() {
    const std::size_t start = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
  }
  bool accept(char wanted) {
    skip_space();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) throw NpyError(std::string("NPY: malformed header: '") + wanted + "' expected");
  }
  std::string quoted() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"')
      throw NpyError("NPY: malformed header (structured types are not supported)");
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) throw NpyError("NPY: malformed header: unterminated text");
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool truth() {
    skip_space();
    for (const auto& [word, value] :
         {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (rest_.substr(0, word.size()) == word) {
        rest_.remove_prefix(word.size());
        return value;
      }
    }
    throw NpyError("NPY: malformed header: fortran_order is neither True nor False");
  }
  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> extents;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::size_t digits = 0;
      std::size_t extent = 0;
      for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
        extent = extent * 10 + static_cast<std::size_t>(rest_[digits] - '0');
      }
      if (digits == 0 || digits > 18 || extents.size() == 32)
        throw NpyError("NPY: malformed header: bad shape");
      rest_.remove_prefix(digits);
      accept('L');  // Python 2 wrote long integers so
      extents.push_back(extent);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return extents;
  }

  std::string_view rest_;
  int keys_seen_ = 0;
};

// Column-major items put into row-major order.
inline std::string npy_to_row_major(std::string_view items, const std::vector<std::size_t>& shape,
                                    std::size_t width) {
  std::string result(items.size(), '\0');
  std::vector<std::size_t> position(shape.size(), 0);
  for (std::size_t source = 0; source * width < items.size(); ++source) {
    std::size_t target = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) target = target * shape[axis] + position[axis];
    std::memcpy(result.data() + target * width, items.data() + source * width, width);
    for (std::size_t axis = 0; axis < shape.size() && ++position[axis] == shape[axis]; ++axis)
      position[axis] = 0;
  }
  return result;
}

}  // namespace detail

inline std::string NpyArray::encode() const {
  std::string header =
      "{'descr': '" + dtype_ + "', 'fortran_order': False, 'shape': " + shape_text(shape_) + ", }";
  constexpr std::size_t prefix_size = 10;  // magic, version, header length
  const std::size_t unpadded = prefix_size + header.size() + 1;
  header.append((64 - unpadded % 64) % 64, ' ');  // the numbers start at a multiple of 64 bytes
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file.reserve(prefix_size + header.size() + bytes_.size());
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  file += bytes_;
  return file;
}

inline NpyArray NpyArray::decode(std::string_view file) {
  if (file.size() < 10 || file.substr(0, 6) != std::string_view("\x93NUMPY", 6)) {
    throw NpyError("NPY: the data does not begin with NumPy's magic bytes");
  }
  const auto byte_at = [&](std::size_t index) {
    return std::size_t{static_cast<unsigned char>(file[index])};
  };
  const std::size_t version = byte_at(6);
  if (version < 1 || version > 3)
    throw NpyError("NPY: format version " + std::to_string(version) + " is not known");
  const std::size_t prefix_size = version == 1 ? 10 : 12;
  if (file.size() < prefix_size) throw NpyError("NPY: the header is cut off");
  std::size_t header_size = byte_at(8) | byte_at(9) << 8;
  if (version > 1) header_size |= byte_at(10) << 16 | byte_at(11) << 24;
  if (file.size() - prefix_size < header_size) throw NpyError("NPY: the header is cut off");
  detail::NpyHeader header(file.substr(prefix_size, header_size));
  const std::size_t width = detail::npy_item_size(header.descr);
  if (width == 0) throw NpyError("NPY: numbers of type '" + header.descr + "' are not supported");

  const std::string_view items = file.substr(prefix_size + header_size);
  const std::size_t count = item_count(header.shape);
  if (count * width != items.size()) {
    throw NpyError("NPY: shape " + shape_text(header.shape) + " of '" + header.descr + "' needs " +
                   std::to_string(count * width) + " bytes, the data has " + std::to_string(items.size()));
  }
  std::string bytes = header.fortran_order && header.shape.size() > 1
                          ? detail::npy_to_row_major(items, header.shape, width)
                          : std::string(items);
  if (header.descr[0] == '>' && width > 1) {
    for (std::size_t start = 0; start < bytes.size(); start += width) {
      for (std::size_t low = 0; low < width / 2; ++low)
        std::swap(bytes[start + low], bytes[start + width - 1 - low]);
    }
  }
  header.descr[0] = width == 1 ? '|' : '<';
  return NpyArray(std::move(header.descr), std::move(header.shape), std::move(bytes));
}

}  // namespace sagemaker
