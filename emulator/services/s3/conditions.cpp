#include "emulator/services/s3/conditions.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

// Whether the entity tag is in a list as If-Match has it: "*", or tags separated by commas.
bool matches(const std::string& list, const std::string& etag) {
  std::string_view rest = list;
  while (true) {
    const std::size_t comma = rest.find(',');
    std::string_view one = rest.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one == "*" || without_quotes(std::string(one)) == etag) return true;
    if (comma == std::string_view::npos) return false;
    rest = rest.substr(comma + 1);
  }
}

// The four conditions under their names in GetObject or, with a prefix, in CopyObject. nullopt: not asked.
struct Conditions {
  std::optional<bool> match, none_match, modified_since, unmodified_since;

  Conditions(const json& input, const std::string& prefix, const store::ObjectInfo& info) {
    const std::int64_t modified_ms = info.modified_ms / 1000 * 1000;  // HTTP dates have no fractions
    const auto text = [&](const char* name) -> std::optional<std::string> {
      const std::string member = prefix + name;
      if (!input.contains(member)) return std::nullopt;
      return input[member].get<std::string>();
    };
    const auto date = [&](const char* name) { return number_of(input, (prefix + name).c_str()); };
    if (const auto list = text("IfMatch")) match = matches(*list, info.etag);
    if (const auto list = text("IfNoneMatch")) none_match = !matches(*list, info.etag);
    if (const auto since = date("IfModifiedSince")) modified_since = modified_ms > *since;
    if (const auto since = date("IfUnmodifiedSince")) unmodified_since = modified_ms <= *since;
  }
};

}  // namespace

void check_read_conditions(const json& input, const store::ObjectInfo& info) {
  const Conditions conditions(input, "", info);
  if (conditions.match == false) throw precondition_failed("If-Match");
  // An entity tag that matches outweighs a date that does not.
  if (!conditions.match && conditions.unmodified_since == false)
    throw precondition_failed("If-Unmodified-Since");
  const bool not_modified =
      conditions.none_match == false || (!conditions.none_match && conditions.modified_since == false);
  if (!not_modified) return;
  json fields = {{"ETag", in_quotes(info.etag)}, {"LastModified", info.modified_ms / 1000 * 1000}};
  for (const char* member : {"CacheControl", "Expires"}) {
    if (has(info.metadata, member)) fields[member] = info.metadata[member];
  }
  throw ServiceFault("NotModified", 304, "Not Modified", fields);
}

bool range_applies(const json& input, const store::ObjectInfo& info) {
  if (!has(input, "IfRange")) return true;
  const std::string validator = text_of(input, "IfRange");
  if (const auto date = aws::parse_http_date(validator)) {
    return aws::to_epoch_ms(*date) == info.modified_ms / 1000 * 1000;
  }
  return validator == in_quotes(info.etag);
}

void check_copy_conditions(const json& input, const store::ObjectInfo& source) {
  const Conditions conditions(input, "CopySource", source);
  if (conditions.match == false) throw precondition_failed("x-amz-copy-source-If-Match");
  if (!conditions.match && conditions.unmodified_since == false) {
    throw precondition_failed("x-amz-copy-source-If-Unmodified-Since");
  }
  if (conditions.none_match == false) throw precondition_failed("x-amz-copy-source-If-None-Match");
  if (!conditions.none_match && conditions.modified_since == false) {
    throw precondition_failed("x-amz-copy-source-If-Modified-Since");
  }
}

void check_write_condition_syntax(const json& input) {
  if (has(input, "IfMatch") && has(input, "IfNoneMatch")) {
    throw not_implemented("If-Match,If-None-Match",
                          "Multiple conditional request headers present in the request");
  }
  const auto refuse_value = [](const std::string& header) {
    return not_implemented(header,
                           "We don't accept the provided value of " + header + " header for this API");
  };
  if (has(input, "IfNoneMatch") && text_of(input, "IfNoneMatch") != "*") throw refuse_value("If-None-Match");
  if (text_of(input, "IfMatch") == "*") throw refuse_value("If-Match");
  for (const char* member : {"IfModifiedSince", "IfUnmodifiedSince"}) {
    if (has(input, member)) {
      throw not_implemented(member == std::string_view("IfModifiedSince") ? "If-Modified-Since"
                                                                          : "If-Unmodified-Since");
    }
  }
}

void check_write_conditions(const json& input, const store::ObjectInfo* current, const std::string& key) {
  if (has(input, "IfNoneMatch") && current) throw precondition_failed("If-None-Match");
  if (!has(input, "IfMatch")) return;
  if (!current) throw no_such_key(key);
  if (!matches(text_of(input, "IfMatch"), current->etag)) throw precondition_failed("If-Match");
}

}  // namespace sagemaker::local::services::s3
