// The tables of objects and of their older versions as their users see them: Objects, and Uploads when it
// completes one. Inside the store only.
//
// `objects` has a row for every key that stands for an object now: what almost every request is about.
// `object_versions` has the rest: older versions, and delete markers, of which the newest row of a key hides
// that key. So a key without a row in `objects` has a delete marker as its newest version, or no version.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/store/database.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::store {

inline constexpr int metadata_depth_max = 64;

// Brings the tables of an older data directory up to date.
void migrate_objects(Database& database);

std::string require_bucket(Connection& connection, std::string_view bucket);  // its versioning; MissingBucket
bool blob_in_use(Connection& connection, const std::string& name);

std::optional<ObjectInfo> select_object(Connection& connection, std::string_view bucket,
                                        std::string_view key);
std::optional<ObjectInfo> select_latest(Connection& connection, std::string_view bucket,
                                        std::string_view key);
std::optional<ObjectInfo> select_version(Connection& connection, std::string_view bucket,
                                         std::string_view key, std::string_view version);
std::vector<ObjectInfo> select_objects(Connection& connection, std::string_view bucket,
                                       std::string_view prefix, std::string_view start_after,
                                       std::size_t limit);
std::vector<ObjectInfo> select_versions(Connection& connection, std::string_view bucket,
                                        std::string_view prefix, std::string_view key, std::int64_t sequence,
                                        std::size_t limit);

// Blobs that the rows do not refer to any more, to be removed when the transaction has succeeded.
using Orphans = std::vector<std::string>;

// Asks the condition and writes the row; returns it with its version.
ObjectInfo replace_object(Connection& connection, std::string_view bucket, ObjectInfo info,
                          const Condition& condition, Orphans& orphans);
Erased erase_object(Connection& connection, std::string_view bucket, std::string_view key, const Erasing& how,
                    Orphans& orphans);
void update_metadata(Connection& connection, std::string_view bucket, const ObjectInfo& info);

// Greater than every key with this prefix, and not greater than any key behind those.
std::string end_of_keys(std::string_view prefix);

}  // namespace sagemaker::local::store
