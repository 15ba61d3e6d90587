#include "emulator/wire/s3_address.hpp"

#include <optional>
#include <string_view>

#include <sagemaker/aws/uri.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

std::string decode(std::string_view raw) {
  if (std::optional<std::string> text = aws::uri_decode(raw)) return *std::move(text);
  throw ServiceFault("InvalidURI", 400, "Couldn't parse the specified URI.", {{"URI", std::string(raw)}});
}

// The bucket in a host name; "" where there is none.
std::string bucket_of_host(const std::string& header) {
  const std::string lower = aws::to_lower(header);
  std::string_view host = lower;
  host = host.substr(0, host.rfind(':'));
  for (const std::string_view domain : {".localhost", ".amazonaws.com"}) {
    if (!host.ends_with(domain)) continue;
    host.remove_suffix(domain.size());
    // What is left is BUCKET, BUCKET.s3, BUCKET.s3.REGION or, without a bucket, s3 or s3.REGION.
    if (host == "s3" || (host.starts_with("s3.") && host.find('.', 3) == std::string_view::npos)) return "";
    if (host.ends_with(".s3")) return std::string(host.substr(0, host.size() - 3));
    const std::size_t region = host.rfind('.');
    if (region != std::string_view::npos && host.substr(0, region).ends_with(".s3")) {
      return std::string(host.substr(0, region - 3));
    }
    return domain == ".localhost" ? std::string(host) : "";
  }
  return "";
}

}  // namespace

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
