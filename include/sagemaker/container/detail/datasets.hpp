// Bodies of datasets.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include <zlib.h>

#include <sagemaker/container/datasets.hpp>

namespace sagemaker::container::detail {

// zlib's gzread passes plain files through.
class IdxReader {
 public:
  explicit IdxReader(const std::filesystem::path& path)
      : path_(path), file_(::gzopen(path.c_str(), "rb"), &::gzclose) {
    if (!file_) fail("cannot be opened");
    ::gzbuffer(file_.get(), 1 << 17);
  }

  torch::Tensor read() {
    std::array<unsigned char, 4> magic{};
    read_bytes(magic.data(), magic.size());
    if (magic[0] != 0 || magic[1] != 0) fail("is not an idx file");
    const torch::ScalarType type = type_of(magic[2]);
    std::vector<std::int64_t> shape;
    std::int64_t items = 1;
    for (int i = 0; i < magic[3]; ++i) {
      std::array<unsigned char, 4> size{};
      read_bytes(size.data(), size.size());
      shape.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
      if (shape.back() != 0 && items > items_max / shape.back())
        fail("claims to be larger than 16 billion items");
      items *= shape.back();
    }
    torch::Tensor tensor = torch::empty(shape, type);
    auto* const data = static_cast<unsigned char*>(tensor.data_ptr());
    const auto item_bytes = static_cast<std::size_t>(tensor.element_size());
    const std::size_t bytes = static_cast<std::size_t>(items) * item_bytes;
    read_bytes(data, bytes);
    const bool swap = std::endian::native == std::endian::little && item_bytes > 1;  // idx is big-endian
    for (std::size_t at = 0; swap && at < bytes; at += item_bytes)
      std::reverse(data + at, data + at + item_bytes);
    unsigned char more = 0;
    if (::gzread(file_.get(), &more, 1) != 0) fail("is longer than its header says, or damaged");
    return tensor;
  }

 private:
  static constexpr std::int64_t items_max = std::int64_t{1} << 34;

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(path_.string() + " " + what);
  }

  torch::ScalarType type_of(unsigned char code) const {
    switch (code) {
      case 0x08:
        return torch::kByte;
      case 0x09:
        return torch::kChar;
      case 0x0B:
        return torch::kShort;
      case 0x0C:
        return torch::kInt;
      case 0x0D:
        return torch::kFloat;
      case 0x0E:
        return torch::kDouble;
      default:
        fail("is not an idx file: its type of data is unknown");
    }
  }

  void read_bytes(unsigned char* out, std::size_t size) {
    while (size > 0) {
      const auto wanted = static_cast<unsigned>(std::min<std::size_t>(size, 1U << 28));
      const int got = ::gzread(file_.get(), out, wanted);
      if (got < 0) fail("is damaged: it cannot be decompressed");
      if (got == 0) fail("is truncated");
      out += got;
      size -= static_cast<std::size_t>(got);
    }
  }

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

SAGEMAKER_CONTAINER_FUNCTION std::filesystem::path find_idx(const std::filesystem::path& folder,
                                                            const std::string& name) {
  for (const char* const suffix : {"", ".gz"}) {
    const auto file = folder / (name + suffix);
    if (std::filesystem::exists(file)) return file;
  }
  throw std::runtime_error("there is no " + name + " or " + name + ".gz in " + folder.string());
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor read_idx(const std::filesystem::path& file) {
  return detail::IdxReader(file).read();
}

SAGEMAKER_CONTAINER_FUNCTION LabelledImages read_mnist(const std::filesystem::path& folder,
                                                       const std::string& part) {
  const auto images_file = detail::find_idx(folder, part + "-images-idx3-ubyte");
  const auto labels_file = detail::find_idx(folder, part + "-labels-idx1-ubyte");
  const torch::Tensor images = read_idx(images_file);
  const torch::Tensor labels = read_idx(labels_file);
  if (images.dim() != 3 || labels.dim() != 1 || images.size(0) != labels.size(0)) {
    throw std::runtime_error(images_file.string() + " and " + labels_file.string() +
                             " do not belong together");
  }
  return {images.unsqueeze(1).to(torch::kFloat32).div_(255), labels.to(torch::kInt64)};
}

}  // namespace sagemaker::container
