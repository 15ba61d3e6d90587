// RecordIO framing: a magic number, the length with a flag in its upper three bits, the bytes, zeros up to a
// multiple of four. Source: sagemaker-training-toolkit, recordio.py; a record too long for 29 bits is written
// in parts whose bytes follow each other, as sagemaker-tensorflow-extensions' RecordIOReader joins them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sagemaker::local::runner {

inline constexpr std::uint32_t record_io_magic = 0xCED7230A;
inline constexpr std::uint32_t record_io_part_max = (1u << 29) - 4;  // whole words, so no padding in between

struct RecordIoPart {
  std::uint32_t length = 0;
  std::uint32_t flag = 0;  // 0: all of a record; 1: its first part, 2: one in the middle, 3: the last
};

// How a record of `size` bytes is divided; one part for an empty one.
inline std::vector<RecordIoPart> record_io_parts(std::uint64_t size,
                                                 std::uint32_t part_max = record_io_part_max) {
  std::vector<RecordIoPart> parts;
  do {
    const auto length = static_cast<std::uint32_t>(size < part_max ? size : part_max);
    size -= length;
    parts.push_back({length, size > 0 ? 2u : 3u});
  } while (size > 0);
  parts.front().flag = parts.size() > 1 ? 1 : 0;
  return parts;
}

// Eight bytes, little endian.
inline std::string record_io_header(const RecordIoPart& part) {
  std::string header;
  for (const std::uint32_t word : {record_io_magic, part.flag << 29 | part.length})
    for (int shift = 0; shift < 32; shift += 8) header += static_cast<char>(word >> shift & 0xFF);
  return header;
}

inline std::string record_io_padding(const RecordIoPart& part) {
  return std::string((4 - part.length % 4) % 4, '\0');
}

}  // namespace sagemaker::local::runner
