// Bytes on their way from a request into a blob.
#pragma once

#include <memory>
#include <string>

#include "emulator/services/s3/digests.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {

// Reads the whole body into the blob and compares every digest that the caller gave. Throws ServiceFault
// (EntityTooLarge, BadDigest, ...) and whatever the body itself throws; the blob is then to be dropped.
void receive(BodySource& body, store::BlobWriter& blob, Digests& digests, const S3Limits& limits);

// Members that tell the caller which checksum was computed.
void describe_digest(const Digests& digests, json& output);

}  // namespace sagemaker::local::services::s3
