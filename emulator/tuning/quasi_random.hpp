// Points that fill the unit cube evenly however many are taken, in whatever dimension: the Halton sequence
// with Owen's nested scrambling of its digits, which keeps what makes it even and takes the correlations of
// its greater bases away. https://en.wikipedia.org/wiki/Halton_sequence; A. B. Owen, "Randomly permuted
// (t,m,s)-nets and (t,s)-sequences" (1995) for the scrambling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/tuning/space.hpp"

namespace sagemaker::local::tuning {

// A well mixed 64-bit number of two; the source of all numbers that are drawn by place rather than in turn.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t place);

class QuasiRandom {
 public:
  // Of any dimension, 0 included. Another seed is another sequence, as good and independent.
  QuasiRandom(std::size_t dimensions, std::uint64_t seed);

  // The point of a place in the sequence, which may be asked in any order: coordinates in [0, 1). Any run of
  // places below 2^32 is even; beyond, points are merely random.
  Point point(std::uint64_t place) const;

 private:
  struct Base {
    std::uint32_t prime = 2;
    int digits = 32;  // that tell 2^32 places apart
    std::uint64_t seed = 0;
  };
  std::vector<Base> bases_;
};

}  // namespace sagemaker::local::tuning
