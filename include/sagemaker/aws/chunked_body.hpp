// A body in S3's aws-chunked framing: the bytes of another source in chunks, and their checksum behind them
// as a trailer, so that nothing has to be read twice. Over TLS the chunks go unsigned; else each is signed
// with the one before it. Follows "Signature calculations for the Authorization header: transferring payload
// in multiple chunks".
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sagemaker/aws/checksum.hpp>
#include <sagemaker/aws/sigv4.hpp>
#include <sagemaker/aws/transport.hpp>

namespace sagemaker::aws {

class ChunkedSource final : public BodySource {
 public:
  static constexpr std::uint64_t chunk_bytes = 256 * 1024;

  ChunkedSource(std::shared_ptr<BodySource> inner, ChecksumAlgorithm algorithm, bool with_signatures)
      : inner_(std::move(inner)), algorithm_(algorithm), with_signatures_(with_signatures) {
    start();
  }

  ChecksumAlgorithm algorithm() const { return algorithm_; }
  std::uint64_t inner_size() const { return inner_->size(); }
  // The value of x-amz-content-sha256.
  const char* payload_hash() const {
    return with_signatures_ ? "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
                            : "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  }

  // Of the framing and what is in it: the framing depends on lengths alone.
  std::uint64_t size() const override {
    const std::uint64_t bytes = inner_->size();
    const std::uint64_t whole = bytes / chunk_bytes, rest = bytes % chunk_bytes;
    std::uint64_t total = whole * (head_size(chunk_bytes) + chunk_bytes + 2) + head_size(0);
    if (rest > 0) total += head_size(rest) + rest + 2;
    const std::string value(size_of(algorithm_), '\0');
    total += trailer_line(base64_encode(value)).size() + 4;  // "\r\n" behind the line and at the end
    if (with_signatures_) total += std::string_view("x-amz-trailer-signature:").size() + 64 + 2;
    return total;
  }
  bool can_rewind() const override { return inner_->can_rewind(); }
  void rewind() override {
    inner_->rewind();
    start();
  }

  // The signature of the request, which that of the first chunk continues.
  void begin(const sigv4::ChunkContext& context, const std::string& seed) {
    context_ = context;
    previous_ = seed_ = seed;
  }

  std::size_t read(char* buffer, std::size_t size) override {
    std::size_t done = 0;
    while (done < size) {
      if (at_ == frame_.size()) {
        if (ended_) break;
        next_frame();
      }
      const std::size_t count = std::min(size - done, frame_.size() - at_);
      std::memcpy(buffer + done, frame_.data() + at_, count);
      at_ += count;
      done += count;
    }
    return done;
  }

  // Base64, once everything was read; else empty.
  const std::string& checksum() const { return value_; }

 private:
  void start() {
    checksum_.emplace(algorithm_);
    value_.clear();
    previous_ = seed_;
    frame_.clear();
    at_ = 0;
    ended_ = false;
  }

  static std::size_t hex_digits(std::uint64_t number) {
    std::size_t digits = 1;
    while (number >>= 4) ++digits;
    return digits;
  }
  std::uint64_t head_size(std::uint64_t bytes) const {
    return hex_digits(bytes) + 2 + (with_signatures_ ? std::string_view(";chunk-signature=").size() + 64 : 0);
  }
  std::string trailer_line(const std::string& value) const { return header_of(algorithm_) + ":" + value; }

  std::string head(std::string_view data) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%zx", data.size());
    std::string text = digits;
    if (with_signatures_) {
      previous_ = sigv4::chunk_signature(context_, previous_, sha256_hex(data));
      text += ";chunk-signature=" + previous_;
    }
    return text + "\r\n";
  }

  // One chunk with its head, or the end with the trailer.
  void next_frame() {
    data_.resize(chunk_bytes);
    std::size_t count = 0;
    while (count < chunk_bytes) {
      const std::size_t more = inner_->read(data_.data() + count, chunk_bytes - count);
      if (more == 0) break;
      count += more;
    }
    data_.resize(count);
    checksum_->update(data_);
    at_ = 0;
    frame_ = head(data_);
    if (count > 0) {
      frame_.append(data_).append("\r\n");
      return;
    }
    ended_ = true;
    value_ = base64_encode(checksum_->finish());
    const std::string line = trailer_line(value_);
    frame_ += line + "\r\n";
    if (with_signatures_) {
      previous_ = sigv4::trailer_signature(context_, previous_, line + "\n");
      frame_ += "x-amz-trailer-signature:" + previous_ + "\r\n";
    }
    frame_ += "\r\n";
  }

  std::shared_ptr<BodySource> inner_;
  ChecksumAlgorithm algorithm_;
  bool with_signatures_;
  std::optional<Checksum> checksum_;
  sigv4::ChunkContext context_;
  std::string seed_, previous_, value_, data_, frame_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace sagemaker::aws
