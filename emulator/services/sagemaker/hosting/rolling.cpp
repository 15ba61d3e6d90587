#include "emulator/services/sagemaker/hosting/rolling.hpp"

#include <algorithm>
#include <exception>

namespace sagemaker::local::services::hosting {
namespace {

// What is left of `all` when `done` of `total` have been replaced: rounded up, so that there is never less
// capacity than before.
int left_of(int all, int done, int total) {
  if (done >= total) return 0;
  return (all * (total - done) + total - 1) / total;
}

// Whatever goes wrong: the way back is to be found from there too.
std::string add_to(const RollingPool& pool, int more) {
  try {
    return pool.add(more);
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string roll_back(const RollingPool& going, const RollingPool& coming, const RollingSizes& sizes,
                      const RollingHooks& hooks) {
  hooks.on_rollback();
  for (;;) {
    const int missing = sizes.from - going.count();
    if (missing > 0)
      if (std::string failure = add_to(going, std::min(missing, sizes.rollback_batch)); !failure.empty())
        return failure;
    const int back = going.count();
    if (back >= sizes.from) break;
    hooks.shift(1.0 - static_cast<double>(back) / sizes.from);
    const int left = left_of(sizes.to, back, sizes.from);
    if (const int surplus = coming.count() - left; surplus > 0 && left > 0) coming.remove(surplus);
  }
  hooks.shift(0);
  return {};
}

}  // namespace

RollingResult roll(const RollingPool& going, const RollingPool& coming, const RollingSizes& sizes,
                   const RollingHooks& hooks) {
  while (coming.count() < sizes.to) {
    std::string failure = add_to(coming, std::min(sizes.batch, sizes.to - coming.count()));
    if (failure.empty()) {
      hooks.shift(sizes.from == 0 ? 1.0 : static_cast<double>(coming.count()) / sizes.to);
      failure = hooks.bake();
    }
    if (!failure.empty()) return {failure, roll_back(going, coming, sizes, hooks)};
    const int left = left_of(sizes.from, coming.count(), sizes.to);
    if (const int surplus = going.count() - left; surplus > 0 && left > 0) going.remove(surplus);
  }
  return {};
}

int batch_size(const std::string& type, int value, int total) {
  const int size = type == "CAPACITY_PERCENT" ? total * value / 100 : value;
  return std::clamp(size, 1, std::max(1, total));
}

}  // namespace sagemaker::local::services::hosting
