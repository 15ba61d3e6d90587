// Hyperparameters as the arguments of a script, as AWS's training toolkit makes them
// (sagemaker-training-toolkit, mapping.py): "--name value", "-n value" for one letter, in name order; values
// as Python's str() writes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

// True, 0.1, 1e-05, [1, 'a'], {'k': None}: as print() shows the value; a text as it is, null as nothing.
std::string python_text(const json& value);

// `parameters` are the user's, without the platform's sagemaker_*.
std::vector<std::string> script_arguments(const std::map<std::string, container::Hyperparameter>& parameters);

}  // namespace sagemaker::local::images
