// The table of IAM's operations, and GetUser, which looks at the identities that sign requests.
#include "emulator/services/iam/operations.hpp"

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// Identities of the credentials file have no date of creation.
constexpr const char* created_date = "1970-01-01T00:00:00Z";

json describe_user(const Principal& user) {
  const std::string resource = user.arn.substr(user.arn.rfind(':') + 1);
  const std::size_t slash = resource.find('/');
  const std::string name = user.user_name();
  const std::string path =
      user.is_root() ? "/" : resource.substr(slash, resource.size() - slash - name.size());
  json description = {
      {"Path", path}, {"UserId", user.user_id}, {"Arn", user.arn}, {"CreateDate", created_date}};
  if (!user.is_root()) description["UserName"] = name;
  return {{"User", std::move(description)}};
}

json get_user(const Iam& iam, const CallContext& context, const json& input) {
  const Principal caller = iam.caller(context);
  if (!input.contains("UserName")) {
    if (caller.is_root() || caller.is_user()) return describe_user(caller);
    throw ServiceFault("ValidationError", 400,
                       "Must specify userName when calling with non-User credentials");
  }
  const std::string name = input["UserName"];
  if (const auto user = iam.user(name)) return describe_user(*user);
  throw ServiceFault("NoSuchEntity", 404, "The user with name " + name + " cannot be found.");
}

}  // namespace

OperationTable iam_operations(const Iam& iam) {
  OperationTable table;
  add_role_operations(table, iam);
  add_role_policy_operations(table, iam);
  table["GetUser"] = [iam](const CallContext& context, const json& input) {
    return get_user(iam, context, input);
  };
  return table;
}

}  // namespace sagemaker::local::services
