// What all listings of keys have in common: prefixes that end at a delimiter, and encoding-type.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

// Greater than every key that begins with this: no key is longer than 1,024 bytes.
std::string behind_all_with(const std::string& prefix);

// The part of a key up to and including the first delimiter behind the prefix; "" where there is none.
std::string common_prefix_of(const std::string& key, const std::string& prefix, const std::string& delimiter);

// Whether a marker is itself a common prefix, as one that a page ended with may be: it stands for all the
// keys under it.
bool marks_common_prefix(const std::string& marker, const std::string& prefix, const std::string& delimiter);

// Throws InvalidArgument for an EncodingType other than "url".
void check_encoding(const json& input);

}  // namespace sagemaker::local::services::s3
