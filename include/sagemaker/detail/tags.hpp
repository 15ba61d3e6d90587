// The tags of what exists already.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/estimator_options.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker::detail {

// From ListTags, all pages. Those that AWS itself has set are left out: nobody else may set them. A
// description without an ARN has none. Throws what ListTags throws.
inline std::vector<Tag> tags_of(const Session& session, const std::string& arn) {
  std::vector<Tag> tags;
  if (arn.empty()) return tags;
  for (const json& page : session.sagemaker().pages("ListTags", object({{"ResourceArn", arn}}))) {
    for (const json& tag : array_of(page, "Tags")) {
      Tag found{text_of(tag, "Key"), text_of(tag, "Value")};
      if (!found.key.starts_with("aws:")) tags.push_back(std::move(found));
    }
  }
  return tags;
}

}  // namespace sagemaker::detail
