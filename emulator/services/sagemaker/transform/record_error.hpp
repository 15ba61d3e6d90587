// The error of a single record of a transform job.
#pragma once

#include <stdexcept>

namespace sagemaker::local::services::transform {

// A record, or the prediction for it, is not what the filters need. The text is one for the job's data log.
class RecordError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace sagemaker::local::services::transform
