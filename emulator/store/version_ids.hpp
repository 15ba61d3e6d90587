// The ids of object versions: 32 characters that mean nothing to clients. They begin with the number of the
// version, so that a listing can go on behind one that was deleted meanwhile; the rest cannot be guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sagemaker::local::store {

// Ids of greater numbers come first in byte order.
std::string new_version_id(std::int64_t sequence);
// The number in an id; nullopt: no id looks like that.
std::optional<std::int64_t> sequence_of(std::string_view version_id);

}  // namespace sagemaker::local::store
