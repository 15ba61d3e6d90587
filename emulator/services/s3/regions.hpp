// The regions of AWS that a bucket can be in.
#pragma once

#include <string_view>

namespace sagemaker::local::services::s3 {

bool is_region(std::string_view name);

}  // namespace sagemaker::local::services::s3
