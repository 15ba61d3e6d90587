// Decodes the aws-chunked transfer format: chunks with a size and perhaps a signature, then perhaps trailing
// headers. Bytes are pushed in as they arrive and handed on at once; nothing but one line is ever buffered.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/limits.hpp"

namespace sagemaker::local::wire {

struct ChunkedFormat {
  bool is_signed = false;  // every chunk carries chunk-signature
  bool has_trailer = false;
  std::uint64_t decoded_length = 0;             // x-amz-decoded-content-length
  std::vector<std::string> announced_trailers;  // x-amz-trailer, in lower case
};

// Whether a signature is right. Called in order, since each one covers the one before.
struct ChunkVerifier {
  std::function<bool(std::string_view signature, const std::string& chunk_sha256_hex)> chunk;
  std::function<bool(std::string_view signature, const std::string& trailer_lines)> trailer;
};

class ChunkedDecoder {
 public:
  using Sink = std::function<void(std::string_view)>;

  // Without functions in `verifier`, signatures are read and not checked.
  ChunkedDecoder(ChunkedFormat format, ChunkVerifier verifier, const S3Limits& limits);

  // Throw ServiceFault: IncompleteBody, InvalidRequest, MalformedTrailerError, SignatureDoesNotMatch.
  void push(std::string_view bytes, const Sink& sink);
  void finish();  // the input has ended: it must have been complete

  struct Trailer {
    std::string name, value;  // the name in lower case
  };
  const std::vector<Trailer>& trailers() const { return trailers_; }

 private:
  enum class State { header, data, data_end, trailer, done };

  // Takes bytes up to a line's end; nullopt: more are needed.
  std::optional<std::string> take_line(std::string_view& bytes, std::size_t bytes_max);
  void begin_chunk(const std::string& line);
  void take_data(std::string_view& bytes, const Sink& sink);
  void end_of_chunk();
  void take_trailer(const std::string& line);
  void end_of_trailer();

  ChunkedFormat format_;
  ChunkVerifier verifier_;
  S3Limits limits_;
  State state_ = State::header;
  std::string line_;
  std::uint64_t chunk_left_ = 0;
  std::uint64_t decoded_ = 0;
  bool last_chunk_ = false;
  std::string chunk_signature_;
  std::optional<aws::Sha256> chunk_hash_;
  std::size_t trailer_bytes_ = 0;
  bool blank_line_seen_ = false;
  std::string trailer_lines_;
  std::string trailer_signature_;
  std::vector<Trailer> trailers_;
};

}  // namespace sagemaker::local::wire
