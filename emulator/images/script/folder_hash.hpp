// The hash of a folder of user code: of the names and the contents of all its files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sagemaker::local::images {

// Files below `directory`, relative to it and sorted; symbolic links to files and folders are followed, each
// folder once. Version control's own folders are left out.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& directory);

// Hexadecimal SHA-256. Throws std::runtime_error naming a file that cannot be read.
std::string hash_of_folder(const std::filesystem::path& directory);

}  // namespace sagemaker::local::images
