// CompleteMultipartUpload: the list of parts is checked against what was uploaded, then all of it becomes one
// object.
#include <algorithm>
#include <string>
#include <vector>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/attributes.hpp"
#include "emulator/services/s3/conditions.hpp"
#include "emulator/services/s3/customer_key.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

ServiceFault invalid_part(const std::string& upload_id, std::int64_t number, const std::string& etag) {
  return {
      "InvalidPart",
      400,
      "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
      "specified entity tag may not match the part's entity tag.",
      {{"UploadId", upload_id}, {"PartNumber", number}, {"ETag", etag}}};
}

// The checksums that the request repeats for a part have to be those it was uploaded with.
void check_part(const json& requested, const store::Part& part, const store::Upload& upload) {
  const std::optional<Algorithm> algorithm = algorithm_named(text_of(upload.metadata, "ChecksumAlgorithm"));
  for (const Algorithm given : algorithms) {
    if (!has(requested, member_of(given))) continue;
    if (algorithm && given != algorithm) {
      throw ServiceFault("BadDigest", 400,
                         "The " + aws::to_lower(name_of(given)) + " you specified for part " +
                             std::to_string(part.number) + " did not match what we received.");
    }
    const bool same = text_of(part.metadata, "ChecksumAlgorithm") == name_of(given) &&
                      text_of(part.metadata, "ChecksumValue") == text_of(requested, member_of(given));
    if (!same) throw invalid_part(upload.id, part.number, part.etag);
  }
  const bool required = algorithm && text_of(upload.metadata, "ChecksumType") == "COMPOSITE";
  if (!required || has(requested, member_of(*algorithm))) return;
  throw invalid_request(
      "The upload was created using a " + aws::to_lower(name_of(*algorithm)) +
      " checksum. The complete request must include the checksum for each part. It was missing for part " +
      std::to_string(part.number) + " in the request.");
}

bool has_checksum(const json& members) {
  return std::any_of(algorithms.begin(), algorithms.end(),
                     [&](Algorithm algorithm) { return has(members, member_of(algorithm)); });
}

std::vector<store::Part> chosen_parts(const json& requested, const std::vector<store::Part>& uploaded,
                                      const store::Upload& upload, const S3Limits& limits) {
  if (requested.empty()) throw invalid_request("You must specify at least one part");
  std::vector<store::Part> chosen;
  std::int64_t previous = 0;
  auto candidate = uploaded.begin();
  for (const json& entry : requested) {
    const std::int64_t number = number_of(entry, "PartNumber").value_or(0);
    if (number < 1 || number > limits.part_number_max) {
      throw invalid_argument("PartNumber must be >= 1", "PartNumber", std::to_string(number));
    }
    // Parts that are named with their checksums must be numbered from 1 on, without a gap.
    if (number <= previous || (has_checksum(entry) && number != previous + 1)) {
      throw ServiceFault(
          "InvalidPartOrder", 400,
          "The list of parts was not in ascending order. Parts must be ordered by part number.",
          {{"UploadId", upload.id}});
    }
    previous = number;
    while (candidate != uploaded.end() && candidate->number < number) ++candidate;
    const std::string etag = without_quotes(text_of(entry, "ETag"));
    if (candidate == uploaded.end() || candidate->number != number || candidate->etag != etag) {
      throw invalid_part(upload.id, number, etag);
    }
    check_part(entry, *candidate, upload);
    chosen.push_back(*candidate);
  }
  for (std::size_t i = 0; i + 1 < chosen.size(); ++i) {
    if (chosen[i].size >= limits.part_bytes_min) continue;
    throw ServiceFault("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size",
                       {{"ETag", chosen[i].etag},
                        {"PartNumber", chosen[i].number},
                        {"ProposedSize", chosen[i].size},
                        {"MinSizeAllowed", limits.part_bytes_min}});
  }
  return chosen;
}

