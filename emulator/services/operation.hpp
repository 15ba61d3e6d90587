// An operation of a document service: a name and a function from the validated request document to the
// response document. Knows no HTTP; throws ServiceFault.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local {

// Who calls, and where: what an operation needs besides its document.
struct CallContext {
  std::string account;  // "000000000000"
  std::string region;   // "us-east-1"
  std::string partition = "aws";
  std::string access_key;  // of the verified signature; empty with --auth off and no signature
  std::string request_id;  // a UUID, also in the response headers and the log
  // How long this client is ready to wait for news where there is none yet (a job that still runs); 0: not at
  // all.
  std::chrono::milliseconds patience{0};
};

using Operation = std::function<json(const CallContext& context, const json& input)>;
using OperationTable =
    std::map<std::string, Operation, std::less<>>;  // by operation name: "CreateTrainingJob"

}  // namespace sagemaker::local
