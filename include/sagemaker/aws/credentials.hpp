// AWS credentials and what gives them: the interface of providers, those that read the environment and the
// two shared files, and a chain of providers. The ones that ask somebody else are in headers of their own
// (assumed_role.hpp, sso.hpp, credential_process.hpp, metadata.hpp); credential_chain.hpp puts them in order.
#pragma once

#include <atomic>
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
      : CredentialsError("Partial credentials found in " + provider + ", missing: " + std::string(missing)),
        provider_(provider) {}
  const std::string& provider() const { return provider_; }

 private:
  std::string provider_;
};

// A provider was asked for credentials and could not give them.
class CredentialRetrievalError : public CredentialsError {
 public:
  CredentialRetrievalError(const std::string& provider, const std::string& why)
      : CredentialsError("Error when retrieving credentials from " + provider + ": " + why) {}
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
  explicit EnvironmentCredentials(std::shared_ptr<const Environment> environment,
                                  std::shared_ptr<Clock> clock = system_clock())
      : environment_(std::move(environment)), clock_(std::move(clock)) {}

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
      if (*credentials.expiration <= clock_->now()) {
        throw CredentialsError("The credentials in the environment have expired at " + *expiration +
                               " (AWS_CREDENTIAL_EXPIRATION)");
      }
    }
    return credentials;
  }

  // The variables are read anew by every load().
  bool refresh() override { return environment_->value("AWS_CREDENTIAL_EXPIRATION").has_value(); }

 private:
  std::shared_ptr<const Environment> environment_;
  std::shared_ptr<Clock> clock_;
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

// Asks its providers in turn and stays with the first one that has credentials.
class CredentialsChain final : public CredentialsProvider {
 public:
  explicit CredentialsChain(std::vector<std::shared_ptr<CredentialsProvider>> providers)
      : providers_(std::move(providers)) {}

  std::string name() const override { return "chain"; }

  std::optional<Credentials> load() override {
    if (const auto chosen = this->chosen()) return chosen->load();
    const std::lock_guard<std::mutex> searching(search_mutex_);
    if (const auto chosen = this->chosen()) return chosen->load();
    for (const auto& provider : providers_) {
      if (auto credentials = provider->load()) {
        const std::lock_guard<std::mutex> lock(mutex_);
        chosen_ = provider;
        return credentials;
      }
    }
    return std::nullopt;
  }

  bool refresh() override {
    const auto chosen = this->chosen();
    return chosen && chosen->refresh();
  }

  // The names of its providers, in their order.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& provider : providers_) names.push_back(provider->name());
    return names;
  }

 private:
  std::shared_ptr<CredentialsProvider> chosen() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return chosen_;
  }

  const std::vector<std::shared_ptr<CredentialsProvider>> providers_;
  std::mutex search_mutex_;   // one search at a time; a refresh of the chosen one holds up nobody
  mutable std::mutex mutex_;  // chosen_
  std::shared_ptr<CredentialsProvider> chosen_;
};

// The credentials of an emulator on this machine, test/test, where the chain before them gives none. They
// mean nothing to anybody else.
class EmulatorCredentials final : public CredentialsProvider {
 public:
  // `strict`: the user named a profile, so that its failure is an error.
  EmulatorCredentials(std::shared_ptr<CredentialsProvider> chain, bool strict)
      : chain_(std::move(chain)), strict_(strict) {}

  std::string name() const override { return "emulator"; }

  std::optional<Credentials> load() override {
    if (!gave_up_) {
      try {
        if (auto found = chain_->load()) {
          found_ = true;
          return found;
        }
      } catch (const PartialCredentials& error) {
        if (strict_ || found_ || error.provider() == "env")
          throw;  // half of what somebody typed is a mistake
        gave_up_ = true;
      } catch (const Error&) {
        if (strict_ || found_) throw;  // a renewal that fails does not make the caller somebody else
        gave_up_ = true;
      }
    }
    return Credentials{"test", "test", "", std::nullopt};
  }
  bool refresh() override { return !gave_up_ && chain_->refresh(); }

 private:
  std::shared_ptr<CredentialsProvider> chain_;
  const bool strict_;
  std::atomic<bool> gave_up_{false};  // a failing search is not repeated for every request
  std::atomic<bool> found_{false};
};

}  // namespace sagemaker::aws
