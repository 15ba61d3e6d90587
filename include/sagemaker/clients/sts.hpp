// Security Token Service: who am I, and temporary credentials of a role.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/query_document.hpp>

namespace sagemaker {

struct CallerIdentity {
  std::string account;  // twelve digits
  std::string arn;
  std::string user_id;
};

struct AssumeRoleInput {
  std::string role_arn;
  std::string role_session_name = "sagemaker-cpp";
  std::optional<int> duration_seconds;  // 900 to 43200
  std::string external_id;
  std::string policy;  // a JSON document that narrows the role's rights further
};

struct AssumeRoleOutput {
  aws::Credentials credentials;
  std::string assumed_role_arn;
  std::string assumed_role_id;
};

// A client of the API "AWS Security Token Service" (2011-06-15, query protocol). Throws as SageMakerClient
// does; safe to call from several threads.
class StsClient {
 public:
  explicit StsClient(const ClientConfig& config = {})
      : client_({"STS", "sts", "sts", aws::Protocol::query, "", "2011-06-15"}, config) {}

  CallerIdentity get_caller_identity() const {
    const auto document = client_.call_query("GetCallerIdentity", {});
    const pugi::xml_node result = result_of(*document, "GetCallerIdentity");
    return {aws::xml_text(result, "Account"), aws::xml_text(result, "Arn"), aws::xml_text(result, "UserId")};
  }

  // Any operation, documents in and out; every value is text, since the protocol has no types.
  json call(std::string_view operation, const json& input = json::object()) const {
    const auto document = client_.call_query(operation, aws::query_parameters(input));
    return aws::query_document(result_of(*document, std::string(operation)));
  }

  // Temporary credentials of the caller's own identity, good for 900 s to 36 hours.
  aws::Credentials get_session_token(std::optional<int> duration_seconds = std::nullopt) const {
    std::vector<std::pair<std::string, std::string>> parameters;
    if (duration_seconds) parameters.emplace_back("DurationSeconds", std::to_string(*duration_seconds));
    const auto document = client_.call_query("GetSessionToken", parameters);
    return credentials_of(result_of(*document, "GetSessionToken"));
  }

  AssumeRoleOutput assume_role(const AssumeRoleInput& input) const {
    std::vector<std::pair<std::string, std::string>> parameters{{"RoleArn", input.role_arn},
                                                                {"RoleSessionName", input.role_session_name}};
    if (input.duration_seconds)
      parameters.emplace_back("DurationSeconds", std::to_string(*input.duration_seconds));
    if (!input.external_id.empty()) parameters.emplace_back("ExternalId", input.external_id);
    if (!input.policy.empty()) parameters.emplace_back("Policy", input.policy);
    const auto document = client_.call_query("AssumeRole", parameters);
    const pugi::xml_node result = result_of(*document, "AssumeRole");
    const pugi::xml_node user = result.child("AssumedRoleUser");
    return {credentials_of(result), aws::xml_text(user, "Arn"), aws::xml_text(user, "AssumedRoleId")};
  }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

 private:
  static aws::Credentials credentials_of(const pugi::xml_node& result) {
    const pugi::xml_node keys = result.child("Credentials");
    return {aws::xml_text(keys, "AccessKeyId"), aws::xml_text(keys, "SecretAccessKey"),
            aws::xml_text(keys, "SessionToken"), aws::parse_iso8601(aws::xml_text(keys, "Expiration"))};
  }

  static pugi::xml_node result_of(const pugi::xml_document& document, const std::string& operation) {
    const pugi::xml_node result = document.document_element().child((operation + "Result").c_str());
    if (!result)
      throw Error("Unable to parse the response of the " + operation + " operation: no " + operation +
                  "Result");
    return result;
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker
