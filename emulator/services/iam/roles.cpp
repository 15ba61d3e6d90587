// Roles themselves and their tags.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/iam/operations.hpp"
#include "emulator/services/iam/pages.hpp"
#include "emulator/services/iam/policy_document.hpp"
#include "emulator/services/iam/role_records.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr int session_duration_default = 3600;
constexpr std::size_t trust_policy_characters_max = 2048;
constexpr std::size_t tags_max = 50;

// As the operations show a role: IAM writes policy documents percent-encoded.
json describe(const json& document, bool in_full) {
  json role = document;
  role["AssumeRolePolicyDocument"] =
      aws::uri_encode(document.at("AssumeRolePolicyDocument").get<std::string>());
  role.erase("AttachedPolicies");
  role.erase("InlinePolicies");
  if (!in_full || role["Tags"].empty()) role.erase("Tags");
  if (!in_full) role.erase("PermissionsBoundary");
  return role;
}

void check_trust_policy(const std::string& policy) {
  check_policy(policy, PolicyKind::trust);
  if (counted_characters(policy) > trust_policy_characters_max)
    throw ServiceFault("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048");
}

// Adds tags to those that a role has; equal keys, whatever their case, are replaced.
void merge_tags(json& tags, const json& added) {
  std::set<std::string> seen;
  for (const json& tag : added) {
    const std::string key = aws::to_lower(tag.at("Key").get<std::string>());
    if (!seen.insert(key).second)
      throw ServiceFault("InvalidInput", 400,
                         "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    const auto same = std::find_if(tags.begin(), tags.end(), [&](const json& present) {
      return aws::to_lower(present.at("Key").get<std::string>()) == key;
    });
    if (same == tags.end()) {
      tags.push_back(tag);
    } else {
      *same = tag;
    }
  }
  if (tags.size() > tags_max)
    throw ServiceFault("LimitExceeded", 409, "Cannot exceed quota for TagsPerRole: 50");
}

json create_role(const Iam& iam, const CallContext& context, const json& input) {
  const std::string name = input.at("RoleName"), path = input.value("Path", "/");
  const std::string policy = input.at("AssumeRolePolicyDocument");
  check_trust_policy(policy);
  const aws::TimePoint now = iam.clock->now();
  json tags = json::array();
  merge_tags(tags, input.value("Tags", json::array()));
  json document = {{"Path", path},
                   {"RoleName", name},
                   {"RoleId", random_identifier("AROA", 17)},
                   {"Arn", "arn:" + context.partition + ":iam::" + context.account + ":role" + path + name},
                   {"CreateDate", whole_seconds(now)},
                   {"AssumeRolePolicyDocument", policy},
                   {"MaxSessionDuration", input.value("MaxSessionDuration", session_duration_default)},
                   {"Tags", std::move(tags)},
                   {"AttachedPolicies", json::array()},
                   {"InlinePolicies", json::object()}};
  if (input.contains("Description")) document["Description"] = input["Description"];
  if (input.contains("PermissionsBoundary"))
    document["PermissionsBoundary"] = {{"PermissionsBoundaryType", "Policy"},
                                       {"PermissionsBoundaryArn", input["PermissionsBoundary"]}};
  const std::int64_t now_ms = aws::to_epoch_ms(now);
  if (!iam.records.insert(role_kind,
                          {role_record_name(name), document.at("Arn"), "", now_ms, now_ms, document}))
    throw ServiceFault("EntityAlreadyExists", 409, "Role with name " + name + " already exists.");
  return {{"Role", describe(document, true)}};
}

json get_role(const Iam& iam, const CallContext&, const json& input) {
  json role = describe(require_role(iam.records, input.at("RoleName")).document, true);
  role["RoleLastUsed"] = json::object();
  return {{"Role", std::move(role)}};
}

