// An open file that closes itself, and the loops around read and write that POSIX leaves to its users.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>

namespace sagemaker::local::store {

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() { close(); }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      close();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Throw std::system_error that names the path.
  static File open_to_read(const std::filesystem::path& path);
  static File create(const std::filesystem::path& path);  // read and write; must not exist

  int descriptor() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }
  explicit operator bool() const { return descriptor_ >= 0; }
  void close();

  std::uint64_t size() const;
  void write(std::string_view bytes);  // all of them
  // Hands the bytes from `offset` on to `sink` in pieces of up to 256 KiB. Throws where the file ends too
  // early.
  void read(std::uint64_t offset, std::uint64_t length,
            const std::function<void(std::string_view)>& sink) const;
  // Appends a range of another file inside the kernel where it can do that. `offset` and `length` must lie
  // within it.
  void append_from(const File& source, std::uint64_t offset, std::uint64_t length);
  void sync_data();

 private:
  int descriptor_ = -1;
};

// Makes the names in a directory survive a power loss.
void sync_directory(const std::filesystem::path& directory);

}  // namespace sagemaker::local::store
