// Where AWS's own endpoints are: the partitions with their domains, and how a host is spelled for a region,
// with FIPS and over IPv6. Facts of AWS's partitions file and of its services' endpoint rules, as a table.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker::aws {

// One of AWS's separate clouds.
struct Partition {
  std::string_view id;             // "aws-cn": the second field of ARNs
  std::string_view region_prefix;  // "cn-"
  std::string_view dns_suffix;
  std::string_view dual_stack_suffix;  // of hosts that answer over IPv4 and IPv6
  std::string_view global_region;      // signs requests to services that have one endpoint for all regions
  std::string_view pseudo_region;      // "aws-cn-global", empty where there is none
};

namespace detail {

// In an order in which the first prefix that fits is the right one; the commercial partition takes the rest.
inline constexpr std::array<Partition, 8> partitions{{
    {"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-northwest-1", "aws-cn-global"},
    {"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", "us-gov-west-1", "aws-us-gov-global"},
    {"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1", "aws-iso-global"},
    {"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1", "aws-iso-b-global"},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1",
     "aws-iso-e-global"},
    {"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1", "aws-iso-f-global"},
    {"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1", ""},
    {"aws", "", "amazonaws.com", "api.aws", "us-east-1", "aws-global"},
}};

}  // namespace detail

// The partition of a region; regions that AWS may open later belong to the one whose prefix they have.
inline const Partition& partition(std::string_view region) {
  for (const Partition& candidate : detail::partitions) {
    if (!candidate.pseudo_region.empty() && region == candidate.pseudo_region) return candidate;
    if (region.starts_with(candidate.region_prefix) && !region.starts_with("aws-")) return candidate;
  }
  return detail::partitions.back();
}

// The domain of a region's partition: amazonaws.com, or amazonaws.com.cn in China.
inline std::string dns_suffix(std::string_view region) { return std::string(partition(region).dns_suffix); }

// "aws", "aws-cn", "aws-us-gov": the second field of ARNs in that region.
inline std::string partition_of(std::string_view region) { return std::string(partition(region).id); }

struct EndpointOptions {
  bool fips = false;
  bool dual_stack = false;
  bool sts_global = false;  // sts_regional_endpoints = legacy
  bool s3_global = false;   // s3_us_east_1_regional_endpoint = legacy
};

struct Endpoint {
  std::string host;
  std::string signing_region;
};

namespace detail {

// What the rules are about. The services are told apart by the prefix of their hosts.
struct EndpointQuestion {
  std::string_view prefix;  // "api.sagemaker"
  std::string region;
  const Partition& partition;
  const EndpointOptions& options;

  bool in(std::string_view partition_id) const { return partition.id == partition_id; }
  std::string suffix() const {
    return std::string(options.dual_stack ? partition.dual_stack_suffix : partition.dns_suffix);
  }
};

// The first part of a host with FIPS. GovCloud's ordinary hosts of these services are FIPS hosts already, and
// SageMaker has kept an older spelling where it had one.
inline std::string fips_prefix(const EndpointQuestion& asked) {
  const bool gov = asked.in("aws-us-gov");
  const bool dual = asked.options.dual_stack;
  const std::string_view prefix = asked.prefix;
  if (prefix == "api.sagemaker" && !dual && (gov || asked.in("aws"))) return "api-fips.sagemaker";
  if (prefix == "runtime.sagemaker" && !dual && asked.in("aws")) return "runtime-fips.sagemaker";
  const bool logs_in_gov =
      prefix == "logs" && (asked.region == "us-gov-east-1" || asked.region == "us-gov-west-1");
  const bool plain_in_gov = prefix == "runtime.sagemaker" || prefix == "sts" || prefix == "portal.sso" ||
                            prefix == "oidc" || logs_in_gov;
  if (gov && ((plain_in_gov && !dual) || prefix == "monitoring")) return std::string(prefix);
  return std::string(prefix) + "-fips";
}

// One endpoint for all regions of a partition.
inline Endpoint iam_endpoint(const EndpointQuestion& asked) {
  const bool fips = asked.options.fips;
  const bool commercial = asked.in("aws");
  const bool china = asked.in("aws-cn");
  if (asked.in("aws-us-gov")) return {"iam.us-gov." + asked.suffix(), "us-gov-west-1"};
  std::string signing(asked.partition.global_region);
  if (china && !fips) signing = "cn-north-1";
  std::string host = fips ? "iam-fips." : "iam.";
  if (asked.options.dual_stack) {
    if (commercial || (china && !fips)) host += "global.";
  } else if (!commercial && (!fips || asked.in("aws-iso") || asked.in("aws-iso-b"))) {
    host += signing + ".";
  }
  return {host + asked.suffix(), signing};
}

inline Endpoint s3_endpoint(const EndpointQuestion& asked) {
  const auto& [fips, dual, sts_global, s3_global] = asked.options;
  if (fips && asked.in("aws-cn")) throw ConfigError("Partition does not support FIPS");
  const bool pseudo = asked.region == "aws-global";
  const std::string region = pseudo ? "us-east-1" : asked.region;
  const std::string suffix(asked.partition.dns_suffix);
  if (!fips && !dual && (pseudo || (s3_global && region == "us-east-1"))) return {"s3." + suffix, region};
  return {std::string(fips ? "s3-fips." : "s3.") + (dual ? "dualstack." : "") + region + "." + suffix,
          region};
}

// The regions that were there before STS had regional endpoints: in legacy mode they share the global one.
inline bool is_legacy_sts_region(std::string_view region) {
  constexpr std::array<std::string_view, 16> regions{
      "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "aws-global", "ca-central-1",
      "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",  "sa-east-1",
      "us-east-1",      "us-east-2",  "us-west-1",      "us-west-2"};
  for (const std::string_view candidate : regions) {
    if (region == candidate) return true;
  }
  return false;
}

}  // namespace detail

// AWS's own endpoint of the service whose hosts begin with `host_prefix`. Throws ConfigError where AWS has
// none of the kind.
inline Endpoint aws_endpoint(std::string_view host_prefix, std::string_view region,
                             const EndpointOptions& options = {}) {
  const detail::EndpointQuestion asked{host_prefix, std::string(region), partition(region), options};
  if (host_prefix == "iam") return detail::iam_endpoint(asked);
  if (host_prefix == "s3") return detail::s3_endpoint(asked);
  if (host_prefix == "sts" && !options.fips && !options.dual_stack &&
      (region == "aws-global" || (options.sts_global && detail::is_legacy_sts_region(region)))) {
    return {"sts.amazonaws.com", "us-east-1"};
  }
  const std::string prefix = options.fips ? detail::fips_prefix(asked) : std::string(host_prefix);
  return {prefix + "." + asked.region + "." + asked.suffix(), asked.region};
}

}  // namespace sagemaker::aws
