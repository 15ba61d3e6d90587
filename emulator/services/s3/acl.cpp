// See acl.hpp.
#include "emulator/services/s3/acl.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr const char* all_users = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr const char* authenticated_users = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
constexpr const char* log_delivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";

struct GrantHeader {
  const char* member;
  const char* header;
  const char* permission;
};
constexpr std::array grant_headers = {
    GrantHeader{"GrantFullControl", "x-amz-grant-full-control", "FULL_CONTROL"},
    GrantHeader{"GrantRead", "x-amz-grant-read", "READ"},
    GrantHeader{"GrantReadACP", "x-amz-grant-read-acp", "READ_ACP"},
    GrantHeader{"GrantWrite", "x-amz-grant-write", "WRITE"},
    GrantHeader{"GrantWriteACP", "x-amz-grant-write-acp", "WRITE_ACP"},
};

// A canned list gives the owner full control, and these groups something.
struct CannedGrant {
  std::string_view acl;
  const char* group;
  const char* permission;
};
constexpr std::array canned_grants = {
    CannedGrant{"private", nullptr, nullptr},
    // The owner of the bucket is that of the object: one account is all there is.
    CannedGrant{"bucket-owner-read", nullptr, nullptr},
    CannedGrant{"bucket-owner-full-control", nullptr, nullptr},
    CannedGrant{"public-read", all_users, "READ"},
    CannedGrant{"public-read-write", all_users, "READ"},
    CannedGrant{"public-read-write", all_users, "WRITE"},
    CannedGrant{"authenticated-read", authenticated_users, "READ"},
    CannedGrant{"log-delivery-write", log_delivery, "WRITE"},
    CannedGrant{"log-delivery-write", log_delivery, "READ_ACP"},
};

bool is_group(std::string_view uri) {
  return uri == all_users || uri == authenticated_users || uri == log_delivery;
}

bool is_canonical_id(std::string_view id) {
  return id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

json group_grant(const char* group, const char* permission) {
  return {{"Grantee", {{"Type", "Group"}, {"URI", group}}}, {"Permission", permission}};
}

json canned_acl(const CallContext& context, const std::string& name) {
  if (name == "aws-exec-read") throw not_implemented("x-amz-acl", "aws-exec-read is a list of EC2's");
  json acl = private_acl(context);
  bool known = false;
  for (const CannedGrant& grant : canned_grants) {
    if (grant.acl != name) continue;
    known = true;
    if (grant.group) acl["Grants"].push_back(group_grant(grant.group, grant.permission));
  }
  if (!known) throw invalid_argument("", "x-amz-acl", name);
  return acl;
}

ServiceFault unknown_email() {
  return {"UnresolvableGrantByEmailAddress", 400,
          "The e-mail address you provided does not match any account on record."};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// type="value", one of a list
json grantee_of(std::string_view text, const char* header) {
  const std::size_t equals = text.find('=');
  const std::string_view type = trim(text.substr(0, equals));
  if (equals == std::string_view::npos || (type != "id" && type != "uri" && type != "emailAddress")) {
    throw invalid_argument("Argument format not recognized", header, std::string(text));
  }
  std::string_view value = trim(text.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  const std::string copy(value);
  if (type == "emailAddress") throw unknown_email();
  if (type == "uri") {
    if (!is_group(value)) throw invalid_argument("Invalid group uri", "uri", copy);
    return {{"Type", "Group"}, {"URI", copy}};
  }
  if (!is_canonical_id(value)) throw invalid_argument("Invalid id", "id", copy);
  return {{"Type", "CanonicalUser"}, {"ID", copy}};
}

json acl_of_headers(const CallContext& context, const json& input) {
  json acl = private_acl(context);
  acl["Grants"] = json::array();  // what is given is all there is: not even the owner is added
  for (const GrantHeader& row : grant_headers) {
    const std::string text = text_of(input, row.member);
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      acl["Grants"].push_back(
          {{"Grantee", grantee_of(trim(rest.substr(0, comma)), row.header)}, {"Permission", row.permission}});
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return acl;
}

void check_grantee(json& grantee, const CallContext& context) {
  const std::string type = text_of(grantee, "Type");
  if (type == "AmazonCustomerByEmail") throw unknown_email();
  if (type == "Group") {
    const std::string uri = text_of(grantee, "URI");
    if (!is_group(uri)) throw invalid_argument("Invalid group uri", "Group/URI", uri);
  } else if (type == "CanonicalUser") {
    const std::string id = text_of(grantee, "ID");
    if (!is_canonical_id(id)) throw invalid_argument("Invalid id", "CanonicalUser/ID", id);
    const json owner = owner_of(context);
    if (id == owner["ID"]) grantee["DisplayName"] = owner["DisplayName"];
  } else {
    throw ServiceFault("MalformedACLError", 400, malformed_xml().message());
  }
}

json checked_acl(const CallContext& context, json acl) {
  const std::string owner = text_of(part_of(acl, "Owner"), "ID");
  if (!is_canonical_id(owner)) throw invalid_argument("Invalid id", "CanonicalUser/ID", owner);
  if (owner != owner_of(context)["ID"]) throw access_denied();
  acl["Owner"] = owner_of(context);
  for (json& grant : acl["Grants"]) check_grantee(grant["Grantee"], context);
  return acl;
}

}  // namespace

bool has_acl_headers(const json& input) {
  return has(input, "ACL") || std::any_of(grant_headers.begin(), grant_headers.end(),
                                          [&](const GrantHeader& row) { return has(input, row.member); });
}

bool asks_for_owner_only(const json& input) {
  const std::string acl = text_of(input, "ACL");
  const bool grants = std::any_of(grant_headers.begin(), grant_headers.end(),
                                  [&](const GrantHeader& row) { return has(input, row.member); });
  return !grants && (acl.empty() || acl == "private" || acl == "bucket-owner-full-control" ||
                     acl == "bucket-owner-read");
}

json private_acl(const CallContext& context) {
  json grantee = owner_of(context);
  grantee["Type"] = "CanonicalUser";
  json grant = {{"Grantee", std::move(grantee)}, {"Permission", "FULL_CONTROL"}};
  return {{"Owner", owner_of(context)}, {"Grants", json::array({std::move(grant)})}};
}

json acl_of(const CallContext& context, const json& input) {
  const bool canned = has(input, "ACL");
  const bool document = has(input, "AccessControlPolicy");
  json without_canned = input;
  without_canned.erase("ACL");
  const bool grants = has_acl_headers(without_canned);
  if (canned && grants) {
    throw invalid_request("Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if ((canned || grants) && document) {
    throw ServiceFault("UnexpectedContent", 400, "This request does not support content");
  }
  if (canned) return canned_acl(context, text_of(input, "ACL"));
  if (grants) return acl_of_headers(context, input);
  if (document) return checked_acl(context, input["AccessControlPolicy"]);
  throw ServiceFault("MissingSecurityHeader", 400, "Your request was missing a required header",
                     {{"MissingHeaderName", "x-amz-acl"}});
}

bool is_public_acl(const json& acl) {
  return std::any_of(acl["Grants"].begin(), acl["Grants"].end(), [](const json& grant) {
    const std::string uri = text_of(grant["Grantee"], "URI");
    return uri == all_users || uri == authenticated_users;
  });
}

}  // namespace sagemaker::local::services::s3
