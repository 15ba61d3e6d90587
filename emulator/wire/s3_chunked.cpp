#include "emulator/wire/s3_chunked.hpp"

#include <algorithm>
#include <charconv>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr std::string_view signature_mark = "chunk-signature=";
constexpr std::string_view trailer_signature_name = "x-amz-trailer-signature";

ServiceFault malformed(const std::string& what) {
  return {"InvalidRequest", 400, "The aws-chunked body is malformed: " + what + "."};
}

ServiceFault cut_off() { return {"IncompleteBody", 400, "The request body terminated unexpectedly"}; }

ServiceFault malformed_trailer() {
  return {"MalformedTrailerError", 400,
          "The request contained trailing data that was not well-formed or did not conform to our published "
          "schema."};
}

ServiceFault wrong_signature(std::string_view provided) {
  return {"SignatureDoesNotMatch",
          403,
          "The request signature we calculated does not match the signature you provided. Check your key and "
          "signing "
          "method.",
          {{"SignatureProvided", std::string(provided)}}};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

ChunkedDecoder::ChunkedDecoder(ChunkedFormat format, ChunkVerifier verifier, const S3Limits& limits)
    : format_(std::move(format)), verifier_(std::move(verifier)), limits_(limits) {}

void ChunkedDecoder::push(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::header:
        if (const auto line = take_line(bytes, limits_.chunk_header_bytes_max)) begin_chunk(*line);
        break;
      case State::data:
        take_data(bytes, sink);
        break;
      case State::data_end:
        if (const auto line = take_line(bytes, 2)) {
          if (!line->empty()) throw malformed("a chunk is longer than its size says");
          end_of_chunk();
        }
        break;
      case State::trailer:
        if (const auto line = take_line(bytes, limits_.trailer_bytes_max - trailer_bytes_))
          take_trailer(*line);
        break;
      case State::done:
        throw malformed("there are bytes behind its end");
    }
  }
}

void ChunkedDecoder::finish() {
  if (state_ == State::done) return;
  // Some clients leave out the empty line behind the trailing headers.
  if (state_ == State::trailer && line_.empty() && trailer_bytes_ > 0) return end_of_trailer();
  throw cut_off();
}

std::optional<std::string> ChunkedDecoder::take_line(std::string_view& bytes, std::size_t bytes_max) {
  const std::size_t end = bytes.find('\n');
  const std::size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  if (line_.size() + count > bytes_max) {
    throw state_ == State::trailer ? malformed_trailer() : malformed("a line is too long");
  }
  line_.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  if (end == std::string_view::npos) return std::nullopt;
  std::string line = std::exchange(line_, {});
  if (state_ == State::trailer) trailer_bytes_ += line.size();
  line.pop_back();
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  else if (state_ != State::trailer)
    throw malformed("a line does not end with CR LF");
  return line;
}

void ChunkedDecoder::begin_chunk(const std::string& line) {
  const std::string_view text = line;
  const std::size_t semicolon = text.find(';');
  const std::string_view size = text.substr(0, semicolon);
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), chunk_left_, 16);
  if (size.empty() || error != std::errc() || end != size.data() + size.size()) {
    throw malformed("a chunk size is not a hexadecimal number");
  }
  chunk_signature_.clear();
  if (semicolon != std::string_view::npos) {
    const std::string_view extension = trim(text.substr(semicolon + 1));
    if (extension.starts_with(signature_mark)) chunk_signature_ = extension.substr(signature_mark.size());
  }
  if (format_.is_signed && chunk_signature_.empty()) throw malformed("a chunk has no signature");
  if (chunk_left_ > format_.decoded_length - decoded_) {
    throw ServiceFault("IncompleteBody", 400,
                       "You did not provide the number of bytes specified by the Content-Length HTTP header");
  }
  if (format_.is_signed && verifier_.chunk) chunk_hash_.emplace();
  last_chunk_ = chunk_left_ == 0;
  if (!last_chunk_) {
    state_ = State::data;
    return;
  }
  if (!format_.has_trailer) {
    state_ = State::data_end;  // the last chunk is an empty one, and ends as any other
    return;
  }
  end_of_chunk();
}

void ChunkedDecoder::take_data(std::string_view& bytes, const Sink& sink) {
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, bytes.size()));
  const std::string_view piece = bytes.substr(0, count);
  bytes.remove_prefix(count);
  if (chunk_hash_) chunk_hash_->update(piece);
  sink(piece);
  decoded_ += count;
  chunk_left_ -= count;
  if (chunk_left_ == 0) state_ = State::data_end;
}

void ChunkedDecoder::end_of_chunk() {
  if (chunk_hash_) {
    const std::string hash = aws::to_hex(chunk_hash_->finish());
    chunk_hash_.reset();
    if (!verifier_.chunk(chunk_signature_, hash)) throw wrong_signature(chunk_signature_);
  }
  if (!last_chunk_) {
    state_ = State::header;
    return;
  }
  if (decoded_ != format_.decoded_length) {
    throw ServiceFault("IncompleteBody", 400,
                       "You did not provide the number of bytes specified by the Content-Length HTTP header");
  }
  state_ = format_.has_trailer ? State::trailer : State::done;
}

void ChunkedDecoder::take_trailer(const std::string& line) {
  if (line.empty()) {
    // Some clients put an empty line between the trailing headers and their signature.
    if (format_.is_signed && trailer_signature_.empty() && !trailers_.empty() && !blank_line_seen_) {
      blank_line_seen_ = true;
      return;
    }
    return end_of_trailer();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || trailers_.size() >= limits_.trailer_count_max) throw malformed_trailer();
  const std::string name = aws::to_lower(trim(std::string_view(line).substr(0, colon)));
  const std::string value(trim(std::string_view(line).substr(colon + 1)));
  if (name == trailer_signature_name) {
    if (!trailer_signature_.empty() || value.empty()) throw malformed_trailer();
    trailer_signature_ = value;
    return;
  }
  const bool announced = std::find(format_.announced_trailers.begin(), format_.announced_trailers.end(),
                                   name) != format_.announced_trailers.end();
  const bool repeated = std::any_of(trailers_.begin(), trailers_.end(),
                                    [&](const Trailer& trailer) { return trailer.name == name; });
  if (!announced || repeated || !trailer_signature_.empty()) throw malformed_trailer();
  trailer_lines_.append(name).append(":").append(value).append("\n");
  trailers_.push_back({name, value});
}

void ChunkedDecoder::end_of_trailer() {
  const bool complete = trailers_.size() == format_.announced_trailers.size() &&
                        (!format_.is_signed || !trailer_signature_.empty());
  if (!complete) throw malformed_trailer();
  if (format_.is_signed && verifier_.trailer && !verifier_.trailer(trailer_signature_, trailer_lines_)) {
    throw wrong_signature(trailer_signature_);
  }
  state_ = State::done;
}

}  // namespace sagemaker::local::wire
