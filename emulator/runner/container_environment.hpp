// Environment variables of containers: what any container needs, and the SM_* set that AWS's training toolkit
// gives to a script. Source: sagemaker-training-toolkit, environment.py (to_env_vars) and mapping.py
// (to_cmd_args).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/instance_types.hpp"

namespace sagemaker::local::runner {

using Environment = std::map<std::string, std::string>;

// The image's variables, those of the request over them, and PATH, HOME, LANG and TMPDIR where neither has
// set them. Makes root/home and root/tmp.
Environment base_environment(const Environment& image, const Environment& request,
                             const std::filesystem::path& root, bool isolated);

// Hyperparameters as a script sees them: every value that is JSON is decoded, every other one stays a string.
json decode_hyperparameters(const json& hyperparameters);

// As arguments of a script: "--name value", "-n value" for one letter, in name order, without the platform's
// own.
std::vector<std::string> command_line_of(const json& decoded_hyperparameters);

struct TrainingHost {
  std::string job_name;
  std::filesystem::path base;  // /opt/ml as the container sees it
  json resource_config;
  json input_data_config;
  json hyperparameters;  // as in the request
  Share share;
  std::string master_address;
  int master_port = 7777;
};

// SM_*, thread counts and GPU selection. A variable too long for execve is left out: the files hold it too.
Environment training_environment(const TrainingHost& host);

// CUDA_VISIBLE_DEVICES for the instance `index`; empty where there is nothing to restrict.
Environment gpu_environment(const Share& share, int index, const Machine& machine);

}  // namespace sagemaker::local::runner
