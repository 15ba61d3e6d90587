// Policy documents: checked for the form that AWS insists on, in its words. What they allow or deny is stored
// and not enforced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sagemaker::local::services {

enum class PolicyKind {
  identity,  // of a role, or of a session: says what, for which resources
  trust      // of a role: says who may assume it
};

// Throws ServiceFault MalformedPolicyDocument (400).
void check_policy(const std::string& document, PolicyKind kind);

// Quotas count the characters of a document that are no white space.
std::size_t counted_characters(std::string_view document);

}  // namespace sagemaker::local::services
