// The files that an S3 data source of a job stands for: the objects under a prefix, or those that a manifest
// names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "emulator/runner/training/inputs.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"

namespace sagemaker::local::services {

// Where the bytes of an object lie now. Throws std::runtime_error naming the URI where there is none.
std::filesystem::path locate_object(const store::Objects& objects, const std::string& uri);

// All of an object's bytes. Throws std::runtime_error.
std::string read_object(const store::Objects& objects, const S3Location& location);

// Every object under the prefix, in key order, with its name below it (see relative_name).
std::vector<runner::InputFile> prefix_files(const store::Objects& objects, const S3Location& location);

// S3DataType ManifestFile: [{"prefix": "s3://bucket/folder/"}, "a.csv", "sub/b.csv"]. Every entry is one
// object, placed by its relative name. Throws std::runtime_error where that is not what the object holds.
std::vector<runner::InputFile> manifest_files(const store::Objects& objects, const S3Location& location);

}  // namespace sagemaker::local::services
