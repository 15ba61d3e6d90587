// CloudWatch Logs: groups, streams, events, reading and filtering.
#pragma once

#include <memory>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/operation.hpp"
#include "emulator/store/logs.hpp"

namespace sagemaker::local::services {

// CreateLogGroup, DeleteLogGroup, DescribeLogGroups, CreateLogStream, DeleteLogStream, DescribeLogStreams,
// PutLogEvents, GetLogEvents, FilterLogEvents, PutRetentionPolicy, DeleteRetentionPolicy, and the tags of
// groups: TagResource, UntagResource, ListTagsForResource, TagLogGroup, UntagLogGroup, ListTagsLogGroup.
// `logs` must outlive the table. The wire layer checks lengths, ranges and types before.
OperationTable logs_operations(store::Logs& logs, std::shared_ptr<aws::Clock> clock);

}  // namespace sagemaker::local::services
