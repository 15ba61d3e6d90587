// The folder that holds everything an emulator keeps, and the lock that admits one emulator at a time.
#pragma once

#include <filesystem>

namespace sagemaker::local {

class DataDirectory {
 public:
  // Makes the folder where it is missing and locks it. std::runtime_error names the process that holds the lock.
  explicit DataDirectory(const std::filesystem::path& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path records_file() const { return path_ / "records.db"; }
  std::filesystem::path logs_file() const { return path_ / "logs.db"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.db"; }
  std::filesystem::path objects() const { return path_ / "objects"; }
  std::filesystem::path tls() const { return path_ / "tls"; }
  std::filesystem::path work() const { return path_ / "work"; }  // of jobs and instances; swept at start

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace sagemaker::local
