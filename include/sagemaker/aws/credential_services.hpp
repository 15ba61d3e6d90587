// How credentials providers reach the services that they ask: with the same settings, transport and clock as
// the client that wants the credentials.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/locate.hpp>
#include <sagemaker/aws/sender.hpp>
#include <sagemaker/aws/settings.hpp>

namespace sagemaker::aws {

class CredentialServices {
 public:
  // `base`: transport, clock, time limits and retries. `this_machine_only`: no service elsewhere is asked,
  // for clients of an emulator whose user named no profile.
  CredentialServices(ResolvedConfig base, Settings settings, bool this_machine_only)
      : base_(std::move(base)), settings_(std::move(settings)), this_machine_only_(this_machine_only) {}

  // Signs with `source`; null: its requests must not be signed.
  Sender sts(std::shared_ptr<CredentialsProvider> source) const {
    return sender({"STS", "sts", "sts", Protocol::query, "", "2011-06-15"}, base_.region, std::move(source));
  }
  Sender sso(const std::string& region) const {
    return sender({"SSO", "portal.sso", "awsssoportal", Protocol::rest_json}, region, nullptr);
  }
  Sender oidc(const std::string& region) const {
    return sender({"SSO OIDC", "oidc", "sso-oauth", Protocol::rest_json}, region, nullptr);
  }

  // Throws CredentialsError where this host must not be asked.
  void check_host(std::string_view host) const {
    if (this_machine_only_ && !is_loopback(host)) {
      throw CredentialsError(
          "The credentials would come from " + std::string(host) +
          ", which is not asked for an endpoint on this machine unless a profile is named");
    }
  }

  const Settings& settings() const { return settings_; }
  const std::shared_ptr<Clock>& clock() const { return base_.clock; }
  Transport& transport() const { return *base_.transport; }
  double random() const { return base_.random(); }  // from [0, 1)

 private:
  Sender sender(const ServiceDescription& service, const std::string& region,
                std::shared_ptr<CredentialsProvider> source) const {
    ResolvedConfig config = base_;
    config.region = region;
    config.credentials = std::move(source);
    locate_service(config, settings_, service);
    check_host(config.endpoint.host);
    return Sender(service, std::move(config));
  }

  ResolvedConfig base_;
  Settings settings_;
  bool this_machine_only_;
};

}  // namespace sagemaker::aws
