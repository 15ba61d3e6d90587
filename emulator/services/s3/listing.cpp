// ListObjects in both versions.
#include "emulator/services/s3/listing.hpp"

#include <string>
#include <utility>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

using ObjectPage = Page<store::ObjectInfo>;

ObjectPage objects_behind(const store::Objects& objects, const json& input, std::int64_t limit,
                          std::string key) {
  const PageRequest asked{text_of(input, "Prefix"), text_of(input, "Delimiter"),
                          static_cast<std::size_t>(limit)};
  const std::string bucket = text_of(input, "Bucket");
  return walk_keys<store::ObjectInfo>(
      asked, std::move(key),
      [&](const std::string& behind, std::size_t count) {
        return objects.list(bucket, asked.prefix, behind, count);
      },
      [](const store::ObjectInfo& info) { return info.key; });
}

// What both versions say about the page, the position in the listing aside.
json describe(const ObjectPage& page, const json& input, std::int64_t limit, const json* owner) {
  json output = {{"Name", text_of(input, "Bucket")},
                 {"Prefix", text_of(input, "Prefix")},
                 {"MaxKeys", limit},
                 {"IsTruncated", page.truncated},
                 {"Contents", json::array()},
                 {"CommonPrefixes", json::array()}};
  if (has(input, "Delimiter") && !text_of(input, "Delimiter").empty())
    output["Delimiter"] = input["Delimiter"];
  if (has(input, "EncodingType")) output["EncodingType"] = input["EncodingType"];
  for (const store::ObjectInfo& info : page.entries) {
    json entry = {{"Key", info.key},
                  {"LastModified", info.modified_ms / 1000 * 1000},
                  {"ETag", in_quotes(info.etag)},
                  {"Size", info.size},
                  {"StorageClass", text_of(info.metadata, "StorageClass", "STANDARD")}};
    if (has(info.metadata, "ChecksumAlgorithm")) {
      entry["ChecksumAlgorithm"] = info.metadata["ChecksumAlgorithm"];
      entry["ChecksumType"] = info.metadata["ChecksumType"];
    }
    if (owner) entry["Owner"] = *owner;
    output["Contents"].push_back(std::move(entry));
  }
  for (const std::string& prefix : page.common_prefixes)
    output["CommonPrefixes"].push_back({{"Prefix", prefix}});
  return output;
}

// Opaque to clients: what kind of entry the page ended with, and the entry.
std::string token_of(const ObjectPage& page) {
  return aws::base64_encode((page.ends_with_prefix ? "P" : "K") + page.last());
}

std::string start_of_token(const std::string& token) {
  const std::optional<std::string> text = aws::base64_decode(token);
  if (!text || text->empty() || (text->front() != 'P' && text->front() != 'K')) {
    throw ServiceFault("InvalidArgument", 400, "The continuation token provided is incorrect",
                       {{"ArgumentName", "continuation-token"}});
  }
  const std::string last = text->substr(1);
  return text->front() == 'P' ? behind_all_with(last) : last;
}

}  // namespace

std::string behind_all_with(const std::string& prefix) { return prefix + std::string(1025, '\xff'); }

std::string common_prefix_of(const std::string& key, const std::string& prefix,
                             const std::string& delimiter) {
  if (delimiter.empty() || key.size() < prefix.size()) return "";
  const std::size_t at = key.find(delimiter, prefix.size());
  return at == std::string::npos ? "" : key.substr(0, at + delimiter.size());
}

bool marks_common_prefix(const std::string& marker, const std::string& prefix, const std::string& delimiter) {
  return !marker.empty() && marker.starts_with(prefix) &&
         common_prefix_of(marker, prefix, delimiter) == marker;
}

void check_encoding(const json& input) {
  const std::string encoding = text_of(input, "EncodingType");
  if (!encoding.empty() && encoding != "url") {
    throw invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", encoding);
  }
}

Reply Service::list_objects(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  check_encoding(input);
  const std::string delimiter = text_of(input, "Delimiter");
  const std::string marker = text_of(input, "Marker");
  const bool marks_prefix = marks_common_prefix(marker, text_of(input, "Prefix"), delimiter);
  const std::int64_t limit = page_size(input, "MaxKeys");
  const ObjectPage page =
      objects_behind(objects_, input, limit, marks_prefix ? behind_all_with(marker) : marker);
  const json owner = owner_of(context);
  Reply reply{describe(page, input, limit, &owner), std::nullopt};
  reply.document["Marker"] = marker;
  // Without a delimiter clients continue behind the last key of the page by themselves.
  if (page.truncated && !delimiter.empty()) reply.document["NextMarker"] = page.last();
  return reply;
}

Reply Service::list_objects_v2(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  check_encoding(input);
  std::string start = text_of(input, "StartAfter");
  if (has(input, "ContinuationToken")) start = start_of_token(text_of(input, "ContinuationToken"));
  const std::int64_t limit = page_size(input, "MaxKeys");
  const ObjectPage page = objects_behind(objects_, input, limit, std::move(start));
  const json owner = owner_of(context);
  const bool fetch_owner = text_of(input, "FetchOwner") == "true";
  Reply reply{describe(page, input, limit, fetch_owner ? &owner : nullptr), std::nullopt};
  reply.document["KeyCount"] = page.size();
  if (has(input, "StartAfter")) reply.document["StartAfter"] = input["StartAfter"];
  if (has(input, "ContinuationToken")) reply.document["ContinuationToken"] = input["ContinuationToken"];
  if (page.truncated) reply.document["NextContinuationToken"] = token_of(page);
  return reply;
}

}  // namespace sagemaker::local::services::s3
