// The IAM role that SageMaker takes on to run jobs and endpoints for the caller.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker {

namespace detail {

// The ARN that IAM knows for a role's name, which alone tells its path; "" where it cannot be asked: the role
// is not there, or the caller may not look.
inline std::string arn_of_role(const Session& session, const std::string& name) {
  try {
    return text_of(object_of(session.iam().get_role(object({{"RoleName", name}})), "Role"), "Arn");
  } catch (const Error&) {
    return "";
  }
}

}  // namespace detail

// The ARN of a role given by its name or by its ARN. "MyRole" -> what GetRole says, or where it says nothing
// arn:aws:iam::{account}:role/MyRole.
inline std::string expand_role(const Session& session, const std::string& role) {
  if (role.empty() || role.starts_with("arn:")) return role;
  if (std::string arn = detail::arn_of_role(session, role); !arn.empty()) return arn;
  return "arn:" + session.partition() + ":iam::" + session.account_id() + ":role/" + role;
}

namespace detail {

// What a SageMaker notebook or Studio space says about itself; "" where this is none.
inline std::string notebook_role(const Session& session, const aws::Environment& environment) {
  const auto text = environment.read_file("/opt/ml/metadata/resource-metadata.json");
  if (!text) return "";
  json metadata;
  try {
    metadata = aws::parse_json(*text);
  } catch (const aws::JsonError&) {
    return "";
  }
  if (!metadata.is_object()) return "";
  if (const std::string role = text_of(metadata, "ExecutionRoleArn"); !role.empty()) return role;
  const std::string domain = text_of(metadata, "DomainId");
  const SageMakerClient& client = session.sagemaker();
  if (domain.empty()) {
    const std::string name = text_of(metadata, "ResourceName");
    if (name.empty()) return "";
    return text_of(client.call("DescribeNotebookInstance", object({{"NotebookInstanceName", name}})),
                   "RoleArn");
  }
  if (const std::string profile = text_of(metadata, "UserProfileName"); !profile.empty()) {
    const json user =
        client.call("DescribeUserProfile", object({{"DomainId", domain}, {"UserProfileName", profile}}));
    if (const std::string role = text_of(object_of(user, "UserSettings"), "ExecutionRole"); !role.empty()) {
      return role;
    }
  }
  const json description = client.call("DescribeDomain", object({{"DomainId", domain}}));
  const bool space = metadata.contains("SpaceName");
  const char* settings = space ? "DefaultSpaceSettings" : "DefaultUserSettings";
  return text_of(object_of(description, settings), "ExecutionRole");
}

// arn:aws:sts::123456789012:assumed-role/NAME/SESSION -> arn:aws:iam::123456789012:role/NAME; "" for other
// identities.
inline std::string role_of_identity(std::string_view arn) {
  constexpr std::string_view service = ":sts::";
  constexpr std::string_view kind = ":assumed-role/";
  const std::size_t sts = arn.find(service);
  const std::size_t assumed = arn.find(kind);
  if (sts == std::string_view::npos || assumed == std::string_view::npos || assumed < sts) return "";
  const std::size_t name_start = assumed + kind.size();
  const std::size_t name_end = arn.find('/', name_start);
  if (name_end == std::string_view::npos || name_end == name_start) return "";
  const std::string_view account = arn.substr(sts + service.size(), assumed - sts - service.size());
  const std::string name(arn.substr(name_start, name_end - name_start));
  // The path of a role does not show in this ARN. Those that SageMaker's console makes live below
  // service-role/.
  const bool made_by_console = name.starts_with("AmazonSageMaker-ExecutionRole");
  return std::string(arn.substr(0, sts)) + ":iam::" + std::string(account) + ":role/" +
         (made_by_console ? "service-role/" : "") + name;
}

}  // namespace detail

// The role's ARN, from the first of these that knows one:
//   1. SAGEMAKER_ROLE: an ARN, or a role's name
//   2. the notebook instance or Studio space that the program runs on
//   3. the credentials in use, where they are those of an assumed role; GetRole tells the role's path
//   4. for an endpoint on this machine: arn:aws:iam::{account}:role/SageMakerRole, since an emulator takes
//   any
// Throws ConfigError where none does. (The SDK's get_execution_role, with 1 and 4 added.)
inline std::string execution_role(const Session& session) {
  const auto& given = session.options().config.environment;
  const auto environment = given ? given : aws::process_environment();
  if (const auto named = environment->value("SAGEMAKER_ROLE")) return expand_role(session, *named);
  if (std::string role = detail::notebook_role(session, *environment); !role.empty()) return role;
  const CallerIdentity identity = session.caller_identity();
  if (std::string role = detail::role_of_identity(identity.arn); !role.empty()) {
    const std::string arn = detail::arn_of_role(session, role.substr(role.rfind('/') + 1));
    return arn.empty() ? role : arn;
  }
  if (session.is_local()) return expand_role(session, "SageMakerRole");
  throw ConfigError(
      "The current AWS identity is not a role: " + identity.arn +
      ", therefore it cannot be used as a SageMaker execution role. Set SAGEMAKER_ROLE, or give the ARN "
      "of a role that SageMaker may assume.");
}

}  // namespace sagemaker
