// The default chain of credentials providers, in botocore's order, and the profiles that lead to other
// profiles: role_arn with source_profile or credential_source.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/assumed_role.hpp>
#include <sagemaker/aws/credential_process.hpp>
#include <sagemaker/aws/credential_services.hpp>
#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/metadata.hpp>
#include <sagemaker/aws/profiles.hpp>
#include <sagemaker/aws/sso.hpp>

namespace sagemaker::aws {

struct ChainOptions {
  std::shared_ptr<const CredentialServices> services;
  bool use_environment = true;        // false: a profile was named in code
  bool use_instance_metadata = true;  // false for an endpoint on this machine: nobody waits for the service
  MfaTokenSource mfa_token = {};
  std::shared_ptr<ProcessRunner> process_runner = system_process_runner();
};

namespace detail {

using Provider = std::shared_ptr<CredentialsProvider>;

// As std::make_shared, but compiled once for all kinds of providers.
template <typename Kind, typename... Arguments>
Provider make_provider(Arguments&&... arguments) {
  return Provider(static_cast<CredentialsProvider*>(new Kind(std::forward<Arguments>(arguments)...)));
}

// A profile of `aws login`: said instead of taking other credentials than the user expects.
class LoginRefusal final : public CredentialsProvider {
 public:
  LoginRefusal(std::shared_ptr<const Profiles> profiles, std::string profile)
      : profiles_(std::move(profiles)), profile_(std::move(profile)) {}

  std::string name() const override { return "login"; }
  std::optional<Credentials> load() override {
    if (!profiles_->get(profile_, "login_session")) return std::nullopt;
    throw CredentialsError(
        "The profile (" + profile_ +
        ") gets its credentials by 'login_session' (aws login), which sagemaker-cpp does not "
        "do. Export them into the environment first: eval \"$(aws configure "
        "export-credentials --profile " +
        profile_ + " --format env)\"");
  }

 private:
  std::shared_ptr<const Profiles> profiles_;
  std::string profile_;
};

// Providers that look at one profile, in their order. Those of a source profile ignore the environment.
inline std::vector<Provider> profile_providers(const ChainOptions& options, const std::string& profile,
                                               bool use_environment) {
  using File = SharedFileCredentials::File;
  const auto& services = options.services;
  const auto& profiles = services->settings().profiles();
  return {make_provider<WebIdentityCredentials>(services, profile, use_environment),
          make_provider<SsoCredentials>(services, profile),
          make_provider<SharedFileCredentials>(profiles, profile, File::credentials),
          make_provider<LoginRefusal>(profiles, profile),
          make_provider<ProcessCredentials>(services->clock(), profiles, profile, options.process_runner),
          make_provider<SharedFileCredentials>(profiles, profile, File::config)};
}

// Follows role_arn and source_profile from one profile to the credentials at their end.
class RoleChainBuilder {
 public:
  explicit RoleChainBuilder(const ChainOptions& options)
      : options_(options), profiles_(*options.services->settings().profiles()) {}

  // nullptr where the profile assumes no role. Throws CredentialsError where it cannot.
  Provider build(const std::string& profile) {
    visited_.push_back(profile);
    return assumes_role(profile) ? role(profile) : nullptr;
  }

 private:
  // With a web identity the role belongs to another provider.
  bool assumes_role(const std::string& profile) const {
    return profiles_.get(profile, "role_arn") && !profiles_.get(profile, "web_identity_token_file");
  }

  bool has_static_keys(const std::string& profile) const {
    return profiles_.get(profile, "aws_access_key_id") || profiles_.get(profile, "aws_secret_access_key");
  }

  Provider role(const std::string& profile) {
    const auto value = [&](const char* key) { return profiles_.get(profile, key).value_or(""); };
    Provider source = source_of(profile);
    RoleToAssume role{value("role_arn"),         value("role_session_name"), value("external_id"),
                      value("duration_seconds"), value("mfa_serial"),        profile};
    // botocore leaves out a duration that is no number.
    if (role.duration_seconds.find_first_not_of("0123456789") != std::string::npos)
      role.duration_seconds = "";
    return make_provider<AssumedRoleCredentials>(options_.services, std::move(role), std::move(source),
                                                 options_.mfa_token);
  }

  Provider source_of(const std::string& profile) {
    const auto source_profile = profiles_.get(profile, "source_profile");
    const auto credential_source = profiles_.get(profile, "credential_source");
    if (source_profile && credential_source) {
      throw CredentialsError("The profile \"" + profile +
                             "\" contains both source_profile and credential_source.");
    }
    if (credential_source) return named_source(profile, *credential_source);
    if (source_profile) return from_profile(profile, *source_profile);
    throw PartialCredentials("assume-role", "source_profile or credential_source");
  }

