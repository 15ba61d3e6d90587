// One HTTP exchange, without any library in sight: what clients hand to a transport and what they get back.
// Tests pass a transport that answers from a script; programs get the one of httplib_transport.hpp.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/headers.hpp>

namespace sagemaker::aws {

// A request body that is read in pieces, possibly more than once.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;
  // Up to `size` bytes; 0 at the end. Throws where reading fails.
  virtual std::size_t read(char* buffer, std::size_t size) = 0;
  // Back to the first byte for another attempt. A body that cannot go back is never sent twice.
  virtual bool can_rewind() const = 0;
  virtual void rewind() = 0;
};

// A file, or a part of it. Throws std::system_error with the path where it cannot be opened or read.
class FileSource final : public BodySource {
 public:
  explicit FileSource(const std::filesystem::path& path, std::uint64_t offset = 0,
                      std::optional<std::uint64_t> length = std::nullopt)
      : path_(path.string()), offset_(offset), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || S_ISDIR(status.st_mode)) {
      const int error = descriptor_ >= 0 && S_ISDIR(status.st_mode) ? EISDIR : errno;
      if (descriptor_ >= 0) ::close(descriptor_);
      throw std::system_error(error, std::generic_category(), "Cannot read " + path_);
    }
    const auto file_size = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t available = file_size > offset ? file_size - offset : 0;
    length_ = std::min(length.value_or(available), available);
  }
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::uint64_t size() const override { return length_; }
  bool can_rewind() const override { return true; }
  void rewind() override { done_ = 0; }

  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, length_ - done_));
    if (wanted == 0) return 0;
    ssize_t count = 0;
    do {
      count = ::pread(descriptor_, buffer, wanted, static_cast<off_t>(offset_ + done_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw std::system_error(errno, std::generic_category(), "Cannot read " + path_);
    if (count == 0)
      throw std::system_error(EIO, std::generic_category(), path_ + " became shorter while it was read");
    done_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }

 private:
  std::string path_;
  std::uint64_t offset_ = 0, length_ = 0, done_ = 0;
  int descriptor_ = -1;
};

struct HttpResponse {
  int status = 0;
  std::string reason;
  Headers headers;
  std::string body;  // empty where the body went to a sink
};

// Takes the body of a successful (2xx) response in pieces; bodies of errors always end up in
// HttpResponse::body.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Before the first piece of each response. The second call means: forget what came, it starts over.
  virtual void start(const HttpResponse& head) = 0;
  virtual void write(std::string_view piece) = 0;
  // Whether start() may be called again. If not, a response that broke off after its first byte is an error.
  virtual bool can_restart() const = 0;
};

struct HttpRequest {
  std::string method;
  std::string origin;  // scheme://host[:port], where to connect to
  std::string target;  // path and query exactly as they go over the wire: the signature covers these bytes
  Headers headers;     // with Host; Content-Length is the transport's
  std::string body;
  std::shared_ptr<BodySource> stream;  // instead of body
  BodySink* sink = nullptr;
  bool direct = false;     // never through a proxy
  bool idempotent = true;  // may be sent again where a kept connection turns out to be closed
  std::stop_token stop;    // ends the exchange from another thread, with a TransportError (reset)
  std::chrono::milliseconds connect_timeout{60'000};
  std::chrono::milliseconds read_timeout{60'000};  // between two pieces, not for the whole answer
};

// Safe to call from several threads. Throws TransportError where no complete answer came; what a source or
// sink throws passes through unchanged. Never follows redirects, never inflates bodies, never retries on its
// own account, except once on a fresh connection where a kept one proved closed before any byte of the
// answer.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual HttpResponse send(const HttpRequest& request) = 0;
};

}  // namespace sagemaker::aws
