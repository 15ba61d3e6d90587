// What the samples that serve digits have in common: asking an endpoint, and counting what is right.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sagemaker/sagemaker.hpp>

#include "mnist_files.hpp"

// The digit with the highest of its ten scores.
template <class Iterator>
std::uint8_t best_of(Iterator scores) {
  return static_cast<std::uint8_t>(std::max_element(scores, scores + 10) - scores);
}

// The endpoint's answers for the first images: a hundred in one request, in NumPy's format.
inline std::vector<std::uint8_t> ask_endpoint(const sagemaker::Predictor& predictor, const ImageSet& test,
                                              std::size_t images) {
  constexpr std::size_t batch = 100;
  constexpr std::size_t pixels = 28 * 28;
  std::vector<std::uint8_t> digits;
  for (std::size_t first = 0; first < images; first += batch) {
    const std::size_t count = std::min(batch, images - first);
    const auto rows = std::span<const float>(test.pixels).subspan(first * pixels, count * pixels);
    const auto scores = predictor.predict(sagemaker::NpyArray(rows, {count, pixels})).values<float>();
    if (scores.size() != count * 10)
      throw sagemaker::Error("the endpoint did not answer with ten numbers for each image");
    for (std::size_t index = 0; index < count; ++index)
      digits.push_back(best_of(scores.begin() + static_cast<std::ptrdiff_t>(index * 10)));
  }
  return digits;
}

// In percent.
inline double accuracy(const std::vector<std::uint8_t>& digits, const ImageSet& test) {
  std::size_t right = 0;
  for (std::size_t index = 0; index < digits.size(); ++index)
    right += digits[index] == test.labels[index] ? 1U : 0U;
  return 100.0 * static_cast<double>(right) / static_cast<double>(digits.size());
}
