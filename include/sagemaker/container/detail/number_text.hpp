// Numbers in text: decimals to float and back, faster than the standard library does it. Without libtorch.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace sagemaker::container::detail {

inline constexpr std::array<double, 45> powers_of_ten = {
    1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8,
    1e-7,  1e-6,  1e-5,  1e-4,  1e-3,  1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,   1e5,   1e6,  1e7,
    1e8,   1e9,   1e10,  1e11,  1e12,  1e13,  1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,  1e21, 1e22};

// How many bytes are `first` or `second`.
inline std::size_t count_bytes(std::string_view text, char first, char second) {
  std::size_t count = 0, at = 0;
#if defined(__GNUC__)
  // Sixteen at once: a lane of a comparison is 0 or -1, so that each lane counts for itself, up to 255.
  using Lanes = unsigned char __attribute__((vector_size(16)));
  while (text.size() - at >= sizeof(Lanes)) {
    Lanes counts = {};
    for (int round = 0; round < 127 && text.size() - at >= sizeof(Lanes); ++round, at += sizeof(Lanes)) {
      Lanes bytes;
      std::memcpy(&bytes, text.data() + at, sizeof bytes);
      counts -= reinterpret_cast<Lanes>(bytes == static_cast<unsigned char>(first));
      if (second != first) counts -= reinterpret_cast<Lanes>(bytes == static_cast<unsigned char>(second));
    }
    for (std::size_t lane = 0; lane < sizeof(Lanes); ++lane) count += counts[lane];
  }
#endif
  for (; at < text.size(); ++at) count += text[at] == first || text[at] == second;
  return count;
}

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Whether eight characters, the first one lowest, are all digits: each byte's high half is 3, also after 6
// was added to its low half.
inline bool eight_digits(std::uint64_t text) {
  constexpr std::uint64_t high = 0xF0F0F0F0F0F0F0F0, threes = 0x3030303030303030, sixes = 0x0606060606060606;
  return (text & high) == threes && ((text + sixes) & high) == threes;
}

// Their value: neighbours are joined to pairs, pairs to fours, fours to the whole.
inline std::uint64_t value_of_eight_digits(std::uint64_t text) {
  text &= 0x0F0F0F0F0F0F0F0F;
  text = (text * 10 + (text >> 8)) & 0x00FF00FF00FF00FF;
  text = (text * 100 + (text >> 16)) & 0x0000FFFF0000FFFF;
  return (text * 10000 + (text >> 32)) & 0xFFFFFFFF;
}

// Behind the digits at `at`, which are appended to `number`; it wraps around where they are more than 19.
inline const char* take_digits(const char* at, const char* end, std::uint64_t& number) {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      std::uint64_t text = 0;
      std::memcpy(&text, at, sizeof text);
      if (!eight_digits(text)) break;
      number = number * 100000000 + value_of_eight_digits(text);
      at += 8;
    }
  }
  for (; at != end && is_digit(*at); ++at) number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  return at;
}

// Behind the exponent at `at`, if there is one, which is added to `exponent`; null where it is incomplete or
// too large.
inline const char* take_exponent(const char* at, const char* end, std::int64_t& exponent) {
  if (at == end || (*at != 'e' && *at != 'E')) return at;
  ++at;
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  const char* const first = at;
  std::int64_t size = 0;
  for (; at != end && is_digit(*at) && at - first < 4; ++at) size = size * 10 + (*at - '0');
  if (at == first || (at != end && is_digit(*at))) return nullptr;
  exponent += negative ? -size : size;
  return at;
}

