#include "emulator/services/sagemaker/hosting/serverless.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/hosting/model_error.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::hosting {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* space = "AWS/SageMaker";

Metrics::Dimensions dimensions_of(const VariantPlan& plan) {
  return {{"EndpointName", plan.endpoint}, {"VariantName", plan.name}};
}

}  // namespace

Serverless::Serverless(Platform& platform, const VariantPlan& plan, Environments environments)
    : platform_(platform),
      plan_(plan),
      environments_(std::move(environments)),
      pool_(
          std::make_shared<Pool>(plan.serverless->max_concurrency, plan.serverless->provisioned_concurrency)),
      metrics_(platform.metrics, space, dimensions_of(plan)) {
  tasks_.run([this] {
    for (;;) {
      auto idle = pool_->wait_idle(platform_.limits.serverless.idle);
      if (idle.empty()) return;
      end_all(std::move(idle));
    }
  });
}

Serverless::~Serverless() { close(); }

void Serverless::close() { pool_->close(); }

ServerlessPlan Serverless::plan() const {
  return {.memory_mb = plan_.serverless->memory_mb,
          .max_concurrency = pool_->max_concurrency(),
          .provisioned_concurrency = pool_->provisioned()};
}

std::string Serverless::resize(int max_concurrency, int provisioned_concurrency) {
  const ServerlessPlan before = plan();
  pool_->resize(max_concurrency, provisioned_concurrency);
  std::string failure;
  if (const int missing = pool_->missing(); missing > 0) {
    for (int i = 0; i < missing; ++i) pool_->begin_start();
    failure = start(missing);
    for (int i = 0; !failure.empty() && i < missing; ++i) pool_->failed(failure);
  }
  if (!failure.empty()) pool_->resize(before.max_concurrency, before.provisioned_concurrency);
  return failure;
}

void Serverless::adopt(const std::vector<std::shared_ptr<Instance>>& started) {
  for (const auto& environment : started) pool_->put(environment, Clock::now());
}

InstanceUse Serverless::acquire(const Instance* except) {
  auto entry = pool_->enter(
      [except](const Instance& environment) { return &environment != except && environment.ready(); });
  if (!entry.broken.empty()) end_all(std::move(entry.broken));
  // AWS answers this code with 400, and without a message.
  if (!entry.admitted) throw ServiceFault("ThrottlingException", 400, "Rate exceeded");
  count(entry.under_way);
  if (entry.start) start_one();
  if (!entry.environment) {
    std::string failure;
    entry.environment = pool_->wait(failure);
    if (!entry.environment)
      throw model_error(platform_, log_group(plan_), plan_.containers.front().name, 500, failure);
  }
  Instance* const instance = entry.environment.get();
  // Given back to the pool when the request has been answered, whatever becomes of the variant meanwhile.
  auto give_back = [pool = pool_, environment = std::move(entry.environment)](Instance*) mutable {
    pool->leave(std::move(environment), Clock::now());
  };
  return InstanceUse(std::shared_ptr<Instance>(instance, std::move(give_back)));
}

// What the pool counts as starting must come to an end whatever happens: a request waits for it.
std::string Serverless::start(int more) {
  try {
    return environments_.start(more);
  } catch (const std::exception& error) {
    return error.what();
  }
}

void Serverless::start_one() try {
  tasks_.run([this] {
    const Clock::time_point begun = Clock::now();
    if (std::string failure = start(1); !failure.empty()) return pool_->failed(std::move(failure));
    const auto took = std::chrono::duration<double, std::micro>(Clock::now() - begun);
    metrics_.add("ModelSetupTime", took.count(), platform_.clock->now());
  });
} catch (const std::exception& error) {  // no thread can be had
  pool_->failed(error.what());
}

void Serverless::end_all(std::vector<std::shared_ptr<Instance>> environments) {
  for (auto& environment : environments) {
    try {
      tasks_.run([this, environment] { environments_.end(environment); });
    } catch (const std::exception& error) {  // it gets no requests, and ends with the variant
      spdlog::warn("an environment of {} is not ended yet: {}", plan_.endpoint, error.what());
    }
  }
}

// What CloudWatch is told of a request when it comes: how much of what is allowed and of what is provisioned
// is in use with it.
void Serverless::count(int under_way) {
  const aws::TimePoint now = platform_.clock->now();
  const ServerlessPlan allowed = plan();
  const auto share = [under_way](int of) { return static_cast<double>(under_way) / of; };
  metrics_.add("ServerlessConcurrentExecutionsUtilization", share(allowed.max_concurrency), now);
  const int provisioned = allowed.provisioned_concurrency;
  if (provisioned == 0) return;
  const bool spilled = under_way > provisioned;
  metrics_.add("ServerlessProvisionedConcurrencyExecutions", std::min(under_way, provisioned), now);
  metrics_.add("ServerlessProvisionedConcurrencyUtilization", std::min(1.0, share(provisioned)), now);
  metrics_.add("ServerlessProvisionedConcurrencyInvocations", spilled ? 0 : 1, now);
  metrics_.add("ServerlessProvisionedConcurrencySpilloverInvocations", spilled ? 1 : 0, now);
}

}  // namespace sagemaker::local::services::hosting
