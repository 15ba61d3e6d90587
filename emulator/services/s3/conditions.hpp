// If-Match and its relatives: which object a request is meant for, or that there be none.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::s3 {

// GetObject, HeadObject. Throws PreconditionFailed (412), or NotModified (304) with ETag and LastModified as
// fields.
void check_read_conditions(const json& input, const store::ObjectInfo& info);

// IfRange: whether the range is of the object that the caller has in mind; if not, it gets all of this one.
bool range_applies(const json& input, const store::ObjectInfo& info);

// CopySourceIf*: every condition that does not hold is a PreconditionFailed.
void check_copy_conditions(const json& input, const store::ObjectInfo& source);

// IfNoneMatch "*" and IfMatch of writes: what they say can be checked at once...
void check_write_condition_syntax(const json& input);
// ...and against what is there at the very moment of writing.
void check_write_conditions(const json& input, const store::ObjectInfo* current, const std::string& key);

}  // namespace sagemaker::local::services::s3
