// The images that AWS offers for a framework: the SageMaker Python SDK's image_uris.retrieve.
//   sm::image_uris::retrieve({.framework = "pytorch", .region = "eu-west-1", .version = "2.4",
//                             .py_version = "py311", .instance_type = "ml.g5.xlarge"})
//   -> 763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.4-gpu-py311
// Accounts, versions and names are those of image_uri_config/pytorch.json in the SDK 2.257.7.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <sagemaker/aws/endpoints.hpp>
#include <sagemaker/aws/errors.hpp>

namespace sagemaker::image_uris {

struct RetrieveOptions {
  std::string framework;  // "pytorch"
  std::string region;
  std::string version;                   // "2.4", or "2.4.0" where there are several
  std::string py_version = {};           // "py311"; empty: the version's only one
  std::string instance_type = {};        // decides between the images for CPU and GPU
  std::string image_scope = "training";  // or "inference"
};

namespace detail {

// The account of AWS's deep learning containers in a region; empty where it is not known.
inline std::string_view registry_account(std::string_view region) {
  struct Row {
    std::string_view region, account;
  };
  static constexpr std::string_view common =
      " ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 "
      "eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2 ";
  static constexpr Row rows[] = {
      {"af-south-1", "626614931356"},     {"ap-east-1", "871362719292"},
      {"ap-east-2", "975050140332"},      {"ap-northeast-3", "364406365360"},
      {"ap-south-2", "772153158452"},     {"ap-southeast-3", "907027046896"},
      {"ap-southeast-4", "457447274322"}, {"ap-southeast-5", "550225433462"},
      {"ap-southeast-6", "633930458069"}, {"ap-southeast-7", "590183813437"},
      {"ca-west-1", "204538143572"},      {"cn-north-1", "727897471807"},
      {"cn-northwest-1", "727897471807"}, {"eu-central-2", "380420809688"},
      {"eu-south-1", "692866216735"},     {"eu-south-2", "503227376785"},
      {"il-central-1", "780543022126"},   {"me-central-1", "914824155844"},
      {"me-south-1", "217643126080"},     {"mx-central-1", "637423239942"},
      {"us-gov-east-1", "446045086412"},  {"us-gov-west-1", "442386744353"},
  };
  for (const Row& row : rows) {
    if (row.region == region) return row.account;
  }
  return common.find(" " + std::string(region) + " ") != std::string_view::npos ? "763104351884" : "";
}

struct Version {
  std::string_view name, py_versions;  // both separated and enclosed by spaces
  bool inference = true;               // besides training
};

inline std::span<const Version> pytorch_versions() {
  static constexpr Version versions[] = {
      {" 1.7 1.7.1 1.8 1.8.0 1.8.1 ", " py3 py36 "},
      {" 1.9 1.9.0 1.9.1 1.10 1.10.0 1.10.2 1.11 1.11.0 1.12 1.12.0 1.12.1 ", " py38 "},
      {" 1.13 1.13.1 ", " py39 "},
      {" 2.0 2.0.0 2.0.1 2.1 2.1.0 2.2 2.2.0 ", " py310 "},
      {" 2.3 2.3.0 2.4 2.4.0 2.5 2.5.1 ", " py311 "},
      {" 2.6 2.6.0 ", " py312 "},
      {" 2.7 2.7.1 2.8 2.8.0 ", " py312 ", false},
  };
  return versions;
}

// "py3 py36" -> "py3, py36"
inline std::string listed(std::string_view words) {
  std::string list;
  for (const char c : words.substr(1, words.size() - 2))
    list += c == ' ' ? std::string(", ") : std::string(1, c);
  return list;
}

[[noreturn]] inline void unsupported(const std::string& what, const std::string& value,
                                     const std::string& options) {
  throw ConfigError("Unsupported " + what + ": " + value + ". Supported " + what + "(s): " + options +
                    ". Name the image itself as image_uri");
}

// "ml.g5.xlarge" -> "g5"
inline std::string family_of(const std::string& instance_type) {
  if (!instance_type.starts_with("ml.") || instance_type.find('.', 3) == std::string::npos) {
    throw ConfigError("Invalid SageMaker instance type: " + instance_type +
                      ". For options, see: https://aws.amazon.com/sagemaker/pricing/instance-types");
  }
  return instance_type.substr(3, instance_type.find('.', 3) - 3);
}

inline std::string processor(const std::string& instance_type) {
  const std::string family = family_of(instance_type);
  if (family.starts_with("trn") || family.starts_with("inf"))
    unsupported("instance type", instance_type, "those with CPUs or GPUs");
  const std::size_t digit = family.find_first_of("0123456789");  // c7g, m6gd: AWS's own processors
  if (family[0] != 'g' && digit != std::string::npos && family.find('g', digit) != std::string::npos)
    unsupported("instance type", instance_type, "those with x86 processors");
  return family[0] == 'g' || family[0] == 'p' ? "gpu" : "cpu";
}

inline const Version& find_version(const RetrieveOptions& options) {
  const bool inference = options.image_scope == "inference";
  std::string known;
  for (const Version& version : pytorch_versions()) {
    if (inference && !version.inference) continue;
    if (!options.version.empty() && version.name.find(" " + options.version + " ") != std::string_view::npos)
      return version;
    known += (known.empty() ? "" : ", ") + listed(version.name);
  }
  unsupported("pytorch version", options.version, known);
}

}  // namespace detail

// Throws ConfigError that names what is supported.
inline std::string retrieve(const RetrieveOptions& options) {
  if (options.framework != "pytorch") detail::unsupported("framework", options.framework, "pytorch");
  if (options.image_scope != "training" && options.image_scope != "inference")
    detail::unsupported("image scope", options.image_scope, "training, inference");
  const detail::Version& version = detail::find_version(options);
  std::string python = options.py_version;
  if (python.empty() && version.py_versions.find(' ', 1) == version.py_versions.size() - 1)
    python = version.py_versions.substr(1, version.py_versions.size() - 2);
  if (python.empty() || version.py_versions.find(" " + python + " ") == std::string_view::npos)
    detail::unsupported("Python version", options.py_version, detail::listed(version.py_versions));
  const std::string_view account = detail::registry_account(options.region);
  if (account.empty()) detail::unsupported("region", options.region, "those of aws, aws-cn and aws-us-gov");
  return std::string(account) + ".dkr.ecr." + options.region + "." + aws::dns_suffix(options.region) +
         "/pytorch-" + options.image_scope + ":" + options.version + "-" +
         detail::processor(options.instance_type) + "-" + python;
}

}  // namespace sagemaker::image_uris
