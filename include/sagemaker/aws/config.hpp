// How a client is configured: in code, else by the AWS_* environment variables, else by the profile files,
// with the names and the order of the AWS SDKs. With nothing but credentials and a region set, a client talks
// to AWS itself. (AWS_DEFAULTS_MODE is not looked at: the defaults are those written here.)
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/credential_chain.hpp>
#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/httplib_transport.hpp>
#include <sagemaker/aws/locate.hpp>
#include <sagemaker/aws/profiles.hpp>
#include <sagemaker/aws/proxy.hpp>
#include <sagemaker/aws/retry.hpp>
#include <sagemaker/aws/service.hpp>
#include <sagemaker/aws/settings.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws {

// Providers that several clients share, so that a role is assumed once for all of them. Made by the first
// client that needs one.
class CredentialsCache {
 public:
  // `local`: for an endpoint on this machine, whose clients look in other places.
  template <typename Make>
  std::shared_ptr<CredentialsProvider> get(bool local, const Make& make) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& provider = local ? local_ : aws_;
    if (!provider) provider = make();
    return provider;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<CredentialsProvider> local_, aws_;
};

}  // namespace sagemaker::aws

namespace sagemaker {

// Options of a client. What is left empty comes from the environment and the profile files; the table of all
// names is in include/sagemaker/README.md.
struct ClientConfig {
  std::string region = {};  // AWS_REGION, AWS_DEFAULT_REGION, `region`
  std::string endpoint_url =
      {};                    // "http://127.0.0.1:4566"; AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, ...
  std::string profile = {};  // AWS_PROFILE, AWS_DEFAULT_PROFILE, "default"
  std::optional<aws::Credentials> credentials = {};
  std::shared_ptr<aws::CredentialsProvider> credentials_provider = {};  // used where `credentials` is not set
  std::chrono::milliseconds connect_timeout{60'000};
  std::chrono::milliseconds read_timeout{60'000};  // without a byte, not for the whole answer
  int max_attempts = 0;                            // attempts in all, the first included; 0: as configured
  bool verify_tls = true;
  std::string ca_bundle = {};         // PEM file; AWS_CA_BUNDLE, `ca_bundle`
  std::string user_agent_extra = {};  // goes behind the library's own user agent
  // Replaced in tests, or to share one connection pool.
  std::shared_ptr<aws::Transport> transport = {};
  std::shared_ptr<aws::Clock> clock = {};
  aws::RandomSource random = {};
  std::shared_ptr<const aws::Environment> environment = {};

  std::optional<bool> use_fips_endpoint = {};       // AWS_USE_FIPS_ENDPOINT, `use_fips_endpoint`
  std::optional<bool> use_dualstack_endpoint = {};  // AWS_USE_DUALSTACK_ENDPOINT, `use_dualstack_endpoint`
  std::string retry_mode = {};  // "standard", "adaptive", "legacy"; AWS_RETRY_MODE, `retry_mode`
  std::optional<aws::ProxySettings> proxies = {};           // HTTP_PROXY, HTTPS_PROXY, NO_PROXY
  aws::MfaTokenSource mfa_token = {};                       // asked for the code of a profile's `mfa_serial`
  std::shared_ptr<aws::ProcessRunner> process_runner = {};  // of `credential_process`
  std::shared_ptr<aws::CredentialsCache> credentials_cache = {};  // shared with other clients
};

}  // namespace sagemaker

namespace sagemaker::aws {

namespace detail {

// Reads settings in the order code, environment, profile.
class ConfigResolver {
 public:
  ConfigResolver(const ClientConfig& config, const ServiceDescription& service)
      : config_(config),
        service_(service),
        environment_(config.environment ? config.environment : process_environment()),
        profiles_(std::make_shared<const Profiles>(Profiles::load(*environment_))),
        settings_(environment_, profiles_, choose_profile()) {}

  ResolvedConfig resolve() const {
    ResolvedConfig resolved = general();
    const EndpointChoice choice{config_.endpoint_url, config_.use_fips_endpoint,
                                config_.use_dualstack_endpoint};
    const auto custom = custom_endpoint(settings_, service_, choice);
    const bool local = custom && is_loopback(custom->host);
    resolved.region = region(local);
    const ResolvedConfig base = resolved;
    locate_service(resolved, settings_, service_, choice);
    resolved.credentials = credentials(base, local);
    return resolved;
  }

 private:
  // What does not depend on the service and its region.
  ResolvedConfig general() const {
    ResolvedConfig resolved;
    resolved.connect_timeout = config_.connect_timeout;
    resolved.read_timeout = config_.read_timeout;
    resolved.retry_mode = retry_mode();
    resolved.max_attempts =
        config_.max_attempts > 0
            ? config_.max_attempts
            : settings_.number("AWS_MAX_ATTEMPTS", "max_attempts", default_attempts(resolved.retry_mode), 1);
    resolved.app_id = app_id();
    resolved.user_agent_extra = config_.user_agent_extra;
    resolved.s3 = s3_settings();
    resolved.s3_addressing_style = resolved.s3.addressing_style;
    resolved.request_checksums =
        checksum_mode("AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation");
    resolved.response_checksums =
        checksum_mode("AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation");
    resolved.transport = config_.transport ? config_.transport : default_transport(transport_options());
    resolved.clock = config_.clock ? config_.clock : system_clock();
    resolved.random = config_.random ? config_.random : system_random();
    return resolved;
  }

