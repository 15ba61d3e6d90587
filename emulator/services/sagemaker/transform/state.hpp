// The states of a transform job and the changes between them, applied to the job's document. Times that are
// shown never go back, whatever the clock does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/records.hpp"

namespace sagemaker::local::services::transform {

// The job has its instances: TransformStartTime. A job that starts again keeps the first one.
void begin(store::Record& job, std::int64_t now_ms);
// Completed, Failed or Stopped: TransformEndTime.
void finish(store::Record& job, std::string_view status, std::int64_t now_ms);
// `reason` is cut to what AWS shows.
void fail(store::Record& job, const std::string& reason, std::int64_t now_ms);
bool ended(const store::Record& job);

// The model as it was when the job was created: it may be deleted while the job runs.
void keep_model_document(store::Record& job, const json& model);
const json& model_document(const json& job_document);

// As DescribeTransformJob and ListTransformJobs show it.
json description(const store::Record& job);
json summary(const store::Record& job);

}  // namespace sagemaker::local::services::transform
