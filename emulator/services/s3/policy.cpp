// See policy.hpp.
#include "emulator/services/s3/policy.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::size_t policy_bytes_max = 20 * 1024;
constexpr int policy_depth_max = 32;

ServiceFault malformed(const std::string& message) { return {"MalformedPolicy", 400, message}; }

json parse_policy(const std::string& text) {
  const ServiceFault no_json = malformed("Policies must be valid JSON and the first byte must be '{'");
  if (!text.starts_with('{')) throw no_json;
  try {
    return aws::parse_json(text, policy_depth_max);
  } catch (const aws::JsonError&) {
    throw no_json;
  }
}

// A text or a list of texts, as policies have them everywhere.
std::vector<std::string> texts_of(const json& value, const char* field) {
  std::vector<std::string> texts;
  const auto add = [&](const json& one) {
    if (!one.is_string()) throw malformed(std::string("Invalid policy syntax: ") + field + " must be text");
    texts.push_back(one.get<std::string>());
  };
  if (value.is_array()) {
    for (const json& one : value) add(one);
  } else {
    add(value);
  }
  if (texts.empty()) throw malformed(std::string("Missing required field ") + field);
  return texts;
}

// Whether some text fits both: only the pattern has wildcards.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0, in_text = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in_text]) && pattern[at] != '*') {
      ++at;
      ++in_text;
    } else if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_text = in_text;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_text = ++star_text;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

// The bucket or something in it: what stands behind the first slash is free.
bool is_resource_of(std::string_view resource, const std::string& arn) {
  if (resource == "*") return true;
  return matches(resource.substr(0, resource.find('/')), arn);
}

void check_statement(const json& statement, const std::string& arn) {
  if (!statement.is_object()) throw malformed("Invalid policy syntax.");
  for (const auto& [member, value] : statement.items()) {
    constexpr std::array<std::string_view, 9> known = {"Sid",          "Effect",      "Principal",
                                                       "NotPrincipal", "Action",      "NotAction",
                                                       "Resource",     "NotResource", "Condition"};
    if (std::find(known.begin(), known.end(), member) == known.end())
      throw malformed("Unknown field " + member);
  }
  const auto one_of = [&](const char* field, const char* opposite) -> const json& {
    if (has(statement, field) && has(statement, opposite)) {
      throw malformed(std::string("Statement contains both ") + field + " and " + opposite);
    }
    if (has(statement, field)) return statement[field];
    if (has(statement, opposite)) return statement[opposite];
    throw malformed(std::string("Missing required field ") + field);
  };
  if (!has(statement, "Effect")) throw malformed("Missing required field Effect");
  const std::string effect = text_of(statement, "Effect");
  if (effect != "Allow" && effect != "Deny") throw malformed("Invalid effect: " + effect);
  const json& principal = one_of("Principal", "NotPrincipal");
  if (principal != "*" && !principal.is_object()) throw malformed("Invalid policy syntax.");
  for (const std::string& action : texts_of(one_of("Action", "NotAction"), "Action")) {
    const std::string prefix = aws::to_lower(action.substr(0, 3));
    if (action != "*" && prefix != "s3:") throw malformed("Policy has invalid action");
  }
  for (const std::string& resource : texts_of(one_of("Resource", "NotResource"), "Resource")) {
    if (!is_resource_of(resource, arn)) throw malformed("Policy has invalid resource");
  }
}

std::vector<json> statements_of(const json& policy) {
  const json& statement = part_of(policy, "Statement");
  if (statement.is_array()) return {statement.begin(), statement.end()};
  return {statement};
}

bool is_everybody(const json& principal) {
  if (principal == "*") return true;
  if (!principal.is_object()) return false;
  const json& account = part_of(principal, "AWS");
  return account == "*" ||
         (account.is_array() && std::find(account.begin(), account.end(), json("*")) != account.end());
}

}  // namespace

void check_policy(const std::string& text, const std::string& bucket, const std::string& partition) {
  if (text.size() > policy_bytes_max) {
    throw ServiceFault("PolicyTooLarge", 400, "The policy exceeds the maximum allowed document size.");
  }
  const json policy = parse_policy(text);
  if (has(policy, "Version")) {
    const std::string version = text_of(policy, "Version");
    if (version != "2012-10-17" && version != "2008-10-17") {
      throw malformed("The policy must contain a valid version string");
    }
  }
  for (const auto& [member, value] : policy.items()) {
    if (member != "Version" && member != "Id" && member != "Statement")
      throw malformed("Unknown field " + member);
  }
  if (!has(policy, "Statement")) throw malformed("Missing required field Statement");
  const std::vector<json> statements = statements_of(policy);
  if (statements.empty()) throw malformed("Could not parse the policy: Statement is empty!");
  for (const json& statement : statements) check_statement(statement, "arn:" + partition + ":s3:::" + bucket);
}

bool is_public_policy(const std::string& text) {
  const std::vector<json> statements = statements_of(parse_policy(text));
  return std::any_of(statements.begin(), statements.end(), [](const json& statement) {
    const json& condition = part_of(statement, "Condition");
    const bool open = is_everybody(part_of(statement, "Principal")) || has(statement, "NotPrincipal");
    return text_of(statement, "Effect") == "Allow" && open && (condition.is_null() || condition.empty());
  });
}

}  // namespace sagemaker::local::services::s3
