#include "emulator/services/sagemaker/transform/instances.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "emulator/services/sagemaker/transform/parameters.hpp"
#include "emulator/services/sagemaker/transform/state.hpp"

namespace sagemaker::local::services::transform {
namespace {

using State = hosting::Instance::State;
using std::chrono::milliseconds;

constexpr milliseconds look_interval{50};  // at whether the job is to end
constexpr milliseconds hurried_grace{2'000};

}  // namespace

hosting::VariantPlan instance_plan(Platform& platform, const json& job, const std::filesystem::path& kept) {
  const std::string model = job.at("ModelName");
  const json& resources = job.at("TransformResources");
  const json variant = {{"VariantName", "AllTraffic"},
                        {"ModelName", model},
                        {"InstanceType", resources.at("InstanceType")},
                        {"InitialInstanceCount", resources.at("InstanceCount")}};
  const std::string name = job.at("TransformJobName");
  hosting::VariantPlan plan =
      hosting::plan_variant(platform, name, json::object(), variant, {{model, model_document(job)}}, kept);
  plan.transform_job = name;
  // A batch of records has more to say than one invocation of an endpoint.
  plan.response_bytes_max = platform.limits.runner.async_payload_bytes_max;
  for (hosting::ContainerPlan& container : plan.containers)
    for (const auto& [variable, value] : batch_environment(job)) container.environment[variable] = value;
  return plan;
}

Instances::Instances(Platform& platform, const hosting::VariantPlan& plan, const std::filesystem::path& root,
                     int count) {
  for (int index = 0; index < count; ++index)
    instances_.push_back(std::make_unique<hosting::Instance>(platform, plan, root, index, count));
}

bool Instances::wait_started(const std::function<bool()>& stopped) {
  for (const auto& instance : instances_) {
    State state = instance->wait_started(look_interval);
    while (state == State::starting) {
      if (stopped() || !failure_reason().empty()) return false;
      state = instance->wait_started(look_interval);
    }
    if (state != State::in_service) return false;
  }
  return !stopped();
}

std::string Instances::failure_reason() const {
  for (const auto& instance : instances_) {
    if (instance->state() != State::failed) continue;
    const std::string reason = instance->failure_reason();
    return (reason.starts_with("Failed to extract") ? "ClientError: " : "AlgorithmError: ") + reason;
  }
  return {};
}

void Instances::stop(milliseconds grace, const std::function<bool()>& hurry) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t left = instances_.size();
  std::vector<std::jthread> stops;
  for (const auto& instance : instances_) {
    stops.emplace_back([&, one = instance.get()] {
      one->stop(grace);
      const std::lock_guard lock(mutex);
      --left;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  while (!changed.wait_for(lock, look_interval, [&] { return left == 0; })) {
    if (!hurry()) continue;
    lock.unlock();
    for (const auto& instance : instances_) instance->stop(hurried_grace);
    lock.lock();
  }
}

}  // namespace sagemaker::local::services::transform
