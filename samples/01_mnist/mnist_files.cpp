// Finding and reading the four files: idx format, http://yann.lecun.com/exdb/mnist/.
#include "mnist_files.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include <stdlib.h>
#include <zlib.h>

#include "rendered_digits.hpp"

namespace fs = std::filesystem;

namespace {

fs::path existing(const fs::path& folder, const std::string& name) {
  for (const char* suffix : {"", ".gz"}) {
    if (fs::is_regular_file(folder / (name + suffix))) return folder / (name + suffix);
  }
  return {};
}

bool holds_mnist(const fs::path& folder) {
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                           "t10k-labels-idx1-ubyte"}) {
    if (existing(folder, name).empty()) return false;
  }
  return true;
}

fs::path from_environment(const char* variable, const fs::path& below) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value / below : fs::path{};
}

// gzread also reads files that are not compressed.
std::vector<std::uint8_t> read_bytes(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path.string());
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 64 * 1024> buffer;
  int count = 0;
  while ((count = gzread(file, buffer.data(), buffer.size())) > 0)
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + count);
  gzclose(file);
  if (count < 0) throw std::runtime_error("cannot read " + path.string());
  return bytes;
}

// The items of an idx file of unsigned bytes: a header of 4 bytes and 4 more for each dimension, then
// `item_bytes` each.
std::vector<std::uint8_t> read_idx(const fs::path& folder, const std::string& name, std::size_t dimensions,
                                   std::size_t item_bytes) {
  const fs::path path = existing(folder, name);
  std::vector<std::uint8_t> bytes = read_bytes(path);
  const std::size_t header = 4 + 4 * dimensions;
  const bool known = bytes.size() >= header && bytes[2] == 8 && bytes[3] == dimensions;
  std::size_t count = 0;
  for (std::size_t index = 4; known && index < 8; ++index) count = count * 256 + bytes[index];
  if (!known || bytes.size() != header + count * item_bytes)
    throw std::runtime_error(path.string() + " is no MNIST file, or cut off");
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

}  // namespace

MnistFiles::~MnistFiles() {
  std::error_code ignored;
  if (!real_) fs::remove_all(folder_, ignored);
}

MnistFiles find_mnist(const fs::path& given) {
  const fs::path shared =
      fs::path(SAMPLE_SOURCE_DIR).parent_path().parent_path().parent_path() / "shared" / "data" / "mnist";
  for (const fs::path& folder : {given, from_environment("SAGEMAKER_DATA_DIR", "mnist"), shared,
                                 from_environment("XDG_CACHE_HOME", "sagemaker-cpp/mnist"),
                                 from_environment("HOME", ".cache/sagemaker-cpp/mnist")}) {
    if (!folder.empty() && holds_mnist(folder)) return {folder, true};
  }
  std::string scratch = (fs::temp_directory_path() / "rendered-digits-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr) throw std::system_error(errno, std::generic_category(), scratch);
  rendered_digits::write(scratch, {});
  return {scratch, false};
}

namespace {

ImageSet read_set(const fs::path& folder, const std::string& name) {
  constexpr std::size_t pixels = 28 * 28;
  const auto images = read_idx(folder, name + "-images-idx3-ubyte", 3, pixels);
  ImageSet set;
  set.labels = read_idx(folder, name + "-labels-idx1-ubyte", 1, 1);
  if (images.size() != set.labels.size() * pixels)
    throw std::runtime_error("MNIST has other numbers of images and labels");
  set.pixels.assign(images.begin(), images.end());
  for (float& pixel : set.pixels) pixel /= 255;
  return set;
}

}  // namespace

ImageSet read_train_set(const fs::path& folder) { return read_set(folder, "train"); }
ImageSet read_test_set(const fs::path& folder) { return read_set(folder, "t10k"); }
