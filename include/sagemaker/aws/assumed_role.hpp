// Temporary credentials of a role, from STS: a role that other credentials assume, and one that a web
// identity token (of Kubernetes, of a CI service) stands for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/credential_services.hpp>
#include <sagemaker/aws/refreshing.hpp>
#include <sagemaker/aws/sender.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/xml.hpp>

namespace sagemaker::aws {

// Asks the user for the code of a multi-factor device, named by its serial number or ARN.
using MfaTokenSource = std::function<std::string(const std::string& serial)>;

// What a profile says about a role. Empty members are not sent.
struct RoleToAssume {
  std::string role_arn = {};
  std::string session_name = {};  // empty: sagemaker-cpp-{time}
  std::string external_id = {};
  std::string duration_seconds = {};
  std::string mfa_serial = {};
  std::string profile = {};  // for error messages
};

namespace detail {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

// <OPERATIONResult><Credentials> of STS's answer.
inline Credentials read_sts_credentials(const std::string& provider, const pugi::xml_document& document,
                                        const std::string& operation) {
  const pugi::xml_node keys =
      document.document_element().child((operation + "Result").c_str()).child("Credentials");
  std::string missing;
  const auto text = [&](const char* name) {
    std::string value = xml_text(keys, name);
    if (value.empty()) missing += (missing.empty() ? "" : ", ") + std::string(name);
    return value;
  };
  Credentials credentials{text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken"),
                          parse_iso8601(text("Expiration"))};
  if (missing.empty() && !credentials.expiration) missing = "Expiration";
  if (!missing.empty()) {
    throw CredentialRetrievalError(provider,
                                   "Credential refresh failed, response did not contain: " + missing);
  }
  return credentials;
}

inline std::string session_name_or_default(const std::string& name, const Clock& clock) {
  if (!name.empty()) return name;
  return "sagemaker-cpp-" + std::to_string(to_epoch_ms(clock.now()) / 1000);
}

}  // namespace detail

// AssumeRole with the credentials of `source`.
class AssumedRoleCredentials final : public RefreshingCredentials {
 public:
  AssumedRoleCredentials(std::shared_ptr<const CredentialServices> services, RoleToAssume role,
                         std::shared_ptr<CredentialsProvider> source, MfaTokenSource mfa_token)
      : RefreshingCredentials(services->clock()),
        services_(std::move(services)),
        role_(std::move(role)),
        source_(std::move(source)),
        mfa_token_(std::move(mfa_token)) {}

  std::string name() const override { return "assume-role"; }

 protected:
  std::optional<Credentials> fetch() override {
    detail::QueryParameters parameters{
        {"RoleArn", role_.role_arn},
        {"RoleSessionName", detail::session_name_or_default(role_.session_name, clock())}};
    const auto add = [&](const char* parameter, const std::string& value) {
      if (!value.empty()) parameters.emplace_back(parameter, value);
    };
    add("DurationSeconds", role_.duration_seconds);
    add("ExternalId", role_.external_id);
    if (!role_.mfa_serial.empty()) {
      parameters.emplace_back("SerialNumber", role_.mfa_serial);
      parameters.emplace_back("TokenCode", mfa_code());
    }
    const auto document = services_->sts(source_).call_query("AssumeRole", parameters);
    return detail::read_sts_credentials(name(), *document, "AssumeRole");
  }

 private:
  // A code is good for one call only, and nobody expects a question in the middle of a long run.
  std::string mfa_code() {
    if (asked_for_code_) throw CredentialsError("Cannot refresh credentials: MFA token required.");
    if (!mfa_token_) {
      throw CredentialsError("The profile (" + role_.profile + ") needs a code of the MFA device " +
                             role_.mfa_serial + ", and the program has no way to ask for one: set " +
                             "ClientConfig::mfa_token");
    }
    std::string code = mfa_token_(role_.mfa_serial);
    asked_for_code_ = true;
    return code;
  }

  std::shared_ptr<const CredentialServices> services_;
  RoleToAssume role_;
  std::shared_ptr<CredentialsProvider> source_;
  MfaTokenSource mfa_token_;
  bool asked_for_code_ = false;
};

// AssumeRoleWithWebIdentity: the token in a file is the whole proof, the request is not signed.
class WebIdentityCredentials final : public RefreshingCredentials {
 public:
  // `use_environment`: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME win over the
  // profile.
  WebIdentityCredentials(std::shared_ptr<const CredentialServices> services, std::string profile,
                         bool use_environment)
      : RefreshingCredentials(services->clock()),
        services_(std::move(services)),
        profile_(std::move(profile)),
        use_environment_(use_environment) {}

  std::string name() const override { return "assume-role-with-web-identity"; }

 protected:
  std::optional<Credentials> fetch() override {
    const auto token_file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    if (!token_file) return std::nullopt;
    const auto role = setting("AWS_ROLE_ARN", "role_arn");
    if (!role) {
      throw CredentialsError(
          "The provided profile or the current environment is configured to assume role with web identity "
          "but has no role ARN configured. Ensure that the profile has the role_arn configuration set or the "
          "AWS_ROLE_ARN env var is set.");
    }
    const Environment& environment = *services_->settings().environment();
    const auto token = environment.read_file(environment.expand_user(*token_file));
    if (!token) throw CredentialRetrievalError(name(), "cannot read the token file " + *token_file);
    const std::string session = setting("AWS_ROLE_SESSION_NAME", "role_session_name").value_or("");
    const auto document = services_->sts(nullptr).call_query(
        "AssumeRoleWithWebIdentity", {{"RoleArn", *role},
                                      {"RoleSessionName", detail::session_name_or_default(session, clock())},
                                      {"WebIdentityToken", std::string(detail::trim(*token))}});
    return detail::read_sts_credentials(name(), *document, "AssumeRoleWithWebIdentity");
  }

 private:
  std::optional<std::string> setting(const char* variable, const char* key) const {
    const Settings& settings = services_->settings();
    if (use_environment_) {
      if (auto value = settings.environment()->value(variable)) return value;
    }
    return settings.profiles()->get(profile_, key);
  }

  std::shared_ptr<const CredentialServices> services_;
  std::string profile_;
  bool use_environment_;
};

}  // namespace sagemaker::aws
