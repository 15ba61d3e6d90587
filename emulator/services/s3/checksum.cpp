#include "emulator/services/s3/checksum.hpp"

#include <stdexcept>

#include <openssl/evp.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/crc.hpp"

namespace sagemaker::local::services::s3 {
namespace {

std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}

std::uint64_t from_big_endian(const std::string& bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::crc32:
      return "CRC32";
    case Algorithm::crc32c:
      return "CRC32C";
    case Algorithm::crc64nvme:
      return "CRC64NVME";
    case Algorithm::sha1:
      return "SHA1";
    case Algorithm::sha256:
      break;
  }
  return "SHA256";
}

const char* member_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::crc32:
      return "ChecksumCRC32";
    case Algorithm::crc32c:
      return "ChecksumCRC32C";
    case Algorithm::crc64nvme:
      return "ChecksumCRC64NVME";
    case Algorithm::sha1:
      return "ChecksumSHA1";
    case Algorithm::sha256:
      break;
  }
  return "ChecksumSHA256";
}

std::string header_of(Algorithm algorithm) {
  std::string header = "x-amz-checksum-";
  return header.append(aws::to_lower(name_of(algorithm)));
}

std::size_t size_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::crc32:
    case Algorithm::crc32c:
      return 4;
    case Algorithm::crc64nvme:
      return 8;
    case Algorithm::sha1:
      return 20;
    case Algorithm::sha256:
      break;
  }
  return 32;
}

bool is_crc(Algorithm algorithm) { return size_of(algorithm) <= 8; }

std::optional<Algorithm> algorithm_named(std::string_view name) {
  for (const Algorithm algorithm : algorithms) {
    if (aws::iequals(name, name_of(algorithm))) return algorithm;
  }
  return std::nullopt;
}

struct Checksum::Hash {
  explicit Hash(const EVP_MD* kind) : context(EVP_MD_CTX_new()) {
    if (!context || EVP_DigestInit_ex(context, kind, nullptr) != 1) {
      EVP_MD_CTX_free(context);
      throw std::runtime_error("OpenSSL offers no such hash here");
    }
  }
  ~Hash() { EVP_MD_CTX_free(context); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;
  EVP_MD_CTX* context;
};

Checksum::Checksum(Algorithm algorithm) : algorithm_(algorithm) {
  if (algorithm == Algorithm::sha1) hash_ = std::make_unique<Hash>(EVP_sha1());
  if (algorithm == Algorithm::sha256) hash_ = std::make_unique<Hash>(EVP_sha256());
}

Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;

void Checksum::update(std::string_view bytes) {
  switch (algorithm_) {
    case Algorithm::crc32:
      crc_ = aws::crc32(bytes, static_cast<std::uint32_t>(crc_));
      break;
    case Algorithm::crc32c:
      crc_ = crc32c(bytes, static_cast<std::uint32_t>(crc_));
      break;
    case Algorithm::crc64nvme:
      crc_ = crc64nvme(bytes, crc_);
      break;
    case Algorithm::sha1:
    case Algorithm::sha256:
      EVP_DigestUpdate(hash_->context, bytes.data(), bytes.size());
      break;
  }
}

std::string Checksum::finish() {
  if (!hash_) return big_endian(crc_, size_of(algorithm_));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(hash_->context, digest.data(), &length) != 1) {
    throw std::runtime_error("OpenSSL could not finish a hash");
  }
  return std::string(digest.data(), digest.data() + length);
}

std::string combine(Algorithm algorithm, const std::string& a, const std::string& b, std::uint64_t length_b) {
  const std::uint64_t first = from_big_endian(a);
  const std::uint64_t second = from_big_endian(b);
  const auto narrow = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  switch (algorithm) {
    case Algorithm::crc32:
      return big_endian(crc32_combine(narrow(first), narrow(second), length_b), 4);
    case Algorithm::crc32c:
      return big_endian(crc32c_combine(narrow(first), narrow(second), length_b), 4);
    case Algorithm::crc64nvme:
      return big_endian(crc64nvme_combine(first, second, length_b), 8);
    case Algorithm::sha1:
    case Algorithm::sha256:
      break;
  }
  throw std::logic_error("only CRCs can be combined");
}

}  // namespace sagemaker::local::services::s3
