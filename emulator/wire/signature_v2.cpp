// See signature_v2.hpp.
#include "emulator/wire/signature_v2.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

using Message = aws::sigv4::Message;

constexpr std::string_view header_scheme = "AWS ";

// The parameters of a query that are part of the resource, sorted.
// clang-format off
constexpr std::array<std::string_view, 39> subresources{
    "accelerate", "acl", "analytics", "cors", "delete", "encryption", "inventory", "legal-hold",
    "lifecycle", "location", "logging", "metrics", "notification", "object-lock",
    "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication",
    "requestPayment", "response-cache-control", "response-content-disposition",
    "response-content-encoding", "response-content-language", "response-content-type",
    "response-expires", "restore", "retention", "select", "select-type", "tagging", "torrent",
    "uploadId", "uploads", "versionId", "versioning", "versions", "website"
};
// clang-format on
static_assert(std::is_sorted(subresources.begin(), subresources.end()));

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_subresource(std::string_view name) {
  return std::binary_search(subresources.begin(), subresources.end(), name);
}

std::string query_value(const Message& message, std::string_view wanted) {
  for (const auto& [name, value] : aws::parse_query(message.query))
    if (name == wanted) return value;
  return "";
}

// A header, or for presigned requests the parameter of the same name, which clients make of their headers.
std::string header_or_parameter(const Message& message, const ClaimV2& claim, std::string_view name) {
  if (const std::string* value = message.headers.find(name)) return std::string(trimmed(*value));
  if (!claim.presigned) return "";
  for (const auto& [parameter, value] : aws::parse_query(message.query))
    if (aws::iequals(parameter, name)) return value;
  return "";
}

std::string canonical_amz_headers(const Message& message, const ClaimV2& claim) {
  std::map<std::string, std::string> values;
  const auto add = [&values](const std::string& name, std::string_view value) {
    const std::string lower = aws::to_lower(name);
    if (!lower.starts_with("x-amz-")) return;
    std::string& joined = values[lower];
    if (!joined.empty()) joined += ',';
    aws::sigv4::detail::append_trimmed(joined, value);
  };
  for (const aws::Header& header : message.headers) add(header.name, header.value);
  if (claim.presigned) {
    // Who sends a parameter as a header too means the same by both; otherwise either could be changed unseen.
    for (const auto& [name, value] : aws::parse_query(message.query)) {
      const std::string* header = message.headers.find(name);
      if (!header || trimmed(*header) != trimmed(value)) add(name, value);
    }
  }
  std::string text;
  for (const auto& [name, value] : values) text.append(name).append(":").append(value).append("\n");
  return text;
}

// The path as it was sent, and the parameters that belong to the resource with their values decoded.
std::string canonical_resource(const Message& message, const std::string& bucket) {
  std::string resource = (bucket.empty() ? "" : "/" + bucket) + (message.path.empty() ? "/" : message.path);
  std::vector<std::string> parts;
  std::string_view rest = message.query;
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
    const std::size_t equals = piece.find('=');
    // By the name that it has for the service, however it is spelt: "%61cl" is the access control list.
    std::string part = aws::uri_decode(piece.substr(0, equals), true).value_or("");
    if (!is_subresource(part)) continue;
    if (equals != std::string_view::npos) {
      const std::string_view value = piece.substr(equals + 1);
      // boto writes "acl=" for "acl" and signs "acl": an empty value counts as none.
      if (!value.empty()) part += "=" + aws::uri_decode(value).value_or(std::string(value));
    }
    parts.push_back(std::move(part));
  }
  std::sort(parts.begin(), parts.end());
  for (std::size_t i = 0; i < parts.size(); ++i) resource += (i == 0 ? "?" : "&") + parts[i];
  return resource;
}

[[noreturn]] void invalid_header() {
  throw ServiceFault("InvalidArgument", 400,
                     "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
                     {{"ArgumentName", "Authorization"}});
}

}  // namespace

bool has_signature_v2(const Message& message) {
  if (const std::string* header = message.headers.find("Authorization"))
    return header->starts_with(header_scheme);
  const std::string query = "&" + message.query;
  return query.find("&AWSAccessKeyId=") != std::string::npos ||
         query.find("&Signature=") != std::string::npos;
}

ClaimV2 read_claim_v2(const Message& message) {
  ClaimV2 claim;
  if (const std::string* header = message.headers.find("Authorization")) {
    const std::string_view pair = trimmed(std::string_view(*header).substr(header_scheme.size()));
    const std::size_t colon = pair.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == pair.size()) invalid_header();
    claim.access_key = pair.substr(0, colon);
    claim.signature = pair.substr(colon + 1);
    claim.security_token = message.headers.get("x-amz-security-token");
    claim.date = message.headers.contains("x-amz-date") ? message.headers.get("x-amz-date")
                                                        : message.headers.get("Date");
    return claim;
  }
  claim.presigned = true;
  claim.access_key = query_value(message, "AWSAccessKeyId");
  claim.signature = query_value(message, "Signature");
  claim.expires = query_value(message, "Expires");
  if (claim.access_key.empty() || claim.signature.empty() || claim.expires.empty())
    throw ServiceFault(
        "AccessDenied", 403,
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
  claim.security_token = header_or_parameter(message, claim, "x-amz-security-token");
  // A plus of the base64 text that a client left as it is.
  std::replace(claim.signature.begin(), claim.signature.end(), ' ', '+');
  return claim;
}

std::string string_to_sign_v2(const Message& message, const ClaimV2& claim, const std::string& bucket) {
  std::string text = message.method + "\n";
  text.append(header_or_parameter(message, claim, "Content-MD5")).append("\n");
  text.append(header_or_parameter(message, claim, "Content-Type")).append("\n");
  if (claim.presigned) {
    text += claim.expires;
  } else if (!message.headers.contains("x-amz-date")) {
    text += trimmed(claim.date);
  }
  text += '\n';
  return text + canonical_amz_headers(message, claim) + canonical_resource(message, bucket);
}

std::string signature_v2(std::string_view secret, std::string_view string_to_sign) {
  std::array<unsigned char, 20> digest{};
  const void* key = secret.empty() ? "" : secret.data();  // null would mean "the previous key" to OpenSSL
  if (!HMAC(EVP_sha1(), key, static_cast<int>(secret.size()), aws::detail::bytes_of(string_to_sign).data(),
            string_to_sign.size(), digest.data(), nullptr))
    throw std::runtime_error("OpenSSL could not compute an HMAC-SHA-1");
  return aws::base64_encode(std::span<const unsigned char>(digest));
}

}  // namespace sagemaker::local::wire
