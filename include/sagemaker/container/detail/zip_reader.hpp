// Files in a ZIP archive that is in memory, by its central directory: what NumPy (npz) and PyTorch
// (tensor/pt) write. APPNOTE.TXT, 4.3 and 4.4: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
// Without libtorch.
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

struct ZipEntry {
  std::string_view name;
  std::string_view stored;  // its bytes as they are in the archive
  std::size_t size = 0;     // when it is decompressed
  std::uint32_t checksum = 0;
  bool compressed = false;
};

class ZipReader {
 public:
  // `what` begins the messages of errors: "invalid NPZ input". Throws RequestError 400.
  ZipReader(std::string_view archive, std::string what) : archive_(archive), what_(std::move(what)) {
    std::size_t at = find_end();
    const std::size_t count = number16(at + 10);
    at = number32(at + 16);
    for (std::size_t i = 0; i < count; ++i) at = read_entry(at);
  }

  const std::vector<ZipEntry>& entries() const { return entries_; }

  // Null where there is none.
  const ZipEntry* find(std::string_view name) const {
    for (const ZipEntry& entry : entries_) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }

  // Its content: in the archive itself, or in `buffer`, where it had to be decompressed.
  std::string_view content(const ZipEntry& entry, std::string& buffer) const {
    std::string_view found = entry.stored;
    if (entry.compressed) {
      check_decoded_size(what_ + ": it", entry.size, 1, archive_.size());
      inflate_into(entry, buffer);
      found = buffer;
    }
    const auto* const bytes = reinterpret_cast<const Bytef*>(found.data());
    if (::crc32_z(0, bytes, found.size()) != entry.checksum)
      fail("the checksum of '" + shown(entry) + "' is wrong");
    return found;
  }

  [[noreturn]] void fail(const std::string& what) const { throw RequestError(400, what_ + ": " + what); }

 private:
  static constexpr std::size_t end_bytes = 22, directory_bytes = 46, local_bytes = 30;

  static std::string shown(const ZipEntry& entry) { return std::string(entry.name.substr(0, 60)); }

  // Little-endian numbers; the caller has looked where the archive ends.
  std::uint32_t number(std::size_t at, int bytes) const {
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value |= std::uint32_t{static_cast<unsigned char>(archive_[at + static_cast<std::size_t>(i)])} << 8 * i;
    }
    return value;
  }
  std::uint32_t number16(std::size_t at) const { return number(at, 2); }
  std::uint32_t number32(std::size_t at) const { return number(at, 4); }

  // Fails where the archive ends before `bytes` more.
  void need(std::size_t at, std::size_t bytes) const {
    if (at > archive_.size() || archive_.size() - at < bytes) fail("the archive is truncated");
  }

  // The record at the very end, which a comment of up to 65,535 bytes may follow.
  std::size_t find_end() const {
    const auto at = archive_.rfind(std::string_view("PK\x05\x06", 4));
    if (!archive_.starts_with("PK") || at == std::string_view::npos) fail("it is not a ZIP archive");
    need(at, end_bytes);
    return at;
  }

  std::size_t read_entry(std::size_t at) {
    need(at, directory_bytes);
    if (archive_.substr(at, 4) != std::string_view("PK\x01\x02", 4)) fail("its directory cannot be read");
    const std::uint32_t flags = number16(at + 8), method = number16(at + 10);
    const std::size_t stored = number32(at + 20), size = number32(at + 24), name_bytes = number16(at + 28);
    const std::size_t local = number32(at + 42);
    need(at + directory_bytes, name_bytes);
    ZipEntry entry{
        archive_.substr(at + directory_bytes, name_bytes), {}, size, number32(at + 16), method == 8};
    if ((flags & 1) != 0 || (method != 0 && method != 8))
      fail("'" + shown(entry) + "' is encrypted or not compressed by deflate");
    if (size == UINT32_MAX || stored == UINT32_MAX || local == UINT32_MAX)
      fail("'" + shown(entry) + "' has a 64-bit size; only archives below 4 GB are read");
    need(local, local_bytes);
    if (archive_.substr(local, 4) != std::string_view("PK\x03\x04", 4)) fail("its entries cannot be read");
    const std::size_t data = local + local_bytes + number16(local + 26) + number16(local + 28);
    need(data, stored);
    if (method == 0 && stored != size) fail("'" + shown(entry) + "' has two sizes");
    entry.stored = archive_.substr(data, stored);
    entries_.push_back(entry);
    return at + directory_bytes + name_bytes + number16(at + 30) + number16(at + 32);
  }

  void inflate_into(const ZipEntry& entry, std::string& buffer) const {
    // Deflate makes nothing more than 1,032 times smaller.
    if (entry.size / 1040 > entry.stored.size()) fail("'" + shown(entry) + "' cannot be decompressed");
    buffer.resize(entry.size);
    z_stream stream{};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(entry.stored.data()));
    stream.avail_in = static_cast<uInt>(entry.stored.size());
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int result = ::inflate(&stream, Z_FINISH);
    const bool complete = result == Z_STREAM_END && stream.avail_out == 0;
    ::inflateEnd(&stream);
    if (!complete) fail("'" + shown(entry) + "' cannot be decompressed");
  }

  std::string_view archive_;
  std::string what_;
  std::vector<ZipEntry> entries_;
};

}  // namespace sagemaker::container::detail
