// The errors of S3 that more than one operation throws, in its own words.
#pragma once

#include <string>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::s3 {

inline ServiceFault no_such_bucket(const std::string& bucket) {
  return {"NoSuchBucket", 404, "The specified bucket does not exist", {{"BucketName", bucket}}};
}

inline ServiceFault no_such_key(const std::string& key) {
  return {"NoSuchKey", 404, "The specified key does not exist.", {{"Key", key}}};
}

// Members of `response` go out as if the answer were no error: headers such as x-amz-version-id.
inline constexpr const char* response_members = "ResponseMembers";

inline ServiceFault no_such_version(const std::string& key, const std::string& version) {
  return {
      "NoSuchVersion", 404, "The specified version does not exist.", {{"Key", key}, {"VersionId", version}}};
}

inline ServiceFault invalid_version_id(const std::string& argument, const std::string& version) {
  return {"InvalidArgument",
          400,
          "Invalid version id specified",
          {{"ArgumentName", argument}, {"ArgumentValue", version}}};
}

// A delete marker where an object was asked for.
inline ServiceFault is_delete_marker(json response) {
  response["DeleteMarker"] = true;
  response["Allow"] = "DELETE";
  return {"MethodNotAllowed",
          405,
          "The specified method is not allowed against this resource.",
          {{"ResourceType", "DeleteMarker"}, {response_members, std::move(response)}}};
}

inline ServiceFault conditional_conflict(const std::string& condition, const std::string& key) {
  return {"ConditionalRequestConflict",
          409,
          "The conditional request cannot succeed due to a conflicting operation against this resource.",
          {{"Condition", condition}, {"Key", key}}};
}

inline ServiceFault no_such_upload(const std::string& id) {
  return {"NoSuchUpload",
          404,
          "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
          "aborted or "
          "completed.",
          {{"UploadId", id}}};
}

inline ServiceFault invalid_argument(const std::string& message, const std::string& name,
                                     const std::string& value) {
  return {"InvalidArgument", 400, message, {{"ArgumentName", name}, {"ArgumentValue", value}}};
}

inline ServiceFault invalid_request(const std::string& message) { return {"InvalidRequest", 400, message}; }

inline ServiceFault malformed_xml() {
  return {"MalformedXML", 400,
          "The XML you provided was not well-formed or did not validate against our published schema"};
}

inline ServiceFault access_denied() { return {"AccessDenied", 403, "Access Denied"}; }

// `header`: what the caller sent that this service has no meaning for; `explanation`: why, in a sentence.
inline ServiceFault not_implemented(const std::string& header, const std::string& explanation = "") {
  json fields = {{"Header", header}};
  if (!explanation.empty()) fields["additionalMessage"] = explanation;
  return {"NotImplemented", 501, "A header you provided implies functionality that is not implemented",
          fields};
}

inline ServiceFault precondition_failed(const std::string& condition) {
  return {"PreconditionFailed",
          412,
          "At least one of the pre-conditions you specified did not hold",
          {{"Condition", condition}}};
}

}  // namespace sagemaker::local::services::s3
