// Digits that this project draws itself, in MNIST's file format: the last resort where MNIST cannot be had,
// so that the sample runs on a machine without a network. They are easier than handwriting: an accuracy
// reached on them says nothing about MNIST.
#pragma once

#include <cstdint>
#include <filesystem>

namespace rendered_digits {

struct Options {
  std::size_t train_count = 20'000;
  std::size_t test_count = 10'000;
  std::uint64_t seed = 20'251'101;
};

// Writes train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
// always the same for one seed. A file appears under its name only when it is complete. Throws
// std::system_error.
void write(const std::filesystem::path& folder, const Options& options);

}  // namespace rendered_digits