// [-]digits[.digits][exponent] at `at` as the float that is nearest to the double that is nearest to the
// text, which is what Python makes of it. Behind it; null where the text is something else, or is a case for
// std::from_chars: more than 19 digits, a large exponent, and the one number in millions that lies so close
// to the middle between two floats that rounding twice might go wrong.
inline const char* read_float_quickly(const char* at, const char* end, float& value) {
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  std::uint64_t digits = 0;
  const char* const first = at;
  for (; at != end && is_digit(*at); ++at) digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  std::int64_t count = at - first;
  if (count == 0) return nullptr;
  std::int64_t exponent = 0;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = take_digits(at, end, digits);
    exponent = fraction - at;
    count -= exponent;
    if (exponent == 0) return nullptr;
  }
  at = take_exponent(at, end, exponent);
  if (at == nullptr || count > 19 || exponent < -22 || exponent > 22) return nullptr;
  auto number = static_cast<double>(digits);
  if (exponent != 0) {
    number *= powers_of_ten[static_cast<std::size_t>(exponent + 22)];
  }
  // Rounded up to three times, each by half a unit in the last place of a double, of whose 52 bits a float
  // drops the last 29: it is the right float unless a middle between two floats is as close.
  constexpr std::uint64_t middle = std::uint64_t{1} << 28;
  const std::uint64_t dropped = std::bit_cast<std::uint64_t>(number) & (2 * middle - 1);
  if (dropped - (middle - 8) <= 16) return nullptr;
  value = static_cast<float>(negative ? -number : number);
  return at;
}

// The same by the standard library, for every text that it takes for a number, "nan" and "inf" included. What
// is too large or too small for a double becomes infinity or zero. Null where there is no number.
inline const char* read_float_surely(const char* at, const char* end, float& value) {
  double number = 0;
  const auto [next, error] = std::from_chars(at, end, number);
  if (error == std::errc::invalid_argument) return nullptr;
  if (error == std::errc::result_out_of_range) number = std::strtod(std::string(at, next).c_str(), nullptr);
  value = static_cast<float>(number);
  return next;
}

// How non-finite numbers and truth values are written.
struct NumberWords {
  std::string_view true_word, false_word, nan, infinity, minus_infinity;
};
inline constexpr NumberWords json_words{"true", "false", "NaN", "Infinity", "-Infinity"};  // Python's json
inline constexpr NumberWords csv_words{"True", "False", "nan", "inf", "-inf"};             // NumPy

inline constexpr std::size_t number_text_max = 32;

inline char* write_word(char* at, std::string_view word) {
  std::memcpy(at, word.data(), word.size());
  return at + word.size();
}

// As Python writes it: 1.0, not 1; the fewest digits that read back as the same number. Needs number_text_max
// bytes of room; behind what was written.
template <class Number>
char* write_number(char* at, Number number, const NumberWords& words) {
  if constexpr (std::is_same_v<Number, bool>) {
    return write_word(at, number ? words.true_word : words.false_word);
  } else if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(number)) {
      return write_word(at, std::isnan(number) ? words.nan
                            : number < 0       ? words.minus_infinity
                                               : words.infinity);
    }
    // Whole numbers are common, and quicker as such.
    constexpr Number whole_max = 10'000'000;
    if (number > -whole_max && number < whole_max && number == std::trunc(number) && number != 0)
      return write_word(std::to_chars(at, at + number_text_max, static_cast<std::int64_t>(number)).ptr, ".0");
    char* const end = std::to_chars(at, at + number_text_max, number).ptr;
    for (const char* c = at; c != end; ++c) {
      if (*c == '.' || *c == 'e') return end;
    }
    return write_word(end, ".0");
  } else {
    return std::to_chars(at, at + number_text_max, number).ptr;
  }
}

// `count` numbers with `separator` between them.
template <class Number>
void append_numbers(std::string& out, const Number* numbers, std::size_t count, std::string_view separator,
                    const NumberWords& words) {
  constexpr std::size_t piece_max = 256;
  for (std::size_t done = 0; done < count;) {
    const std::size_t piece = count - done < piece_max ? count - done : piece_max;
    char text[piece_max * (number_text_max + 2)];
    char* at = text;
    for (std::size_t i = 0; i < piece; ++i, ++done) {
      if (done > 0) at = write_word(at, separator);
      at = write_number(at, numbers[done], words);
    }
    out.append(text, static_cast<std::size_t>(at - text));
  }
}

}  // namespace sagemaker::container::detail
