// Who is behind an access key: an identity of the credentials file, a session that STS gave out, or else the
// account's root user.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "emulator/services/iam/principal.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/services/sts/temporary_credentials.hpp"

namespace sagemaker::local::services {

class Callers {
 public:
  // `named`: the identities that have a name of their own, by access key. `sessions` must outlive this
  // object.
  Callers(std::map<std::string, Principal> named, const TemporaryCredentials& sessions)
      : named_(std::move(named)), sessions_(sessions) {}

  Principal caller_of(const CallContext& context) const {
    if (const auto found = named_.find(context.access_key); found != named_.end()) return found->second;
    if (auto session = sessions_.find(context.access_key)) return std::move(session->principal);
    return {"arn:" + context.partition + ":iam::" + context.account + ":root", context.account};
  }
  // The account of a named identity's key; empty: no such key.
  std::string account_of(const std::string& access_key) const {
    const auto found = named_.find(access_key);
    return found == named_.end() ? std::string() : found->second.account();
  }
  std::optional<Principal> user(const std::string& name) const {
    for (const auto& [key, principal] : named_)
      if (principal.is_user() && principal.user_name() == name) return principal;
    return std::nullopt;
  }

 private:
  const std::map<std::string, Principal> named_;
  const TemporaryCredentials& sessions_;
};

}  // namespace sagemaker::local::services
