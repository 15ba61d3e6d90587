// How the objects of a transform job fall into records.
#pragma once

#include <cstdint>

namespace sagemaker::local::services::transform {

// SplitType: where one record ends and the next begins. none: the object is one record.
enum class Split { none, line, record_io, tf_record };
// BatchStrategy: how many records are in a request.
enum class Strategy { single_record, multi_record };
// AssembleWith: what stands behind every record of the output. none: nothing.
enum class Assembly { none, line };

}  // namespace sagemaker::local::services::transform
