#include "emulator/services/sagemaker/hosting/placement.hpp"

#include <algorithm>
#include <limits>

#include "emulator/runner/instance_types.hpp"

namespace sagemaker::local::services::hosting {

bool Resources::holds(const Resources& need) const {
  constexpr double rounding = 1e-6;  // four quarters of a CPU are a CPU
  return need.cpus <= cpus + rounding && need.accelerators <= accelerators + rounding &&
         need.memory_mb <= memory_mb + rounding;
}

Resources& Resources::operator-=(const Resources& other) {
  cpus -= other.cpus;
  accelerators -= other.accelerators;
  memory_mb -= other.memory_mb;
  return *this;
}

Resources resources_of(const json& requirements) {
  return {requirements.value("NumberOfCpuCoresRequired", 0.0),
          requirements.value("NumberOfAcceleratorDevicesRequired", 0.0),
          requirements.value("MinMemoryRequiredInMb", 0.0)};
}

Resources capacity_of(const std::string& instance_type) {
  const auto type = runner::find_instance_type(instance_type);
  constexpr double everything = std::numeric_limits<double>::max();
  if (!type) return {everything, everything, everything};
  return {static_cast<double>(type->vcpus), static_cast<double>(type->gpus), type->memory_gib * 1024.0};
}

Resources Placement::left_on(int instance) const {
  Resources left = each_;
  for (const Copy& copy : copies_)
    if (copy.instance == instance) left -= copy.need.resources;
  return left;
}

int Placement::count_on(int instance) const {
  return static_cast<int>(
      std::ranges::count_if(copies_, [&](const Copy& copy) { return copy.instance == instance; }));
}

int Placement::idle_instances() const {
  int idle = 0;
  for (int instance = 0; instance < instances_; ++instance) idle += count_on(instance) == 0 ? 1 : 0;
  return idle;
}

std::vector<std::map<std::string, int>> Placement::copies() const {
  std::vector<std::map<std::string, int>> all(static_cast<std::size_t>(instances_));
  for (const Copy& copy : copies_) ++all[static_cast<std::size_t>(copy.instance)][copy.need.component];
  return all;
}

int Placement::best_for(const CopyNeed& need) const {
  int best = -1, best_own = 0, best_all = 0;
  for (int instance = 0; instance < instances_; ++instance) {
    if (!left_on(instance).holds(need.resources)) continue;
    const int all = count_on(instance);
    const int own = static_cast<int>(std::ranges::count_if(copies_, [&](const Copy& copy) {
      return copy.instance == instance && copy.need.component == need.component;
    }));
    // SPREAD: the fewest copies of this component, then of all. BINPACK: where the most copies are.
    const bool better = need.binpack ? all > best_all : std::pair(own, all) < std::pair(best_own, best_all);
    if (best >= 0 && !better) continue;
    best = instance;
    best_own = own;
    best_all = all;
  }
  return best;
}

bool Placement::place(const CopyNeed& need) {
  const int instance = best_for(need);
  if (instance < 0) return false;
  copies_.push_back({need, instance});
  return true;
}

void Placement::release(const std::string& component) {
  auto leaving = copies_.end();
  int leaving_rank = 0;
  for (auto copy = copies_.begin(); copy != copies_.end(); ++copy) {
    if (copy->need.component != component) continue;
    const int own = static_cast<int>(std::ranges::count_if(copies_, [&](const Copy& other) {
      return other.instance == copy->instance && other.need.component == component;
    }));
    const int rank = copy->need.binpack ? -count_on(copy->instance) : own;
    if (leaving != copies_.end() && rank <= leaving_rank) continue;
    leaving = copy;
    leaving_rank = rank;
  }
  if (leaving != copies_.end()) copies_.erase(leaving);
}

bool Placement::rehost(const Resources& each, int instances) {
  Placement moved(each, instances);
  std::vector<Copy> homeless;
  // Who has a place keeps it; of fewer instances those with the most copies stay.
  std::vector<int> order;
  for (int instance = 0; instance < instances_; ++instance) order.push_back(instance);
  std::ranges::stable_sort(order, [this](int a, int b) { return count_on(a) > count_on(b); });
  for (const Copy& copy : copies_) {
    const auto rank = static_cast<int>(std::ranges::find(order, copy.instance) - order.begin());
    if (rank < instances && moved.left_on(rank).holds(copy.need.resources))
      moved.copies_.push_back({copy.need, rank});
    else
      homeless.push_back(copy);
  }
  std::ranges::stable_sort(homeless, [](const Copy& a, const Copy& b) {
    return a.need.resources.memory_mb > b.need.resources.memory_mb;
  });
  for (const Copy& copy : homeless)
    if (!moved.place(copy.need)) return false;
  *this = std::move(moved);
  return true;
}

}  // namespace sagemaker::local::services::hosting
