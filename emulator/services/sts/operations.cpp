#include "emulator/services/sts/operations.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "emulator/services/iam/role_records.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/services/sts/session_options.hpp"
#include "emulator/services/sts/web_identity.hpp"

namespace sagemaker::local::services {
namespace {

using std::chrono::seconds;

constexpr seconds role_lifetime_default{3'600};
constexpr seconds chained_role_lifetime_max{3'600};
constexpr seconds user_lifetime_default{43'200};
constexpr seconds root_lifetime_max{3'600};

ServiceFault validation_error(const std::string& message) {
  return ServiceFault("ValidationError", 400, message);
}

json describe(const aws::Credentials& credentials) {
  return {{"AccessKeyId", credentials.access_key_id},
          {"SecretAccessKey", credentials.secret_access_key},
          {"SessionToken", credentials.session_token},
          {"Expiration", whole_seconds(*credentials.expiration)}};
}

class Sts {
 public:
  Sts(TemporaryCredentials& credentials, const Callers& callers, const store::Records& records,
      std::shared_ptr<const aws::Clock> clock)
      : credentials_(credentials), callers_(callers), records_(records), clock_(std::move(clock)) {}

  json get_caller_identity(const CallContext& context, const json&) const {
    const Principal caller = callers_.caller_of(context);
    return {{"Arn", caller.arn}, {"UserId", caller.user_id}, {"Account", caller.account()}};
  }

  json assume_role(const CallContext& context, const json& input) const {
    const AssumedRole role = role_of(input);
    const auto calling = credentials_.find(context.access_key);
    const seconds lifetime = lifetime_of(input, role_lifetime_default);
    if (calling && calling->principal.is_assumed_role() && lifetime > chained_role_lifetime_max)
      throw validation_error(
          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
          "chaining");
    if (lifetime > role.lifetime_max)
      throw validation_error(
          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    const SessionTags tags = read_session_tags(input, calling ? calling->transitive_tags : json::object());
    json output = start_session(role, input, lifetime, tags);
    if (input.contains("SourceIdentity")) output["SourceIdentity"] = input["SourceIdentity"];
    return output;
  }

  json assume_role_with_web_identity(const CallContext&, const json& input) const {
    if (input.contains("ProviderId"))
      throw ServiceFault(
          "NotImplemented", 501,
          "AssumeRoleWithWebIdentity with a ProviderId (OAuth 2.0 access tokens) is not implemented "
          "by sagemaker-local; ID tokens of OpenID Connect are.");
    const AssumedRole role = role_of(input);
    const WebIdentity identity =
        read_web_identity(input.at("WebIdentityToken").get_ref<const std::string&>(), clock_->now());
    const seconds lifetime = lifetime_of(input, role_lifetime_default);
    if (lifetime > role.lifetime_max)
      throw validation_error(
          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    json output = start_session(role, input, lifetime, {});
    output["SubjectFromWebIdentityToken"] = identity.subject;
    output["Provider"] = identity.issuer;
    output["Audience"] = identity.audience;
    return output;
  }

  json get_session_token(const CallContext& context, const json& input) const {
    const Principal caller = long_lived_caller(context, "GetSessionToken");
    return {{"Credentials", describe(credentials_.issue(caller, user_lifetime(caller, input)))}};
  }

  json get_federation_token(const CallContext& context, const json& input) const {
    const Principal caller = long_lived_caller(context, "GetFederationToken");
    const std::string account = caller.account();
    const std::string name = input.at("Name");
    const Principal federated{"arn:" + context.partition + ":sts::" + account + ":federated-user/" + name,
                              account + ":" + name};
    read_session_tags(input, json::object());
    const auto packed = packed_policy_size(input);
    json output = {{"Credentials", describe(credentials_.issue(federated, user_lifetime(caller, input)))},
                   {"FederatedUser", {{"FederatedUserId", federated.user_id}, {"Arn", federated.arn}}}};
    if (packed) output["PackedPolicySize"] = *packed;
    return output;
  }

  json get_access_key_info(const CallContext& context, const json& input) const {
    const std::string key = input.at("AccessKeyId");
    if (const auto session = credentials_.find(key)) return {{"Account", session->principal.account()}};
    if (std::string account = callers_.account_of(key); !account.empty()) return {{"Account", account}};
    if (std::string account = account_of_access_key(key); !account.empty()) return {{"Account", account}};
    return {{"Account", context.account}};  // a key with a name that somebody chose
  }

 private:
  struct AssumedRole {
    RoleArn arn;
    std::string id;
    seconds lifetime_max{43'200};
  };

  AssumedRole role_of(const json& input) const {
    const std::string text = input.at("RoleArn");
    AssumedRole role{parse_role_arn(text), stable_identifier("AROA", text)};
    const auto record = find_role(records_, role.arn.name);
    if (record && record->arn == text) {
      role.id = record->document.at("RoleId");
      role.lifetime_max = seconds(record->document.at("MaxSessionDuration").get<int>());
    }
    return role;
  }

  json start_session(const AssumedRole& role, const json& input, seconds lifetime,
                     const SessionTags& tags) const {
    const std::string session = input.at("RoleSessionName");
    const auto packed = packed_policy_size(input);
    const Principal principal{"arn:" + role.arn.partition + ":sts::" + role.arn.account + ":assumed-role/" +
                                  role.arn.name + "/" + session,
                              role.id + ":" + session};
    json output = {{"Credentials", describe(credentials_.issue(principal, lifetime, tags.transitive))},
                   {"AssumedRoleUser", {{"AssumedRoleId", principal.user_id}, {"Arn", principal.arn}}}};
    if (packed) output["PackedPolicySize"] = *packed;
    return output;
  }

  // These operations are for users and the root user, not for sessions.
  Principal long_lived_caller(const CallContext& context, const std::string& operation) const {
    if (credentials_.find(context.access_key))
      throw ServiceFault("AccessDenied", 403, "Cannot call " + operation + " with session credentials");
    return callers_.caller_of(context);
  }

  static seconds user_lifetime(const Principal& caller, const json& input) {
    const seconds wanted = lifetime_of(input, user_lifetime_default);
    return caller.is_root() ? std::min(wanted, root_lifetime_max) : wanted;
  }

  TemporaryCredentials& credentials_;
  const Callers& callers_;
  const store::Records& records_;
  std::shared_ptr<const aws::Clock> clock_;
};

}  // namespace

OperationTable sts_operations(TemporaryCredentials& credentials, const Callers& callers,
                              const store::Records& records, std::shared_ptr<const aws::Clock> clock) {
  const auto sts = std::make_shared<const Sts>(credentials, callers, records, std::move(clock));
  OperationTable table;
  const auto add = [&](const char* name, json (Sts::*operation)(const CallContext&, const json&) const) {
    table[name] = [sts, operation](const CallContext& context, const json& input) {
      return ((*sts).*operation)(context, input);
    };
  };
  add("AssumeRole", &Sts::assume_role);
  add("AssumeRoleWithWebIdentity", &Sts::assume_role_with_web_identity);
  add("GetAccessKeyInfo", &Sts::get_access_key_info);
  add("GetCallerIdentity", &Sts::get_caller_identity);
  add("GetFederationToken", &Sts::get_federation_token);
  add("GetSessionToken", &Sts::get_session_token);
  return table;
}

}  // namespace sagemaker::local::services
