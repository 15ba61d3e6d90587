// Where the requests of a service go: the endpoint that the user configured, else AWS's own.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sagemaker/aws/endpoints.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/service.hpp>
#include <sagemaker/aws/settings.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws {

// Settings of endpoints that a program made itself; they win over what is configured.
struct EndpointChoice {
  std::string url = {};
  std::optional<bool> fips = {};
  std::optional<bool> dual_stack = {};
};

namespace detail {

// The endpoint URL that was configured for a service: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the
// profile's `services` section, its `endpoint_url`.
inline std::optional<std::string> configured_endpoint(const Settings& settings, std::string_view service_id) {
  if (settings.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
          .value_or(false)) {
    return std::nullopt;
  }
  std::string upper, lower;
  for (const char c : service_id) {
    const char plain = c == ' ' || c == '-' ? '_' : c;
    lower += to_lower(plain);
    upper += plain >= 'a' && plain <= 'z' ? static_cast<char>(plain - 'a' + 'A') : plain;
  }
  const Environment& environment = *settings.environment();
  if (auto url = environment.value("AWS_ENDPOINT_URL_" + upper)) return url;
  if (auto url = environment.value("AWS_ENDPOINT_URL")) return url;
  if (const auto services = settings.text(nullptr, "services")) {
    const ProfileSection* section = settings.profiles()->services(*services);
    if (!section) {
      throw ConfigError("The profile (" + settings.profile() +
                        ") is configured to use the services section but the \"" + *services +
                        "\" services configuration does not exist.");
    }
    if (auto url = section->get_nested(lower, "endpoint_url")) return url;
  }
  return settings.text(nullptr, "endpoint_url");
}

inline Uri parse_endpoint(const std::string& url) {
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

inline bool is_legacy(const Settings& settings, const char* variable, const char* key, const char* what) {
  const auto value = settings.choice(variable, key, {"legacy", "regional"}, [&](const std::string& found) {
    return std::string(what) + " option " + found +
           " is invalid. Valid options are: \"legacy\", \"regional\"";
  });
  return value == "legacy";
}

// FIPS and IPv6: code, environment, profile. S3 has a switch of its own for IPv6 below `s3 =`.
inline EndpointOptions endpoint_options(const Settings& settings, const ServiceDescription& service,
                                        const EndpointChoice& choice) {
  EndpointOptions options;
  options.fips =
      choice.fips.value_or(settings.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint").value_or(false));
  std::optional<bool> dual = choice.dual_stack;
  const bool is_s3 = service.id == "S3";
  if (!dual && is_s3) dual = Settings::as_flag(settings.s3("use_dualstack_endpoint"));
  if (!dual) dual = settings.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
  options.dual_stack = dual.value_or(false);
  if (service.id == "STS") {
    options.sts_global =
        is_legacy(settings, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints", "STS regional endpoints");
  } else if (is_s3) {
    options.s3_global = is_legacy(settings, "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
                                  "s3_us_east_1_regional_endpoint", "S3 us-east-1 regional endpoint");
  }
  return options;
}

inline std::optional<Uri> custom_endpoint(const Settings& settings, const ServiceDescription& service,
                                          const EndpointChoice& choice) {
  if (!choice.url.empty()) return parse_endpoint(choice.url);
  const auto url = configured_endpoint(settings, service.id);
  return url ? std::optional<Uri>(parse_endpoint(*url)) : std::nullopt;
}

inline void refuse_accelerate(const Settings& settings, const ServiceDescription& service) {
  if (service.id != "S3" || !Settings::as_flag(settings.s3("use_accelerate_endpoint")).value_or(false))
    return;
  throw ConfigError("The profile (" + settings.profile() +
                    ") sets use_accelerate_endpoint = true below s3, but sagemaker-cpp does not use S3 "
                    "Transfer Acceleration. Take the setting out, or use another profile.");
}

}  // namespace detail

// Fills in endpoint, custom_endpoint and signing_region for `config.region`. Throws ConfigError for settings
// that exclude each other.
inline void locate_service(ResolvedConfig& config, const Settings& settings,
                           const ServiceDescription& service, const EndpointChoice& choice = {}) {
  const EndpointOptions options = detail::endpoint_options(settings, service, choice);
  config.signing_region = config.region;
  if (auto custom = detail::custom_endpoint(settings, service, choice)) {
    if (options.fips) {
      throw ConfigError("Invalid Configuration: FIPS and custom endpoint are not supported (" +
                        custom->origin() + ")");
    }
    if (options.dual_stack) {
      throw ConfigError("Invalid Configuration: Dualstack and custom endpoint are not supported (" +
                        custom->origin() + ")");
    }
    config.endpoint = std::move(*custom);
    config.custom_endpoint = true;
    return;
  }
  detail::refuse_accelerate(settings, service);
  Endpoint found = aws_endpoint(service.host_prefix, config.region, options);
  config.endpoint = parse_uri("https://" + found.host);
  config.signing_region = std::move(found.signing_region);
}

}  // namespace sagemaker::aws
