// How object bytes move: the checksums of what is sent, and the places that received bytes go to. Received
// bytes are checked against the checksum that S3 stored with the object before anyone gets to rely on them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/transport.hpp>

namespace sagemaker::aws {

struct BodyDigests {
  std::uint32_t crc32 = 0;
  std::string sha256_hex;  // empty where it was not asked for
};

// Reads the whole source once.
inline BodyDigests digest_body(BodySource& source, bool with_sha256) {
  BodyDigests digests;
  std::optional<Sha256> sha;
  if (with_sha256) sha.emplace();
  std::vector<char> buffer(256 * 1024);
  source.rewind();
  while (const std::size_t count = source.read(buffer.data(), buffer.size())) {
    const std::string_view piece(buffer.data(), count);
    digests.crc32 = crc32(piece, digests.crc32);
    if (sha) sha->update(piece);
  }
  source.rewind();
  if (sha) digests.sha256_hex = to_hex(sha->finish());
  return digests;
}

// Counts and checks what arrives. The checksum of a whole object is compared where S3 sent one: not for
// ranges, and not for objects that were uploaded in parts, whose checksums are checksums of checksums.
class CheckedSink : public BodySink {
 public:
  void start(const HttpResponse& head) override {
    crc_ = 0;
    expected_.clear();
    if (head.status != 200 || head.headers.get("x-amz-checksum-type") == "COMPOSITE") return;
    const std::string announced = head.headers.get("x-amz-checksum-crc32");
    if (announced.find('-') == std::string::npos) expected_ = announced;
  }
  void write(std::string_view piece) override {
    if (!expected_.empty()) crc_ = crc32(piece, crc_);
  }
  // Throws where the bytes are not those that were stored.
  void check() const {
    if (expected_.empty() || crc32_base64(crc_) == expected_) return;
    throw Error("Expected checksum " + expected_ +
                " did not match calculated checksum: " + crc32_base64(crc_));
  }

 private:
  std::uint32_t crc_ = 0;
  std::string expected_;
};

class StringSink final : public CheckedSink {
 public:
  void start(const HttpResponse& head) override {
    CheckedSink::start(head);
    bytes.clear();
  }
  void write(std::string_view piece) override {
    CheckedSink::write(piece);
    bytes.append(piece);
  }
  bool can_restart() const override { return true; }

  std::string bytes;
};

// Hands pieces to a function as they come. What the function got cannot be taken back, so a download that
// breaks off is not started over.
class CallbackSink final : public CheckedSink {
 public:
  explicit CallbackSink(std::function<void(std::string_view)> receive) : receive_(std::move(receive)) {}
  void write(std::string_view piece) override {
    CheckedSink::write(piece);
    receive_(piece);
  }
  bool can_restart() const override { return false; }

 private:
  std::function<void(std::string_view)> receive_;
};

// A file that appears under its name only when it is complete: bytes go to a temporary name beside it first.
// Whatever goes wrong, the temporary file is removed and an older file of that name stays.
class FileSink final : public CheckedSink {
 public:
  explicit FileSink(std::filesystem::path path)
      : path_(std::move(path)), temporary_(path_.string() + "." + uuid4().substr(0, 8) + ".part") {}
  ~FileSink() override {
    close();
    if (exists_) ::unlink(temporary_.c_str());
  }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  void start(const HttpResponse& head) override {
    CheckedSink::start(head);
    close();
    buffer_.clear();
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("Cannot create " + temporary_);
    exists_ = true;
  }
  void write(std::string_view piece) override {
    CheckedSink::write(piece);
    buffer_.append(piece);  // transports hand out pieces as small as 4 KB
    if (buffer_.size() >= buffer_bytes) flush();
  }
  bool can_restart() const override { return true; }

  // Gives the file its name. Throws std::system_error.
  void commit() {
    flush();
    const int descriptor = std::exchange(descriptor_, -1);
    if (descriptor >= 0 && ::close(descriptor) != 0) fail("Cannot write " + temporary_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("Cannot create " + path_.string());
    exists_ = false;
  }

 private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;

  void flush() {
    std::string_view left = buffer_;
    while (!left.empty()) {
      const ssize_t count = ::write(descriptor_, left.data(), left.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("Cannot write " + temporary_);
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    buffer_.clear();
  }
  [[noreturn]] static void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  std::filesystem::path path_;
  std::string temporary_;
  std::string buffer_;
  int descriptor_ = -1;
  bool exists_ = false;
};

}  // namespace sagemaker::aws
