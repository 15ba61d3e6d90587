// The data log of one instance of a transform job: what the platform says about the objects, in AWS's form.
//   2020-03-25T07:57:45.857:[sagemaker logs]: bucket/key: ClientError: 400
#pragma once

#include <string>
#include <string_view>

#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"

namespace sagemaker::local::services::transform {

class DataLog {
 public:
  // Makes the stream, which is there before its first line. `platform` must outlive this.
  DataLog(Platform& platform, std::string group, std::string stream);

  // Thread-safe.
  void say(std::string_view text);
  // Every line of `text`, behind the object's name.
  void say(const S3Location& object, std::string_view text);

 private:
  Platform& platform_;
  const std::string group_, stream_;
};

}  // namespace sagemaker::local::services::transform
