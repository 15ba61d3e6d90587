// The live side of inference components: their copies on the instances of an endpoint's variant, and the work
// that creates, scales, updates and deletes them in the background. Records say what should run.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/hosting/placement.hpp"
#include "emulator/services/sagemaker/hosting/skippable_wait.hpp"
#include "emulator/services/sagemaker/hosting/traffic_split.hpp"
#include "emulator/services/sagemaker/hosting/variant.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view inference_component_kind = "inference-component";

namespace hosting {

// One version of a component: its copies are the instances of a variant of their own.
struct ComponentPool {
  std::shared_ptr<Variant> copies;
  CopyNeed need;
};

struct LiveComponent {
  std::string name, endpoint, variant;
  TrafficSplit<Variant> split;
  SkippableWait wait;
  ComponentPool current;  // used by one task at a time: the record says that it is busy
};

class ComponentFleet {
 public:
  // What it needs of the endpoints.
  struct Hosts {
    // The variant of the endpoint's own deployment; null while nothing serves.
    std::function<std::shared_ptr<Variant>(const std::string& endpoint, const std::string& variant)> find;
    std::function<bool(const std::string& endpoint)> failed;          // it will not come up any more
    std::function<void(const std::string& endpoint)> counts_changed;  // managed instance scaling was at work
    std::function<bool(const std::string& alarm)> in_alarm;
  };

  ComponentFleet(Platform& platform, Hosts hosts) : platform_(platform), hosts_(std::move(hosts)) {}
  ~ComponentFleet() { shut_down(); }
  // Stops all copies; the records keep their state. From any thread.
  void shut_down();
  void recover();  // at start-up

  // The records are Creating, Updating, Deleting; their "_definition" is what plan_component() takes.
  void create(const store::Record& component);
  void scale(const store::Record& component);  // to its DesiredCopyCount
  // To `definition`, in the batches of `config`, an InferenceComponentDeploymentConfig or an empty object:
  // copy by copy.
  void update(const store::Record& component, const json& definition, const json& config);
  void remove(const store::Record& component);

  // Null where there is none of this name.
  std::shared_ptr<LiveComponent> find(const std::string& component) const;
  // Whether the copies that are placed on a variant fit onto so many instances of a type.
  bool fit(const std::string& endpoint, const std::string& variant, const std::string& instance_type,
           int instances) const;
  // The copies of each component on each instance of the variant.
  std::vector<std::map<std::string, int>> placed(const std::string& endpoint,
                                                 const std::string& variant) const;

 private:
  using Live = std::shared_ptr<LiveComponent>;
  using HostKey = std::pair<std::string, std::string>;  // endpoint, variant

  std::filesystem::path folder(const std::string& component) const;
  Live make_live(const store::Record& component);
  ComponentPool make_pool(const LiveComponent& live, const json& definition);
  // Room for `count` copies, on further instances where the variant scales by itself. The answer is why there
  // is none, in AWS's words.
  std::string reserve(const LiveComponent& live, const CopyNeed& need, int count);
  void release(const LiveComponent& live, const CopyNeed& need, int count);
  std::string add(const LiveComponent& live, const ComponentPool& pool, int more,
                  const Variant::GiveUp& give_up);
  void remove(const LiveComponent& live, const ComponentPool& pool, int fewer);
  void end(const LiveComponent& live, ComponentPool pool);  // all of its copies, when they are idle
  std::string bring_up(const store::Record& component);
  std::string replace(LiveComponent& live, const json& definition, int count, const json& config);
  void settle(const std::string& name, const std::string& failure, const json* definition,
              const std::string& note = {});
  // Runs `work`, whose answer is why it failed, and settles the record.
  void run(const store::Record& component, std::function<std::string()> work,
           const json* definition = nullptr, const std::string& note = {});

  Platform& platform_;
  const Hosts hosts_;
  mutable std::mutex mutex_;
  std::map<std::string, Live> live_;
  std::map<HostKey, Placement> placements_;
  std::vector<std::weak_ptr<Variant>> started_;
  std::atomic<bool> shutting_down_{false};
  std::atomic<std::uint64_t> generation_{0};
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace hosting
}  // namespace sagemaker::local::services
