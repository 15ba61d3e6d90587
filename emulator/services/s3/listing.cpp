// ListObjects in both versions: one walk over the keys in byte order, in which everything between a prefix
// and the next delimiter counts as one entry and is skipped in a single step.
#include "emulator/services/s3/listing.hpp"

#include <string>
#include <vector>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::size_t batch_with_delimiter = 64;

struct Listing {
  std::vector<store::ObjectInfo> contents;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string last;  // the last entry: a key or a common prefix
  bool last_is_prefix = false;
};

class Walk {
 public:
  Walk(const store::Objects& objects, std::string bucket, std::string prefix, std::string delimiter,
       std::int64_t limit)
      : objects_(objects),
        bucket_(std::move(bucket)),
        prefix_(std::move(prefix)),
        delimiter_(std::move(delimiter)),
        limit_(static_cast<std::size_t>(limit)) {}

  Listing from(std::string after) {
    if (limit_ == 0) return listing_;
    while (true) {
      const std::size_t batch = delimiter_.empty() ? limit_ - count() + 1 : batch_with_delimiter;
      std::vector<store::ObjectInfo> page = objects_.list(bucket_, prefix_, after, batch);
      const bool last_page = page.size() < batch;
      for (store::ObjectInfo& info : page) {
        after = info.key;
        if (!take(std::move(info))) return std::move(listing_);
      }
      if (last_page) return std::move(listing_);
      if (listing_.last_is_prefix && after.starts_with(listing_.last)) after = behind_all_with(listing_.last);
    }
  }

 private:
  std::size_t count() const { return listing_.contents.size() + listing_.common_prefixes.size(); }

  // False: the page was full already.
  bool take(store::ObjectInfo info) {
    const std::string common = common_prefix_of(info.key, prefix_, delimiter_);
    if (!common.empty() && listing_.last_is_prefix && listing_.last == common) return true;
    if (count() == limit_) {
      listing_.truncated = true;
      return false;
    }
    listing_.last_is_prefix = !common.empty();
    if (common.empty()) {
      listing_.last = info.key;
      listing_.contents.push_back(std::move(info));
    } else {
      listing_.last = common;
      listing_.common_prefixes.push_back(common);
    }
    return true;
  }

  const store::Objects& objects_;
  std::string bucket_, prefix_, delimiter_;
  std::size_t limit_;
  Listing listing_;
};

// What both versions say about the page, the position in the listing aside.
json describe(const Listing& listing, const json& input, std::int64_t limit, const json* owner) {
  json output = {{"Name", text_of(input, "Bucket")},
                 {"Prefix", text_of(input, "Prefix")},
                 {"MaxKeys", limit},
                 {"IsTruncated", listing.truncated},
                 {"Contents", json::array()},
                 {"CommonPrefixes", json::array()}};
  if (has(input, "Delimiter") && !text_of(input, "Delimiter").empty())
    output["Delimiter"] = input["Delimiter"];
  if (has(input, "EncodingType")) output["EncodingType"] = input["EncodingType"];
  for (const store::ObjectInfo& info : listing.contents) {
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
  for (const std::string& prefix : listing.common_prefixes)
    output["CommonPrefixes"].push_back({{"Prefix", prefix}});
  return output;
}

// Opaque to clients: what kind of entry the page ended with, and the entry.
std::string token_of(const Listing& listing) {
  return aws::base64_encode((listing.last_is_prefix ? "P" : "K") + listing.last);
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
  const store::Bucket bucket = existing_bucket(context, input);
  check_encoding(input);
  const std::string prefix = text_of(input, "Prefix");
  const std::string delimiter = text_of(input, "Delimiter");
  const std::string marker = text_of(input, "Marker");
  const bool marks_prefix = marks_common_prefix(marker, prefix, delimiter);
  const std::int64_t limit = page_size(input, "MaxKeys");
  const Listing listing = Walk(objects_, bucket.name, prefix, delimiter, limit)
                              .from(marks_prefix ? behind_all_with(marker) : marker);
  const json owner = owner_of(context);
  Reply reply{describe(listing, input, limit, &owner), std::nullopt};
  reply.document["Marker"] = marker;
  // Without a delimiter clients continue behind the last key of the page by themselves.
  if (listing.truncated && !delimiter.empty()) reply.document["NextMarker"] = listing.last;
  return reply;
}

Reply Service::list_objects_v2(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  check_encoding(input);
  std::string start = text_of(input, "StartAfter");
  if (has(input, "ContinuationToken")) start = start_of_token(text_of(input, "ContinuationToken"));
  const std::int64_t limit = page_size(input, "MaxKeys");
  const Listing listing =
      Walk(objects_, bucket.name, text_of(input, "Prefix"), text_of(input, "Delimiter"), limit).from(start);
  const json owner = owner_of(context);
  const bool fetch_owner = text_of(input, "FetchOwner") == "true";
  Reply reply{describe(listing, input, limit, fetch_owner ? &owner : nullptr), std::nullopt};
  reply.document["KeyCount"] = listing.contents.size() + listing.common_prefixes.size();
  if (has(input, "StartAfter")) reply.document["StartAfter"] = input["StartAfter"];
  if (has(input, "ContinuationToken")) reply.document["ContinuationToken"] = input["ContinuationToken"];
  if (listing.truncated) reply.document["NextContinuationToken"] = token_of(listing);
  return reply;
}

}  // namespace sagemaker::local::services::s3
