// See byte_source.hpp.
#include "emulator/runner/training/byte_source.hpp"

#include <algorithm>
#include <vector>

#include <unistd.h>
#include <zlib.h>

namespace sagemaker::local::runner {
namespace {

class PlainSource final : public ByteSource {
 public:
  PlainSource(int file, const std::string& name) : file_(file), name_(name) {}

  std::size_t read(char* target, std::size_t size) override {
    ssize_t length = 0;
    do {
      length = ::pread(file_, target, size, offset_);
    } while (length < 0 && errno == EINTR);
    if (length < 0) throw std::system_error(errno, std::generic_category(), "cannot read " + name_);
    offset_ += length;
    return static_cast<std::size_t>(length);
  }

 private:
  int file_;
  std::string name_;
  off_t offset_ = 0;
};

// One gzip member or several, one behind the other, as gunzip takes them.
class GzipSource final : public ByteSource {
 public:
  GzipSource(int file, const std::string& name) : packed_(file, name), name_(name), input_(64 * 1024) {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(char* target, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(target);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1u << 30));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (stream_.avail_in == 0) fill();
      if (stream_.avail_in == 0) {
        if (inside_) fail("ends too early");
        return 0;
      }
      // Behind a member tools may have padded with zeros.
      if (!inside_ && members_ > 0 && *stream_.next_in == 0) {
        ++stream_.next_in, --stream_.avail_in;
        continue;
      }
      inside_ = true;
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        inside_ = false;
        ++members_;
        ::inflateReset(&stream_);
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        fail(stream_.msg ? stream_.msg : "is damaged");
      }
    }
    return wanted - stream_.avail_out;
  }

 private:
  void fill() {
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(packed_.read(input_.data(), input_.size()));
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error("the object " + name_ + " is not a whole gzip stream: " + why);
  }

  PlainSource packed_;
  std::string name_;
  std::vector<char> input_;
  z_stream stream_{};
  bool inside_ = false;  // of a member
  int members_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> byte_source(const UniqueFd& file, bool gzip, const std::string& name) {
  if (gzip) return std::make_unique<GzipSource>(file.get(), name);
  return std::make_unique<PlainSource>(file.get(), name);
}

}  // namespace sagemaker::local::runner
