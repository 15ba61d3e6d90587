#include "emulator/services/sagemaker/hosting/instance.hpp"

#include <algorithm>
#include <thread>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/instance_types.hpp"
#include "emulator/services/sagemaker/hosting/model_cache.hpp"

namespace sagemaker::local::services::hosting {
namespace {

using ContainerState = runner::ServingInstance::State;
using Clock = std::chrono::steady_clock;

std::string new_instance_id() { return "i-" + aws::sha256_hex(aws::uuid4()).substr(0, 17); }

std::string stream_of(const VariantPlan& plan, const std::string& id, std::int64_t now_ms) {
  if (plan.transform_job.empty()) return plan.name + "/" + id;
  return plan.transform_job + "/" + id + "-" + std::to_string(now_ms / 1000);
}

void add_share(std::map<std::string, std::string>& environment, const VariantPlan& plan, int index, int of) {
  const runner::Machine& machine = runner::this_machine();
  runner::Share share = runner::share_of(plan.instance_type, of, machine);
  if (plan.share) {
    if (plan.share->cpus > 0) share.cpus = std::min(plan.share->cpus, machine.cpus);
    share.gpus = std::min(plan.share->gpus, machine.gpus);
  }
  environment["SM_NUM_CPUS"] = std::to_string(share.cpus);
  environment["SM_NUM_GPUS"] = std::to_string(share.gpus);
  environment["OMP_NUM_THREADS"] = std::to_string(share.cpus);
  environment.merge(runner::gpu_environment(share, index, machine));
}

}  // namespace

Instance::Instance(Platform& platform, const VariantPlan& plan, const std::filesystem::path& root, int index,
                   int of)
    : plan_(plan),
      id_(new_instance_id()),
      log_stream_(stream_of(plan, id_, platform.now_ms())),
      root_(root / id_) {
  for (std::size_t container = 0; container < plan_.containers.size(); ++container) {
    containers_.push_back(start(platform, container, root_ / plan_.containers[container].name, index, of));
    const ContainerPlan& one = plan_.containers[container];
    models_.push_back(one.multi_model
                          ? std::make_unique<ModelCache>(platform, one, *containers_.back(), plan_.endpoint,
                                                         root_ / one.name / "ml/models")
                          : nullptr);
  }
}

Instance::~Instance() {
  models_.clear();
  containers_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::unique_ptr<runner::ServingInstance> Instance::start(Platform& platform, std::size_t container,
                                                         const std::filesystem::path& root, int index,
                                                         int of) {
  const ContainerPlan& one = plan_.containers[container];
  const std::string group = log_group();
  const std::string stream = log_stream_ + (plan_.containers.size() > 1 ? "/" + one.name : std::string());
  platform.logs.open_stream(group, stream);
  runner::ServingSpec spec;
  spec.image = one.image;
  spec.container_name = one.name;
  spec.environment = base_container_environment(platform);
  add_share(spec.environment, plan_, index, of);
  if (one.multi_model) spec.environment["SAGEMAKER_MULTI_MODEL"] = "true";
  for (const auto& [name, value] : one.environment) spec.environment[name] = value;
  spec.model_archive = one.model_data;
  spec.multi_model = one.multi_model;
  spec.isolated_network = plan_.isolated_network;
  spec.root = root;
  spec.hostname = plan_.containers.size() > 1 ? one.name : "model.aws.local";
  spec.startup_timeout = plan_.startup_timeout;
  spec.model_timeout = plan_.download_timeout;
  spec.response_bytes_max = plan_.response_bytes_max;
  if (plan_.serverless)
    spec.limits.memory_bytes = static_cast<std::uint64_t>(plan_.serverless->memory_mb) << 20;
  LogWriter& logs = platform.logs;
  spec.on_line = [&logs, group, stream](std::string_view line) { logs.write(group, stream, line); };
  return runner::ServingInstance::start(std::move(spec), platform.sandbox, platform.addresses,
                                        platform.limits.runner);
}

Instance::State Instance::state() const {
  State worst = State::in_service;
  for (const auto& container : containers_) {
    switch (container->state()) {
      case ContainerState::failed:
        return State::failed;
      case ContainerState::stopped:
        worst = State::stopped;
        break;
      case ContainerState::starting:
        if (worst == State::in_service) worst = State::starting;
        break;
      case ContainerState::in_service:
      case ContainerState::restarting:
        break;
    }
  }
  return worst;
}

bool Instance::ready() const {
  return std::all_of(containers_.begin(), containers_.end(),
                     [](const auto& container) { return container->ready(); });
}

Instance::State Instance::wait_started(std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (const auto& container : containers_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const ContainerState state = container->wait_started(std::max(left, std::chrono::milliseconds(0)));
    if (state == ContainerState::starting || state == ContainerState::failed) break;
  }
  return state();
}

std::string Instance::failure_reason() const {
  for (std::size_t index = 0; index < containers_.size(); ++index) {
    const runner::ServingInstance& container = *containers_[index];
    if (container.state() != ContainerState::failed) continue;
    const ContainerPlan& one = plan_.containers[index];
    if (plan_.transform_job.empty())
      spdlog::warn("endpoint {}: {}", plan_.endpoint, container.failure_detail());
    else
      spdlog::warn("transform job {}: {}", plan_.transform_job, container.failure_detail());
    if (container.failure() == runner::ServingInstance::Failure::model_data)
      return "Failed to extract model data archive for container \"" + one.name + "\" from URL \"" +
             one.model_uri +
             "\". Please ensure that the object located at the URL is a valid tar.gz archive. (" +
             container.failure_detail() + ")";
    if (!plan_.transform_job.empty()) return "Model container failed to respond to ping";
    if (!plan_.component.empty())
      return "The " + one.name + " container for inference component " + plan_.component +
             " did not pass the ping health check. Please check CloudWatch logs for this inference "
             "component.";
    return "The " + one.name + " container for production variant " + plan_.name +
           " did not pass the ping health check. Please check CloudWatch logs for this endpoint.";
  }
  return {};
}

void Instance::stop(std::chrono::milliseconds grace) {
  std::vector<std::thread> stops;
  for (std::size_t index = 1; index < containers_.size(); ++index)
    stops.emplace_back([this, index, grace] { containers_[index]->stop(grace); });
  if (!containers_.empty()) containers_.front()->stop(grace);
  for (std::thread& stop : stops) stop.join();
}

}  // namespace sagemaker::local::services::hosting
