// One instance of a variant or of a batch transform job: the containers that an ML compute instance would
// run, started together, with their logs in CloudWatch.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "emulator/runner/serving_instance.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"

namespace sagemaker::local::services::hosting {

class ModelCache;

class Instance {
 public:
  // Starts the containers in the background. `root`: of the variant; `index`: which of the variant's
  // instances this is, for its GPUs; `of`: how many there will be, for its share of the machine.
  Instance(Platform& platform, const VariantPlan& plan, const std::filesystem::path& root, int index, int of);
  ~Instance();  // kills what still runs, and removes its files
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  enum class State { starting, in_service, failed, stopped };
  const std::string& id() const { return id_; }  // "i-0123456789abcdef0"
  State state() const;                           // of all containers together: the worst of them
  // All containers can be spoken to now; false while one of them is being started again.
  bool ready() const;
  State wait_started(std::chrono::milliseconds timeout);
  // Why it did not start, in AWS's words.
  std::string failure_reason() const;
  // SIGTERM to all containers, SIGKILL after `grace`; returns when they are gone. Thread-safe.
  void stop(std::chrono::milliseconds grace);

  std::string log_group() const { return hosting::log_group(plan_); }
  // "VARIANT/i-0123456789abcdef0", or "JOB/i-0123456789abcdef0-EPOCH" of a transform job. Below it each
  // container of a pipeline has its stream; the only container writes here.
  const std::string& log_stream() const { return log_stream_; }
  std::size_t container_count() const { return containers_.size(); }
  const ContainerPlan& plan(std::size_t container) const { return plan_.containers.at(container); }
  runner::ServingInstance& container(std::size_t container) const { return *containers_.at(container); }
  // The models of a multi-model container; null for any other.
  ModelCache* models(std::size_t container) const { return models_.at(container).get(); }

  int outstanding() const { return outstanding_.load(std::memory_order_relaxed); }

 private:
  friend class InstanceUse;
  std::unique_ptr<runner::ServingInstance> start(Platform& platform, std::size_t container,
                                                 const std::filesystem::path& root, int index, int of);

  const VariantPlan plan_;
  const std::string id_;
  const std::string log_stream_;
  const std::filesystem::path root_;
  std::vector<std::unique_ptr<runner::ServingInstance>> containers_;
  std::vector<std::unique_ptr<ModelCache>> models_;
  std::atomic<int> outstanding_{0};
};

// Keeps an instance for one request, which counts as outstanding meanwhile. Empty: no instance.
class InstanceUse {
 public:
  InstanceUse() = default;
  explicit InstanceUse(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {
    if (instance_) instance_->outstanding_.fetch_add(1, std::memory_order_relaxed);
  }
  InstanceUse(InstanceUse&& other) noexcept : instance_(std::move(other.instance_)) {}
  InstanceUse& operator=(InstanceUse&& other) noexcept {
    std::swap(instance_, other.instance_);
    return *this;
  }
  ~InstanceUse() {
    if (instance_) instance_->outstanding_.fetch_sub(1, std::memory_order_release);
  }
  explicit operator bool() const { return instance_ != nullptr; }
  Instance* operator->() const { return instance_.get(); }
  Instance& operator*() const { return *instance_; }

 private:
  std::shared_ptr<Instance> instance_;
};

}  // namespace sagemaker::local::services::hosting
