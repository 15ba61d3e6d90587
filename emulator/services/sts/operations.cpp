#include "emulator/services/sts/operations.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::chrono::seconds role_lifetime_default{3'600};
constexpr std::chrono::seconds session_lifetime_default{43'200};

ServiceFault validation_error(const std::string& message) {
  return ServiceFault("ValidationError", 400, message);
}

std::string required_text(const json& input, const char* name, const char* path) {
  const auto found = input.find(name);
  if (found != input.end() && found->is_string()) return found->get<std::string>();
  throw validation_error("1 validation error detected: Value null at '" + std::string(path) +
                         "' failed to satisfy constraint: Member must not be null");
}

std::chrono::seconds lifetime_of(const json& input, std::chrono::seconds fallback) {
  const auto found = input.find("DurationSeconds");
  if (found == input.end() || !found->is_number()) return fallback;
  return std::chrono::seconds(std::clamp<std::int64_t>(found->get<std::int64_t>(), 900, 129'600));
}

struct Role {
  std::string account, name;  // the name without its path
};

// arn:PARTITION:iam::ACCOUNT:role/PATH/NAME
Role parse_role(const std::string& arn) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (int i = 0; i < 5; ++i) {
    const std::size_t colon = arn.find(':', begin);
    if (colon == std::string::npos) throw validation_error(arn + " is invalid");
    parts.push_back(arn.substr(begin, colon - begin));
    begin = colon + 1;
  }
  const std::string resource = arn.substr(begin);
  const std::string& account = parts[4];
  const bool digits = account.size() == 12 && account.find_first_not_of("0123456789") == std::string::npos;
  const std::string name = resource.substr(resource.rfind('/') + 1);
  if (parts[0] != "arn" || !parts[1].starts_with("aws") || parts[2] != "iam" || !parts[3].empty() ||
      !digits || !resource.starts_with("role/") || name.empty()) {
    throw validation_error(arn + " is invalid");
  }
  return {account, name};
}

// The identifier that AWS gives a role when it is made; here it follows from the ARN, so that it is always
// the same.
std::string role_id(const std::string& arn) {
  std::string id = "AROA" + aws::sha256_hex(arn).substr(0, 17);
  std::transform(id.begin(), id.end(), id.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return id;
}

// STS writes whole seconds.
std::string expiration_text(aws::TimePoint time) {
  std::string text = aws::format_iso8601(time);
  return text.substr(0, text.find('.')) + "Z";
}

json describe(const aws::Credentials& credentials) {
  return {{"AccessKeyId", credentials.access_key_id},
          {"SecretAccessKey", credentials.secret_access_key},
          {"SessionToken", credentials.session_token},
          {"Expiration", expiration_text(*credentials.expiration)}};
}

class Sts {
 public:
  explicit Sts(TemporaryCredentials& credentials) : credentials_(credentials) {}

  json get_caller_identity(const CallContext& context, const json&) const {
    const Principal caller = caller_of(context);
    return {{"Arn", caller.arn}, {"UserId", caller.user_id}, {"Account", account_of(caller.arn)}};
  }

  json assume_role(const CallContext& context, const json& input) const {
    const std::string role_arn = required_text(input, "RoleArn", "roleArn");
    const std::string session = required_text(input, "RoleSessionName", "roleSessionName");
    const Role role = parse_role(role_arn);
    const Principal principal{
        "arn:" + context.partition + ":sts::" + role.account + ":assumed-role/" + role.name + "/" + session,
        role_id(role_arn) + ":" + session};
    json output = {
        {"Credentials", describe(credentials_.issue(principal, lifetime_of(input, role_lifetime_default)))},
        {"AssumedRoleUser", {{"AssumedRoleId", principal.user_id}, {"Arn", principal.arn}}}};
    if (input.contains("SourceIdentity")) output["SourceIdentity"] = input["SourceIdentity"];
    return output;
  }

  json get_session_token(const CallContext& context, const json& input) const {
    if (credentials_.find(context.access_key)) {
      throw ServiceFault("AccessDenied", 403, "Cannot call GetSessionToken with session credentials");
    }
    return {{"Credentials",
             describe(credentials_.issue(caller_of(context), lifetime_of(input, session_lifetime_default)))}};
  }

 private:
  Principal caller_of(const CallContext& context) const {
    if (auto principal = credentials_.principal_of(context.access_key)) return *std::move(principal);
    return {"arn:" + context.partition + ":iam::" + context.account + ":root", context.account};
  }

  static std::string account_of(const std::string& arn) {
    std::size_t begin = 0;
    for (int i = 0; i < 4; ++i) begin = arn.find(':', begin) + 1;
    return arn.substr(begin, arn.find(':', begin) - begin);
  }

  TemporaryCredentials& credentials_;
};

}  // namespace

OperationTable sts_operations(TemporaryCredentials& credentials) {
  const Sts sts(credentials);
  OperationTable table;
  table["GetCallerIdentity"] = [sts](const CallContext& context, const json& input) {
    return sts.get_caller_identity(context, input);
  };
  table["AssumeRole"] = [sts](const CallContext& context, const json& input) {
    return sts.assume_role(context, input);
  };
  table["GetSessionToken"] = [sts](const CallContext& context, const json& input) {
    return sts.get_session_token(context, input);
  };
  return table;
}

}  // namespace sagemaker::local::services
