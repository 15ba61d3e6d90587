// Replaces one pool of instances by another in batches, so that only one batch more than before is up at any
// time, and goes back the same way where something goes wrong. Knows nothing of what the pools hold.
#pragma once

#include <functional>
#include <string>

namespace sagemaker::local::services::hosting {

struct RollingPool {
  std::function<int()> count;  // those that serve
  // Starts so many more and waits until they serve; the answer is why they do not, empty: they do.
  std::function<std::string(int more)> add;
  // Takes so many away, once their requests were answered.
  std::function<void(int fewer)> remove;
};

struct RollingSizes {
  int from = 0;            // of the pool that goes
  int to = 1;              // of the pool that comes
  int batch = 1;           // of the coming pool at a time
  int rollback_batch = 1;  // of the going pool at a time, on the way back
};

struct RollingHooks {
  std::function<void(double share)> shift;  // the coming pool gets this share of the requests from now on
  std::function<std::string()> bake;        // after each batch: why to go back; empty: go on
  std::function<void()> on_rollback;
};

struct RollingResult {
  std::string failure;           // empty: the coming pool serves alone
  std::string rollback_failure;  // set: both pools serve, and the way back did not work either
};

// On success the coming pool has all requests, and the caller ends what is left of the other; after a
// rollback it is the other way around.
RollingResult roll(const RollingPool& going, const RollingPool& coming, const RollingSizes& sizes,
                   const RollingHooks& hooks);

// The number that a CapacitySize means: an INSTANCE_COUNT or COPY_COUNT, or that percentage of `total`; at
// least 1, at most `total`.
int batch_size(const std::string& type, int value, int total);

}  // namespace sagemaker::local::services::hosting
