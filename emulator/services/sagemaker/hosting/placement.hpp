// On which instances of a variant the copies of inference components are: who has room for one more, and
// whether all of them fit. It counts; the containers of the copies are the component's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::hosting {

struct Resources {
  double cpus = 0;
  double accelerators = 0;
  double memory_mb = 0;

  bool holds(const Resources& need) const;
  Resources& operator-=(const Resources& other);
};

// ComputeResourceRequirements; what is absent is 0.
Resources resources_of(const json& requirements);
// What an instance of this type offers to copies: all that it has. Types that are not known offer everything.
Resources capacity_of(const std::string& instance_type);

struct CopyNeed {
  std::string component;
  Resources resources;
  bool binpack = false;  // PlacementStrategy BINPACK: onto few instances; else SPREAD
};

class Placement {
 public:
  Placement() = default;
  Placement(const Resources& each, int instances) : each_(each), instances_(instances) {}

  int instances() const { return instances_; }
  int idle_instances() const;  // that have no copy
  // The copies of each component on each instance.
  std::vector<std::map<std::string, int>> copies() const;

  // One more copy. False: no instance has room for it.
  bool place(const CopyNeed& need);
  // Whether one copy would fit onto an instance that has nothing else.
  bool fits_alone(const CopyNeed& need) const { return each_.holds(need.resources); }
  // One copy less: where the component has the most of them, or where the least else is for BINPACK.
  void release(const std::string& component);

  // Other instances, or another number of them: copies move where they must. False: they would not fit, and
  // nothing has changed.
  bool rehost(const Resources& each, int instances);

 private:
  struct Copy {
    CopyNeed need;
    int instance = 0;
  };
  Resources left_on(int instance) const;
  int count_on(int instance) const;
  int best_for(const CopyNeed& need) const;  // -1: none

  Resources each_;
  int instances_ = 0;
  std::vector<Copy> copies_;
};

}  // namespace sagemaker::local::services::hosting
