// The objects that a transform job reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/unique_fd.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::transform {

struct InputObject {
  S3Location location;
  std::string relative;     // its name below the prefix: where its output goes below S3OutputPath
  std::uint64_t bytes = 0;  // when the job began
};

// In key order, or that of the manifest. Throws std::runtime_error in AWS's words where there are none.
std::vector<InputObject> input_objects(const store::Objects& objects, const json& request);

// The object as it is now; what is open can be read to its end, whatever becomes of the object. Throws
// std::runtime_error where there is none any more.
runner::UniqueFd open_object(const store::Objects& objects, const S3Location& location);

}  // namespace sagemaker::local::services::transform
