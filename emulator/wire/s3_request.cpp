// From a request to an operation and its members, by the tables in s3_request_rows.hpp.
#include "emulator/wire/s3_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/utf8.hpp"
#include "emulator/wire/s3_address.hpp"
#include "emulator/wire/s3_request_rows.hpp"
#include "emulator/wire/s3_settings.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;
using QueryFields = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view metadata_prefix = "x-amz-meta-";

template <typename Rows>
const MemberRow* row_named(const Rows& rows, std::string_view name) {
  const auto found =
      std::find_if(std::begin(rows), std::end(rows), [&](const MemberRow& row) { return row.name == name; });
  return found == std::end(rows) ? nullptr : &*found;
}

std::int64_t number_of(std::string_view name, const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (name == "partNumber" && !is_number) {
    throw s3::invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber",
                               text);
  }
  if (!is_number) {
    throw s3::invalid_argument("Provided " + std::string(name) + " not an integer or within integer range",
                               std::string(name), text);
  }
  if (name != "partNumber" && (number < 0 || number > std::numeric_limits<std::int32_t>::max()) &&
      name != "x-amz-mp-object-size") {
    throw s3::invalid_argument(
        "Argument " + std::string(name) + " must be an integer between 0 and 2147483647", std::string(name),
        text);
  }
  return number;
}

void add_member(const MemberRow& row, const std::string& value, json& input) {
  switch (row.kind) {
    case Kind::text:
      input[row.member] = value;
      break;
    case Kind::number:
      input[row.member] = number_of(row.name, value);
      break;
    case Kind::date:
      // By RFC 9110 a date that cannot be read is as good as none.
      if (const auto time = aws::parse_http_date(value)) input[row.member] = aws::to_epoch_ms(*time);
      break;
  }
}

// Values that come back in headers must fit into one: text without control characters.
void require_header_text(const std::string& name, const std::string& value) {
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (control || !is_utf8(value)) {
    throw s3::invalid_argument("Header value cannot be represented using ISO-8859-1.", name,
                               is_utf8(value) ? value : "");
  }
}

// "aws-chunked" belongs to the transfer, the rest to the object.
void add_content_encoding(const std::string& header, json& input) {
  std::string kept;
  std::string_view rest = header;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view one = rest.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (!one.empty() && !aws::iequals(one, "aws-chunked")) kept.append(kept.empty() ? "" : ",").append(one);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  if (!kept.empty()) input["ContentEncoding"] = kept;
}

// "/BUCKET/KEY?versionId=ID", percent-encoded, with or without the first slash.
void add_copy_source(const std::string& header, json& input) {
  constexpr std::string_view version_mark = "?versionId=";
  json source = json::object();
  std::string_view path = header;
  if (const std::size_t version = path.find(version_mark); version != std::string_view::npos) {
    source["VersionId"] = std::string(path.substr(version + version_mark.size()));
    path = path.substr(0, version);
  }
  const std::optional<std::string> decoded = aws::uri_decode(path, true);
  std::string text = decoded.value_or("");
  if (text.starts_with('/')) text.erase(0, 1);
  const std::size_t slash = text.find('/');
  if (!decoded || slash == std::string::npos || slash == 0) {
    throw s3::invalid_argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                               "x-amz-copy-source", header);
  }
  if (slash + 1 == text.size()) {
    throw s3::invalid_argument("Invalid copy source object key", "x-amz-copy-source", header);
  }
  source["Bucket"] = text.substr(0, slash);
  source["Key"] = text.substr(slash + 1);
  input["CopySource"] = std::move(source);
}

void add_header(const std::string& name, const std::string& value, json& input) {
  const std::string lower = aws::to_lower(name);
  if (lower == "x-amz-copy-source") return add_copy_source(value, input);
  if (lower == "content-encoding") {
    require_header_text(lower, value);
    return add_content_encoding(value, input);
  }
  if (lower.starts_with(metadata_prefix)) {
    require_header_text(lower, value);
    json& metadata = input["Metadata"];
    const std::string member = lower.substr(metadata_prefix.size());
    // The same name twice is one list, as for any header.
    metadata[member] = metadata.contains(member) ? metadata[member].get<std::string>() + "," + value : value;
    return;
  }
  const MemberRow* row = row_named(header_rows, lower);
  // An empty header is as good as none, but for those that S3 refuses to be empty.
  const bool counts = !value.empty() || lower == "x-amz-object-ownership" || lower == "content-md5";
  if (!row || !counts || input.contains(row->member)) return;
  require_header_text(lower, value);
  add_member(*row, value, input);
}