// MD5 of the parts' MD5s and their number: what S3 calls the entity tag of a multipart object.
std::string composite_etag(const std::vector<store::Part>& parts) {
  aws::Md5 md5;
  for (const store::Part& part : parts) {
    std::string raw;
    for (std::size_t i = 0; i + 1 < part.etag.size(); i += 2) {
      raw += static_cast<char>(std::stoi(part.etag.substr(i, 2), nullptr, 16));
    }
    md5.update(raw);
  }
  return aws::to_hex(md5.finish()) + "-" + std::to_string(parts.size());
}

// The checksum of the object from those of its parts: of all bytes where the algorithm allows it and the
// upload asked for that, else of the checksums.
std::string object_checksum(Algorithm algorithm, const std::string& type,
                            const std::vector<store::Part>& parts) {
  const auto raw = [](const store::Part& part) {
    return aws::base64_decode(text_of(part.metadata, "ChecksumValue")).value_or("");
  };
  if (type == "FULL_OBJECT") {
    std::string whole = raw(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i)
      whole = combine(algorithm, whole, raw(parts[i]), parts[i].size);
    return aws::base64_encode(whole);
  }
  Checksum checksum(algorithm);
  for (const store::Part& part : parts) checksum.update(raw(part));
  return aws::base64_encode(checksum.finish()) + "-" + std::to_string(parts.size());
}

// The request may repeat how the upload was created, and what the object's checksum must turn out to be.
void check_object_checksum(const json& input, json& attributes, const std::vector<store::Part>& parts) {
  const std::string mode = text_of(attributes, "ChecksumType");
  if (has(input, "ChecksumType") && text_of(input, "ChecksumType") != mode) {
    throw invalid_request("The upload was created using the " + (mode.empty() ? "null" : mode) +
                          " checksum mode. The complete request must use the same checksum mode.");
  }
  const std::optional<Algorithm> algorithm = algorithm_named(text_of(attributes, "ChecksumAlgorithm"));
  if (algorithm) set_checksum(attributes, *algorithm, object_checksum(*algorithm, mode, parts), mode);
  for (const Algorithm given : algorithms) {
    if (!has(input, member_of(given))) continue;
    const std::string value = text_of(input, member_of(given));
    const std::string computed = text_of(attributes, "ChecksumValue");
    // The number of parts behind a composite checksum may be left out.
    const bool same = value == computed || value + "-" + std::to_string(parts.size()) == computed;
    if (given == algorithm && same) continue;
    // Without an algorithm of its own an upload cannot be compared with what the request claims.
    const std::string name = aws::to_lower(name_of(given));
    if (given == algorithm) {
      throw ServiceFault("BadDigest", 400,
                         "The " + name + " you specified did not match the calculated checksum.");
    }
    const std::string created = algorithm ? aws::to_lower(name_of(*algorithm)) : "null";
    throw invalid_request("Checksum Type mismatch occurred, expected checksum Type: " + created +
                          ", actual checksum Type: " + name);
  }
}

// Conditions of a completion are about the time since the upload began, not only about this moment.
void check_completion(const json& input, const store::ObjectInfo* current, bool disturbed,
                      const std::string& key) {
  check_write_conditions(input, current, key);
  if (!disturbed) return;
  if (has(input, "IfNoneMatch")) throw conditional_conflict("If-None-Match", key);
  if (has(input, "IfMatch")) throw conditional_conflict("If-Match", key);
}

void keep_parts(const std::vector<store::Part>& parts, store::ObjectInfo& info) {
  json sizes = json::array();
  json checksums = json::array();
  for (const store::Part& part : parts) {
    info.size += part.size;
    sizes.push_back(part.size);
    if (has(part.metadata, "ChecksumValue")) checksums.push_back(part.metadata["ChecksumValue"]);
  }
  info.metadata["PartSizes"] = std::move(sizes);
  if (checksums.size() == parts.size()) info.metadata["PartChecksums"] = std::move(checksums);
}