  std::string choose_profile() {
    std::string profile = config_.profile;
    for (const char* name : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
      if (profile.empty()) profile = environment_->value(name).value_or("");
    }
    profile_named_ = !profile.empty();
    if (profile_named_ && !profiles_->contains(profile)) {
      throw ConfigError("The config profile (" + profile + ") could not be found");
    }
    return profile_named_ ? profile : "default";
  }

  std::string region(bool local) const {
    std::string region = config_.region;
    for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
      if (region.empty()) region = environment_->value(name).value_or("");
    }
    if (region.empty()) region = settings_.text(nullptr, "region").value_or("");
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

  std::shared_ptr<CredentialsProvider> credentials(const ResolvedConfig& base, bool local) const {
    if (config_.credentials) return std::make_shared<StaticCredentials>(*config_.credentials);
    if (config_.credentials_provider) return config_.credentials_provider;
    const auto make = [&] { return chain(base, local); };
    return config_.credentials_cache ? config_.credentials_cache->get(local, make) : make();
  }

  std::shared_ptr<CredentialsProvider> chain(const ResolvedConfig& base, bool local) const {
    ChainOptions options;
    options.services = std::make_shared<const CredentialServices>(base, settings_, local && !profile_named_);
    options.use_environment = config_.profile.empty();
    options.use_instance_metadata = !local;
    options.mfa_token = config_.mfa_token;
    if (config_.process_runner) options.process_runner = config_.process_runner;
    std::shared_ptr<CredentialsProvider> found = default_credentials_chain(options);
    if (!local) return found;
    return std::make_shared<EmulatorCredentials>(std::move(found), profile_named_);
  }

  RetryMode retry_mode() const {
    const auto read = [&](const std::string& text) {
      for (const RetryMode mode : {RetryMode::legacy, RetryMode::standard, RetryMode::adaptive}) {
        if (to_lower(text) == name_of(mode)) return mode;
      }
      throw ConfigError("Invalid value provided to \"mode\": \"" + text +
                        "\" must be one of: legacy, standard, adaptive");
    };
    if (!config_.retry_mode.empty()) return read(config_.retry_mode);
    const auto configured = settings_.text("AWS_RETRY_MODE", "retry_mode");
    return configured ? read(*configured) : RetryMode::standard;
  }

  // Characters that a user agent must not have become '-', as in botocore.
  std::string app_id() const {
    std::string id = settings_.text("AWS_SDK_UA_APP_ID", "sdk_ua_app_id").value_or("");
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$%&'*+-.^_`|~,";
    for (char& c : id) {
      if (allowed.find(c) == std::string_view::npos) c = '-';
    }
    return id;
  }

  S3Settings s3_settings() const {
    S3Settings s3;
    if (const auto style = settings_.s3("addressing_style")) {
      s3.addressing_style = *style;
      if (*style != "auto" && *style != "virtual" && *style != "path") {
        throw ConfigError("S3 addressing style " + *style +
                          " is invalid. Valid options are: 'auto', 'virtual', and 'path'");
      }
    }
    s3.payload_signing = Settings::as_flag(settings_.s3("payload_signing_enabled")).value_or(false);
    const auto size = [&](const char* key, std::uint64_t fallback) {
      return Settings::as_size(key, settings_.s3(key), fallback);
    };
    s3.multipart_threshold = size("multipart_threshold", s3.multipart_threshold);
    s3.multipart_chunksize = size("multipart_chunksize", s3.multipart_chunksize);
    s3.max_concurrent_requests = Settings::as_number(
        "max_concurrent_requests", settings_.s3("max_concurrent_requests"), s3.max_concurrent_requests, 1);
    return s3;
  }

  ChecksumMode checksum_mode(const char* variable, const char* key) const {
    const auto value =
        settings_.choice(variable, key, {"when_supported", "when_required"}, [&](const std::string& found) {
          return "Unsupported configuration value for " + std::string(key) +
                 ". Expected one of ('when_supported', 'when_required') but got " + found + ".";
        });
    return value == "when_required" ? ChecksumMode::when_required : ChecksumMode::when_supported;
  }

  TransportOptions transport_options() const {
    TransportOptions options;
    options.verify_tls = config_.verify_tls;
    options.ca_bundle = !config_.ca_bundle.empty()
                            ? config_.ca_bundle
                            : settings_.text("AWS_CA_BUNDLE", "ca_bundle").value_or("");
    options.proxies = config_.proxies ? *config_.proxies : ProxySettings::from_environment(*environment_);
    for (const std::string* proxy : {&options.proxies.http, &options.proxies.https}) {
      if (!proxy->empty()) parse_proxy(*proxy);  // one that cannot be used is told here, not by a request
    }
    return options;
  }

  const ClientConfig& config_;
  const ServiceDescription& service_;
  std::shared_ptr<const Environment> environment_;
  std::shared_ptr<const Profiles> profiles_;
  bool profile_named_ = false;
  Settings settings_;
};

}  // namespace detail

// Throws ConfigError: no region, an unknown profile, a file that cannot be parsed, an endpoint that is no
// URL, settings that exclude each other. Missing credentials are reported by the first call instead.
inline ResolvedConfig resolve_config(const ClientConfig& config, const ServiceDescription& service) {
  return detail::ConfigResolver(config, service).resolve();
}

}  // namespace sagemaker::aws
