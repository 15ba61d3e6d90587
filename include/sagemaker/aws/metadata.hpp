// Credentials that the machine itself hands out: to a container (ECS, EKS, SageMaker jobs) and to an EC2
// instance. Both are small HTTP services beside the program, asked without a signature and never through a
// proxy.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/credential_services.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/refreshing.hpp>
#include <sagemaker/aws/settings.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/transport.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws {

namespace detail {

// A document of both services. `missing`: the names of the members that it lacks.
struct MetadataDocument {
  Credentials credentials;
  std::string missing;
};

// nullopt where the text is no JSON object.
inline std::optional<MetadataDocument> read_metadata(const std::string& text) {
  json document;
  try {
    document = parse_json(text);
  } catch (const JsonError&) {
    return std::nullopt;
  }
  if (!document.is_object()) return std::nullopt;
  MetadataDocument read;
  const auto lacks = [&](const char* name) {
    read.missing += (read.missing.empty() ? "" : ", ") + std::string(name);
  };
  const auto member = [&](const char* name) {
    const auto found = document.find(name);
    std::string value = found != document.end() && found->is_string() ? found->get<std::string>() : "";
    if (value.empty()) lacks(name);
    return value;
  };
  read.credentials.access_key_id = member("AccessKeyId");
  read.credentials.secret_access_key = member("SecretAccessKey");
  read.credentials.session_token = member("Token");
  const std::string expiration = member("Expiration");
  read.credentials.expiration = parse_iso8601(expiration);
  if (!read.credentials.expiration && !expiration.empty()) lacks("Expiration");  // text that is no time
  return read;
}

inline HttpRequest metadata_request(std::string method, const Uri& uri, std::chrono::milliseconds limit) {
  HttpRequest request;
  request.method = std::move(method);
  request.origin = uri.origin();
  request.target = uri.path.empty() ? "/" : uri.path;
  if (!uri.query.empty()) request.target += "?" + uri.query;
  request.headers.set("Host", uri.authority());
  request.headers.set("User-Agent", "sagemaker-cpp");
  request.direct = true;
  request.connect_timeout = limit;
  request.read_timeout = limit;
  return request;
}

}  // namespace detail

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (below http://169.254.170.2) or AWS_CONTAINER_CREDENTIALS_FULL_URI.
class ContainerCredentials final : public RefreshingCredentials {
 public:
  static constexpr std::chrono::seconds time_limit{2};
  static constexpr std::chrono::seconds pause{1};
  static constexpr int attempts = 3;

  explicit ContainerCredentials(std::shared_ptr<const CredentialServices> services)
      : RefreshingCredentials(services->clock()), services_(std::move(services)) {}

  std::string name() const override { return "container-role"; }

 protected:
  std::optional<Credentials> fetch() override {
    const auto relative = environment().value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const auto full = environment().value("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full) return std::nullopt;
    const Uri uri = checked_uri(relative ? "http://169.254.170.2" + *relative : *full);
    services_->check_host(uri.host);
    HttpRequest request = detail::metadata_request("GET", uri, time_limit);
    request.headers.set("Accept", "application/json");
    if (const auto token = authorization()) request.headers.set("Authorization", *token);
    std::string why;
    for (int attempt = 1; attempt <= attempts; ++attempt) {
      if (auto credentials = ask(request, why)) return credentials;
      if (attempt < attempts) clock().sleep_for(pause);
    }
    throw CredentialRetrievalError(name(), "Error retrieving metadata: " + why);
  }

 private:
  const Environment& environment() const { return *services_->settings().environment(); }

  // Over plain HTTP only hosts are asked that cannot be out on the network.
  static Uri checked_uri(const std::string& text) {
    constexpr std::array<std::string_view, 4> allowed{"169.254.170.2", "169.254.170.23", "fd00:ec2::23",
                                                      "localhost"};
    Uri uri;
    try {
      uri = parse_uri(text);
    } catch (const std::invalid_argument& error) {
      throw CredentialsError("AWS_CONTAINER_CREDENTIALS_FULL_URI: " + std::string(error.what()));
    }
    const bool known = std::find(allowed.begin(), allowed.end(), uri.host) != allowed.end();
    const bool address = is_loopback(uri.host) && !uri.host.ends_with(".localhost");
    if (uri.scheme == "https" || (uri.scheme == "http" && (known || address))) return uri;
    throw CredentialsError("Unsupported host '" + uri.host +
                           "'.  Can only retrieve metadata from a loopback address or one of these hosts: "
                           "169.254.170.2, 169.254.170.23, fd00:ec2::23, localhost");
  }

  // The file is read anew each time: its token is replaced every few hours.
  std::optional<std::string> authorization() const {
    std::optional<std::string> token;
    if (const auto path = environment().value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      token = environment().read_file(*path);
      if (!token) throw CredentialRetrievalError(name(), "cannot read the token file " + *path);
    } else {
      token = environment().value("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    }
    if (token && token->find_first_of("\r\n") != std::string::npos) {
      throw CredentialsError("Auth token value is not a legal header value");
    }
    return token;
  }

  std::optional<Credentials> ask(const HttpRequest& request, std::string& why) const {
    HttpResponse response;
    try {
      response = services_->transport().send(request);
    } catch (const TransportError& error) {
      why = std::string("Received error when attempting to retrieve container metadata: ") + error.what();
      return std::nullopt;
    }
    if (response.status != 200) {
      why = "Received non 200 response " + std::to_string(response.status) +
            " from container metadata: " + response.body;
      return std::nullopt;
    }
    auto read = detail::read_metadata(response.body);
    if (!read) {
      why = "Unable to parse JSON returned from container metadata services";
      return std::nullopt;
    }
    if (!read->missing.empty()) {
      throw CredentialRetrievalError(name(), "the response did not contain: " + read->missing);
    }
    return std::move(read->credentials);
  }

  std::shared_ptr<const CredentialServices> services_;
};

// The role of an EC2 instance, through its metadata service: version 2 with a session token, and version 1
// where the service does not know tokens.
class InstanceCredentials final : public RefreshingCredentials {
 public:
  explicit InstanceCredentials(std::shared_ptr<const CredentialServices> services)
      : RefreshingCredentials(services->clock()), services_(std::move(services)) {}

  std::string name() const override { return "iam-role"; }

 protected:
  // nullopt, as in botocore, for everything that is no proper answer: most machines are no instance.
  std::optional<Credentials> fetch() override {
    const Settings& settings = services_->settings();
    if (to_lower(settings.environment()->value("AWS_EC2_METADATA_DISABLED").value_or("")) == "true") {
      return std::nullopt;
    }
    const Uri base = endpoint();
    services_->check_host(base.host);
    const std::chrono::seconds limit(
        settings.number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", 1, 1));
    const int attempts =
        settings.number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", 1, 1);
    const Token token = session_token(base, limit, attempts);
    if (token.absent) return std::nullopt;
    if (token.text.empty() &&
        settings.flag("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled").value_or(false)) {
      throw CredentialsError(
          "Error retrieving metadata: Unable to retrieve token for use in IMDSv2 call and IMDSv1 has been "
          "disabled");
    }
    const std::string folder = "/latest/meta-data/iam/security-credentials/";
    const auto get = [&](const std::string& path, auto&& is_good) -> std::optional<std::string> {
      HttpRequest request = request_for("GET", base, path, limit);
      if (!token.text.empty()) request.headers.set("x-aws-ec2-metadata-token", token.text);
      for (int attempt = 0; attempt < attempts; ++attempt) {
        const auto response = send(request);
        if (response && response->status == 200 && is_good(response->body)) return response->body;
      }
      return std::nullopt;
    };
    const auto role = get(folder, [](const std::string& body) { return !body.empty(); });
    if (!role || role->find_first_of("\r\n \t") != std::string::npos) return std::nullopt;
    const auto document =
        get(folder + *role, [](const std::string& body) { return detail::read_metadata(body).has_value(); });
    if (!document) return std::nullopt;
    auto read = detail::read_metadata(*document);
    if (!read || !read->missing.empty()) return std::nullopt;  // the service's own error document
    extend(read->credentials);
    return std::move(read->credentials);
  }

 private:
  struct Token {
    bool absent = false;  // there is no such service here
    std::string text;     // empty: version 1
  };

  // As in botocore: credentials that end soon, or have ended, are all that the service has at the moment. AWS
  // still takes them while it cannot make new ones, so they are used, and it is asked again a little later.
  void extend(Credentials& credentials) const {
    const std::chrono::seconds pause = mandatory_window + std::chrono::seconds(120) +
                                       std::chrono::seconds(static_cast<int>(services_->random() * 480));
    const TimePoint later = clock().now() + pause;
    if (*credentials.expiration <= later) credentials.expiration = later;
  }

  // AWS_EC2_METADATA_SERVICE_ENDPOINT, else the address of the mode.
  Uri endpoint() const {
    const Settings& settings = services_->settings();
    const auto mode =
        settings.choice("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode",
                        {"ipv4", "ipv6"}, [](const std::string& found) {
                          return "Invalid EC2 Instance Metadata endpoint mode: " + found +
                                 " Valid endpoint modes (case-insensitive): ['ipv4', 'ipv6'].";
                        });
    const bool ipv6 =
        mode ? *mode == "ipv6" : settings.flag("AWS_IMDS_USE_IPV6", "imds_use_ipv6").value_or(false);
    const std::string url =
        settings.text("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")
            .value_or(ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
    try {
      Uri uri = parse_uri(url);
      while (uri.path.ends_with('/')) uri.path.pop_back();
      if (uri.scheme == "http" || uri.scheme == "https") return uri;
    } catch (const std::invalid_argument&) {
      // Told below, in the same words as another scheme.
    }
    throw ConfigError("Invalid endpoint EC2 Instance Metadata endpoint: " + url);
  }

  static HttpRequest request_for(std::string method, Uri base, const std::string& path,
                                 std::chrono::milliseconds limit) {
    base.path += path;
    return detail::metadata_request(std::move(method), base, limit);
  }

  // nullopt where the connection failed in any way; `timed_out` tells a service that did not answer.
  std::optional<HttpResponse> send(const HttpRequest& request, bool* timed_out = nullptr) const {
    try {
      return services_->transport().send(request);
    } catch (const TransportError& error) {
      if (timed_out) *timed_out = error.kind() == TransportError::Kind::timeout;
      return std::nullopt;
    }
  }

  Token session_token(const Uri& base, std::chrono::milliseconds limit, int attempts) const {
    HttpRequest request = request_for("PUT", base, "/latest/api/token", limit);
    request.headers.set("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    bool answered = false;
    for (int attempt = 0; attempt < attempts; ++attempt) {
      bool timed_out = false;
      const auto response = send(request, &timed_out);
      if (timed_out) return {};  // a container's hop limit swallows the answer of version 2
      if (!response) continue;
      answered = true;
      if (response->status == 200) return {false, response->body};
      if (response->status == 404 || response->status == 403 || response->status == 405) return {};
      if (response->status == 400) return {true, ""};
    }
    // Where not even a connection came about, version 1 would only wait once more.
    return {!answered, ""};
  }

  std::shared_ptr<const CredentialServices> services_;
};

}  // namespace sagemaker::aws
