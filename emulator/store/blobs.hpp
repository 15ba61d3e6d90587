// The files that hold object bytes. A blob is written once, under a temporary name, and never changed after
// it took its final one: so a second name for the same bytes is a hard link, and a reader with an open file
// cannot be disturbed.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "emulator/store/database.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::store {

class Blobs {
 public:
  // Throws std::system_error where the directory cannot be made.
  Blobs(std::filesystem::path directory, Durability durability);
  ~Blobs();
  Blobs(const Blobs&) = delete;
  Blobs& operator=(const Blobs&) = delete;

  std::unique_ptr<BlobWriter> create();
  // A blob made of these whole blobs, one behind the other, copied inside the kernel. It has no MD5.
  // Throws std::system_error (ENOENT) where one of them is gone.
  std::unique_ptr<BlobWriter> join(const std::vector<std::string>& names);
  // A blob with the bytes of a file of this machine.
  std::unique_ptr<BlobWriter> import(const std::filesystem::path& file);
  // Syncs the bytes and gives the file its final place; returns its name. On return the bytes survive a
  // crash.
  std::string settle(std::unique_ptr<BlobWriter> blob);
  // A second name for the same bytes. Throws std::system_error (ENOENT) where the blob is gone.
  std::string duplicate(const std::string& name);
  void remove(const std::string& name) noexcept;
  // The transaction in which settled blobs are referred to for the first time. Where it fails they go; where
  // nobody can know whether it failed they stay, and the next start will see.
  void publish(const std::vector<std::string>& names, Database& database,
               const std::function<void(Connection&)>& work);
  std::filesystem::path path_of(const std::string& name) const;

  // Removes what a killed process left behind: temporary files always, and blobs that nothing refers to
  // unless the last process on this directory ended in good order.
  void sweep(const std::function<bool(const std::string& name)>& is_used);

 private:
  void make_home_of(const std::string& name);
  void sync_home_of(const std::string& name);

  std::filesystem::path directory_;
  std::filesystem::path incoming_;
  Durability durability_;
  std::mutex homes_mutex_;
  std::atomic<bool> swept_ = false;  // so that at the end all files are known to be in use
};

}  // namespace sagemaker::local::store
