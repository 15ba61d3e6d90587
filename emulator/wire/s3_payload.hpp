// The body of an S3 request as the service reads it: aws-chunked framing removed, the payload hash and the
// signatures of chunks checked on the way. What does not match throws at the end of read(), before anything
// was published.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/http/message.hpp"
#include "emulator/limits.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/wire/authenticator.hpp"
#include "emulator/wire/s3_chunked.hpp"

namespace sagemaker::local::wire {

class S3Payload final : public services::s3::BodySource {
 public:
  // Throws ServiceFault for headers that contradict each other. All three must outlive this object.
  S3Payload(http::Request& request, const Identity& identity, const S3Limits& limits);

  std::optional<std::uint64_t> length() const override { return length_; }
  void read(const std::function<void(std::string_view)>& sink) override;
  json trailer() const override;

  // The algorithm whose checksum is to come behind the body; "" where there is none.
  const std::string& trailer_algorithm() const { return trailer_algorithm_; }
  // A body without any length: S3 refuses to store one. Throws ServiceFault.
  void require_length() const;
  // The whole body in memory, for documents.
  std::string read_all(std::size_t bytes_max);

 private:
  void read_raw(const std::function<void(std::string_view)>& sink);
  void prepare_chunks(bool is_signed, bool has_trailer);
  ChunkVerifier verifier() const;

  http::Request& request_;
  const Identity& identity_;
  const S3Limits& limits_;
  std::optional<std::uint64_t> length_;
  std::string trailer_algorithm_;
  std::unique_ptr<ChunkedDecoder> decoder_;
};

}  // namespace sagemaker::local::wire
