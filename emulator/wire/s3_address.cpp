#include "emulator/wire/s3_address.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <sagemaker/aws/uri.hpp>

#include "emulator/http/host_names.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/utf8.hpp"

namespace sagemaker::local::wire {
namespace {

std::string decode(std::string_view raw) {
  if (std::optional<std::string> text = aws::uri_decode(raw); text && is_utf8(*text)) return *std::move(text);
  throw ServiceFault("InvalidURI", 400, "Couldn't parse the specified URI.", {{"URI", std::string(raw)}});
}

// us-east-1, us-gov-west-1, ap-southeast-2
bool looks_like_region(std::string_view label) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return std::count(label.begin(), label.end(), '-') >= 2 &&
         std::all_of(label.begin(), label.end(), allowed) && label.back() >= '0' && label.back() <= '9';
}

// The label that names the service: s3, s3-fips, s3-accelerate, and s3-us-west-2 of old.
bool is_service(std::string_view label) {
  if (label == "s3" || label == "s3-fips" || label == "s3-accelerate" || label == "s3-external-1")
    return true;
  return label.starts_with("s3-") && looks_like_region(label.substr(3));
}

std::string_view last_label(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  return dot == std::string_view::npos ? host : host.substr(dot + 1);
}

std::string_view without_last_label(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : host.substr(0, dot);
}

// The bucket in front of [.]SERVICE[.dualstack][.REGION]; nullopt: the name is not of that form.
std::optional<std::string> bucket_before_service(std::string_view host) {
  if (looks_like_region(last_label(host)) && !is_service(last_label(host))) host = without_last_label(host);
  if (last_label(host) == "dualstack") host = without_last_label(host);
  if (host.empty() || !is_service(last_label(host))) return std::nullopt;
  return std::string(without_last_label(host));
}

}  // namespace

std::string bucket_of_host(const std::string& header) {
  const std::string name = http::host_name_of(header);
  constexpr std::string_view own_domain = ".localhost";
  if (name.ends_with(own_domain)) {
    const std::string_view host = std::string_view(name).substr(0, name.size() - own_domain.size());
    // Our own domain needs no name for the service: whatever stands in front is the bucket.
    return bucket_before_service(host).value_or(std::string(host));
  }
  if (!http::is_aws_host(name)) return "";
  for (std::string_view host = name; !host.empty(); host = without_last_label(host)) {
    if (is_service(last_label(host))) return std::string(without_last_label(host));
  }
  return "";
}

std::string s3_origin(const http::Request& request) {
  return (request.encrypted ? "https://" : "http://") + request.headers.get("Host");
}

S3Address s3_address_of(const http::Request& request) {
  std::string_view path = request.path;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (std::string bucket = bucket_of_host(request.headers.get("Host")); !bucket.empty()) {
    return {std::move(bucket), decode(path)};
  }
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {decode(path), ""};
  return {decode(path.substr(0, slash)), decode(path.substr(slash + 1))};
}

}  // namespace sagemaker::local::wire
