#include "emulator/wire/content_encoding.hpp"

#include <array>
#include <memory>

#include <zlib.h>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

std::string inflated(const std::string& body, std::size_t bytes_max) {
  z_stream stream{};
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  // zlib's interface is older than const.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string result;
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    const int code = inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END)
      throw http::BodyError(400, "The request body is not the gzip data that Content-Encoding announces");
    result.append(buffer.data(), buffer.size() - stream.avail_out);
    if (result.size() > bytes_max)
      throw http::BodyError(413, "The request body is larger than " + std::to_string(bytes_max) +
                                     " bytes when it is decompressed");
    if (code != Z_STREAM_END) continue;
    if (stream.avail_in == 0) return result;
    if (inflateReset(&stream) != Z_OK) throw std::bad_alloc();  // a file may have several members
  }
}

}  // namespace

std::string decode_content(const http::Request& request, std::string body, std::size_t bytes_max) {
  const std::string coding = aws::to_lower(request.headers.get("Content-Encoding"));
  if (coding.empty() || coding == "identity") return body;
  if (coding != "gzip")
    throw ServiceFault("UnsupportedMediaTypeException", 415,
                       "The Content-Encoding " + coding + " is not supported.");
  return inflated(body, bytes_max);
}

}  // namespace sagemaker::local::wire
