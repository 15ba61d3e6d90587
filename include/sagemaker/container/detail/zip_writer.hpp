// A ZIP archive without compression, whose files begin at multiples of 64 bytes, as PyTorch wants them.
// Without libtorch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <zlib.h>

namespace sagemaker::container::detail {

class ZipWriter {
 public:
  // All files together must stay below 4 GB.
  void add(std::string_view name, std::string_view content) {
    const std::size_t offset = out_.size();
    const auto* const bytes = reinterpret_cast<const Bytef*>(content.data());
    const auto checksum = static_cast<std::uint32_t>(::crc32_z(0, bytes, content.size()));
    std::size_t padding = (alignment - (offset + local_bytes + name.size()) % alignment) % alignment;
    if (padding > 0 && padding < 4) padding += alignment;  // an extra field has a head of four bytes
    number(out_, 0x04034B50, 4);
    common_head(out_, checksum, content.size(), name.size());
    number(out_, padding, 2);
    out_ += name;
    if (padding > 0) {
      out_ += "FB";  // the mark of PyTorch's padding
      number(out_, padding - 4, 2);
      out_.append(padding - 4, 'Z');
    }
    out_ += content;

    number(directory_, 0x02014B50, 4);
    number(directory_, 0, 2);
    common_head(directory_, checksum, content.size(), name.size());
    directory_.append(12, '\0');  // no extra field, no comment, first disk, no attributes
    number(directory_, offset, 4);
    directory_ += name;
    ++count_;
  }

  std::string finish() {
    const std::size_t offset = out_.size();
    out_ += directory_;
    number(out_, 0x06054B50, 4);
    number(out_, 0, 4);
    number(out_, count_, 2);
    number(out_, count_, 2);
    number(out_, directory_.size(), 4);
    number(out_, offset, 4);
    number(out_, 0, 2);
    return std::move(out_);
  }

 private:
  static constexpr std::size_t alignment = 64, local_bytes = 30;

  static void number(std::string& out, std::size_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 0xFF);
  }

  // What both headers of a file share: version, flags, method, time, checksum, sizes, length of the name.
  static void common_head(std::string& out, std::uint32_t checksum, std::size_t size, std::size_t name_size) {
    number(out, 20, 2);
    number(out, 0, 4);           // no flags, stored
    number(out, 0x00210000, 4);  // midnight of 1 January 1980
    number(out, checksum, 4);
    number(out, size, 4);
    number(out, size, 4);
    number(out, name_size, 2);
  }

  std::string out_, directory_;
  std::size_t count_ = 0;
};

}  // namespace sagemaker::container::detail
