#include "emulator/services/sagemaker/folder_sync.hpp"

#include <algorithm>
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

constexpr int rest_steps_max = 64;  // between two attempts at what does not work

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
                       std::function<void(const std::string& line)> say, json metadata)
    : objects_(objects),
      bucket_(std::move(location.bucket)),
      prefix_(prefix_of(std::move(location.key))),
      say_(std::move(say)),
      metadata_(std::move(metadata)) {
  for (runner::GuardedFolder& folder : folders) hosts_.push_back({std::move(folder), {}});
}

std::vector<store::ObjectInfo> FolderSync::objects() const {
  return objects_under(objects_, {bucket_, prefix_});
}

bool FolderSync::Patience::resting(const std::string& name) {
  const auto wait = waits_.find(name);
  if (wait == waits_.end() || wait->second.left == 0) return false;
  --wait->second.left;
  return true;
}

void FolderSync::Patience::failed(const std::string& name) {
  Wait& wait = waits_[name];
  wait.left = wait.next;
  wait.next = std::min(2 * wait.next, rest_steps_max);
}

// By name in the folder. Throws std::runtime_error where a key cannot be one.
std::map<std::string, store::ObjectInfo> FolderSync::restorable() const {
  std::map<std::string, store::ObjectInfo> all;
  for (store::ObjectInfo& object : objects()) {
    std::string name;
    try {
      name = runner::checked_relative(object.key.substr(prefix_.size())).generic_string();
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("s3://" + bucket_ + "/" + object.key + ": " + error.what());
    }
    const auto there = all.find(name);  // "a/b" and "a//b"
    if (there == all.end() || there->second.modified_ms < object.modified_ms) all[name] = std::move(object);
  }
  const auto each_folder_that_is_a_file = [&](const std::string& name, auto&& use) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
      if (const auto file = all.find(name.substr(0, slash)); file != all.end()) use(file);
  };
  std::map<std::string, std::int64_t> newest_below;  // of the files that would have to be folders too
  for (const auto& [name, object] : all)
    each_folder_that_is_a_file(name, [&, &object = object](const auto& file) {
      std::int64_t& newest = newest_below[file->first];
      newest = std::max(newest, object.modified_ms);
    });
  for (const auto& [name, newest] : newest_below)
    if (all.at(name).modified_ms < newest) all.erase(name);
  std::erase_if(all, [&](const auto& entry) {
    bool below_a_file = false;
    each_folder_that_is_a_file(entry.first, [&](const auto&) { below_a_file = true; });
    return below_a_file;
  });
  return all;
}

void FolderSync::restore(const std::function<bool()>& cancelled) {
  for (auto& [name, object] : restorable()) {
    try {
      for (Host& host : hosts_) {
        if (cancelled && cancelled()) return;
        bring(host, name, object);
      }
    } catch (const std::exception& error) {
      throw std::runtime_error("s3://" + bucket_ + "/" + object.key + ": " + error.what());
    }
    versions_[object.key] = object.etag;
  }
}

// Of an object that was replaced meanwhile the new one; false where it is gone.
bool FolderSync::bring(Host& host, const std::string& name, store::ObjectInfo& object) {
  for (;;) {
    try {
      const runner::GuardedFolder::File file = host.folder.put(name, objects_.blob_path(object));
      host.files[name] = {file, file};
      return true;
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::no_such_file_or_directory) throw;
      const auto now = objects_.find(bucket_, object.key);
      if (!now) return false;
      if (now->blob == object.blob) throw;
      object = *now;
    }
  }
}

bool FolderSync::upload(bool last, const std::function<bool()>& cancelled) {
  for (Host& host : hosts_) {
    for (const runner::GuardedFolder::File& file : host.folder.files()) {
      if (cancelled && cancelled()) return false;
      Known& known = host.files[file.name];
      if (known.in_step == file) continue;
      known.restless = known.seen == file ? 0 : known.restless + 1;
      const bool replaced = known.seen.inode != 0 && known.seen.inode != file.inode;
      known.seen = file;
      const bool due = known.restless == 0 || last || (replaced && known.restless >= replaced_steps_max) ||
                       known.restless >= restless_steps_max;
      if (!due || (!last && uploads_.resting(file.name))) continue;
      if (!upload(host, file)) {
        uploads_.failed(file.name);
        continue;
      }
      uploads_.succeeded(file.name);
      known.in_step = file;
      known.restless = 0;
    }
  }
  return true;
}

// False where it should be tried again.
bool FolderSync::upload(Host& host, const runner::GuardedFolder::File& file) {
  const std::string key = key_of(file.name);
  if (!can_be_key(key)) {
    complain(file.name, "its name cannot be the key of an object");
    return true;
  }
  try {
    if (!objects_.find_bucket(bucket_)) throw store::MissingBucket(bucket_);  // before any byte is copied
    const auto opened = host.folder.open(file.name);
    versions_[key] = objects_.put_file(bucket_, key, opened.path(), metadata_).etag;
    complaints_.erase(file.name);
    return true;
  } catch (const std::system_error& error) {  // the disk is full, for example, or the file is gone again
    if (error.code() != std::errc::no_such_file_or_directory)
      complain(file.name, error.what(), error.code() != std::errc::permission_denied);
    return false;
  } catch (const store::DatabaseError& error) {
    complain(file.name, error.what(), true);
    return false;
  } catch (const std::exception& error) {  // the bucket is gone
    complain(file.name, error.what());
    return false;
  }
}

std::optional<FolderSync::Failure> FolderSync::failure() const {
  for (const Host& host : hosts_) {
    for (const runner::GuardedFolder::File& file : host.folder.files()) {
      const std::string name = runner::clean_text(file.name, key_bytes_max);
      if (const auto complaint = complaints_.find(file.name); complaint != complaints_.end())
        return Failure{name + ": " + complaint->second.reason, complaint->second.machine};
      const auto known = host.files.find(file.name);
      if (known == host.files.end() || known->second.in_step != file)
        return Failure{name + ": it could not be read", true};
    }
  }
  return std::nullopt;
}

void FolderSync::download() {
  for (store::ObjectInfo& object : objects()) {
    const std::string key = object.key;
    if (downloads_.resting(key)) continue;
    try {
      download(runner::checked_relative(key.substr(prefix_.size())).generic_string(), object);
      downloads_.succeeded(key);
    } catch (const std::exception& error) {
      downloads_.failed(key);
      complain(key.substr(prefix_.size()), error.what());
    }
  }
}

void FolderSync::download(const std::string& name, store::ObjectInfo& object) {
  const auto version = versions_.find(object.key);
  const bool foreign = version == versions_.end() || version->second != object.etag;
  for (Host& host : hosts_) {
    const auto here = host.files.find(name);
    // What the host has changed itself goes up before anything comes down over it.
    const bool changed = here != host.files.end() && here->second.seen != here->second.in_step;
    if (here != host.files.end() && (!foreign || changed)) continue;
    if (!bring(host, name, object)) return;
  }
  versions_[object.key] = object.etag;
}

void FolderSync::complain(const std::string& name, const std::string& why, bool machine) {
  Failure& said = complaints_[name];
  if (said.reason == why) return;
  said = {why, machine};
  if (say_)
    say_("sagemaker-local: " + runner::clean_text(name, 200) + " is not in step with s3://" + bucket_ + "/" +
         prefix_ + ": " + why);
}

}  // namespace sagemaker::local::services
