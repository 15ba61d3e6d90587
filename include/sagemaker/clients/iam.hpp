// Identity and Access Management: the roles that jobs and endpoints take on. boto3's "iam" client in C++, as
// far as set-up programs need it.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/paginator.hpp>
#include <sagemaker/aws/query_document.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker {

// A client of the API "AWS Identity and Access Management" (2010-05-08, query protocol), which has one
// endpoint for all regions. Policy documents are documents, in what goes in (or their text) and in what comes
// out. Throws as SageMakerClient does; safe to call from several threads.
class IamClient {
 public:
  explicit IamClient(const ClientConfig& config = {})
      : client_({"IAM", "iam", "iam", aws::Protocol::query, "", "2010-05-08"}, config) {}

  // The members of the operation's result. Of operations that have no method here every value is text, and an
  // empty list an empty text, since the protocol has no types.
  json call(std::string_view operation, json input = json::object()) const {
    for (const std::string_view name : policy_members) {
      const auto found = input.find(name);
      if (found != input.end() && found->is_object()) *found = aws::dump_json(*found);
    }
    const auto xml = client_.call_query(operation, aws::query_parameters(input));
    const std::string result = std::string(operation) + "Result";
    json output = aws::query_document(xml->document_element().child(result.c_str()));
    if (!output.is_object()) return json::object();
    give_types(output);
    return output;
  }

  json create_role(const json& input) const { return call("CreateRole", input); }
  json get_role(const json& input) const { return call("GetRole", input); }
  json list_roles(const json& input = json::object()) const { return call("ListRoles", input); }
  json update_role(const json& input) const { return call("UpdateRole", input); }
  json update_assume_role_policy(const json& input) const { return call("UpdateAssumeRolePolicy", input); }
  json delete_role(const json& input) const { return call("DeleteRole", input); }
  json tag_role(const json& input) const { return call("TagRole", input); }
  json untag_role(const json& input) const { return call("UntagRole", input); }
  json list_role_tags(const json& input) const { return call("ListRoleTags", input); }
  json attach_role_policy(const json& input) const { return call("AttachRolePolicy", input); }
  json detach_role_policy(const json& input) const { return call("DetachRolePolicy", input); }
  json list_attached_role_policies(const json& input) const {
    return call("ListAttachedRolePolicies", input);
  }
  json put_role_policy(const json& input) const { return call("PutRolePolicy", input); }
  json get_role_policy(const json& input) const { return call("GetRolePolicy", input); }
  json list_role_policies(const json& input) const { return call("ListRolePolicies", input); }
  json delete_role_policy(const json& input) const { return call("DeleteRolePolicy", input); }
  json get_user(const json& input = json::object()) const { return call("GetUser", input); }

  // The pages of a list: for (const json& page : iam.pages("ListRoles")) ...
  Pages pages(std::string_view operation, const json& input = json::object()) const {
    return Pages({.fetch = [client = *this, name = std::string(operation)](
                               const json& document) { return client.call(name, document); },
                  .input = input,
                  .input_token = "Marker",
                  .output_token = "Marker"});
  }
  PageItems roles(const json& input = json::object()) const {
    return PageItems(pages("ListRoles", input), "Roles");
  }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

 private:
  static constexpr std::array<std::string_view, 2> policy_members{"AssumeRolePolicyDocument",
                                                                  "PolicyDocument"};
  static constexpr std::array<std::string_view, 4> lists{"AttachedPolicies", "PolicyNames", "Roles", "Tags"};

  template <std::size_t Size>
  static bool is_one_of(const std::array<std::string_view, Size>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  // IAM writes policies percent-encoded, so that they survive XML.
  static void decode_policy(json& value) {
    const std::string text = value.get<std::string>();
    try {
      value = aws::parse_json(aws::uri_decode(text).value_or(text));
    } catch (const aws::JsonError&) {
      // Then the text is all that there is.
    }
  }

  static void read_number(json& value) {
    const std::string text = value.get<std::string>();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) value = number;  // else it stays a text
  }

  static void give_types(json& document) {
    for (auto& [name, value] : document.items()) {
      if (value.is_structured()) {
        give_types(value);
      } else if (is_one_of(lists, name) && value == "") {
        value = json::array();
      } else if (name == "IsTruncated") {
        value = value == "true";
      } else if (name == "MaxSessionDuration") {
        read_number(value);
      } else if (is_one_of(policy_members, name)) {
        decode_policy(value);
      }
    }
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker
