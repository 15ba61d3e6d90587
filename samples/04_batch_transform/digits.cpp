#include "digits.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>

#include "../01_mnist/asking.hpp"

namespace fs = std::filesystem;

namespace {

constexpr std::size_t pixels = 28 * 28;

void append(std::string& line, double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), static_cast<float>(number)).ptr;
  line.append(text.data(), end);
}

// The numbers of a line. Ends with the first thing that is none.
std::vector<double> numbers_of(std::string_view line) {
  std::vector<double> numbers;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (at < end) {
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) break;
    numbers.push_back(number);
    at = next < end && *next == ',' ? next + 1 : end;
  }
  return numbers;
}

}  // namespace

void write_csv(const fs::path& folder, const ImageSet& test, std::size_t images, std::size_t files) {
  fs::create_directories(folder);
  for (std::size_t file = 0; file < files; ++file) {
    std::ofstream output(folder / ("digits-" + std::to_string(file) + ".csv"), std::ios::binary);
    for (std::size_t index = images * file / files; index < images * (file + 1) / files; ++index) {
      std::string line = std::to_string(index) + "," + std::to_string(test.labels[index]);
      for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
        line += ',';
        append(line, test.pixels[index * pixels + pixel]);
      }
      output << line << '\n';
    }
    if (!output.flush()) throw std::runtime_error("cannot write into " + folder.string());
  }
}

void write_png(const fs::path& folder, const ImageSet& test, std::size_t images) {
  fs::create_directories(folder);
  for (std::size_t index = 0; index < images; ++index) {
    std::array<std::uint8_t, pixels> grey{};
    for (std::size_t pixel = 0; pixel < pixels; ++pixel)
      grey[pixel] = static_cast<std::uint8_t>(test.pixels[index * pixels + pixel] * 255 + 0.5F);
    const fs::path file = folder / (std::to_string(index) + ".png");
    if (stbi_write_png(file.c_str(), 28, 28, /*comp=*/1, grey.data(), /*stride_in_bytes=*/28) == 0)
      throw std::runtime_error("cannot write " + file.string());
  }
}

void read_joined(const std::string& lines, const ImageSet& test, std::vector<std::uint8_t>& digits) {
  for (std::size_t start = 0; start < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', start), lines.size());
    const std::string_view line = std::string_view(lines).substr(start, end - start);
    start = end + 1;
    const std::vector<double> numbers = numbers_of(line);
    if (numbers.size() != 12) throw std::runtime_error("no answer: " + std::string(line));
    const auto index = static_cast<std::size_t>(numbers[0]);
    if (index >= digits.size() || numbers[1] != test.labels[index])
      throw std::runtime_error("joined to something else: " + std::string(line));
    digits[index] = best_of(numbers.begin() + 2);
  }
}

void read_scores(const fs::path& file, std::vector<std::uint8_t>& digits) {
  std::ifstream input(file, std::ios::binary);
  const std::string line{std::istreambuf_iterator<char>(input), {}};
  const std::vector<double> scores = numbers_of(line);
  const std::size_t index = std::stoul(file.filename().string());
  if (scores.size() != 10 || index >= digits.size())
    throw std::runtime_error("no answer: " + file.string() + ": " + line);
  digits[index] = best_of(scores.begin());
}
