// HTTP proxies: which one, if any, a request goes through. The variables are those of curl and of the AWS
// SDKs: HTTP_PROXY, HTTPS_PROXY, NO_PROXY, in lower case first.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws {

struct Proxy {
  std::string host;
  int port = 80;
  std::string user, password;  // empty: the proxy asks for none
};

// One choice for a whole transport. Hosts on this machine are never reached through a proxy.
struct ProxySettings {
  std::string http = {};    // for http:// origins: "http://[user:password@]host[:port]"
  std::string https = {};   // for https:// origins
  std::string exempt = {};  // NO_PROXY: "example.com,.internal,10.0.0.1:8080" or "*"

  bool empty() const { return http.empty() && https.empty(); }
  bool operator==(const ProxySettings&) const = default;

  static ProxySettings from_environment(const Environment& environment) {
    const auto value = [&](const char* lower, const char* upper) {
      auto found = environment.value(lower);
      if (!found && upper) found = environment.value(upper);
      return found.value_or("");
    };
    // A CGI program has the Proxy header of its caller in HTTP_PROXY.
    const bool cgi = environment.value("REQUEST_METHOD").has_value();
    return {value("http_proxy", cgi ? nullptr : "HTTP_PROXY"), value("https_proxy", "HTTPS_PROXY"),
            value("no_proxy", "NO_PROXY")};
  }
};

// Throws ConfigError where the text names no proxy that can be used; it never repeats a password.
inline Proxy parse_proxy(std::string_view text) {
  std::string url(text);
  if (url.find("://") == std::string::npos) url = "http://" + url;
  const std::size_t start = url.find("://") + 3;
  const std::size_t at = url.rfind('@');
  Proxy proxy;
  if (at != std::string::npos && at >= start) {
    const std::string who = url.substr(start, at - start);
    const std::size_t colon = who.find(':');
    proxy.user = uri_decode(who.substr(0, colon)).value_or(who.substr(0, colon));
    if (colon != std::string::npos) {
      proxy.password = uri_decode(who.substr(colon + 1)).value_or(who.substr(colon + 1));
    }
    url.erase(start, at - start + 1);
  }
  try {
    const Uri uri = parse_uri(url);
    if (uri.scheme != "http") {
      throw ConfigError("The proxy " + url +
                        " cannot be used: only proxies with an http:// URL are supported");
    }
    proxy.host = uri.host;
    proxy.port = uri.port;
  } catch (const std::invalid_argument& error) {
    throw ConfigError("The proxy " + url + " cannot be used: " + error.what());
  }
  return proxy;
}

namespace detail {

inline bool is_exempt(std::string_view exempt, const Uri& origin) {
  const std::string with_port = origin.host + ":" + std::to_string(origin.port);
  while (!exempt.empty()) {
    const std::size_t end = exempt.find_first_of(", ");
    std::string entry = to_lower(exempt.substr(0, end));
    exempt = end == std::string_view::npos ? std::string_view() : exempt.substr(end + 1);
    if (entry == "*") return true;
    while (entry.starts_with('.')) entry.erase(0, 1);
    if (entry.empty()) continue;
    for (const std::string& name : {origin.host, with_port}) {
      if (name == entry || name.ends_with("." + entry)) return true;
    }
  }
  return false;
}

}  // namespace detail

// nullopt: the connection is made directly.
inline std::optional<Proxy> proxy_for(const ProxySettings& settings, const std::string& origin) {
  if (settings.empty()) return std::nullopt;
  const Uri uri = parse_uri(origin);
  const std::string& url = uri.scheme == "https" ? settings.https : settings.http;
  if (url.empty() || is_loopback(uri.host) || detail::is_exempt(settings.exempt, uri)) return std::nullopt;
  return parse_proxy(url);
}

}  // namespace sagemaker::aws
