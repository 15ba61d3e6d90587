#include "emulator/services/sagemaker/hosting/variant.hpp"

#include <algorithm>
#include <thread>

#include "emulator/services/sagemaker/hosting/model_cache.hpp"
#include "emulator/services/sagemaker/hosting/serverless.hpp"

namespace sagemaker::local::services::hosting {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void stop_all(const Variant::Instances& instances, milliseconds grace) {
  // SIGTERM to all at once, then wait for each: ten instances do not stop ten times as slowly.
  std::vector<std::thread> stops;
  for (const auto& instance : instances) stops.emplace_back([instance, grace] { instance->stop(grace); });
  for (std::thread& stop : stops) stop.join();
}

}  // namespace

Variant::Variant(Platform& platform, VariantPlan plan, std::filesystem::path root)
    : platform_(platform),
      plan_(std::move(plan)),
      root_(std::move(root)),
      weight_(plan_.initial_weight),
      instances_(std::make_shared<Instances>()),
      serverless_(make_serverless()) {}

Variant::~Variant() { stop(milliseconds(0)); }

std::unique_ptr<Serverless> Variant::make_serverless() {
  if (!plan_.serverless) return nullptr;
  return std::make_unique<Serverless>(
      platform_, plan_,
      Serverless::Environments{
          .start = [this](int more) { return add(more, [this] { return stopped_.load(); }); },
          .end = [this](const std::shared_ptr<Instance>& environment) { drop(environment); }});
}

std::shared_ptr<const Variant::Instances> Variant::instances() const {
  const std::lock_guard lock(mutex_);
  return instances_;
}

Variant::Instances Variant::begin(int more) {
  Instances started;
  for (int i = 0; i < more; ++i) {
    int index = 0, of = 0;
    {
      const std::lock_guard lock(mutex_);
      index = next_index_++;
      of = static_cast<int>(instances_->size()) + more;
    }
    started.push_back(std::make_shared<Instance>(platform_, plan_, root_, index, of));
    const std::lock_guard lock(mutex_);
    std::erase_if(started_, [](const auto& known) { return known.expired(); });
    started_.push_back(started.back());
    if (stopped_) break;  // await() stops it
  }
  return started;
}

std::string Variant::await(Instances started, const GiveUp& give_up) {
  std::string failure;
  for (const auto& instance : started) {
    Instance::State state = Instance::State::starting;
    while (state == Instance::State::starting && failure.empty()) {
      if (give_up()) failure = "stopped";
      state = instance->wait_started(milliseconds(100));
    }
    if (failure.empty() && state != Instance::State::in_service) {
      failure = instance->failure_reason();
      if (failure.empty()) failure = "stopped";
    }
    if (!failure.empty()) break;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ && failure.empty()) failure = "stopped";
    if (failure.empty()) {
      auto all = std::make_shared<Instances>(*instances_);
      all->insert(all->end(), started.begin(), started.end());
      instances_ = std::move(all);
    }
  }
  if (failure.empty()) {
    if (serverless_) serverless_->adopt(started);
    return {};
  }
  stop_all(started, milliseconds(0));
  return failure;
}

std::string Variant::add(int more, const GiveUp& give_up) { return await(begin(more), give_up); }

void Variant::remove(int fewer, milliseconds grace, const GiveUp& hurry) {
  Instances leaving;
  {
    const std::lock_guard lock(mutex_);
    auto left = std::make_shared<Instances>(*instances_);
    for (int i = 0; i < fewer && !left->empty(); ++i) {
      const auto idle = std::min_element(left->begin(), left->end(), [](const auto& a, const auto& b) {
        return a->outstanding() < b->outstanding();
      });
      leaving.push_back(*idle);
      left->erase(idle);
    }
    instances_ = std::move(left);
  }
  // Whoever was given one of them before has its answer first.
  const Clock::time_point deadline =
      Clock::now() + std::max(plan_.drain_time, platform_.limits.runner.invocation_timeout);
  const auto outstanding = [&] {
    return std::any_of(leaving.begin(), leaving.end(), [](const auto& instance) {
      return instance.use_count() > 1 || instance->outstanding() > 0;
    });
  };
  while (outstanding() && !hurry() && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(10));
  stop_all(leaving, grace);
}

void Variant::drop(const std::shared_ptr<Instance>& instance) {
  {
    const std::lock_guard lock(mutex_);
    auto left = std::make_shared<Instances>(*instances_);
    std::erase(*left, instance);
    instances_ = std::move(left);
  }
  instance->stop(platform_.limits.runner.serving_stop_grace);
}

InstanceUse Variant::acquire(double random, const std::string& target_model) {
  if (serverless_) return serverless_->acquire();
  if (!target_model.empty())
    if (InstanceUse loaded = pick_loaded(target_model)) return loaded;
  return pick(random);
}

InstanceUse Variant::acquire_other(double random, InstanceUse refused) {
  if (!serverless_) {
    InstanceUse other = pick(random, refused ? &*refused : nullptr);
    return other ? std::move(other) : pick(random);
  }
  const Instance* const except = refused ? &*refused : nullptr;
  refused = InstanceUse();  // given back first: it counts among those that MaxConcurrency allows
  return serverless_->acquire(except);
}

std::optional<ServerlessPlan> Variant::serverless_plan() const {
  return serverless_ ? std::optional(serverless_->plan()) : std::nullopt;
}

std::string Variant::resize(std::optional<int> max_concurrency, std::optional<int> provisioned_concurrency) {
  if (!serverless_) return {};
  const ServerlessPlan now = serverless_->plan();
  return serverless_->resize(max_concurrency.value_or(now.max_concurrency),
                             provisioned_concurrency.value_or(now.provisioned_concurrency));
}

InstanceUse Variant::pick(double random, const Instance* except) const {
  const auto all = instances();
  const auto usable = [except](const auto& instance) {
    return instance.get() != except && instance->ready();
  };
  if (plan_.random_routing) {
    const auto count = static_cast<std::size_t>(std::count_if(all->begin(), all->end(), usable));
    if (count == 0) return {};
    std::size_t chosen = std::min(static_cast<std::size_t>(random * static_cast<double>(count)), count - 1);
    for (const auto& instance : *all)
      if (usable(instance) && chosen-- == 0) return InstanceUse(instance);
    // One of them has stopped being ready since it was counted.
  }
  std::shared_ptr<Instance> best;
  for (const auto& instance : *all)
    if (usable(instance) && (!best || instance->outstanding() < best->outstanding())) best = instance;
  return InstanceUse(std::move(best));
}

InstanceUse Variant::pick_loaded(const std::string& target_model) const {
  std::shared_ptr<Instance> best;
  const auto all = instances();  // the loop does not keep the snapshot
  for (const auto& instance : *all) {
    const ModelCache* const models = instance->container_count() > 0 ? instance->models(0) : nullptr;
    if (models == nullptr || !instance->ready() || !models->has(target_model)) continue;
    if (!best || instance->outstanding() < best->outstanding()) best = instance;
  }
  return InstanceUse(std::move(best));
}

void Variant::stop(milliseconds grace) {
  if (serverless_) serverless_->close();
  Instances running;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& started : started_)
      if (auto instance = started.lock()) running.push_back(std::move(instance));
    instances_ = std::make_shared<Instances>();  // `running` keeps them: their end without a stop has no grace
  }
  stop_all(running, grace);
}

}  // namespace sagemaker::local::services::hosting