// Entity tag of the object that these parts make.
std::string etag_of_request(const json& requested) {
  std::vector<store::Part> parts;
  for (const json& entry : requested) {
    parts.push_back({0, 0, without_quotes(text_of(entry, "ETag")), 0, json::object(), ""});
    if (parts.back().etag.find_first_not_of("0123456789abcdef") != std::string::npos) return "";
  }
  return composite_etag(parts);
}

Reply describe_completion(const store::ObjectInfo& stored, const std::string& bucket) {
  Reply reply{{{"Bucket", bucket}, {"Key", stored.key}, {"ETag", in_quotes(stored.etag)}}, std::nullopt};
  describe_checksum(stored.metadata, reply.document);
  describe_encryption(stored.metadata, reply.document);
  describe_new_version(stored, reply.document);
  return reply;
}

}  // namespace

// A client that did not see the first answer asks again: the object it wants is there.
std::optional<Reply> Service::completed_before(const store::Bucket& bucket, const json& input) const {
  const std::optional<store::ObjectInfo> object = objects_.find(bucket.name, text_of(input, "Key"));
  if (!object || text_of(object->metadata, "UploadId") != text_of(input, "UploadId")) return std::nullopt;
  const json& requested = part_of(part_of(input, "MultipartUpload"), "Parts");
  if (!requested.is_array() || etag_of_request(requested) != object->etag) return std::nullopt;
  return describe_completion(*object, bucket.name);
}

Reply Service::complete_multipart_upload(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  check_write_condition_syntax(input);
  try {
    return complete_upload(bucket, input);
  } catch (const ServiceFault& fault) {
    // Of two that complete it at the same time the second one finds what the first one made.
    if (fault.code() != "NoSuchUpload" && fault.code() != "InvalidPart") throw;
    if (std::optional<Reply> reply = completed_before(bucket, input)) return *std::move(reply);
    existing_upload(input);  // parts that are missing because the upload has ended are not what is wrong
    throw;
  }
}

Reply Service::complete_upload(const store::Bucket& bucket, const json& input) {
  // In this order: an object that was there before the upload was looked at is not the one that it became.
  const std::optional<store::ObjectInfo> current = objects_.find(bucket.name, text_of(input, "Key"));
  const store::Upload upload = existing_upload(input);
  check_write_conditions(input, current ? &*current : nullptr, upload.key);  // or parts are joined in vain
  if (const auto key_md5 = customer_key_of(input)) require_customer_key_of_upload(upload.metadata, key_md5);
  const std::vector<store::Part> uploaded =
      objects_.uploads().parts(upload.id, 0, static_cast<std::size_t>(limits_.part_number_max));
  const std::vector<store::Part> parts =
      chosen_parts(part_of(part_of(input, "MultipartUpload"), "Parts"), uploaded, upload, limits_);
  store::ObjectInfo info;
  info.key = upload.key;
  info.etag = composite_etag(parts);
  info.modified_ms = now_ms();
  info.metadata = upload.metadata;
  info.metadata["UploadId"] = upload.id;
  keep_parts(parts, info);
  check_object_checksum(input, info.metadata, parts);
  if (const auto size = number_of(input, "MpuObjectSize");
      size && static_cast<std::uint64_t>(*size) != info.size) {
    throw invalid_request("The provided 'x-amz-mp-object-size' header value " + std::to_string(*size) +
                          " does not match what was computed: " + std::to_string(info.size));
  }
  try {
    const store::ObjectInfo stored = objects_.uploads().complete(
        upload, parts, info, [&](const store::ObjectInfo* replaced, bool disturbed) {
          check_completion(input, replaced, disturbed, info.key);
        });
    return describe_completion(stored, bucket.name);
  } catch (const store::UploadChanged&) {
    throw invalid_part(upload.id, parts.front().number, parts.front().etag);
  }
}

}  // namespace sagemaker::local::services::s3
