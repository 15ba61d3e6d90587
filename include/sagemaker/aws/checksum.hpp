// The five checksum algorithms of S3 under one interface, by the names that headers and documents use. Client
// and emulator share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sagemaker/aws/crc.hpp>
#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>

namespace sagemaker::aws {

enum class ChecksumAlgorithm { crc32, crc32c, crc64nvme, sha1, sha256 };

inline constexpr std::array checksum_algorithms = {ChecksumAlgorithm::crc32, ChecksumAlgorithm::crc32c,
                                                   ChecksumAlgorithm::crc64nvme, ChecksumAlgorithm::sha1,
                                                   ChecksumAlgorithm::sha256};

// "CRC32"; documents call its value Checksum{name}.
inline std::string_view name_of(ChecksumAlgorithm algorithm) {
  static constexpr std::array<std::string_view, 5> names{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"};
  return names[static_cast<std::size_t>(algorithm)];
}

inline std::string header_of(ChecksumAlgorithm algorithm) {  // "x-amz-checksum-crc32"
  return "x-amz-checksum-" + to_lower(name_of(algorithm));
}

inline std::size_t size_of(ChecksumAlgorithm algorithm) {  // bytes of a value
  static constexpr std::array<std::size_t, 5> sizes{4, 4, 8, 20, 32};
  return sizes[static_cast<std::size_t>(algorithm)];
}

// Only these can be put together from parts.
inline bool is_crc(ChecksumAlgorithm algorithm) { return size_of(algorithm) <= 8; }

inline std::optional<ChecksumAlgorithm> checksum_algorithm_named(std::string_view name) {  // without case
  for (const ChecksumAlgorithm algorithm : checksum_algorithms) {
    if (iequals(name, name_of(algorithm))) return algorithm;
  }
  return std::nullopt;
}

namespace detail {

inline std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}

inline std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace detail

// A checksum in the making. Values are raw bytes, most significant first; headers carry them in base64.
class Checksum {
 public:
  explicit Checksum(ChecksumAlgorithm algorithm) : algorithm_(algorithm) {
    if (is_crc(algorithm)) return;
    hash_.reset(EVP_MD_CTX_new());
    const EVP_MD* kind = algorithm == ChecksumAlgorithm::sha1 ? EVP_sha1() : EVP_sha256();
    if (!hash_ || EVP_DigestInit_ex(hash_.get(), kind, nullptr) != 1) {
      throw std::runtime_error("OpenSSL offers no such hash here");
    }
  }

  ChecksumAlgorithm algorithm() const { return algorithm_; }

  void update(std::string_view bytes) {
    switch (algorithm_) {
      case ChecksumAlgorithm::crc32:
        crc_ = crc32(bytes, static_cast<std::uint32_t>(crc_));
        break;
      case ChecksumAlgorithm::crc32c:
        crc_ = crc32c(bytes, static_cast<std::uint32_t>(crc_));
        break;
      case ChecksumAlgorithm::crc64nvme:
        crc_ = crc64nvme(bytes, crc_);
        break;
      case ChecksumAlgorithm::sha1:
      case ChecksumAlgorithm::sha256:
        EVP_DigestUpdate(hash_.get(), bytes.data(), bytes.size());
        break;
    }
  }

  std::string finish() {  // takes no more bytes afterwards
    if (is_crc(algorithm_)) return detail::big_endian(crc_, size_of(algorithm_));
    std::string digest(size_of(algorithm_), '\0');
    unsigned int length = 0;
    if (EVP_DigestFinal_ex(hash_.get(), reinterpret_cast<unsigned char*>(digest.data()), &length) != 1) {
      throw std::runtime_error("OpenSSL could not finish a hash");
    }
    return digest;
  }

 private:
  ChecksumAlgorithm algorithm_;
  std::uint64_t crc_ = 0;
  std::unique_ptr<EVP_MD_CTX, detail::EvpContextDeleter> hash_;
};

// For the CRCs: the checksum of A followed by B, all of them raw.
inline std::string combine(ChecksumAlgorithm algorithm, const std::string& a, const std::string& b,
                           std::uint64_t length_b) {
  const std::uint64_t first = detail::from_big_endian(a);
  const std::uint64_t second = detail::from_big_endian(b);
  const auto narrow = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  switch (algorithm) {
    case ChecksumAlgorithm::crc32:
      return detail::big_endian(crc32_combine(narrow(first), narrow(second), length_b), 4);
    case ChecksumAlgorithm::crc32c:
      return detail::big_endian(crc32c_combine(narrow(first), narrow(second), length_b), 4);
    case ChecksumAlgorithm::crc64nvme:
      return detail::big_endian(crc64nvme_combine(first, second, length_b), 8);
    case ChecksumAlgorithm::sha1:
    case ChecksumAlgorithm::sha256:
      break;
  }
  throw std::logic_error("only CRCs can be combined");
}

// Base64 of the checksum of bytes that are in memory.
inline std::string checksum_base64(ChecksumAlgorithm algorithm, std::string_view bytes) {
  Checksum checksum(algorithm);
  checksum.update(bytes);
  return base64_encode(checksum.finish());
}

}  // namespace sagemaker::aws
