// Hashes, base64 and random identifiers on OpenSSL: everything that signing needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <sagemaker/aws/crc.hpp>

namespace sagemaker::aws {

using Digest256 = std::array<unsigned char, 32>;

namespace detail {

inline std::span<const unsigned char> bytes_of(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

struct EvpContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// A hash fed in pieces. Move-only; after finish() it takes no more data.
template <std::size_t Size>
class StreamingHash {
 public:
  void update(std::string_view data) {
    if (!context_ || EVP_DigestUpdate(context_.get(), data.data(), data.size()) != 1) {
      throw std::runtime_error("the hash was already finished");
    }
  }

  std::array<unsigned char, Size> finish() {
    std::array<unsigned char, Size> digest{};
    unsigned int length = 0;
    if (!context_ || EVP_DigestFinal_ex(context_.get(), digest.data(), &length) != 1 || length != Size) {
      throw std::runtime_error("the hash was already finished");
    }
    context_.reset();
    return digest;
  }

 protected:
  explicit StreamingHash(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), algorithm, nullptr) != 1) {
      throw std::runtime_error("OpenSSL offers no such hash here");
    }
  }

 private:
  std::unique_ptr<EVP_MD_CTX, EvpContextDeleter> context_;
};

}  // namespace detail

class Sha256 : public detail::StreamingHash<32> {
 public:
  Sha256() : StreamingHash(EVP_sha256()) {}
};

// For S3 entity tags and Content-MD5 only: MD5 protects nothing.
class Md5 : public detail::StreamingHash<16> {
 public:
  Md5() : StreamingHash(EVP_md5()) {}
};

// For names of cache files that other tools chose: SHA-1 protects nothing any more.
class Sha1 : public detail::StreamingHash<20> {
 public:
  Sha1() : StreamingHash(EVP_sha1()) {}
};

inline Digest256 sha256(std::string_view data) {
  Digest256 digest{};
  if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL could not compute a SHA-256");
  }
  return digest;
}

inline Digest256 hmac_sha256(std::string_view key, std::string_view data) {
  Digest256 digest{};
  // A null key means "the previous key" to OpenSSL, so an empty one needs an address.
  const void* key_bytes = key.empty() ? static_cast<const void*>("") : static_cast<const void*>(key.data());
  if (!HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()), detail::bytes_of(data).data(), data.size(),
            digest.data(), nullptr)) {
    throw std::runtime_error("OpenSSL could not compute an HMAC-SHA-256");
  }
  return digest;
}

inline std::string to_hex(std::span<const unsigned char> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

inline std::string sha256_hex(std::string_view data) { return to_hex(sha256(data)); }

inline std::string base64_encode(std::span<const unsigned char> bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const std::uint32_t group = std::uint32_t{bytes[i]} << 16 |
                                (left > 1 ? std::uint32_t{bytes[i + 1]} << 8 : 0u) |
                                (left > 2 ? std::uint32_t{bytes[i + 2]} : 0u);
    text += alphabet[group >> 18 & 63];
    text += alphabet[group >> 12 & 63];
    text += left > 1 ? alphabet[group >> 6 & 63] : '=';
    text += left > 2 ? alphabet[group & 63] : '=';
  }
  return text;
}

inline std::string base64_encode(std::string_view text) { return base64_encode(detail::bytes_of(text)); }
inline std::string base64_encode(const std::string& text) { return base64_encode(detail::bytes_of(text)); }
inline std::string base64_encode(const char* text) { return base64_encode(std::string_view(text)); }

// Strict: padded, no white space, no stray bits behind the last byte. nullopt for anything else.
inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const auto value_of = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const int value = static_cast<int>(j) >= 4 - padding ? 0 : value_of(text[i + j]);
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    if ((padding == 1 && (group & 0xff) != 0) || (padding == 2 && (group & 0xffff) != 0)) return std::nullopt;
    bytes += static_cast<char>(group >> 16 & 0xff);
    if (padding < 2) bytes += static_cast<char>(group >> 8 & 0xff);
    if (padding < 1) bytes += static_cast<char>(group & 0xff);
  }
  return bytes;
}

// Takes the same time wherever the texts differ. Their lengths are no secret.
inline bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// A random version 4 UUID in lower case. From OpenSSL's generator: asking the processor for each of them (as
// std::random_device does) took half of the time of a small request on a virtual machine.
inline std::string uuid4() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random numbers");
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
  return text;
}

// The value of x-amz-checksum-crc32: four bytes, most significant first, in base64.
inline std::string crc32_base64(std::uint32_t crc) {
  const std::array<unsigned char, 4> bytes{
      static_cast<unsigned char>(crc >> 24), static_cast<unsigned char>(crc >> 16 & 0xff),
      static_cast<unsigned char>(crc >> 8 & 0xff), static_cast<unsigned char>(crc & 0xff)};
  return base64_encode(std::span<const unsigned char>(bytes));
}

}  // namespace sagemaker::aws
