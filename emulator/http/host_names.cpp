// See host_names.hpp.
#include "emulator/http/host_names.hpp"

#include <algorithm>
#include <array>

#include <sagemaker/aws/headers.hpp>

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kNameBytesMax = 253;  // RFC 1035

// The DNS suffixes of AWS's partitions, and those of its dual-stack addresses.
constexpr std::array<std::string_view, 12> kAwsDomains{
    "amazonaws.com",    "api.aws",
    "amazonaws.com.cn", "api.amazonwebservices.com.cn",
    "amazonaws.eu",     "api.amazonwebservices.eu",
    "c2s.ic.gov",       "api.aws.ic.gov",
    "sc2s.sgov.gov",    "api.aws.scloud",
    "csp.hci.ic.gov",   "cloud.adc-e.uk",
};

}  // namespace

std::string host_name_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    authority = authority.substr(0, std::min(authority.find(']'), authority.size() - 1) + 1);
  } else {
    authority = authority.substr(0, authority.rfind(':'));
    if (authority.ends_with('.')) authority.remove_suffix(1);
  }
  return aws::to_lower(authority);
}

bool is_aws_host(std::string_view name) {
  return std::any_of(kAwsDomains.begin(), kAwsDomains.end(), [&](std::string_view domain) {
    return name.size() > domain.size() + 1 && name.ends_with(domain) &&
           name[name.size() - domain.size() - 1] == '.';
  });
}

bool is_loopback_host(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost") || name == "[::1]" || name == "::1" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool is_plain_host_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '.' || name.front() == '-' ||
      name.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace sagemaker::local::http