  Provider named_source(const std::string& profile, const std::string& source) const {
    Provider provider;
    if (source == "Environment") {
      provider = make_provider<EnvironmentCredentials>(options_.services->settings().environment(),
                                                       options_.services->clock());
    } else if (source == "EcsContainer") {
      provider = make_provider<ContainerCredentials>(options_.services);
    } else if (source == "Ec2InstanceMetadata") {
      provider = make_provider<InstanceCredentials>(options_.services);
    } else {
      throw CredentialsError("The credential source \"" + source + "\" referenced in profile \"" + profile +
                             "\" is not valid.");
    }
    return required(std::move(provider), "Error when retrieving credentials from " + source +
                                             ": No credentials found in credential_source referenced in "
                                             "profile " +
                                             profile);
  }

  Provider from_profile(const std::string& parent, const std::string& source) {
    if (!profiles_.contains(source)) {
      throw CredentialsError("The source_profile \"" + source + "\" referenced in the profile \"" + parent +
                             "\" does not exist.");
    }
    check_loop(parent, source);
    visited_.push_back(source);
    if (has_static_keys(source) || !assumes_role(source)) {
      return required(make_provider<CredentialsChain>(profile_providers(options_, source, false)),
                      "The source profile \"" + source + "\" must have credentials.");
    }
    return role(source);
  }

  // A profile may name itself, to take its own static keys; anything else that comes back is a loop.
  void check_loop(const std::string& parent, const std::string& source) const {
    if (std::find(visited_.begin(), visited_.end(), source) == visited_.end()) return;
    if (source == parent && has_static_keys(source)) return;
    std::string list;
    for (const std::string& name : visited_) list += (list.empty() ? "'" : ", '") + name + "'";
    throw CredentialsError(
        "Infinite loop in credential configuration detected. Attempting to load from profile " + source +
        " which has already been visited. Visited profiles: [" + list + "]");
  }

  // Turns "there are none here" into an error, since the profile says that there must be some.
  static Provider required(Provider inner, std::string message) {
    class Required final : public CredentialsProvider {
     public:
      Required(Provider inner, std::string message)
          : inner_(std::move(inner)), message_(std::move(message)) {}
      std::string name() const override { return inner_->name(); }
      std::optional<Credentials> load() override {
        if (auto found = inner_->load()) return found;
        throw CredentialsError(message_);
      }
      bool refresh() override { return inner_->refresh(); }

     private:
      Provider inner_;
      std::string message_;
    };
    return make_provider<Required>(std::move(inner), std::move(message));
  }

  const ChainOptions& options_;
  const Profiles& profiles_;
  std::vector<std::string> visited_;
};

// The role of a profile. What is wrong with the profile shows when credentials are asked for, not before.
class ProfileRole final : public CredentialsProvider {
 public:
  explicit ProfileRole(ChainOptions options) : options_(std::move(options)) {}

  std::string name() const override { return "assume-role"; }
  std::optional<Credentials> load() override {
    const Provider role = this->role();
    return role ? role->load() : std::nullopt;
  }
  bool refresh() override {
    const Provider role = this->role();
    return role && role->refresh();
  }

 private:
  Provider role() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!built_) role_ = RoleChainBuilder(options_).build(options_.services->settings().profile());
    built_ = true;
    return role_;
  }

  const ChainOptions options_;
  std::mutex mutex_;
  bool built_ = false;
  Provider role_;
};

}  // namespace detail

// Environment, assumed role, web identity, SSO, shared credentials file, login, process, config file,
// container, instance. (botocore has two more between the last four, for files of tools that are long gone.)
inline std::shared_ptr<CredentialsChain> default_credentials_chain(const ChainOptions& options) {
  const Settings& settings = options.services->settings();
  std::vector<detail::Provider> providers;
  if (options.use_environment) {
    providers.push_back(
        detail::make_provider<EnvironmentCredentials>(settings.environment(), options.services->clock()));
  }
  providers.push_back(detail::make_provider<detail::ProfileRole>(options));
  for (auto& provider : detail::profile_providers(options, settings.profile(), options.use_environment)) {
    providers.push_back(std::move(provider));
  }
  providers.push_back(detail::make_provider<ContainerCredentials>(options.services));
  if (options.use_instance_metadata) {
    providers.push_back(detail::make_provider<InstanceCredentials>(options.services));
  }
  return std::make_shared<CredentialsChain>(std::move(providers));
}

}  // namespace sagemaker::aws
