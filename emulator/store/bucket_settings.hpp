// What was set on a bucket besides its objects: one JSON document per setting (CORS rules, tags, policy,
// ...), under the name that the S3 service gives it. Settings end with their bucket.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/database.hpp"

namespace sagemaker::local::store {

class BucketSettings {
 public:
  using Documents = std::map<std::string, json, std::less<>>;  // by name of the setting

  explicit BucketSettings(Database& database) : database_(database) {}
  // Needs the tables of Objects in the same database.
  static std::string_view schema();

  std::optional<json> find(std::string_view bucket, std::string_view name) const;
  // Everything that is set on a bucket, as of one moment.
  Documents all(std::string_view bucket) const;
  // Each throws MissingBucket. null as a document is one like any other: what it means is up to the caller.
  void put(std::string_view bucket, std::string_view name, const json& document);
  void erase(std::string_view bucket, std::string_view name);

 private:
  Database& database_;
};

// Within a transaction of the store.
void write_settings(Connection& connection, std::string_view bucket,
                    const BucketSettings::Documents& documents);

}  // namespace sagemaker::local::store
