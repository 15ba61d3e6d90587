// What this emulator offers beyond AWS, below /_local/: looking at what only an emulator knows, and making happen
// what on AWS happens by itself. Knows no HTTP; throws ServiceFault.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local {

// `names`: what stands in the path for each '*', decoded. `body`: an object, empty where there was none.
using LocalOperation = std::function<json(const std::vector<std::string>& names, const json& body)>;
// By method and path: "POST /_local/training-jobs/*/interrupt".
using LocalOperations = std::map<std::string, LocalOperation, std::less<>>;

}  // namespace sagemaker::local
