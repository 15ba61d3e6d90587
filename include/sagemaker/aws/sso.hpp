// Credentials through AWS IAM Identity Center ("SSO"): `aws sso login` leaves a token in ~/.aws/sso/cache,
// which is exchanged for credentials of the profile's account and role, and renewed while that is possible.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/credential_services.hpp>
#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/refreshing.hpp>
#include <sagemaker/aws/sender.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker::aws {

// Only `aws sso login` helps.
class SsoLoginRequired : public CredentialsError {
 public:
  SsoLoginRequired()
      : CredentialsError(
            "The SSO session associated with this profile has expired or is otherwise invalid. To refresh "
            "this "
            "SSO session run aws sso login with the corresponding profile.") {}
};

// The sso_ settings of a profile, with those of its sso-session.
struct SsoProfile {
  std::string start_url, region, role_name, account_id;
  std::string session;  // empty: all settings are in the profile itself, and tokens cannot be renewed
};

namespace detail {

// nullopt where the profile does not use SSO. Throws ConfigError in botocore's words.
inline std::optional<SsoProfile> read_sso_profile(const Profiles& profiles, const std::string& profile) {
  if (!profiles.get(profile, "sso_role_name") && !profiles.get(profile, "sso_account_id"))
    return std::nullopt;
  std::map<std::string, std::string> values;
  for (const char* key : {"sso_start_url", "sso_region", "sso_role_name", "sso_account_id", "sso_session"}) {
    if (const auto value = profiles.get(profile, key)) values[key] = *value;
  }
  if (const auto named = values.find("sso_session"); named != values.end()) {
    const ProfileSection* session = profiles.sso_session(named->second);
    if (!session) {
      throw ConfigError("The specified sso-session does not exist: \"" + named->second + "\"");
    }
    for (const auto& [key, value] : session->values) {
      const auto [own, added] = values.emplace(key, value);
      if (!added && own->second != value) {
        throw ConfigError("The value for " + key + " is inconsistent between profile (" + own->second +
                          ") and sso-session (" + value + ").");
      }
    }
  }
  std::string missing;
  const auto take = [&](const char* key) {
    const auto found = values.find(key);
    if (found != values.end() && !found->second.empty()) return found->second;
    missing += (missing.empty() ? "" : ", ") + std::string(key);
    return std::string();
  };
  SsoProfile sso;
  sso.role_name = take("sso_role_name");
  sso.account_id = take("sso_account_id");
  sso.start_url = take("sso_start_url");
  sso.region = take("sso_region");
  if (const auto named = values.find("sso_session"); named != values.end()) sso.session = named->second;
  if (!missing.empty()) {
    throw ConfigError("The profile \"" + profile +
                      "\" is configured to use SSO but is missing required configuration: " + missing);
  }
  return sso;
}

inline std::string text_member(const json& document, const char* name) {
  const auto found = document.is_object() ? document.find(name) : document.end();
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace detail

// The token of one login, in the file where AWS's tools keep it.
class SsoToken {
 public:
  static constexpr std::chrono::minutes refresh_window{15};

  SsoToken(std::shared_ptr<const CredentialServices> services, SsoProfile sso)
      : services_(std::move(services)), sso_(std::move(sso)) {}

  // A token that is good now. Renews it in its last fifteen minutes where the login allows it.
  std::string load() const {
    json token = read();
    const auto expires = expiry_of(detail::text_member(token, "expiresAt"));
    if (!expires) throw invalid();
    const TimePoint now = services_->clock()->now();
    if (!sso_.session.empty() && *expires - now < refresh_window) {
      if (auto renewed = renew(token)) return *renewed;
    }
    if (*expires <= now) throw SsoLoginRequired();
    return detail::text_member(token, "accessToken");
  }

 private:
  const Environment& environment() const { return *services_->settings().environment(); }
  const std::string& cache_name() const { return sso_.session.empty() ? sso_.start_url : sso_.session; }

  std::string path() const {
    Sha1 hash;
    hash.update(cache_name());
    return environment().expand_user("~/.aws/sso/cache/" + to_hex(hash.finish()) + ".json");
  }

  CredentialsError invalid() const {
    return CredentialsError("Error loading SSO Token: Token for " + cache_name() + " is invalid");
  }

  // The AWS CLI's first versions with SSO wrote 2020-05-24T00:00:00UTC.
  static std::optional<TimePoint> expiry_of(std::string text) {
    if (text.ends_with("UTC")) text.replace(text.size() - 3, 3, "Z");
    return parse_iso8601(text);
  }

  json read() const {
    const auto text = environment().read_file(path());
    if (!text) {
      throw CredentialsError("Error loading SSO Token: Token for " + cache_name() +
                             " does not exist. Run aws sso login with the corresponding profile.");
    }
    json token;
    try {
      token = parse_json(*text);
    } catch (const JsonError&) {
      throw invalid();
    }
    if (detail::text_member(token, "accessToken").empty()) throw invalid();
    return token;
  }

  // CreateToken with the refresh token of the login. nullopt where the login cannot be renewed.
  std::optional<std::string> renew(const json& token) const {
    const TimePoint now = services_->clock()->now();
    for (const char* key : {"refreshToken", "clientId", "clientSecret", "registrationExpiresAt"}) {
      if (detail::text_member(token, key).empty()) return std::nullopt;
    }
    const auto registered = parse_iso8601(detail::text_member(token, "registrationExpiresAt"));
    if (!registered || *registered <= now) return std::nullopt;
    json answer;
    try {
      answer = create_token(token);
    } catch (const ServiceError&) {
      return std::nullopt;
    } catch (const TransportError&) {
      return std::nullopt;
    }
    std::string access_token = detail::text_member(answer, "accessToken");
    const auto seconds = answer.is_object() ? answer.find("expiresIn") : answer.end();
    if (access_token.empty() || seconds == answer.end() || !seconds->is_number()) return std::nullopt;
    json renewed = token;
    renewed["startUrl"] = sso_.start_url;
    renewed["region"] = sso_.region;
    renewed["accessToken"] = access_token;
    renewed["expiresAt"] = seconds_form(now + std::chrono::seconds(seconds->get<std::int64_t>()));
    const std::string refresh_token = detail::text_member(answer, "refreshToken");
    if (refresh_token.empty()) {
      renewed.erase("refreshToken");
    } else {
      renewed["refreshToken"] = refresh_token;
    }
    // Where it cannot be kept, this program still goes on with it.
    static_cast<void>(environment().write_private_file(path(), dump_json(renewed)));
    return access_token;
  }

  json create_token(const json& token) const {
    json input;
    input["grantType"] = "refresh_token";
    for (const char* key : {"clientId", "clientSecret", "refreshToken"}) input[key] = token[key];
    ApiRequest request;
    request.operation = "CreateToken";
    request.path = "/token";
    request.headers.add("Content-Type", "application/json");
    request.body = dump_json(input);
    request.sign = false;
    return Sender::json_body(request.operation, services_->oidc(sso_.region).send(request));
  }

  // 2024-05-24T00:00:00Z
  static std::string seconds_form(TimePoint time) { return format_iso8601(time).substr(0, 19) + "Z"; }

  std::shared_ptr<const CredentialServices> services_;
  SsoProfile sso_;
};

class SsoCredentials final : public RefreshingCredentials {
 public:
  SsoCredentials(std::shared_ptr<const CredentialServices> services, std::string profile)
      : RefreshingCredentials(services->clock()),
        services_(std::move(services)),
        profile_(std::move(profile)) {}

  std::string name() const override { return "sso"; }

 protected:
  std::optional<Credentials> fetch() override {
    const auto sso = detail::read_sso_profile(*services_->settings().profiles(), profile_);
    if (!sso) return std::nullopt;
    ApiRequest request;
    request.operation = "GetRoleCredentials";
    request.method = "GET";
    request.path = "/federation/credentials";
    request.query = "role_name=" + uri_encode(sso->role_name) + "&account_id=" + uri_encode(sso->account_id);
    request.headers.add("x-amz-sso_bearer_token", SsoToken(services_, *sso).load());
    request.sign = false;
    try {
      return read(Sender::json_body(request.operation, services_->sso(sso->region).send(request)));
    } catch (const ServiceError& error) {
      if (error.code() == "UnauthorizedException") throw SsoLoginRequired();
      throw;
    }
  }

 private:
  Credentials read(const json& answer) const {
    const auto keys = answer.is_object() ? answer.find("roleCredentials") : answer.end();
    std::string missing;
    const auto text = [&](const char* name) {
      std::string value = keys == answer.end() ? "" : detail::text_member(*keys, name);
      if (value.empty()) missing += (missing.empty() ? "" : ", ") + std::string(name);
      return value;
    };
    Credentials credentials{text("accessKeyId"), text("secretAccessKey"), text("sessionToken"), std::nullopt};
    if (missing.empty()) {
      const auto expiration = keys->find("expiration");
      if (expiration != keys->end() && expiration->is_number()) {
        credentials.expiration = from_epoch_ms(expiration->get<std::int64_t>());
      } else {
        missing = "expiration";
      }
    }
    if (!missing.empty()) throw CredentialRetrievalError(name(), "the response did not contain: " + missing);
    return credentials;
  }

  std::shared_ptr<const CredentialServices> services_;
  std::string profile_;
};

}  // namespace sagemaker::aws
