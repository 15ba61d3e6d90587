// The test images as files for batch transform jobs, and what the jobs made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "../01_mnist/mnist_files.hpp"

// The first images as lines "number,label,pixel 1,...,pixel 784" with pixels from 0 to 1, spread over `files`
// files: a file is never shared among instances. Throws std::runtime_error.
void write_csv(const std::filesystem::path& folder, const ImageSet& test, std::size_t images,
               std::size_t files);
// The same as grey pictures called {number}.png.
void write_png(const std::filesystem::path& folder, const ImageSet& test, std::size_t images);

// Puts the digits of lines "number,label,score 0,...,score 9" where their numbers say. Throws
// std::runtime_error for a line that is no such answer, or that is joined to a wrong label.
void read_joined(const std::string& lines, const ImageSet& test, std::vector<std::uint8_t>& digits);
// The digit of a file called {number}.png.out, which holds ten scores.
void read_scores(const std::filesystem::path& file, std::vector<std::uint8_t>& digits);
