// The five checksum algorithms of S3 under one interface, by the names that headers and documents use.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sagemaker::local::services::s3 {

enum class Algorithm { crc32, crc32c, crc64nvme, sha1, sha256 };

inline constexpr std::array algorithms = {Algorithm::crc32, Algorithm::crc32c, Algorithm::crc64nvme,
                                          Algorithm::sha1, Algorithm::sha256};

std::string_view name_of(Algorithm algorithm);                    // "CRC32"
const char* member_of(Algorithm algorithm);                       // "ChecksumCRC32"
std::string header_of(Algorithm algorithm);                       // "x-amz-checksum-crc32"
std::size_t size_of(Algorithm algorithm);                         // bytes of a value
bool is_crc(Algorithm algorithm);                                 // only these can be put together from parts
std::optional<Algorithm> algorithm_named(std::string_view name);  // without case

// A checksum in the making. Values are raw bytes, most significant first.
class Checksum {
 public:
  explicit Checksum(Algorithm algorithm);
  ~Checksum();
  Checksum(Checksum&&) noexcept;
  Checksum& operator=(Checksum&&) noexcept;
  Algorithm algorithm() const { return algorithm_; }
  void update(std::string_view bytes);
  std::string finish();  // takes no more bytes afterwards

 private:
  struct Hash;
  Algorithm algorithm_;
  std::uint64_t crc_ = 0;
  std::unique_ptr<Hash> hash_;
};

// For the CRCs: the checksum of A followed by B.
std::string combine(Algorithm algorithm, const std::string& a, const std::string& b, std::uint64_t length_b);

}  // namespace sagemaker::local::services::s3
