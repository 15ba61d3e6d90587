// How object bytes move: where the bytes of requests come from, and where received bytes go to. Received
// bytes are checked against the checksum that S3 stored with the object before anyone gets to rely on them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sagemaker/aws/checksum.hpp>
#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/transport.hpp>
#include <sagemaker/clients/s3_types.hpp>

namespace sagemaker {

// The bytes of a stream as an upload's source: s3.put_object({..., .reader = s3_reader(stream), ...}).
inline S3Reader s3_reader(std::istream& stream) {
  return [&stream](char* buffer, std::size_t size) {
    stream.read(buffer, static_cast<std::streamsize>(size));
    if (stream.bad()) throw Error("The stream to upload from could not be read");
    return static_cast<std::size_t>(stream.gcount());
  };
}

}  // namespace sagemaker

namespace sagemaker::aws {

struct BodyDigests {
  std::string checksum;    // base64; empty where none was asked for
  std::string sha256_hex;  // of all bytes
};

// Reads the whole source once.
inline BodyDigests digest_body(BodySource& source, std::optional<ChecksumAlgorithm> algorithm) {
  BodyDigests digests;
  Sha256 sha;
  std::optional<Checksum> checksum;
  if (algorithm) checksum.emplace(*algorithm);
  std::vector<char> buffer(256 * 1024);
  source.rewind();
  while (const std::size_t count = source.read(buffer.data(), buffer.size())) {
    const std::string_view piece(buffer.data(), count);
    if (checksum) checksum->update(piece);
    sha.update(piece);
  }
  source.rewind();
  digests.sha256_hex = to_hex(sha.finish());
  if (checksum) digests.checksum = base64_encode(checksum->finish());
  return digests;
}

// Bytes that several attempts and holders share.
class BytesSource final : public BodySource {
 public:
  explicit BytesSource(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  bool can_rewind() const override { return true; }
  void rewind() override { at_ = 0; }
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t count = bytes_.copy(buffer, size, at_);
    at_ += count;
    return count;
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

// What a caller's function gives: read once, so it is never sent twice.
class ReaderSource final : public BodySource {
 public:
  ReaderSource(S3Reader reader, std::uint64_t size) : reader_(std::move(reader)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  bool can_rewind() const override { return false; }
  void rewind() override { throw Error("A body that is read from a function cannot be read again"); }
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - done_));
    if (wanted == 0) return 0;
    const std::size_t count = reader_(buffer, wanted);
    if (count == 0 || count > wanted) {
      throw Error("The body's function gave " + std::to_string(done_ + count) + " bytes where " +
                  std::to_string(size_) + " were announced");
    }
    done_ += count;
    return count;
  }

 private:
  S3Reader reader_;
  std::uint64_t size_, done_ = 0;
};

// Tells how far another source was read.
class WatchedSource final : public BodySource {
 public:
  WatchedSource(std::shared_ptr<BodySource> inner, S3BytesMoved moved)
      : inner_(std::move(inner)), moved_(std::move(moved)) {}
  std::uint64_t size() const override { return inner_->size(); }
  bool can_rewind() const override { return inner_->can_rewind(); }
  void rewind() override {
    inner_->rewind();
    if (const std::int64_t back = std::exchange(count_, 0); back > 0) moved_(-back);
  }
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t count = inner_->read(buffer, size);
    count_ += static_cast<std::int64_t>(count);
    moved_(static_cast<std::int64_t>(count));
    return count;
  }

 private:
  std::shared_ptr<BodySource> inner_;
  S3BytesMoved moved_;
  std::int64_t count_ = 0;
};

// Checks what arrives against the checksum of the whole object, where S3 sent one: not for ranges, and not
// for checksums of checksums.
class CheckedSink : public BodySink {
 public:
  void start(const HttpResponse& head) override {
    checksum_.reset();
    if (head.status != 200) return;
    for (const ChecksumAlgorithm algorithm : checksum_algorithms) {
      const std::string announced = head.headers.get(header_of(algorithm));
      if (announced.empty() || announced.find('-') != std::string::npos) continue;
      expected_ = announced;
      checksum_.emplace(algorithm);
      return;
    }
  }
  void write(std::string_view piece) override {
    if (checksum_) checksum_->update(piece);
  }
  // Throws where the bytes are not those that were stored.
  void check() {
    if (!checksum_) return;
    const std::string_view name = name_of(checksum_->algorithm());
    const std::string value = base64_encode(std::exchange(checksum_, std::nullopt)->finish());
    if (value == expected_) return;
    throw ChecksumError("Expected checksum " + expected_ + " did not match calculated checksum: " + value +
                        " (" + std::string(name) + ")");
  }

 private:
  std::optional<Checksum> checksum_;
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

[[noreturn]] inline void throw_file_error(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// All of the bytes, at an offset. Throws std::system_error.
inline void write_at(int descriptor, std::string_view bytes, std::uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_file_error("Cannot write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

// A file that appears under its name only when it is complete: bytes go to a temporary name beside it first.
// Whatever goes wrong, the temporary file is removed and an older file of that name stays.
class FileSink : public CheckedSink {
 public:
  explicit FileSink(std::filesystem::path path)
      : path_(std::move(path)),
        temporary_((path_.parent_path() / (".sagemaker-" + uuid4() + ".part")).string()) {}
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
    offset_ = 0;
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw_file_error("Cannot create " + temporary_);
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
    if (descriptor >= 0 && ::close(descriptor) != 0) throw_file_error("Cannot write " + temporary_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_file_error("Cannot create " + path_.string());
    exists_ = false;
  }

 private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;

  void flush() {
    write_at(descriptor_, buffer_, offset_, temporary_);
    offset_ += buffer_.size();
    buffer_.clear();
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  std::filesystem::path path_;
  std::string temporary_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
  int descriptor_ = -1;
  bool exists_ = false;
};

}  // namespace sagemaker::aws