json list_roles(const Iam& iam, const CallContext&, const json& input) {
  const std::string prefix = input.value("PathPrefix", "/");
  const auto size = static_cast<std::size_t>(page_size_of(input));
  store::RecordQuery query;
  query.sort_by = store::RecordQuery::SortBy::name;
  query.descending = false;
  query.next_token = input.value("Marker", "");
  json roles = json::array();
  try {
    do {
      query.limit = static_cast<int>(size - roles.size());
      store::RecordPage page = iam.records.list(role_kind, query);
      for (const store::Record& record : page.records) {
        if (record.document.at("Path").get_ref<const std::string&>().starts_with(prefix))
          roles.push_back(describe(record.document, false));
      }
      query.next_token = page.next_token;
    } while (roles.size() < size && !query.next_token.empty());
  } catch (const store::BadToken&) {
    throw invalid_marker();
  }
  json output = {{"Roles", std::move(roles)}};
  set_next_page(output, query.next_token);
  return output;
}

json update_role(const Iam& iam, const CallContext&, const json& input) {
  change_role(iam.records, input.at("RoleName"), [&](json& document) {
    if (input.contains("Description")) document["Description"] = input["Description"];
    if (input.contains("MaxSessionDuration")) document["MaxSessionDuration"] = input["MaxSessionDuration"];
  });
  return json::object();
}

json update_assume_role_policy(const Iam& iam, const CallContext&, const json& input) {
  const std::string policy = input.at("PolicyDocument");
  check_trust_policy(policy);
  change_role(iam.records, input.at("RoleName"),
              [&](json& document) { document["AssumeRolePolicyDocument"] = policy; });
  return nullptr;
}

json delete_role(const Iam& iam, const CallContext&, const json& input) {
  const std::string name = input.at("RoleName");
  const json document = require_role(iam.records, name).document;
  if (!document.at("AttachedPolicies").empty())
    throw ServiceFault("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.");
  if (!document.at("InlinePolicies").empty())
    throw ServiceFault("DeleteConflict", 409, "Cannot delete entity, must delete policies first.");
  iam.records.erase(role_kind, role_record_name(name));
  return nullptr;
}

json tag_role(const Iam& iam, const CallContext&, const json& input) {
  change_role(iam.records, input.at("RoleName"),
              [&](json& document) { merge_tags(document["Tags"], input.at("Tags")); });
  return nullptr;
}

json untag_role(const Iam& iam, const CallContext&, const json& input) {
  std::set<std::string> gone;
  for (const json& key : input.at("TagKeys")) gone.insert(aws::to_lower(key.get<std::string>()));
  change_role(iam.records, input.at("RoleName"), [&](json& document) {
    json kept = json::array();
    for (const json& tag : document.at("Tags"))
      if (!gone.contains(aws::to_lower(tag.at("Key").get<std::string>()))) kept.push_back(tag);
    document["Tags"] = std::move(kept);
  });
  return nullptr;
}

json list_role_tags(const Iam& iam, const CallContext&, const json& input) {
  const json document = require_role(iam.records, input.at("RoleName")).document;
  std::map<std::string, json> sorted;
  for (const json& tag : document.at("Tags")) sorted[tag.at("Key").get<std::string>()] = tag;
  return page_of(input, "Tags", {sorted.begin(), sorted.end()});
}

}  // namespace

void add_role_operations(OperationTable& table, const Iam& iam) {
  const auto add = [&](const char* name, json (*operation)(const Iam&, const CallContext&, const json&)) {
    table[name] = [iam, operation](const CallContext& context, const json& input) {
      return operation(iam, context, input);
    };
  };
  add("CreateRole", create_role);
  add("DeleteRole", delete_role);
  add("GetRole", get_role);
  add("ListRoleTags", list_role_tags);
  add("ListRoles", list_roles);
  add("TagRole", tag_role);
  add("UntagRole", untag_role);
  add("UpdateAssumeRolePolicy", update_assume_role_policy);
  add("UpdateRole", update_role);
}

}  // namespace sagemaker::local::services
