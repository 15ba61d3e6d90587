// What is asked about an object or done to it besides its bytes: its attributes at a glance, its way back
// from an archive, and the locks that it cannot have.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include "emulator/services/s3/attributes.hpp"
#include "emulator/services/s3/customer_key.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::array attribute_names = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"};
constexpr const char* attributes_header = "x-amz-object-attributes";
constexpr std::int64_t ms_per_day = 24 * 60 * 60 * 1000;

std::set<std::string> wanted_attributes(const json& input) {
  std::set<std::string> wanted;
  std::string name;
  for (const char c : text_of(input, "ObjectAttributes") + ",") {
    if (c != ',') {
      if (c != ' ') name += c;
      continue;
    }
    if (std::find(attribute_names.begin(), attribute_names.end(), name) != attribute_names.end()) {
      wanted.insert(name);
    } else if (!name.empty()) {
      throw invalid_argument("Invalid attribute name specified.", attributes_header, name);
    }
    name.clear();
  }
  if (wanted.empty()) {
    throw ServiceFault(
        "InvalidArgument", 400,
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either "
        "missing or empty",
        {{"ArgumentName", attributes_header}});
  }
  return wanted;
}

// A page of the parts. Without checksums of their own S3 tells no more than how many there were.
json describe_parts(const json& metadata, std::int64_t marker, std::int64_t limit) {
  const json& sizes = metadata["PartSizes"];
  const auto count = static_cast<std::int64_t>(sizes.size());
  json output = {{"TotalPartsCount", count}};
  const auto algorithm = algorithm_named(text_of(metadata, "ChecksumAlgorithm"));
  if (!algorithm || !has(metadata, "PartChecksums")) return output;
  const std::int64_t end = std::min(count, std::min(marker, count) + limit);
  json parts = json::array();
  for (std::int64_t i = marker; i < end; ++i) {
    const auto at = static_cast<std::size_t>(i);
    parts.push_back(
        {{"PartNumber", i + 1}, {"Size", sizes[at]}, {member_of(*algorithm), metadata["PartChecksums"][at]}});
  }
  output["PartNumberMarker"] = marker;
  output["NextPartNumberMarker"] = parts.empty() ? marker : end;
  output["MaxParts"] = limit;
  output["IsTruncated"] = end < count;
  output["Parts"] = std::move(parts);
  return output;
}

}  // namespace

Reply Service::get_object_attributes(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::set<std::string> wanted = wanted_attributes(input);
  const store::ObjectInfo info = existing_object(bucket, key_of(input), version_of(input));
  require_customer_key(info.metadata, customer_key_of(input));
  Reply reply;
  json& output = reply.document;
  output["LastModified"] = info.modified_ms / 1000 * 1000;
  describe_version(bucket, info, output);
  if (wanted.contains("ETag")) output["ETag"] = info.etag;  // the one place where S3 leaves out the quotes
  if (wanted.contains("ObjectSize")) output["ObjectSize"] = info.size;
  if (wanted.contains("StorageClass")) {
    output["StorageClass"] = text_of(info.metadata, "StorageClass", "STANDARD");
  }
  if (wanted.contains("Checksum")) {
    json checksum = json::object();
    describe_checksum(info.metadata, checksum);
    if (!checksum.empty()) output["Checksum"] = std::move(checksum);
  }
  if (wanted.contains("ObjectParts") && has(info.metadata, "PartSizes")) {
    output["ObjectParts"] = describe_parts(info.metadata, number_of(input, "PartNumberMarker").value_or(0),
                                           page_size(input, "MaxParts"));
  }
  return reply;
}

Reply Service::restore_object(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  const json& request = part_of(input, "RestoreRequest");
  for (const char* member : {"Type", "SelectParameters", "OutputLocation"}) {
    if (has(request, member)) throw not_implemented(member, "Select requests are not implemented");
  }
  const store::ObjectInfo info = existing_object(bucket, key, version_of(input));
  if (!is_archived(info.metadata)) {
    throw ServiceFault("InvalidObjectState", 403,
                       "Restore is not allowed for the object's current storage class",
                       {{"StorageClass", text_of(info.metadata, "StorageClass", "STANDARD")}});
  }
  const std::int64_t days = number_of(request, "Days").value_or(0);
  if (days < 1 || days > std::numeric_limits<std::int32_t>::max()) throw malformed_xml();  // an xs:int
  // A copy is kept to the end of its last day; the archive answers at once here.
  const std::int64_t until = (now_ms() / ms_per_day + days + 1) * ms_per_day;
  objects_.change_metadata(bucket.name, key, info.version,
                           [&](json& metadata) { metadata["RestoredUntil"] = until; });
  const bool again = number_of(info.metadata, "RestoredUntil").value_or(0) > now_ms();
  return {{{"RestoredBefore", again}}, std::nullopt};
}

Reply Service::refuse_object_lock(const CallContext& context, const json& input, BodySource&) {
  existing_object(existing_bucket(context, input), key_of(input), version_of(input));
  throw invalid_request("Bucket is missing Object Lock Configuration");
}

}  // namespace sagemaker::local::services::s3
