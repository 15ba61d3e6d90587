// What training on several hosts (distributed.hpp) is told and what it throws.
#pragma once

#include <chrono>

#include <sagemaker/aws/errors.hpp>

namespace c10d {
class ProcessGroup;
}

namespace sagemaker::container::distributed {

// What went wrong between the hosts: who did not join, who has gone, what did not come in time.
class DistributedError : public Error {
 public:
  using Error::Error;
};

struct Options {
  // How long the other hosts may take to start and to join. Their start differs by the time that their
  // downloads take.
  std::chrono::milliseconds join_timeout = std::chrono::minutes(15);
  // How long one collective may take, waiting for the slowest host included. A connection that is lost is
  // noticed at once and without it: this is for a host that hangs or that cannot be reached any more.
  std::chrono::milliseconds timeout = std::chrono::minutes(30);
};

enum class Reduction { sum, mean, min, max };

}  // namespace sagemaker::container::distributed
