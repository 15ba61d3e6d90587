// See policy_document.hpp. The grammar is that of "Grammar of the IAM JSON policy language".
#include "emulator/services/iam/policy_document.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr int depth_max = 32;

[[noreturn]] void malformed(const std::string& message) {
  throw ServiceFault("MalformedPolicyDocument", 400, message);
}

[[noreturn]] void syntax_error() { malformed("Syntax errors in policy."); }

bool is_text_or_texts(const json& value) {
  if (value.is_string()) return true;
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const json& element) { return element.is_string(); });
}

// Calls `visit` with each text of "a" or ["a", "b"].
template <typename Visit>
void each_text(const json& value, const Visit& visit) {
  if (value.is_string()) return visit(value.get_ref<const std::string&>());
  for (const json& element : value) visit(element.get_ref<const std::string&>());
}

void only_members(const json& object, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : object.items())
    if (std::find(names.begin(), names.end(), name) == names.end()) syntax_error();
}

// The member that is there, of a pair like Action and NotAction; nullptr: neither.
const json* one_of(const json& statement, const char* name, const char* negated) {
  const auto plain = statement.find(name);
  const auto other = statement.find(negated);
  if (plain != statement.end() && other != statement.end()) syntax_error();
  if (plain != statement.end()) return &*plain;
  return other != statement.end() ? &*other : nullptr;
}

void check_actions(const json& statement, PolicyKind kind) {
  const json* actions = one_of(statement, "Action", "NotAction");
  if (!actions)
    malformed(kind == PolicyKind::trust ? "Missing required field Action"
                                        : "Policy statement must contain actions.");
  if (!is_text_or_texts(*actions)) syntax_error();
  if (actions->is_array() && actions->empty()) malformed("Policy statement must contain actions.");
  each_text(*actions, [kind](const std::string& action) {
    if (action == "*" && kind == PolicyKind::identity) return;
    const std::size_t colon = action.find(':');
    if (colon == std::string::npos || colon == 0)
      malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    if (kind == PolicyKind::trust && !action.starts_with("sts:"))
      malformed("AssumeRole policy may only specify STS AssumeRole actions.");
  });
}

void check_resources(const json& statement) {
  const json* resources = one_of(statement, "Resource", "NotResource");
  if (!resources || (resources->is_array() && resources->empty()))
    malformed("Policy statement must contain resources.");
  if (!is_text_or_texts(*resources)) syntax_error();
  each_text(*resources, [](const std::string& resource) {
    if (resource != "*" && !resource.starts_with("arn:"))
      malformed("Resource " + resource + " must be in ARN format or \"*\".");
  });
}

void check_principal(const json& statement) {
  const json* principal = one_of(statement, "Principal", "NotPrincipal");
  if (!principal) malformed("Missing required field Principal");
  if (principal->is_string()) {
    if (*principal != "*")
      malformed("Invalid principal in policy: \"" + principal->get<std::string>() + "\"");
    return;
  }
  if (!principal->is_object() || principal->empty()) syntax_error();
  for (const auto& [kind, names] : principal->items()) {
    if (kind != "AWS" && kind != "Service" && kind != "Federated" && kind != "CanonicalUser")
      malformed("Invalid principal in policy: \"" + kind + "\"");
    if (!is_text_or_texts(names)) syntax_error();
  }
}

void check_condition(const json& statement) {
  const auto condition = statement.find("Condition");
  if (condition == statement.end()) return;
  if (!condition->is_object()) syntax_error();
  for (const json& keys : *condition)
    if (!keys.is_object()) syntax_error();
}

void check_statement(const json& statement, PolicyKind kind, std::set<std::string>& ids) {
  if (!statement.is_object()) syntax_error();
  only_members(statement, {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
                           "NotResource", "Condition"});
  const auto effect = statement.find("Effect");
  if (effect == statement.end()) malformed("Missing required field Effect");
  if (!effect->is_string()) syntax_error();
  if (*effect != "Allow" && *effect != "Deny") malformed("Invalid effect: " + effect->get<std::string>());
  if (const auto sid = statement.find("Sid"); sid != statement.end()) {
    if (!sid->is_string()) syntax_error();
    if (!sid->get_ref<const std::string&>().empty() && !ids.insert(*sid).second)
      malformed("Statement IDs (SID) in a single policy must be unique.");
  }
  check_actions(statement, kind);
  if (kind == PolicyKind::trust) {
    if (statement.contains("Resource") || statement.contains("NotResource"))
      malformed("Has prohibited field Resource");
    check_principal(statement);
  } else {
    if (statement.contains("Principal") || statement.contains("NotPrincipal"))
      malformed("Policy document should not specify a principal.");
    check_resources(statement);
  }
  check_condition(statement);
}

}  // namespace

std::size_t counted_characters(std::string_view document) {
  return static_cast<std::size_t>(std::count_if(document.begin(), document.end(), [](char c) {
    return c != ' ' && c != '\t' && c != '\r' && c != '\n';
  }));
}

void check_policy(const std::string& document, PolicyKind kind) {
  json policy;
  try {
    policy = aws::parse_json(document, depth_max);
  } catch (const aws::JsonError&) {
    malformed("This policy contains invalid Json");
  }
  if (!policy.is_object()) syntax_error();
  only_members(policy, {"Version", "Id", "Statement"});
  if (const auto version = policy.find("Version"); version != policy.end()) {
    if (!version->is_string()) syntax_error();
    if (*version != "2012-10-17" && *version != "2008-10-17")
      malformed("Policy document must be version 2012-10-17 or greater.");
  }
  const auto statements = policy.find("Statement");
  if (statements == policy.end()) malformed("Missing required field Statement");
  std::set<std::string> ids;
  if (!statements->is_array()) return check_statement(*statements, kind, ids);
  for (const json& statement : *statements) check_statement(statement, kind, ids);
}

}  // namespace sagemaker::local::services
