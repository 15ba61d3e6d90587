// How a client is configured: in code, else by the AWS_* environment variables, else by the profile files,
// with the names and the order of the AWS SDKs. With nothing but credentials and a region set, a client talks
// to AWS itself.
#pragma once

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/httplib_transport.hpp>
#include <sagemaker/aws/profiles.hpp>
#include <sagemaker/aws/retry.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker {

// Options of a client. What is left empty comes from the environment and the profile files:
//   region        AWS_REGION, AWS_DEFAULT_REGION, `region`
//   profile       AWS_PROFILE, AWS_DEFAULT_PROFILE, "default"
//   endpoint_url  AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the `services` section, `endpoint_url` of the
//   profile;
//                 these are not looked at where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true
//   ca_bundle     AWS_CA_BUNDLE, `ca_bundle`
//   max_attempts  AWS_MAX_ATTEMPTS, `max_attempts`, 3
struct ClientConfig {
  std::string region = {};
  std::string endpoint_url = {};  // "http://127.0.0.1:4566"
  std::string profile = {};
  std::optional<aws::Credentials> credentials = {};
  std::shared_ptr<aws::CredentialsProvider> credentials_provider = {};  // used where `credentials` is not set
  std::chrono::milliseconds connect_timeout{60'000};
  std::chrono::milliseconds read_timeout{60'000};  // without a byte, not for the whole answer
  int max_attempts = 0;                            // attempts in all, the first included; 0: as configured
  bool verify_tls = true;
  std::string ca_bundle = {};         // PEM file
  std::string user_agent_extra = {};  // goes behind the library's own user agent
  // Replaced in tests, or to share one connection pool.
  std::shared_ptr<aws::Transport> transport = {};
  std::shared_ptr<aws::Clock> clock = {};
  aws::RandomSource random = {};
  std::shared_ptr<const aws::Environment> environment = {};
};

}  // namespace sagemaker

namespace sagemaker::aws {

enum class Protocol { json, rest_json, rest_xml, query };

// What distinguishes one service from another on the wire.
struct ServiceDescription {
  std::string_view id;            // AWS's service id: "SageMaker Runtime"
  std::string_view host_prefix;   // of the real endpoint: "runtime.sagemaker"
  std::string_view signing_name;  // of the credential scope: "sagemaker"
  Protocol protocol = Protocol::json;
  std::string_view target_prefix = "";  // json: "SageMaker"
  std::string_view version = "";        // query: "2011-06-15"
};

// A configuration with every question answered.
struct ResolvedConfig {
  std::string region;
  Uri endpoint;
  bool custom_endpoint = false;  // not AWS's own
  std::shared_ptr<CredentialsProvider> credentials;
  std::chrono::milliseconds connect_timeout{60'000}, read_timeout{60'000};
  int max_attempts = 3;
  std::string user_agent_extra;
  std::string s3_addressing_style;  // "auto", "path" or "virtual"
  std::shared_ptr<Transport> transport;
  std::shared_ptr<Clock> clock;
  RandomSource random;
};

// The domain of a region's partition: amazonaws.com, or amazonaws.com.cn in China.
inline std::string dns_suffix(std::string_view region) {
  if (region.starts_with("cn-")) return "amazonaws.com.cn";
  if (region.starts_with("us-iso-")) return "c2s.ic.gov";
  if (region.starts_with("us-isob-")) return "sc2s.sgov.gov";
  if (region.starts_with("eusc-")) return "amazonaws.eu";
  return "amazonaws.com";
}

// "aws", "aws-cn", "aws-us-gov": the second field of ARNs in that region.
inline std::string partition_of(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  if (region.starts_with("us-iso-")) return "aws-iso";
  if (region.starts_with("us-isob-")) return "aws-iso-b";
  if (region.starts_with("eusc-")) return "aws-eusc";
  return "aws";
}

// https://api.sagemaker.us-east-1.amazonaws.com
inline std::string aws_endpoint(std::string_view host_prefix, std::string_view region) {
  return "https://" + std::string(host_prefix) + "." + std::string(region) + "." + dns_suffix(region);
}

inline bool is_loopback(std::string_view host) {
  const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host.ends_with(".localhost") || (numeric && host.starts_with("127.")) ||
         host == "::1";
}

namespace detail {

// Reads settings in the order code, environment, profile.
class ConfigResolver {
 public:
  ConfigResolver(const ClientConfig& config, const ServiceDescription& service)
      : config_(config),
        service_(service),
        environment_(config.environment ? config.environment : process_environment()),
        profiles_(std::make_shared<const Profiles>(Profiles::load(*environment_))) {
    choose_profile();
  }

  ResolvedConfig resolve() const {
    ResolvedConfig resolved;
    const std::optional<std::string> endpoint = endpoint_url();
    if (endpoint) resolved.endpoint = parse_endpoint(*endpoint);
    resolved.custom_endpoint = endpoint.has_value();
    const bool local = endpoint && is_loopback(resolved.endpoint.host);
    resolved.region = region(local);
    if (!endpoint) resolved.endpoint = parse_uri(aws_endpoint(service_.host_prefix, resolved.region));
    resolved.credentials = credentials(local);
    resolved.connect_timeout = config_.connect_timeout;
    resolved.read_timeout = config_.read_timeout;
    resolved.max_attempts = max_attempts();
    resolved.user_agent_extra = config_.user_agent_extra;
    resolved.s3_addressing_style = profiles_->get_nested(profile_, "s3", "addressing_style").value_or("auto");
    resolved.transport = config_.transport ? config_.transport : default_transport(transport_options());
    resolved.clock = config_.clock ? config_.clock : system_clock();
    resolved.random = config_.random ? config_.random : system_random();
    return resolved;
  }

