#include "emulator/services/s3/digests.hpp"

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return bytes;
}

void require_md5_text(const std::string& value) {
  const std::optional<std::string> raw = aws::base64_decode(value);
  if (raw && raw->size() == 16) return;
  throw ServiceFault("InvalidDigest", 400, "The Content-MD5 you specified was invalid.",
                     {{"Content-MD5", value}});
}

Algorithm supported_algorithm(const std::string& name) {
  if (const std::optional<Algorithm> algorithm = algorithm_named(name)) return *algorithm;
  throw invalid_request(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
      "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

}  // namespace

void require_checksum_text(Algorithm algorithm, const std::string& value) {
  const std::optional<std::string> raw = aws::base64_decode(value);
  if (!raw || raw->size() != size_of(algorithm)) {
    throw invalid_request("Value for " + header_of(algorithm) + " header is invalid.");
  }
}

Digests::Digests(const json& input, std::optional<Algorithm> computed_anyway)
    : content_md5_(text_of(input, "ContentMD5")) {
  if (has(input, "ContentMD5")) require_md5_text(content_md5_);
  std::optional<Algorithm> chosen;
  const auto choose = [&](Algorithm algorithm) {
    if (chosen) {
      throw invalid_request(
          "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    }
    chosen = algorithm;
  };
  for (const Algorithm algorithm : algorithms) {
    if (!has(input, member_of(algorithm))) continue;
    choose(algorithm);
    expected_ = text_of(input, member_of(algorithm));
    require_checksum_text(algorithm, expected_);
  }
  if (has(input, "TrailerAlgorithm")) {
    choose(supported_algorithm(text_of(input, "TrailerAlgorithm")));
    in_trailer_ = true;
  }
  claimed_ = chosen.has_value();
  if (has(input, "ChecksumAlgorithm")) {
    const Algorithm named = supported_algorithm(text_of(input, "ChecksumAlgorithm"));
    if (!chosen) {
      throw invalid_request(
          "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
          "headers were "
          "found.");
    }
    if (*chosen != named) throw invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  if (!chosen) chosen = computed_anyway;
  if (chosen) checksum_.emplace(*chosen);
}

void Digests::update(std::string_view bytes) {
  if (checksum_) checksum_->update(bytes);
}

void Digests::verify(const std::string& md5_hex, const json& trailer) {
  if (!content_md5_.empty()) {
    const std::string calculated = aws::base64_encode(unhex(md5_hex));
    if (calculated != content_md5_) {
      throw ServiceFault("BadDigest", 400, "The Content-MD5 you specified did not match what we received.",
                         {{"ExpectedDigest", content_md5_}, {"CalculatedDigest", calculated}});
    }
  }
  if (!checksum_) return;
  value_ = aws::base64_encode(checksum_->finish());
  const Algorithm used = checksum_->algorithm();
  if (in_trailer_) {
    if (!has(trailer, member_of(used))) {
      throw ServiceFault("MalformedTrailerError", 400,
                         "The request contained trailing data that was not well-formed or "
                         "did not conform to our published schema.");
    }
    expected_ = text_of(trailer, member_of(used));
    require_checksum_text(used, expected_);
  }
  if (!expected_.empty() && expected_ != value_) {
    throw ServiceFault(
        "BadDigest", 400,
        "The " + std::string(name_of(used)) + " you specified did not match the calculated checksum.");
  }
}

std::optional<Algorithm> Digests::algorithm() const {
  if (!checksum_) return std::nullopt;
  return checksum_->algorithm();
}

std::string Digests::value() const { return value_; }

void verify_digests(const json& input, std::string_view bytes, const json& trailer) {
  Digests digests(input);
  digests.update(bytes);
  aws::Md5 md5;
  md5.update(bytes);
  digests.verify(aws::to_hex(md5.finish()), trailer);
}

}  // namespace sagemaker::local::services::s3
