// What a role may do: managed policies that are attached to it, by ARN, and inline policies of its own.
#include <algorithm>
#include <map>
#include <string>

#include <sagemaker/aws/uri.hpp>

#include "emulator/services/iam/operations.hpp"
#include "emulator/services/iam/pages.hpp"
#include "emulator/services/iam/policy_document.hpp"
#include "emulator/services/iam/role_records.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::size_t attached_policies_max = 10;
constexpr std::size_t inline_characters_max = 10'240;

// arn:aws:iam::aws:policy/service-role/NAME, arn:aws:iam::123456789012:policy/NAME
std::string policy_name_of(const std::string& arn) {
  const std::size_t resource = arn.find(":policy/");
  const std::string name = arn.substr(arn.rfind('/') + 1);
  if (!arn.starts_with("arn:aws") || arn.find(":iam::") == std::string::npos ||
      resource == std::string::npos || name.empty())
    throw ServiceFault("InvalidInput", 400, "ARN " + arn + " is not valid.");
  return name;
}

json::iterator find_attached(json& attached, const std::string& arn) {
  return std::find_if(attached.begin(), attached.end(),
                      [&](const json& policy) { return policy.at("PolicyArn") == json(arn); });
}

json attach_role_policy(const Iam& iam, const CallContext&, const json& input) {
  const std::string arn = input.at("PolicyArn"), name = policy_name_of(arn);
  change_role(iam.records, input.at("RoleName"), [&](json& document) {
    json& attached = document["AttachedPolicies"];
    if (find_attached(attached, arn) != attached.end()) return;
    if (attached.size() >= attached_policies_max)
      throw ServiceFault("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerRole: 10");
    attached.push_back({{"PolicyName", name}, {"PolicyArn", arn}});
  });
  return nullptr;
}

json detach_role_policy(const Iam& iam, const CallContext&, const json& input) {
  const std::string arn = input.at("PolicyArn");
  policy_name_of(arn);
  change_role(iam.records, input.at("RoleName"), [&](json& document) {
    json& attached = document["AttachedPolicies"];
    const auto found = find_attached(attached, arn);
    if (found == attached.end()) throw ServiceFault("NoSuchEntity", 404, "Policy " + arn + " was not found.");
    attached.erase(found);
  });
  return nullptr;
}

// The path of a policy's ARN: "/service-role/" of arn:aws:iam::aws:policy/service-role/NAME.
std::string policy_path_of(const std::string& arn) {
  const std::size_t begin = arn.find(":policy/") + std::string_view(":policy").size();
  return arn.substr(begin, arn.rfind('/') + 1 - begin);
}

json list_attached_role_policies(const Iam& iam, const CallContext&, const json& input) {
  const json document = require_role(iam.records, input.at("RoleName")).document;
  const std::string prefix = input.value("PathPrefix", "/");
  std::map<std::string, json> sorted;
  for (const json& policy : document.at("AttachedPolicies")) {
    const std::string arn = policy.at("PolicyArn");
    if (policy_path_of(arn).starts_with(prefix)) sorted[arn] = policy;
  }
  return page_of(input, "AttachedPolicies", {sorted.begin(), sorted.end()});
}

json put_role_policy(const Iam& iam, const CallContext&, const json& input) {
  const std::string role = input.at("RoleName"), name = input.at("PolicyName"),
                    policy = input.at("PolicyDocument");
  check_policy(policy, PolicyKind::identity);
  change_role(iam.records, role, [&](json& document) {
    json& policies = document["InlinePolicies"];
    policies[name] = policy;
    std::size_t characters = 0;
    for (const json& text : policies) characters += counted_characters(text.get_ref<const std::string&>());
    if (characters > inline_characters_max)
      throw ServiceFault("LimitExceeded", 409,
                         "Maximum policy size of " + std::to_string(inline_characters_max) +
                             " bytes exceeded for role " + role);
  });
  return nullptr;
}

ServiceFault no_such_role_policy(const std::string& name) {
  return ServiceFault("NoSuchEntity", 404, "The role policy with name " + name + " cannot be found.");
}

json get_role_policy(const Iam& iam, const CallContext&, const json& input) {
  const json document = require_role(iam.records, input.at("RoleName")).document;
  const std::string name = input.at("PolicyName");
  const auto found = document.at("InlinePolicies").find(name);
  if (found == document.at("InlinePolicies").end()) throw no_such_role_policy(name);
  return {{"RoleName", input.at("RoleName")},
          {"PolicyName", name},
          {"PolicyDocument", aws::uri_encode(found->get_ref<const std::string&>())}};
}

json list_role_policies(const Iam& iam, const CallContext&, const json& input) {
  const json document = require_role(iam.records, input.at("RoleName")).document;
  std::map<std::string, json> sorted;
  for (const auto& [name, policy] : document.at("InlinePolicies").items()) sorted[name] = name;
  return page_of(input, "PolicyNames", {sorted.begin(), sorted.end()});
}

json delete_role_policy(const Iam& iam, const CallContext&, const json& input) {
  const std::string name = input.at("PolicyName");
  change_role(iam.records, input.at("RoleName"), [&](json& document) {
    if (document["InlinePolicies"].erase(name) == 0) throw no_such_role_policy(name);
  });
  return nullptr;
}

// Nothing is enforced here, so everything is allowed: the SageMaker Python SDK asks before it uses a role.
json simulate_principal_policy(const Iam& iam, const CallContext&, const json& input) {
  const std::string arn = input.at("PolicySourceArn");
  if (arn.find(":role/") != std::string::npos) require_role(iam.records, arn.substr(arn.rfind('/') + 1));
  const json resources = input.value("ResourceArns", json::array({"*"}));
  json results = json::array();
  for (const json& action : input.at("ActionNames")) {
    for (const json& resource : resources) {
      results.push_back({{"EvalActionName", action},
                         {"EvalResourceName", resource},
                         {"EvalDecision", "allowed"},
                         {"MatchedStatements", json::array()},
                         {"MissingContextValues", json::array()}});
    }
  }
  return {{"EvaluationResults", std::move(results)}, {"IsTruncated", false}};
}

}  // namespace

void add_role_policy_operations(OperationTable& table, const Iam& iam) {
  const auto add = [&](const char* name, json (*operation)(const Iam&, const CallContext&, const json&)) {
    table[name] = [iam, operation](const CallContext& context, const json& input) {
      return operation(iam, context, input);
    };
  };
  add("AttachRolePolicy", attach_role_policy);
  add("DeleteRolePolicy", delete_role_policy);
  add("DetachRolePolicy", detach_role_policy);
  add("GetRolePolicy", get_role_policy);
  add("ListAttachedRolePolicies", list_attached_role_policies);
  add("ListRolePolicies", list_role_policies);
  add("PutRolePolicy", put_role_policy);
  add("SimulatePrincipalPolicy", simulate_principal_policy);
}

}  // namespace sagemaker::local::services