 private:
  void choose_profile() {
    profile_ = config_.profile;
    for (const char* name : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
      if (profile_.empty()) profile_ = environment_->value(name).value_or("");
    }
    const bool named = !profile_.empty();
    if (!named) profile_ = "default";
    if (named && !profiles_->contains(profile_)) {
      throw ConfigError("The config profile (" + profile_ + ") could not be found");
    }
  }

  std::optional<std::string> setting(const char* variable, const char* key) const {
    if (auto value = environment_->value(variable)) return value;
    return profiles_->get(profile_, key);
  }

  bool ignores_configured_endpoints() const {
    const auto value = setting("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
    return value && to_lower(*value) == "true";
  }

  std::optional<std::string> endpoint_url() const {
    if (!config_.endpoint_url.empty()) return config_.endpoint_url;
    if (ignores_configured_endpoints()) return std::nullopt;
    std::string upper, lower;
    for (const char c : service_.id) {
      const char plain = c == ' ' || c == '-' ? '_' : c;
      lower += to_lower(plain);
      upper += plain >= 'a' && plain <= 'z' ? static_cast<char>(plain - 'a' + 'A') : plain;
    }
    if (auto url = environment_->value("AWS_ENDPOINT_URL_" + upper)) return url;
    if (auto url = environment_->value("AWS_ENDPOINT_URL")) return url;
    if (const auto services = profiles_->get(profile_, "services")) {
      const ProfileSection* section = profiles_->services(*services);
      if (!section) {
        throw ConfigError("The profile (" + profile_ +
                          ") is configured to use the services section but the \"" + *services +
                          "\" services configuration does not exist.");
      }
      if (auto url = section->get_nested(lower, "endpoint_url")) return url;
    }
    return profiles_->get(profile_, "endpoint_url");
  }

  static Uri parse_endpoint(const std::string& url) {
    try {
      Uri uri = parse_uri(url);
      if (uri.scheme != "http" && uri.scheme != "https")
        throw std::invalid_argument("the scheme is neither http nor https");
      while (!uri.path.empty() && uri.path.back() == '/') uri.path.pop_back();
      return uri;
    } catch (const std::invalid_argument& error) {
      throw ConfigError("Invalid endpoint: " + url + " (" + error.what() + ")");
    }
  }

  std::string region(bool local) const {
    std::string region = config_.region;
    for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
      if (region.empty()) region = environment_->value(name).value_or("");
    }
    if (region.empty()) region = profiles_->get(profile_, "region").value_or("");
    if (region.empty() && local) region = "us-east-1";  // an emulator on this machine: any region will do
    if (region.empty()) {
      throw ConfigError("You must specify a region. Set AWS_REGION, or `region` in " +
                        profiles_->config_path() + ".");
    }
    const bool valid =
        region.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
            std::string::npos &&
        region.front() != '-' && region.back() != '-' && region.size() <= 63;
    if (!valid) throw ConfigError("Provided region_name '" + region + "' doesn't match a supported format.");
    return region;
  }

  std::shared_ptr<CredentialsProvider> credentials(bool local) const {
    if (config_.credentials) return std::make_shared<StaticCredentials>(*config_.credentials);
    if (config_.credentials_provider) return config_.credentials_provider;
    auto chain = default_credentials_chain({environment_, profiles_, profile_, !config_.profile.empty()});
    if (!local) return chain;
    // The emulator's own credentials, where the user has none: they mean nothing to anybody else.
    return std::make_shared<CredentialsChain>(std::vector<std::shared_ptr<CredentialsProvider>>{
        chain, std::make_shared<StaticCredentials>(Credentials{"test", "test", "", std::nullopt})});
  }

  int max_attempts() const {
    if (config_.max_attempts > 0) return config_.max_attempts;
    const auto text = setting("AWS_MAX_ATTEMPTS", "max_attempts");
    if (!text) return 3;
    int attempts = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), attempts);
    if (error != std::errc() || end != text->data() + text->size() || attempts < 1) {
      throw ConfigError("Invalid value for max_attempts: " + *text + ", expected an integer of at least 1");
    }
    return attempts;
  }

  TransportOptions transport_options() const {
    TransportOptions options;
    options.verify_tls = config_.verify_tls;
    options.ca_bundle =
        !config_.ca_bundle.empty() ? config_.ca_bundle : setting("AWS_CA_BUNDLE", "ca_bundle").value_or("");
    return options;
  }

  const ClientConfig& config_;
  const ServiceDescription& service_;
  std::shared_ptr<const Environment> environment_;
  std::shared_ptr<const Profiles> profiles_;
  std::string profile_;
};

}  // namespace detail

// Throws ConfigError: no region, an unknown profile, a file that cannot be parsed, an endpoint that is no
// URL. Missing credentials are reported by the first call instead.
inline ResolvedConfig resolve_config(const ClientConfig& config, const ServiceDescription& service) {
  return detail::ConfigResolver(config, service).resolve();
}

}  // namespace sagemaker::aws
