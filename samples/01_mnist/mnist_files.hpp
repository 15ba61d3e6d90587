// Where the four files of MNIST are, and what is in them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

class MnistFiles {
 public:
  MnistFiles(std::filesystem::path folder, bool real) : folder_(std::move(folder)), real_(real) {}
  ~MnistFiles();  // rendered files are removed
  MnistFiles(const MnistFiles&) = delete;
  MnistFiles& operator=(const MnistFiles&) = delete;
  const std::filesystem::path& folder() const { return folder_; }
  bool real() const { return real_; }  // false: digits that this sample renders itself

 private:
  std::filesystem::path folder_;
  bool real_;
};

// The first folder that holds the four files, plain or gzip-compressed: `given`, $SAGEMAKER_DATA_DIR/mnist,
// shared/data/mnist beside the checkout, the download cache. Where there is none, digits are rendered into a
// temporary folder.
MnistFiles find_mnist(const std::filesystem::path& given);

struct ImageSet {
  std::vector<float> pixels;  // 784 for each image, from 0 to 1
  std::vector<std::uint8_t> labels;
};

// Throw std::runtime_error naming the file that is broken.
ImageSet read_train_set(const std::filesystem::path& folder);
ImageSet read_test_set(const std::filesystem::path& folder);
