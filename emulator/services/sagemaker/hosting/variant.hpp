// A variant of a deployed configuration: its instances, how many there are to be, its share of the requests,
// and which instance takes the next one.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "emulator/services/sagemaker/hosting/instance.hpp"

namespace sagemaker::local::services::hosting {

class Serverless;

class Variant {
 public:
  using Instances = std::vector<std::shared_ptr<Instance>>;
  using GiveUp = std::function<bool()>;

  // `root`: where its instances have their folders. Nothing is started yet.
  Variant(Platform& platform, VariantPlan plan, std::filesystem::path root);
  ~Variant();  // kills what still runs
  Variant(const Variant&) = delete;
  Variant& operator=(const Variant&) = delete;

  const VariantPlan& plan() const { return plan_; }
  const std::string& name() const { return plan_.name; }
  double weight() const { return weight_.load(std::memory_order_relaxed); }
  void set_weight(double weight) { weight_.store(weight, std::memory_order_relaxed); }

  // Those that take requests, or will when their containers are up again. A snapshot.
  std::shared_ptr<const Instances> instances() const;
  int count() const { return static_cast<int>(instances()->size()); }

  // Starts `more` instances; they take requests when all of them serve. Waits for that; the answer is why
  // one of them failed, in AWS's words, and then none of them is kept. Empty: all serve. `give_up` is asked
  // several times a second; what it ends is stopped, and the answer is "stopped".
  std::string add(int more, const GiveUp& give_up);
  // The two halves of add(), so that several variants start at once.
  Instances begin(int more);
  std::string await(Instances started, const GiveUp& give_up);
  // Takes `fewer` instances, those with the fewest outstanding requests, out of service, waits until their
  // requests have been answered, and stops them.
  void remove(int fewer, std::chrono::milliseconds grace, const GiveUp& hurry);

  // An instance for one request: of a serverless variant an environment, for which this may wait; of any
  // other one that has `target_model` loaded (empty: none is meant), or pick(). Empty: there is none. Throws
  // ServiceFault where a serverless variant has none for it.
  InstanceUse acquire(double random, const std::string& target_model);
  // The same for a request that `refused` has not taken: `refused` again only where no other one is ready.
  InstanceUse acquire_other(double random, InstanceUse refused);

  // An instance by the variant's routing strategy; `random` in [0, 1). Those that can be spoken to now come
  // first. Empty: there is none.
  InstanceUse pick(double random, const Instance* except = nullptr) const;
  // The least busy instance that has this model of a multi-model container loaded; empty: none has.
  InstanceUse pick_loaded(const std::string& target_model) const;

  // Of a serverless variant, as it is now.
  std::optional<ServerlessPlan> serverless_plan() const;
  // Sets what is given; waits until what is newly provisioned serves. The answer is why it does not.
  std::string resize(std::optional<int> max_concurrency, std::optional<int> provisioned_concurrency);

  // Ends all instances at once; thread-safe, the shortest grace counts.
  void stop(std::chrono::milliseconds grace);

 private:
  std::unique_ptr<Serverless> make_serverless();
  void drop(const std::shared_ptr<Instance>& instance);  // out of service, and stopped

  Platform& platform_;
  const VariantPlan plan_;
  const std::filesystem::path root_;
  std::atomic<double> weight_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Instances> instances_;  // replaced as a whole, never changed
  std::vector<std::weak_ptr<Instance>>
      started_;  // all that ever were: those that start or drain are stopped too
  std::atomic<bool> stopped_{false};
  int next_index_ = 0;
  std::unique_ptr<Serverless>
      serverless_;  // last: it uses the rest until it is gone. Null: the variant is not
};

}  // namespace sagemaker::local::services::hosting
