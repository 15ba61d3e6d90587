// PutObject, GetObject and HeadObject.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/services/s3/attributes.hpp"
#include "emulator/services/s3/conditions.hpp"
#include "emulator/services/s3/customer_key.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/receive.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

struct Span {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

ServiceFault invalid_range(const std::string& range, std::uint64_t size) {
  return {"InvalidRange",
          416,
          "The requested range is not satisfiable",
          {{"RangeRequested", range}, {"ActualObjectSize", size}}};
}

// "bytes=first-last", "bytes=first-", "bytes=-count". nullopt: not of that form, or several ranges, which S3
// does not serve; by RFC 9110 such a header is ignored. Throws InvalidRange where it lies outside the object.
std::optional<Span> span_of_range(const std::string& range, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!range.starts_with(unit)) return std::nullopt;
  const std::string_view text = std::string_view(range).substr(unit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> last = whole_number(text.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) throw invalid_range(range, size);
    const std::uint64_t count = std::min(*last, size);
    return Span{size - count, count};
  }
  const std::optional<std::uint64_t> first = whole_number(text.substr(0, dash));
  const bool open_ended = dash + 1 == text.size();
  if (!first || (!open_ended && (!last || *last < *first))) return std::nullopt;
  if (*first >= size) throw invalid_range(range, size);
  const std::uint64_t end = open_ended ? size : std::min(*last, size - 1) + 1;
  return Span{*first, end - *first};
}

// The bytes of one part of a multipart object; an object that came in one piece has a single part.
Span span_of_part(const store::ObjectInfo& info, std::int64_t number, json& output) {
  if (!has(info.metadata, "PartSizes")) {
    if (number == 1) return {0, info.size};
  } else {
    const json& sizes = info.metadata["PartSizes"];
    output["PartsCount"] = sizes.size();
    std::uint64_t offset = 0;
    for (std::size_t part = 0; part < sizes.size(); ++part) {
      const auto length = sizes[part].get<std::uint64_t>();
      if (static_cast<std::int64_t>(part) + 1 == number) return {offset, length};
      offset += length;
    }
  }
  const std::size_t count = has(info.metadata, "PartSizes") ? info.metadata["PartSizes"].size() : 1;
  throw ServiceFault("InvalidPartNumber", 416, "The requested partnumber is not satisfiable",
                     {{"PartNumberRequested", number}, {"ActualPartCount", count}});
}

}  // namespace

void receive(BodySource& body, store::BlobWriter& blob, Digests& digests, const S3Limits& limits) {
  const auto check_size = [&](std::uint64_t size) {
    if (size <= limits.put_bytes_max) return;
    throw ServiceFault("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size",
                       {{"ProposedSize", size}, {"MaxSizeAllowed", limits.put_bytes_max}});
  };
  if (body.length()) check_size(*body.length());
  body.read([&](std::string_view piece) {
    check_size(blob.size() + piece.size());
    blob.append(piece);
    digests.update(piece);
  });
  digests.verify(blob.md5_hex(), body.trailer());
}

void describe_digest(const Digests& digests, json& output) {
  if (digests.algorithm()) output[member_of(*digests.algorithm())] = digests.value();
}

Reply Service::put_object(const CallContext& context, const json& input, BodySource& body) {
  const store::Bucket bucket = existing_bucket(context, input);
  store::ObjectInfo info;
  info.key = key_of(input);
  info.metadata = attributes_of(input, limits_);
  check_write_condition_syntax(input);
  if (has(input, "IfMatch") || has(input, "IfNoneMatch")) {  // before the body is sent for nothing
    const std::optional<store::ObjectInfo> current = objects_.find(bucket.name, info.key);
    check_write_conditions(input, current ? &*current : nullptr, info.key);
  }
  Digests digests(input);
  std::unique_ptr<store::BlobWriter> blob = objects_.new_blob();
  receive(body, *blob, digests, limits_);
  info.size = blob->size();
  info.etag = blob->md5_hex();
  info.modified_ms = now_ms();
  if (digests.algorithm()) set_checksum(info.metadata, *digests.algorithm(), digests.value(), "FULL_OBJECT");
  const store::ObjectInfo stored = objects_.put(
      bucket.name, info, std::move(blob),
      [&](const store::ObjectInfo* current) { check_write_conditions(input, current, info.key); });
  Reply reply;
  describe_new_version(stored, reply.document);
  reply.document["ETag"] = in_quotes(info.etag);
  describe_checksum(info.metadata, reply.document);
  describe_encryption(info.metadata, reply.document);
  return reply;
}

Reply Service::read_object(const CallContext& context, const json& input, bool with_content) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  const std::string version = version_of(input);
  const std::optional<std::string> customer_key = customer_key_of(input);
  OpenObject object;
  if (with_content) {
    object = open_object(bucket, key, version);
  } else {
    object.info = existing_object(bucket, key, version);
  }
  const store::ObjectInfo& info = object.info;
  require_customer_key(info.metadata, customer_key);
  check_read_conditions(input, info);
  if (with_content) require_readable(info, now_ms());
  Reply reply;
  describe_version(bucket, info, reply.document);
  std::optional<Span> span;
  const std::optional<std::int64_t> part_number = number_of(input, "PartNumber");
  if (part_number && has(input, "Range")) {
    throw invalid_request("Cannot specify both Range header and partNumber query parameter");
  }
  if (part_number) {
    part_number_of(input);
    span = span_of_part(info, *part_number, reply.document);
  } else if (has(input, "Range") && range_applies(input, info)) {
    span = span_of_range(text_of(input, "Range"), info.size);
  }
  describe_object(info, input, reply.document);
  if (text_of(input, "ChecksumMode") == "ENABLED" && !span) describe_checksum(info.metadata, reply.document);
  const Span sent = span.value_or(Span{0, info.size});
  if (span && sent.length > 0) {
    reply.document["ContentRange"] = "bytes " + std::to_string(sent.offset) + "-" +
                                     std::to_string(sent.offset + sent.length - 1) + "/" +
                                     std::to_string(info.size);
  }
  reply.document["ContentLength"] = sent.length;
  if (with_content) reply.content = Content{std::move(object.file), sent.offset, sent.length};
  return reply;
}

Reply Service::get_object(const CallContext& context, const json& input, BodySource&) {
  return read_object(context, input, true);
}

Reply Service::head_object(const CallContext& context, const json& input, BodySource&) {
  return read_object(context, input, false);
}

}  // namespace sagemaker::local::services::s3
