// The XML documents that clients send: CreateBucket, DeleteObjects and CompleteMultipartUpload.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::wire {

// Whether the body of this operation is a document.
bool s3_has_document(std::string_view operation);

// Adds what the document says to the input of its operation. Throws ServiceFault: MalformedXML.
void read_s3_document(std::string_view operation, const std::string& xml, json& input);

}  // namespace sagemaker::local::wire
