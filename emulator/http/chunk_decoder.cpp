// See chunk_decoder.hpp.
#include "emulator/http/chunk_decoder.hpp"

#include <algorithm>

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kSizeLineBytesMax = 1024;      // size and extensions; longer ones serve attacks only
constexpr std::size_t kTrailerBytesMax = 16 * 1024;  // all trailer lines together
constexpr std::size_t kSizeDigitsMax = 15;           // more would not fit a signed 64-bit count

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool ChunkDecoder::collect_line(std::string_view& input, std::size_t bytes_max, const char* what) {
  const std::size_t line_feed = input.find('\n');
  const std::size_t take = line_feed == std::string_view::npos ? input.size() : line_feed + 1;
  if (line_.size() + take > bytes_max) throw ChunkError(std::string(what) + " is too long");
  line_.append(input.substr(0, take));
  input.remove_prefix(take);
  if (line_feed == std::string_view::npos) return false;
  if (line_.size() < 2 || line_[line_.size() - 2] != '\r')
    throw ChunkError(std::string(what) + " does not end with CRLF");
  line_.resize(line_.size() - 2);
  return true;
}

void ChunkDecoder::begin_chunk() {
  std::size_t digits = 0;
  remaining_ = 0;
  for (; digits < line_.size() && hex_digit(line_[digits]) >= 0; ++digits) {
    if (digits == kSizeDigitsMax) throw ChunkError("a chunk size has too many digits");
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(hex_digit(line_[digits]));
  }
  // Behind the size only an extension may follow, which is ignored.
  if (digits == 0 || (digits < line_.size() && line_[digits] != ';'))
    throw ChunkError("a chunk size is malformed");
  if (line_.find_first_of(std::string_view("\r\0", 2)) != std::string::npos) {
    throw ChunkError("a chunk size is malformed");
  }
  line_.clear();
  state_ = remaining_ > 0 ? State::data : State::trailer;
}

void ChunkDecoder::end_trailer_line() {
  if (line_.empty()) state_ = State::done;
  trailer_bytes_ += line_.size() + 2;
  line_.clear();  // trailers are not used: those of AWS travel inside the aws-chunked coding
}

std::size_t ChunkDecoder::feed(std::string_view input, const std::function<void(std::string_view)>& sink) {
  const std::size_t offered = input.size();
  while (!input.empty() && state_ != State::done) {
    switch (state_) {
      case State::size_line:
        if (collect_line(input, kSizeLineBytesMax, "a chunk size line")) begin_chunk();
        break;
      case State::data: {
        const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
        sink(input.substr(0, take));
        input.remove_prefix(take);
        remaining_ -= take;
        if (remaining_ == 0) state_ = State::data_end;
        break;
      }
      case State::data_end:
        if (collect_line(input, 2, "a chunk")) state_ = State::size_line;
        break;
      case State::trailer:
        if (collect_line(input, kTrailerBytesMax - trailer_bytes_, "the trailer section")) end_trailer_line();
        break;
      case State::done:
        break;
    }
  }
  return offered - input.size();
}

}  // namespace sagemaker::local::http
