// What settings of a bucket do to operations on its objects.
#pragma once

#include <string_view>

namespace sagemaker::local::services::s3 {

// Whether this operation makes an object or tells about one: encryption by default, access control lists and
// the end by a lifecycle rule apply to it.
bool settings_matter_to(std::string_view operation);

}  // namespace sagemaker::local::services::s3
