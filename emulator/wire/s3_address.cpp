#include "emulator/wire/s3_address.hpp"

#include <optional>
#include <string_view>

#include <sagemaker/aws/uri.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

std::string decode(const std::string& raw) {
  if (std::optional<std::string> text = aws::uri_decode(raw)) return *std::move(text);
  throw ServiceFault("InvalidURI", 400, "Couldn't parse the specified URI.", {{"URI", raw}});
}

// The bucket in a host name; "" where there is none.
std::string bucket_of_host(std::string host) {
  host = aws::to_lower(host);
  if (const std::size_t colon = host.rfind(':'); colon != std::string::npos) host.resize(colon);
  const bool aws_domain = host.ends_with(".amazonaws.com");
  for (const std::string_view domain : {".localhost", ".amazonaws.com"}) {
    if (host.ends_with(domain)) host.resize(host.size() - domain.size());
    else continue;
    // What is left is BUCKET, BUCKET.s3, BUCKET.s3.REGION or, without a bucket, s3 or s3.REGION.
    if (host == "s3" || (host.starts_with("s3.") && host.find('.', 3) == std::string::npos)) return "";
    if (host.ends_with(".s3")) return host.substr(0, host.size() - 3);
    const std::size_t region = host.rfind('.');
    if (region != std::string::npos && std::string_view(host).substr(0, region).ends_with(".s3")) {
      return host.substr(0, region - 3);
    }
    return aws_domain ? "" : host;
  }
  return "";
}

}  // namespace

S3Address s3_address_of(const http::Request& request) {
  const std::string path = request.path.starts_with('/') ? request.path.substr(1) : request.path;
  if (std::string bucket = bucket_of_host(request.headers.get("Host")); !bucket.empty()) {
    return {std::move(bucket), decode(path)};
  }
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) return {decode(path), ""};
  return {decode(path.substr(0, slash)), decode(path.substr(slash + 1))};
}

}  // namespace sagemaker::local::wire
