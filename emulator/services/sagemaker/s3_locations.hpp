// S3 URIs in SageMaker requests, and the objects behind them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/objects.hpp"

namespace sagemaker::local::services {

struct S3Location {
  std::string bucket;
  std::string key;  // key or prefix; may be empty
  std::string uri() const { return "s3://" + bucket + "/" + key; }
};

// "s3://bucket/key" or "https://s3...amazonaws.com/bucket/key"; ServiceFault ValidationException where it is
// neither.
S3Location parse_s3_uri(std::string_view uri);

// Every object under a prefix, in key order. Folder markers (keys that end in '/') are left out.
std::vector<store::ObjectInfo> objects_under(const store::Objects& objects, const S3Location& location);

// Where an object under a prefix goes below the channel's folder: "data" and "data/" give data/a/b.csv as
// a/b.csv, a part of a name ("da") keeps it as data/a/b.csv, and an object named in full keeps its file name.
std::string relative_name(std::string_view key, std::string_view prefix);

// ValidationException in AWS's words when there is nothing to read behind the data source.
void require_objects(const store::Objects& objects, const json& s3_data_source, const std::string& region,
                     const std::string& role);

}  // namespace sagemaker::local::services
