// Removes the chunked transfer coding (RFC 9112 7.1) from bytes that arrive in any division. Strict:
// hexadecimal sizes of at most 15 digits, CRLF line ends, bounded size lines and trailers. Pure, no sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sagemaker::local::http {

class ChunkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ChunkDecoder {
 public:
  // Decodes as much of `input` as there is of the body and hands data to `sink`. Returns how many bytes of
  // `input` belonged to the body: all of them until done(). Throws ChunkError; what `sink` throws passes
  // through, and the decoder is of no more use then.
  std::size_t feed(std::string_view input, const std::function<void(std::string_view data)>& sink);
  // The last chunk and the trailer section were read.
  bool done() const { return state_ == State::done; }

 private:
  enum class State { size_line, data, data_end, trailer, done };

  // Collects a line up to its CRLF in line_. True when it is complete.
  bool collect_line(std::string_view& input, std::size_t bytes_max, const char* what);
  void begin_chunk();
  void end_trailer_line();

  State state_ = State::size_line;
  std::uint64_t remaining_ = 0;  // of the current chunk
  std::size_t trailer_bytes_ = 0;
  std::string line_;
};

}  // namespace sagemaker::local::http
