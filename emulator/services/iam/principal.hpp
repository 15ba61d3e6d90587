// Whom a key stands for: the account's root user, a user, an assumed role or a federated user, as its ARN
// says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sagemaker::local::services {

struct Principal {
  std::string arn;
  std::string user_id;  // what GetCallerIdentity calls UserId

  std::string account() const;
  bool is_root() const;
  bool is_user() const;
  bool is_assumed_role() const;
  std::string user_name() const;  // of a user, without its path
};

// The principal with this ARN; its user id follows from the ARN, so that it is always the same.
// Throws std::invalid_argument where the ARN is none of root, user, assumed-role, federated-user.
Principal principal_of_arn(const std::string& arn);

// The role that arn:PARTITION:iam::ACCOUNT:role/PATH/NAME names.
struct RoleArn {
  std::string partition, account, path, name;  // path: "/" or "/a/b/"
};
// Throws ServiceFault ValidationError "... is invalid".
RoleArn parse_role_arn(const std::string& arn);

// AWS's alphabet for identifiers: 32 capital letters and digits.
std::string random_identifier(std::string_view prefix, std::size_t count);
// The same `seed` always gives the same one.
std::string stable_identifier(std::string_view prefix, std::string_view seed);
// A random access key id that carries its account, as AWS's do.
std::string random_access_key(std::string_view prefix, std::string_view account);
// The account in an access key id of AWS's making; empty where there is none.
std::string account_of_access_key(std::string_view access_key);

// Unguessable bytes.
std::string random_bytes(std::size_t count);

}  // namespace sagemaker::local::services
