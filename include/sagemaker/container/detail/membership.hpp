// What the rest of the toolkit asks about the group of hosts, without c10d: who saves.
#pragma once

#include <string>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::detail {

struct Membership {
  int rank = 0;
  int world_size = 1;
  std::string master = "algo-1";
};

// Of this process: set by distributed::init.
SAGEMAKER_CONTAINER_FUNCTION Membership& membership() {
  static Membership mine;
  return mine;
}

}  // namespace sagemaker::container::detail
