// What a caller says about the bytes it sends (Content-MD5, x-amz-checksum-*, a trailer), computed while they
// pass and compared behind the last one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/s3/checksum.hpp"

namespace sagemaker::local::services::s3 {

class Digests {
 public:
  // Reads ContentMD5, Checksum*, ChecksumAlgorithm and TrailerAlgorithm. Throws ServiceFault for values that
  // no digest can have, before a byte is read. `computed_anyway`: an algorithm to use where the caller names
  // none.
  explicit Digests(const json& input, std::optional<Algorithm> computed_anyway = std::nullopt);

  void update(std::string_view bytes);
  // Throws BadDigest where something does not match. `md5_hex` is that of all bytes.
  void verify(const std::string& md5_hex, const json& trailer);

  std::optional<Algorithm> algorithm() const;
  bool claimed() const { return claimed_; }  // the caller gave a checksum or announced one
  std::string value() const;                 // base64; after verify()

 private:
  std::string content_md5_;  // base64 as given
  std::string expected_;     // base64 as given; "": none, or in the trailer
  bool in_trailer_ = false;
  bool claimed_ = false;
  std::optional<Checksum> checksum_;
  std::string value_;
};

// For small documents that are in memory already.
void verify_digests(const json& input, std::string_view bytes, const json& trailer);

// A value of x-amz-checksum-*: base64 of the right length. Throws InvalidRequest.
void require_checksum_text(Algorithm algorithm, const std::string& value);

}  // namespace sagemaker::local::services::s3
