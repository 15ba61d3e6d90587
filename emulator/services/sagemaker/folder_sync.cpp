#include "emulator/services/sagemaker/folder_sync.hpp"

#include <stdexcept>
#include <system_error>

#include "emulator/runner/host_tree.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::size_t key_bytes_max = 1024;  // S3

// A file that changes at every step goes up all the same after so many. One that is replaced by a new file
// each time is whole whenever it is looked at; one that grows is not, and mostly soon rests.
constexpr int replaced_steps_max = 2;
constexpr int restless_steps_max = 20;

// Keys are UTF-8; names of files on Linux are any bytes.
bool can_be_key(const std::string& key) {
  return key.size() <= key_bytes_max && runner::clean_text(key, key_bytes_max) == key;
}

std::string prefix_of(std::string key) {
  while (key.ends_with('/')) key.pop_back();
  if (!key.empty()) key += '/';
  return key;
}

}  // namespace

FolderSync::FolderSync(store::Objects& objects, S3Location location,
                       std::vector<runner::GuardedFolder> folders,
                       std::function<void(const std::string& line)> say)
    : objects_(objects),
      bucket_(std::move(location.bucket)),
      prefix_(prefix_of(std::move(location.key))),
      say_(std::move(say)) {
  for (runner::GuardedFolder& folder : folders) hosts_.push_back({std::move(folder), {}});
}

std::vector<store::ObjectInfo> FolderSync::objects() const {
  return objects_under(objects_, {bucket_, prefix_});
}

void FolderSync::restore() {
  for (const store::ObjectInfo& object : objects()) {
    const std::string name = object.key.substr(prefix_.size());
    try {
      for (Host& host : hosts_) bring(host, name, object);
    } catch (const std::exception& error) {
      throw std::runtime_error("s3://" + bucket_ + "/" + object.key + ": " + error.what());
    }
    versions_[object.key] = object.etag;
  }
}

void FolderSync::bring(Host& host, const std::string& name, const store::ObjectInfo& object) {
  const runner::GuardedFolder::File file = host.folder.put(name, objects_.blob_path(object));
  host.files[name] = {file, file};
}

void FolderSync::upload(bool last) {
  for (Host& host : hosts_) {
    for (const runner::GuardedFolder::File& file : host.folder.files()) {
      Known& known = host.files[file.name];
      if (known.in_step == file) continue;
      known.restless = known.seen == file ? 0 : known.restless + 1;
      const bool replaced = known.seen.inode != 0 && known.seen.inode != file.inode;
      known.seen = file;
      const bool due = known.restless == 0 || last || (replaced && known.restless >= replaced_steps_max) ||
                       known.restless >= restless_steps_max;
      if (!due || !upload(host, file)) continue;
      known.in_step = file;
      known.restless = 0;
    }
  }
}

// False where it should be tried again.
bool FolderSync::upload(Host& host, const runner::GuardedFolder::File& file) {
  const std::string key = key_of(file.name);
  if (!can_be_key(key)) {
    complain(file.name, "its name cannot be the key of an object");
    return true;
  }
  try {
    const auto opened = host.folder.open(file.name);
    versions_[key] = objects_.put_file(bucket_, key, opened.path()).etag;
    return true;
  } catch (const std::system_error& error) {  // the disk is full, for example, or the file is gone again
    if (error.code() != std::errc::no_such_file_or_directory) complain(file.name, error.what());
    return false;
  } catch (const std::exception& error) {  // the bucket is gone
    complain(file.name, error.what());
    return false;
  }
}

void FolderSync::download() {
  for (const store::ObjectInfo& object : objects()) {
    const std::string name = object.key.substr(prefix_.size());
    const auto version = versions_.find(object.key);
    const bool foreign = version == versions_.end() || version->second != object.etag;
    try {
      for (Host& host : hosts_) {
        const auto here = host.files.find(name);
        // What the host has changed itself goes up before anything comes down over it.
        const bool changed = here != host.files.end() && here->second.seen != here->second.in_step;
        if (here == host.files.end() || (foreign && !changed)) bring(host, name, object);
      }
      versions_[object.key] = object.etag;
    } catch (const std::exception& error) {
      complain(name, error.what());
    }
  }
}

void FolderSync::complain(const std::string& name, const std::string& why) {
  std::string& said = complaints_[name];
  if (said == why) return;
  said = why;
  if (say_)
    say_("sagemaker-local: " + runner::clean_text(name, 200) + " is not in step with s3://" + bucket_ + "/" +
         prefix_ + ": " + why);
}

}  // namespace sagemaker::local::services
