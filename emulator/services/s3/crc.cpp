// Reflected CRCs, eight bytes at a time over tables that are made at the first use. Putting parts together
// multiplies the first check by x^(8 n) modulo the polynomial, n being the length of the second part.
#include "emulator/services/s3/crc.hpp"

#include <array>
#include <cstddef>
#include <limits>

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::uint32_t polynomial_crc32 = 0xEDB88320u;
constexpr std::uint32_t polynomial_crc32c = 0x82F63B78u;
constexpr std::uint64_t polynomial_crc64nvme = 0x9A6C9329AC4BC9B5u;

template <typename Word>
using Tables = std::array<std::array<Word, 256>, 8>;

template <typename Word, Word Polynomial>
Tables<Word> make_tables() {
  Tables<Word> tables{};
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

std::uint64_t little_endian_word(const char* data) {
  std::uint64_t word = 0;
  for (int byte = 7; byte >= 0; --byte) word = word << 8 | static_cast<unsigned char>(data[byte]);
  return word;
}

template <typename Word, Word Polynomial>
Word update(std::string_view bytes, Word running) {
  static const Tables<Word> tables = make_tables<Word, Polynomial>();
  Word crc = static_cast<Word>(~running);
  const char* data = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; data += 8, left -= 8) {
    const std::uint64_t word = little_endian_word(data) ^ crc;
    crc = tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
          tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
          tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
  }
  for (; left > 0; ++data, --left) {
    crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(*data)) & 0xff];
  }
  return static_cast<Word>(~crc);
}

// Polynomials over two elements, the highest bit standing for x^0.
template <typename Word, Word Polynomial>
Word multiply(Word a, Word b) {
  Word product = 0;
  for (Word bit = Word{1} << (std::numeric_limits<Word>::digits - 1); bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b & 1) ? (b >> 1) ^ Polynomial : b >> 1;
  }
  return product;
}

template <typename Word, Word Polynomial>
Word combine(Word a, Word b, std::uint64_t length_b) {
  constexpr int digits = std::numeric_limits<Word>::digits;
  Word factor = Word{1} << (digits - 1);     // x^0
  Word power = Word{1} << (digits - 1 - 8);  // x^8: one byte
  for (; length_b != 0; length_b >>= 1) {
    if (length_b & 1) factor = multiply<Word, Polynomial>(factor, power);
    power = multiply<Word, Polynomial>(power, power);
  }
  return multiply<Word, Polynomial>(factor, a) ^ b;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t running) {
  return update<std::uint32_t, polynomial_crc32c>(bytes, running);
}

std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t running) {
  return update<std::uint64_t, polynomial_crc64nvme>(bytes, running);
}

std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b) {
  return combine<std::uint32_t, polynomial_crc32>(a, b, length_b);
}

std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b) {
  return combine<std::uint32_t, polynomial_crc32c>(a, b, length_b);
}

std::uint64_t crc64nvme_combine(std::uint64_t a, std::uint64_t b, std::uint64_t length_b) {
  return combine<std::uint64_t, polynomial_crc64nvme>(a, b, length_b);
}

}  // namespace sagemaker::local::services::s3
