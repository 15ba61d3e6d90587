// AWS credentials and where they come from: a chain of providers in botocore's order. Here are the
// environment and the two shared files; providers that ask a service (assumed roles, SSO, instance metadata)
// derive from the same interface.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/profiles.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;            // empty for long-lived keys
  std::optional<TimePoint> expiration;  // nullopt: they do not expire
};

// Half of the credentials is there: that is a mistake to report, never a reason to try the next provider.
class PartialCredentials : public CredentialsError {
 public:
  PartialCredentials(const std::string& provider, std::string_view missing)
      : CredentialsError("Partial credentials found in " + provider + ", missing: " + std::string(missing)) {}
};

// One place that may hold credentials. Implementations are safe to call from several threads.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // botocore's name of the method: "env", "shared-credentials-file".
  virtual std::string name() const = 0;
  // nullopt: this place holds none, the chain goes on. Throws CredentialsError where they cannot be used.
  virtual std::optional<Credentials> load() = 0;
  // Drops what was remembered, after a service called it expired. Returns whether load() may now give
  // something else.
  virtual bool refresh() { return false; }
};

// Credentials given in code.
class StaticCredentials final : public CredentialsProvider {
 public:
  explicit StaticCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
  std::string name() const override { return "static"; }
  std::optional<Credentials> load() override { return credentials_; }

 private:
  Credentials credentials_;
};

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SECURITY_TOKEN or AWS_SESSION_TOKEN,
// AWS_CREDENTIAL_EXPIRATION.
class EnvironmentCredentials final : public CredentialsProvider {
 public:
  explicit EnvironmentCredentials(std::shared_ptr<const Environment> environment)
      : environment_(std::move(environment)) {}

  std::string name() const override { return "env"; }

  std::optional<Credentials> load() override {
    const auto access_key = environment_->value("AWS_ACCESS_KEY_ID");
    if (!access_key) return std::nullopt;
    const auto secret = environment_->value("AWS_SECRET_ACCESS_KEY");
    if (!secret) throw PartialCredentials(name(), "AWS_SECRET_ACCESS_KEY");
    Credentials credentials{*access_key, *secret, "", std::nullopt};
    for (const char* token : {"AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"}) {
      if (const auto value = environment_->value(token)) {
        credentials.session_token = *value;
        break;
      }
    }
    if (const auto expiration = environment_->value("AWS_CREDENTIAL_EXPIRATION")) {
      credentials.expiration = parse_iso8601(*expiration);
      if (!credentials.expiration) {
        throw CredentialsError("AWS_CREDENTIAL_EXPIRATION is not an ISO 8601 time: " + *expiration);
      }
    }
    return credentials;
  }

  // The variables are read anew by every load().
  bool refresh() override { return environment_->value("AWS_CREDENTIAL_EXPIRATION").has_value(); }

 private:
  std::shared_ptr<const Environment> environment_;
};

// One of the two shared files: aws_access_key_id, aws_secret_access_key, aws_security_token or
// aws_session_token.
class SharedFileCredentials final : public CredentialsProvider {
 public:
  enum class File { credentials, config };
  SharedFileCredentials(std::shared_ptr<const Profiles> profiles, std::string profile, File file)
      : profiles_(std::move(profiles)), profile_(std::move(profile)), file_(file) {}

  std::string name() const override {
    return file_ == File::credentials ? "shared-credentials-file" : "config-file";
  }

  std::optional<Credentials> load() override {
    const ProfileSection* section = file_ == File::credentials ? profiles_->credentials_profile(profile_)
                                                               : profiles_->config_profile(profile_);
    if (!section) return std::nullopt;
    const auto access_key = section->get("aws_access_key_id");
    if (!access_key) return std::nullopt;
    const auto secret = section->get("aws_secret_access_key");
    if (!secret) throw PartialCredentials(name(), "aws_secret_access_key");
    Credentials credentials{*access_key, *secret, "", std::nullopt};
    for (const char* token : {"aws_security_token", "aws_session_token"}) {
      if (const auto value = section->get(token)) {
        credentials.session_token = *value;
        break;
      }
    }
    return credentials;
  }

 private:
  std::shared_ptr<const Profiles> profiles_;
  std::string profile_;
  File file_;
};

// A profile that asks for a way of getting credentials that is not here must not fall through to other
// credentials.
class UnsupportedProfileGuard final : public CredentialsProvider {
 public:
  UnsupportedProfileGuard(std::shared_ptr<const Profiles> profiles, std::string profile,
                          std::vector<std::string> keys)
      : profiles_(std::move(profiles)), profile_(std::move(profile)), keys_(std::move(keys)) {}

  std::string name() const override { return "unsupported"; }

  std::optional<Credentials> load() override {
    for (const std::string& key : keys_) {
      if (!profiles_->get(profile_, key)) continue;
      throw CredentialsError("The profile (" + profile_ + ") gets its credentials by '" + key +
                             "', which sagemaker-cpp does not do. Export them into the environment first: "
                             "eval \"$(aws configure export-credentials --profile " +
                             profile_ + " --format env)\"");
    }
    return std::nullopt;
  }

 private:
  std::shared_ptr<const Profiles> profiles_;
  std::string profile_;
  std::vector<std::string> keys_;
};

// Asks its providers in turn and stays with the first one that has credentials.
class CredentialsChain final : public CredentialsProvider {
 public:
  explicit CredentialsChain(std::vector<std::shared_ptr<CredentialsProvider>> providers)
      : providers_(std::move(providers)) {}

  std::string name() const override { return "chain"; }

  std::optional<Credentials> load() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (chosen_) return chosen_->load();
    for (const auto& provider : providers_) {
      if (auto credentials = provider->load()) {
        chosen_ = provider;
        return credentials;
      }
    }
    return std::nullopt;
  }

  bool refresh() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return chosen_ && chosen_->refresh();
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<CredentialsProvider>> providers_;
  std::shared_ptr<CredentialsProvider> chosen_;
};

struct ChainOptions {
  std::shared_ptr<const Environment> environment;
  std::shared_ptr<const Profiles> profiles;
  std::string profile = "default";
  bool profile_given_in_code = false;  // then the environment's keys are not looked at
};

// botocore's order: environment, assumed role, web identity, SSO, shared credentials file, process, config
// file.
inline std::shared_ptr<CredentialsChain> default_credentials_chain(const ChainOptions& options) {
  using File = SharedFileCredentials::File;
  std::vector<std::shared_ptr<CredentialsProvider>> providers;
  if (!options.profile_given_in_code) {
    providers.push_back(std::make_shared<EnvironmentCredentials>(options.environment));
  }
  const auto guard = [&](std::vector<std::string> keys) {
    return std::make_shared<UnsupportedProfileGuard>(options.profiles, options.profile, std::move(keys));
  };
  providers.push_back(guard({"role_arn", "web_identity_token_file", "sso_session", "sso_start_url"}));
  providers.push_back(
      std::make_shared<SharedFileCredentials>(options.profiles, options.profile, File::credentials));
  providers.push_back(guard({"login_session", "credential_process"}));
  providers.push_back(
      std::make_shared<SharedFileCredentials>(options.profiles, options.profile, File::config));
  return std::make_shared<CredentialsChain>(std::move(providers));
}

}  // namespace sagemaker::aws
