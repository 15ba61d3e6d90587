// The settings of a bucket on the wire: which sub-resource, which operations, which document.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::wire {

// The operation that a method and a sub-resource of a bucket mean; "" where it is no setting.
std::string_view s3_setting_operation(std::string_view method, std::string_view subresource);
bool is_s3_setting(std::string_view subresource);

// Whether the body of this operation is the document of a setting.
bool s3_has_setting_document(std::string_view operation);
// Adds the document in a body to the input of its operation. Throws ServiceFault: MalformedXML and the like.
void read_s3_setting(std::string_view operation, const std::string& body, json& input);
// The body that answers this operation; "" where it answers without one.
std::string write_s3_setting(std::string_view operation, const json& document);

// <Tagging> as it stands in a form field. Throws ServiceFault: MalformedXML.
json read_s3_tagging(const std::string& xml);

}  // namespace sagemaker::local::wire
