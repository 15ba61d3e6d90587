// See folder_hash.hpp.
#include "emulator/images/script/folder_hash.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <stdexcept>
#include <system_error>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 100'000;  // a link to a large part of the machine is a mistake

void collect(const fs::path& directory, const fs::path& relative, std::set<fs::path>& seen,
             std::vector<fs::path>& files) {
  std::error_code error;
  const fs::path real = fs::canonical(directory, error);
  if (error || !seen.insert(real).second) return;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  std::sort(entries.begin(), entries.end());  // which of two links to a folder comes first decides its name
  for (const fs::path& path : entries) {
    const fs::path name = path.filename();
    if (fs::is_directory(path, error)) {
      if (name != ".git" && name != ".svn" && name != ".hg") collect(path, relative / name, seen, files);
    } else if (fs::is_regular_file(path, error)) {
      if (files.size() >= files_max)
        throw std::runtime_error("the source folder leads to more than " + std::to_string(files_max) +
                                 " files");
      files.push_back(relative / name);
    }
  }
}

}  // namespace

std::vector<fs::path> files_of(const fs::path& directory) {
  std::set<fs::path> seen;
  std::vector<fs::path> files;
  collect(directory, {}, seen, files);
  std::sort(files.begin(), files.end());
  return files;
}

std::string hash_of_folder(const fs::path& directory) {
  aws::Sha256 hash;
  std::array<char, 65536> buffer{};
  for (const fs::path& file : files_of(directory)) {
    std::ifstream stream(directory / file, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + file.string());
    std::error_code error;
    hash.update(file.string() + '\0' + std::to_string(fs::file_size(directory / file, error)) + '\0');
    while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0)
      hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(stream.gcount())));
  }
  return aws::to_hex(hash.finish());
}

}  // namespace sagemaker::local::images
