// What an object carries besides its bytes: content headers, user metadata, storage class, encryption,
// checksum. Checked when it comes in, kept as one document in the store (see ObjectInfo::metadata), given
// back member by member.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/limits.hpp"
#include "emulator/services/s3/checksum.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::s3 {

// The document to keep for a new object. Throws ServiceFault: MetadataTooLarge, InvalidStorageClass, what is
// not implemented, object locks.
json attributes_of(const json& input, const S3Limits& limits);

void set_checksum(json& attributes, Algorithm algorithm, const std::string& value, const std::string& type);

// ETag, LastModified and the encryption that every answer about an object names.
void describe_encryption(const json& attributes, json& output);
// Whether the bytes can be read now: archived ones have to be restored first. Throws InvalidObjectState.
void require_readable(const store::ObjectInfo& info, std::int64_t now_ms);
bool is_archived(const json& attributes);  // in a storage class that cannot be read from

// Checksum*, ChecksumType.
void describe_checksum(const json& attributes, json& output);
// Everything that GetObject and HeadObject tell; response-* overrides of `input` are applied.
void describe_object(const store::ObjectInfo& info, const json& input, json& output);

}  // namespace sagemaker::local::services::s3
