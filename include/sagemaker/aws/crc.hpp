// Cyclic redundancy checks in pieces, and of parts put together without reading them again: CRC-32, CRC-32C
// and CRC-64/NVME, as S3 uses them. Where the processor multiplies without carry, 64 bytes are folded at a
// time ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel 2009); elsewhere tables take
// eight bytes at a time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sagemaker::aws {
namespace detail {

// A reflected CRC: the highest bit of a word stands for x^0. `Word` has as many bits as the check.
template <typename Word, Word Polynomial>
struct Crc {
  static constexpr int digits = static_cast<int>(sizeof(Word) * 8);
  using Tables = std::array<std::array<Word, 256>, 8>;

  static Word update(std::string_view bytes, Word running) {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    Word crc = static_cast<Word>(~running);
#if defined(__x86_64__)
    static const bool can_fold = __builtin_cpu_supports("pclmul") != 0;
    if (can_fold && left >= fold_bytes_min) crc = fold(data, left, crc);
#endif
    return static_cast<Word>(~by_table(data, left, crc));
  }

  // The check of A followed by B is that of A, moved by the length of B, plus that of B.
  static Word combine(Word a, Word b, std::uint64_t length_b) {
    Word power = Word{1} << (digits - 1 - 8);  // x^8: one byte
    for (; length_b != 0; length_b >>= 1) {
      if (length_b & 1) a = multiply(a, power);
      power = multiply(power, power);
    }
    return a ^ b;
  }

 private:
  static constexpr std::size_t block_bytes = 64;
  static constexpr std::size_t fold_bytes_min = 4 * block_bytes;

  static Word multiply(Word a, Word b) {
    Word product = 0;
    for (Word bit = Word{1} << (digits - 1); bit != 0; bit >>= 1) {
      if (a & bit) product ^= b;
      b = (b & 1) ? (b >> 1) ^ Polynomial : b >> 1;
    }
    return product;
  }

  static Tables make_tables() {
    Tables tables{};
    for (std::size_t byte = 0; byte < 256; ++byte) {
      Word value = static_cast<Word>(byte);
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? (value >> 1) ^ Polynomial : value >> 1;
      tables[0][byte] = value;
    }
    for (std::size_t table = 1; table < 8; ++table) {
      for (std::size_t byte = 0; byte < 256; ++byte) {
        const Word value = tables[table - 1][byte];
        tables[table][byte] = (value >> 8) ^ tables[0][value & 0xff];
      }
    }
    return tables;
  }

  static Word by_table(const unsigned char* data, std::size_t left, Word crc) {
    static const Tables tables = make_tables();
    if constexpr (std::endian::native == std::endian::little) {
      for (; left >= 8; data += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, data, 8);
        word ^= crc;
        crc = tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
              tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
              tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
      }
    }
    for (; left > 0; ++data, --left) crc = (crc >> 8) ^ tables[0][(crc ^ *data) & 0xff];
    return crc;
  }

#if defined(__x86_64__)
  using Lanes = long long __attribute__((vector_size(16)));

  // x^n modulo the polynomial, with x^0 at the highest bit of 64.
  static long long power_of_x(unsigned n) {
    Word value = Word{1} << (digits - 1);
    for (; n > 0; --n) value = (value & 1) ? (value >> 1) ^ Polynomial : value >> 1;
    return static_cast<long long>(static_cast<std::uint64_t>(value) << (64 - digits));
  }

  // Four accumulators of 16 bytes stay congruent to all that was read. A product of two reflected words comes
  // out one place too high, so the constants are one power lower than the distance they bridge. What is left
  // in the accumulators goes through the tables, as if it had been the message.
  [[gnu::target("pclmul,sse2")]] static Word fold(const unsigned char*& data, std::size_t& left, Word crc) {
    static const std::array<long long, 2> powers{power_of_x(512 + 64 - 1), power_of_x(512 - 1)};
    const Lanes factors = {powers[0], powers[1]};
    Lanes a0, a1, a2, a3, b0, b1, b2, b3;
    const auto load = [&data](Lanes& to, std::size_t at) { std::memcpy(&to, data + at, sizeof to); };
    load(a0, 0), load(a1, 16), load(a2, 32), load(a3, 48);
    const Lanes start = {static_cast<long long>(crc), 0};
    a0 ^= start;
    for (data += block_bytes, left -= block_bytes; left >= block_bytes;
         data += block_bytes, left -= block_bytes) {
      load(b0, 0), load(b1, 16), load(b2, 32), load(b3, 48);
      a0 = __builtin_ia32_pclmulqdq128(a0, factors, 0x00) ^ __builtin_ia32_pclmulqdq128(a0, factors, 0x11) ^
           b0;
      a1 = __builtin_ia32_pclmulqdq128(a1, factors, 0x00) ^ __builtin_ia32_pclmulqdq128(a1, factors, 0x11) ^
           b1;
      a2 = __builtin_ia32_pclmulqdq128(a2, factors, 0x00) ^ __builtin_ia32_pclmulqdq128(a2, factors, 0x11) ^
           b2;
      a3 = __builtin_ia32_pclmulqdq128(a3, factors, 0x00) ^ __builtin_ia32_pclmulqdq128(a3, factors, 0x11) ^
           b3;
    }
    std::array<unsigned char, block_bytes> block;
    std::memcpy(block.data(), &a0, 16);
    std::memcpy(block.data() + 16, &a1, 16);
    std::memcpy(block.data() + 32, &a2, 16);
    std::memcpy(block.data() + 48, &a3, 16);
    return by_table(block.data(), block.size(), 0);
  }
#endif
};

using Crc32 = Crc<std::uint32_t, 0xEDB88320u>;
using Crc32c = Crc<std::uint32_t, 0x82F63B78u>;
using Crc64Nvme = Crc<std::uint64_t, 0x9A6C9329AC4BC9B5u>;

}  // namespace detail

// Each continues from the check of what came before (0 at the beginning). CRC-32 is zlib's.
inline std::uint32_t crc32(std::string_view bytes, std::uint32_t running = 0) {
  return detail::Crc32::update(bytes, running);
}
inline std::uint32_t crc32c(std::string_view bytes, std::uint32_t running = 0) {
  return detail::Crc32c::update(bytes, running);
}
inline std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t running = 0) {
  return detail::Crc64Nvme::update(bytes, running);
}

// The check of A followed by B, from those of A and B and the length of B in bytes.
inline std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b) {
  return detail::Crc32::combine(a, b, length_b);
}
inline std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b) {
  return detail::Crc32c::combine(a, b, length_b);
}
inline std::uint64_t crc64nvme_combine(std::uint64_t a, std::uint64_t b, std::uint64_t length_b) {
  return detail::Crc64Nvme::combine(a, b, length_b);
}

}  // namespace sagemaker::aws
