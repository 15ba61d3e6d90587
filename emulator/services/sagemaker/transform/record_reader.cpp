// See record_reader.hpp.
#include "emulator/services/sagemaker/transform/record_reader.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <sagemaker/aws/crc.hpp>
#include <sagemaker/formats/record_io.hpp>

#include "emulator/services/sagemaker/transform/object_transform.hpp"

namespace sagemaker::local::services::transform {
namespace {

using formats::little_endian;
using formats::RecordIoReader;

constexpr std::size_t buffer_bytes_min = 256 * 1024;

std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(aws::crc32c(bytes), 15) + 0xA282EAD8u; }

}  // namespace

void fail_too_large() { throw TransformFailure("Too much data for max payload size"); }

RecordReader::RecordReader(runner::ByteSource& source, Split split, std::size_t record_bytes_max)
    : source_(source),
      split_(split),
      record_bytes_max_(record_bytes_max),
      buffer_(std::make_unique_for_overwrite<char[]>(buffer_bytes_min)),
      capacity_(buffer_bytes_min) {}

bool RecordReader::next(Record& record) {
  switch (split_) {
    case Split::none:
      return next_whole(record);
    case Split::line:
      return next_line(record);
    case Split::record_io:
      return next_record_io(record);
    case Split::tf_record:
      break;
  }
  return next_tf_record(record);
}

bool RecordReader::fill() {
  const std::size_t size = end_ - begin_;
  if (size > capacity_ / 2) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_ * 2);
    std::memcpy(larger.get(), buffer_.get() + begin_, size);
    buffer_ = std::move(larger);
    capacity_ *= 2;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, size);
  }
  begin_ = 0;
  end_ = size;
  const std::size_t got = source_.read(buffer_.get() + end_, capacity_ - end_);
  end_ += got;
  return got > 0;
}

bool RecordReader::have(std::size_t size) {
  while (unread().size() < size) {
    if (!fill()) return false;
  }
  return true;
}

void RecordReader::take(Record& record, std::string_view framed, std::string_view content) {
  if (content.size() > record_bytes_max_) fail_too_large();
  record = {content, framed};
  begin_ += framed.size();
}

bool RecordReader::next_whole(Record& record) {
  do {
    if (unread().size() > record_bytes_max_) fail_too_large();
  } while (fill());
  if (unread().empty()) return false;
  take(record, unread(), unread());
  return true;
}

bool RecordReader::next_line(Record& record) {
  std::size_t looked = 0;
  while (true) {
    const std::string_view bytes = unread();
    const std::size_t end = bytes.find('\n', looked);
    if (end != std::string_view::npos) {
      std::string_view content = bytes.substr(0, end);
      if (content.ends_with('\r')) content.remove_suffix(1);
      take(record, bytes.substr(0, end + 1), content);
      return true;
    }
    looked = bytes.size();
    if (looked > 0 && looked - 1 > record_bytes_max_) fail_too_large();  // all but the \r of its end
    if (fill()) continue;
    if (looked == 0) return false;
    take(record, unread(), unread());
    return true;
  }
}

// How far the record reaches is found here, what is in it by the reader that everything shares.
bool RecordReader::next_record_io(Record& record) {
  if (!have(1)) return false;
  ++count_;
  constexpr std::size_t header_bytes = 8;
  constexpr std::uint32_t first = 1, middle = 2;
  std::size_t size = 0, content_size = 0;
  for (bool more = true; more && have(size + header_bytes);) {
    const char* const header = unread().data() + size;
    if (little_endian<std::uint32_t>(header) != RecordIoReader::magic) break;
    const auto word = little_endian<std::uint32_t>(header + 4);
    const std::size_t length = word & RecordIoReader::record_bytes_max;
    content_size += (size > 0 ? sizeof RecordIoReader::magic : 0) + length;
    if (content_size > record_bytes_max_) fail_too_large();
    size += header_bytes + (length + 3) / 4 * 4;
    have(size);  // the padding of the last record may be missing
    more = word >> 29 == first || word >> 29 == middle;
    if (!more) {
      const std::string_view framed = unread().substr(0, size);
      std::string_view content;
      try {
        RecordIoReader(framed, count_ - 1).next(content, joined_);
      } catch (const formats::FormatError& error) {
        throw TransformFailure("Bad RecordIO: " + std::string(error.what()));
      }
      take(record, framed, content);
      return true;
    }
  }
  fail(have(size + header_bytes) ? "does not begin with RecordIO's magic number" : "is truncated");
}

bool RecordReader::next_tf_record(Record& record) {
  if (!have(1)) return false;
  ++count_;
  constexpr std::size_t length_bytes = 8, crc_bytes = 4, header_bytes = length_bytes + crc_bytes;
  if (!have(header_bytes)) fail("is truncated");
  const auto length = little_endian<std::uint64_t>(unread().data());
  if (masked_crc(unread().substr(0, length_bytes)) !=
      little_endian<std::uint32_t>(unread().data() + length_bytes))
    fail("has a length whose checksum is wrong");
  if (length > record_bytes_max_) fail_too_large();
  constexpr std::size_t framing_bytes = header_bytes + crc_bytes;
  if (length > SIZE_MAX - framing_bytes || !have(length + framing_bytes)) fail("is truncated");
  const std::string_view framed = unread().substr(0, length + framing_bytes);
  const std::string_view content = framed.substr(header_bytes, length);
  if (masked_crc(content) != little_endian<std::uint32_t>(content.data() + length))
    fail("has data whose checksum is wrong");
  take(record, framed, content);
  return true;
}

void RecordReader::fail(const std::string& what) const {
  throw TransformFailure((split_ == Split::record_io ? "Bad RecordIO: record " : "Bad TFRecord: record ") +
                         std::to_string(count_) + " " + what);
}

}  // namespace sagemaker::local::services::transform