void add_query_field(const std::string& name, const std::string& value, json& input) {
  if (const MemberRow* row = row_named(query_rows, name)) {
    if (name.starts_with("response-")) require_header_text(name, value);
    const bool has_meaning = !(value.empty() && (name == "encoding-type" || row->kind == Kind::number));
    if (has_meaning && !input.contains(row->member)) add_member(*row, value, input);
    return;
  }
  const std::string lower = aws::to_lower(name);
  const bool counts = std::find(std::begin(no_query_headers), std::end(no_query_headers), lower) ==
                      std::end(no_query_headers);
  if (counts && lower.starts_with("x-amz-")) add_header(lower, value, input);
}

bool is_subresource(std::string_view name) {
  const auto in_table =
      std::any_of(std::begin(operation_rows), std::end(operation_rows),
                  [&](const OperationRow& row) { return !name.empty() && row.subresource == name; });
  return in_table || is_s3_setting(name) ||
         std::find(std::begin(other_subresources), std::end(other_subresources), name) !=
             std::end(other_subresources);
}

std::string subresource_of(const QueryFields& query) {
  for (const auto& [name, value] : query) {
    if (is_subresource(name)) return name;
  }
  return "";
}

const char* resource_type(Level level) {
  switch (level) {
    case Level::service:
      return "SERVICE";
    case Level::bucket:
      return "BUCKET";
    case Level::object:
      break;
  }
  return "OBJECT";
}

std::string operation_of(const http::Request& request, Level level, const QueryFields& query) {
  const std::string subresource = subresource_of(query);
  for (const OperationRow& row : operation_rows) {
    if (row.method == request.method && row.level == level && row.subresource == subresource) {
      return std::string(row.operation);
    }
  }
  if (level == Level::bucket) {
    const std::string_view setting = s3_setting_operation(request.method, subresource);
    if (!setting.empty()) return std::string(setting);
  }
  if (!subresource.empty()) {
    throw s3::not_implemented("?" + subresource, request.method + " with the sub-resource ?" + subresource +
                                                     " is something that sagemaker-local does not implement");
  }
  throw ServiceFault("MethodNotAllowed", 405, "The specified method is not allowed against this resource.",
                     {{"Method", request.method}, {"ResourceType", resource_type(level)}});
}

// Variants of an operation that the path does not tell apart.
std::string refine(std::string operation, const json& input, const QueryFields& query) {
  const bool copies = input.contains("CopySource");
  if (operation == "PutObject" && input.contains("PartNumber")) {
    throw s3::invalid_argument("This operation does not accept a part number without an upload id",
                               "partNumber", std::to_string(input["PartNumber"].get<std::int64_t>()));
  }
  if (operation == "PutObject" && copies) return "CopyObject";
  if (operation == "UploadPart" && copies) return "UploadPartCopy";
  if (operation != "ListObjects") return operation;
  for (const auto& [name, value] : query) {
    if (name == "list-type" && value == "2") return "ListObjectsV2";
  }
  return operation;
}

}  // namespace

void add_s3_header(const std::string& name, const std::string& value, json& input) {
  add_header(name, value, input);
}

bool has_s3_subresource(const http::Request& request) {
  return !subresource_of(aws::parse_query(request.query)).empty();
}

S3Call decode_s3_request(const http::Request& request) {
  const S3Address address = s3_address_of(request);
  const Level level = address.bucket.empty() ? Level::service
                      : address.key.empty()  ? Level::bucket
                                             : Level::object;
  const QueryFields query = aws::parse_query(request.query);
  S3Call call;
  call.operation = operation_of(request, level, query);
  for (const aws::Header& header : request.headers) add_header(header.name, header.value, call.input);
  for (const auto& [name, value] : query) add_query_field(name, value, call.input);
  if (level != Level::service) call.input["Bucket"] = address.bucket;
  if (level == Level::object) call.input["Key"] = address.key;
  call.operation = refine(std::move(call.operation), call.input, query);
  return call;
}

}  // namespace sagemaker::local::wire
