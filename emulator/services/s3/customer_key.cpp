#include "emulator/services/s3/customer_key.hpp"

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr const char* argument = "x-amz-server-side-encryption";
constexpr std::size_t key_bytes = 32;

ServiceFault bad_key(const std::string& message) {
  return {"InvalidArgument", 400, message, {{"ArgumentName", argument}}};
}

std::string customer_provided(const std::string& rest) {
  return "Requests specifying Server Side Encryption with Customer provided keys must provide " + rest;
}

}  // namespace

std::optional<std::string> customer_key_of(const json& input, const std::string& prefix) {
  const auto value = [&](const char* name) { return text_of(input, (prefix + name).c_str()); };
  const std::string algorithm = value("SSECustomerAlgorithm");
  const std::string key = value("SSECustomerKey");
  const std::string md5 = value("SSECustomerKeyMD5");
  if (algorithm.empty() && key.empty() && md5.empty()) return std::nullopt;
  if (prefix.empty() && has(input, "ServerSideEncryption")) {
    throw invalid_argument(
        "Server Side Encryption with Customer provided key is incompatible with the encryption method "
        "specified",
        argument, text_of(input, "ServerSideEncryption"));
  }
  if (algorithm.empty()) throw bad_key(customer_provided("a valid encryption algorithm."));
  if (key.empty()) throw bad_key(customer_provided("an appropriate secret key."));
  if (algorithm != "AES256") {
    throw ServiceFault("InvalidEncryptionAlgorithmError", 400,
                       "The Encryption request you specified is not valid. Supported value: AES256.",
                       {{"ArgumentName", argument}, {"ArgumentValue", algorithm}});
  }
  const std::optional<std::string> raw = aws::base64_decode(key);
  if (!raw || raw->size() != key_bytes) {
    throw bad_key("The secret key was invalid for the specified algorithm.");
  }
  if (md5.empty()) throw bad_key(customer_provided("the client calculated MD5 of the secret key."));
  aws::Md5 hash;
  hash.update(*raw);
  if (!aws::constant_time_equal(aws::base64_encode(hash.finish()), md5)) {
    throw bad_key("The calculated MD5 hash of the key did not match the hash that was provided.");
  }
  return md5;
}

void require_customer_key(const json& attributes, const std::optional<std::string>& key_md5) {
  if (!has(attributes, "SSECustomerKeyMD5")) {
    if (key_md5) throw invalid_request("The encryption parameters are not applicable to this object.");
    return;
  }
  if (!key_md5) {
    throw invalid_request(
        "The object was stored using a form of Server Side Encryption. The correct parameters must be "
        "provided "
        "to retrieve the object.");
  }
  if (aws::constant_time_equal(*key_md5, text_of(attributes, "SSECustomerKeyMD5"))) return;
  throw ServiceFault("AccessDenied", 403,
                     "Requests specifying Server Side Encryption with Customer provided keys must provide "
                     "the correct secret "
                     "key.");
}

void require_customer_key_of_upload(const json& attributes, const std::optional<std::string>& key_md5) {
  if (key_md5.has_value() != has(attributes, "SSECustomerKeyMD5")) {
    throw invalid_request(
        "The multipart upload initiate requested encryption. Subsequent part requests must include the "
        "appropriate encryption parameters.");
  }
  if (!key_md5 || aws::constant_time_equal(*key_md5, text_of(attributes, "SSECustomerKeyMD5"))) return;
  throw invalid_request("The provided encryption parameters did not match the ones used originally.");
}

}  // namespace sagemaker::local::services::s3
