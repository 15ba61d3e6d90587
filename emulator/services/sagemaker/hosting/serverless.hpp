// A serverless variant while it runs: environments are started when requests come, take one request each at a
// time, and end when they have been idle. What decides is the EnvironmentPool; this starts, ends and counts.
// https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emulator/services/background.hpp"
#include "emulator/services/metrics/publisher.hpp"
#include "emulator/services/sagemaker/hosting/environment_pool.hpp"
#include "emulator/services/sagemaker/hosting/instance.hpp"

namespace sagemaker::local::services::hosting {

class Serverless {
 public:
  // What the variant does for it.
  struct Environments {
    // Starts `more` and waits until they serve or do not: then the answer is why, in AWS's words.
    std::function<std::string(int more)> start;
    std::function<void(const std::shared_ptr<Instance>& environment)> end;
  };

  Serverless(Platform& platform, const VariantPlan& plan, Environments environments);
  ~Serverless();
  Serverless(const Serverless&) = delete;
  Serverless& operator=(const Serverless&) = delete;

  // As it is now: UpdateEndpointWeightsAndCapacities changes it.
  ServerlessPlan plan() const;
  // Starts what is newly provisioned, and waits for it; the answer is why that failed.
  std::string resize(int max_concurrency, int provisioned_concurrency);

  // Environments that have just been started serve now.
  void adopt(const std::vector<std::shared_ptr<Instance>>& started);
  // An environment for one request; waits for one that starts. Throws ServiceFault: ThrottlingException where
  // MaxConcurrency requests are under way, ModelError where no environment could be started. `except`: one
  // that takes no requests any more; it is ended.
  InstanceUse acquire(const Instance* except = nullptr);

  // Nobody gets an environment any more. To be called before the environments are stopped.
  void close();

 private:
  using Pool = EnvironmentPool<Instance>;
  std::string start(int more);
  void start_one();
  void end_all(std::vector<std::shared_ptr<Instance>> environments);
  void count(int under_way);

  Platform& platform_;
  const VariantPlan plan_;
  const Environments environments_;
  const std::shared_ptr<Pool> pool_;  // whoever has an environment keeps it
  MetricPublisher metrics_;
  BackgroundTasks tasks_;
};

}  // namespace sagemaker::local::services::hosting
