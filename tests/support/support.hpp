// What the tests share: data that may be absent, temporary folders, a controlled clock.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace sagemaker::tests {

// Says why a test has nothing to check here. A program in which every test case was skipped exits 77.
void skip(const std::string& reason);

// The folder of real data: SAGEMAKER_DATA_DIR, else shared/data beside the checkout; nullopt where `relative`
// is absent.
std::optional<std::filesystem::path> data_file(const std::string& relative);

// A folder of its own that is gone at scope end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace sagemaker::tests
