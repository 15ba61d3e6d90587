// What AWS answers about jobs of any kind, in its words.
#pragma once

#include <string>
#include <string_view>

#include "emulator/services/service_error.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

// Of transform and processing jobs; training jobs have a text of their own.
inline ServiceFault job_name_taken(const store::Record& job) {
  return ServiceFault(
      "ResourceInUse", 400,
      "Job name must be unique within an AWS account and region, and a job with this name already exists (" +
          job.arn + ")");
}

// `noun`: "training job". Why a job that has ended cannot be stopped, or one that runs be deleted.
inline std::string rejected_in_status(const store::Record& job, std::string_view noun) {
  return "The request was rejected because the " + std::string(noun) + " is in status " + job.status + ".";
}

}  // namespace sagemaker::local::services
