// The object table as its two users see it: Objects, and Uploads when it completes one. Inside the store
// only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/store/database.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::store {

inline constexpr int metadata_depth_max = 64;

void require_bucket(Connection& connection, std::string_view bucket);  // throws MissingBucket
std::optional<ObjectInfo> select_object(Connection& connection, std::string_view bucket,
                                        std::string_view key);
// Asks the condition and writes the row. Returns the blob that it no longer refers to ("" where there was
// none).
std::string replace_object(Connection& connection, std::string_view bucket, const ObjectInfo& info,
                           const std::function<void(const ObjectInfo* current)>& condition);
// The smallest text that is greater than every text with this prefix; nullopt where there is none.
std::optional<std::string> end_of_prefix(std::string_view prefix);

}  // namespace sagemaker::local::store
