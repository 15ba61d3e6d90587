// Keys and file names of folder transfers: which of them take part, and which key becomes which file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fnmatch.h>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/clients/s3_transfer_types.hpp>

namespace sagemaker::detail {

// Shell patterns over paths inside the folder, '/' between their parts: '*' and '?' also stand for '/'.
// Without `include` everything takes part, and nothing that matches one of `exclude`.
class NameFilter {
 public:
  NameFilter(const std::vector<std::string>& include, const std::vector<std::string>& exclude)
      : include_(include), exclude_(exclude) {}
  bool operator()(const std::string& name) const {
    return (include_.empty() || matches(include_, name)) && !matches(exclude_, name);
  }

 private:
  static bool matches(const std::vector<std::string>& patterns, const std::string& name) {
    for (const std::string& pattern : patterns) {
      if (::fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return true;
    }
    return false;
  }

  const std::vector<std::string>& include_;
  const std::vector<std::string>& exclude_;
};

// The prefix of all keys below a "folder": nothing, or with '/' at its end.
inline std::string folder_prefix(std::string key) {
  if (!key.empty() && !key.ends_with('/')) key += '/';
  return key;
}

// Whether the scope is several keys, whatever is there.
inline bool is_listed(S3Scope scope) { return scope != S3Scope::automatic && scope != S3Scope::object; }

// With what the keys begin that belong to KEY, where the scope is no object's.
inline std::string listed_prefix(const std::string& key, S3Scope scope) {
  return scope == S3Scope::prefix || scope == S3Scope::path ? key : folder_prefix(key);
}

// Of the keys with that prefix: "data" as a path has nothing to do with "data-labels/1".
inline bool belongs_to(std::string_view key, std::string_view prefix, S3Scope scope) {
  if (scope != S3Scope::path || prefix.empty() || prefix.ends_with('/')) return true;
  return key.size() == prefix.size() || key[prefix.size()] == '/';
}

// What stays of a key below the place where all keys with the prefix go: it loses the prefix up to its last
// whole part. "" for the stand-in of the prefix itself.
inline std::string_view key_below(std::string_view key, std::string_view prefix) {
  std::size_t start = prefix.size();
  if (!prefix.empty() && !prefix.ends_with('/')) {
    const bool whole = key.size() > prefix.size() && key[prefix.size()] == '/';
    start = whole ? prefix.size() + 1 : prefix.rfind('/') + 1;  // npos + 1 is 0
  }
  return key.substr(start);
}

// The same as the name of a file below the folder of a download. Throws Error for a key that would lead out
// of the folder or cannot be a file name.
inline std::string relative_key(std::string_view key, std::string_view prefix) {
  const std::string_view rest = key_below(key, prefix);
  std::string_view left = rest;
  bool usable = !rest.starts_with('/');
  while (usable && !left.empty()) {
    const std::size_t end = left.find('/');
    const std::string_view part = left.substr(0, end);
    usable = !part.empty() && part != ".." && part != "." && part.find('\0') == std::string_view::npos;
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  if (!usable) {
    throw Error(
        "The key \"" + std::string(key) +
        "\" cannot become a file name below the folder: it is absolute, has an empty part, or one that "
        "is \".\" or \"..\"");
  }
  return std::string(rest);
}

inline void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    throw Error("Cannot create the folder \"" + folder.string() +
                "\": " + (error ? error.message() : "there is a file of that name"));
  }
}

}  // namespace sagemaker::detail
