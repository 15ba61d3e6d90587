// Lines for the log of a job or an endpoint: what a program of the toolkit says about itself.
#pragma once

#include <cstdio>
#include <string>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::detail {

SAGEMAKER_CONTAINER_FUNCTION void log_line(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

// After what the program has printed so far.
SAGEMAKER_CONTAINER_FUNCTION void log_error(const std::string& line) {
  std::fflush(stdout);
  std::fputs(("Error: " + line + "\n").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace sagemaker::container::detail
