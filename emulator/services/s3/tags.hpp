// Tags of objects and buckets: what AWS accepts as one.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::s3 {

// A TagSet: an array of {Key, Value}. Throws InvalidTag; for keys that only AWS may give, with the words of
// `system_tag`.
void check_tags(const json& tag_set, const ServiceFault& system_tag);
// The same for those of an object; too many of them are a BadRequest.
void check_object_tags(const json& tag_set);

// The TagSet in an x-amz-tagging header: "a=1&b=2", encoded as the query of a URL. Throws InvalidArgument for
// what is no such text, and what check_object_tags() throws.
json tags_in_header(const std::string& header);

}  // namespace sagemaker::local::services::s3
