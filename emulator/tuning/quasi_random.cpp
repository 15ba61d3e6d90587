#include "emulator/tuning/quasi_random.hpp"

#include <algorithm>
#include <cmath>

namespace sagemaker::local::tuning {
namespace {

constexpr double kPlaces = 0x1p32;

std::uint32_t next_prime(const std::vector<std::uint32_t>& primes) {
  for (std::uint32_t candidate = primes.empty() ? 2 : primes.back() + 1;; ++candidate) {
    const bool divided = std::any_of(primes.begin(), primes.end(),
                                     [&](std::uint32_t prime) { return candidate % prime == 0; });
    if (!divided) return candidate;
  }
}

}  // namespace

// Two rounds of a multiply-and-shift finaliser, with odd constants: each bit of both numbers moves every bit.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t place) {
  std::uint64_t x = seed + (place + 1) * 0x9E3779B97F4A7C15ULL;
  for (int round = 0; round < 2; ++round) {
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 29;
  }
  return x ^ (x >> 32);
}

QuasiRandom::QuasiRandom(std::size_t dimensions, std::uint64_t seed) {
  std::vector<std::uint32_t> primes;
  for (std::size_t i = 0; i < dimensions; ++i) {
    primes.push_back(next_prime(primes));
    const int digits = static_cast<int>(std::ceil(std::log(kPlaces) / std::log(primes.back())));
    bases_.push_back({primes.back(), digits, mixed(seed, i)});
  }
}

Point QuasiRandom::point(std::uint64_t place) const {
  Point result;
  result.reserve(bases_.size());
  for (const Base& base : bases_) {
    const std::uint64_t prime = base.prime;
    std::uint64_t rest = place, prefix = base.seed;
    double value = 0, step = 1;
    for (int i = 0; i < base.digits; ++i) {
      const std::uint64_t digit = rest % prime;
      rest /= prime;
      // A permutation of the digits of its own for each sequence of digits before: digit -> a * digit + b.
      // The base is prime, so that any a but 0 permutes.
      const std::uint64_t drawn = mixed(prefix, 0);
      const std::uint64_t factor = 1 + (drawn >> 32) % (prime - 1), shift = (drawn & 0xFFFFFFFF) % prime;
      step /= static_cast<double>(prime);
      value += step * static_cast<double>((factor * digit + shift) % prime);
      prefix = mixed(prefix, 1 + digit);
    }
    // What is left below the last digit.
    value += step * static_cast<double>(mixed(prefix, rest) >> 11) * 0x1p-53;
    result.push_back(std::min(value, std::nextafter(1.0, 0.0)));
  }
  return result;
}

}  // namespace sagemaker::local::tuning
