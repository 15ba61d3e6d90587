// Server side encryption with a key of the customer (SSE-C). The bytes are not encrypted here; but the MD5 of
// the key is kept, and the object is given to nobody who does not come with the same key.
#pragma once

#include <optional>
#include <string>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

// The MD5 of the key in SSECustomer* or, with the prefix "CopySource", in CopySourceSSECustomer*; nullopt
// where there is none. Throws InvalidArgument in AWS's words for every way in which the three disagree.
std::optional<std::string> customer_key_of(const json& input, const std::string& prefix = "");

// For whoever reads the object that has these attributes. Throws InvalidRequest and AccessDenied.
void require_customer_key(const json& attributes, const std::optional<std::string>& key_md5);
// For a part of an upload that has these attributes.
void require_customer_key_of_upload(const json& attributes, const std::optional<std::string>& key_md5);

}  // namespace sagemaker::local::services::s3
