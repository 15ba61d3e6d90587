// The live side of endpoints: which instances serve which variant, starting and replacing them, and choosing
// one for an invocation. Records say what should run; the fleet is what runs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "emulator/runner/serving_instance.hpp"
#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view endpoint_kind = "endpoint";

// One production variant of a deployed configuration.
struct LiveVariant {
  std::string name;
  double weight = 1.0;
  json image;  // an entry of DeployedImages
  std::vector<std::unique_ptr<runner::ServingInstance>> instances;
};

// All instances of one endpoint configuration, started together. Immutable once it serves.
struct Deployment {
  std::vector<LiveVariant> variants;
  std::filesystem::path root;
  std::chrono::milliseconds grace{0};
  // Ends all instances at once and returns when they are gone; thread-safe, the shortest grace counts. An
  // invocation that still runs after it is answered by an error.
  void stop(std::chrono::milliseconds time) const;
  ~Deployment();  // stops, and removes the instances' folders
};

class EndpointFleet {
 public:
  // `random`: uniform in [0, 1), thread-safe; chooses the variant of a request.
  EndpointFleet(Platform& platform, std::function<double()> random);
  ~EndpointFleet();  // shuts down
  // Stops all instances; the records keep their state, so that the next start brings them back. From any
  // thread: handlers that wait for a container's answer end with it.
  void shut_down();

  // The record's document names the configuration; its "_deployment" holds configuration and models as they
  // were at creation.
  void create(const store::Record& endpoint);
  // Starts the new fleet first, then switches and stops the old one; keeps the old one when the new one
  // fails.
  void update(const store::Record& endpoint, const json& deployment);
  void remove(const std::string& endpoint);
  // At start-up: endpoints of an earlier emulator come back as SystemUpdating until they answer.
  void recover();

  // What serves this endpoint now; nullptr while nothing does.
  std::shared_ptr<const Deployment> serving(const std::string& endpoint) const;
  // A variant by weight, then its least busy instance in service; nullptr: none is in service.
  struct Choice {
    const LiveVariant* variant = nullptr;
    runner::ServingInstance* instance = nullptr;
  };
  // `target_variant`: empty to choose by weight. ServiceFault ValidationError where it does not exist.
  Choice choose(const Deployment& deployment, const std::string& target_variant,
                const std::string& endpoint) const;

 private:
  struct Outcome {
    std::shared_ptr<Deployment> deployment;
    std::string failure_reason;  // empty: it serves
  };
  Outcome deploy(const std::string& endpoint, const std::string& endpoint_arn, const json& deployment);
  std::unique_ptr<runner::ServingInstance> start_instance(const std::string& endpoint, const json& variant,
                                                          const json& model,
                                                          const std::filesystem::path& model_data,
                                                          const std::filesystem::path& root, int index);
  void bring_up(const std::string& name, const std::string& arn, const json& deployment);
  void publish(const std::string& name, std::shared_ptr<Deployment> deployment);

  Platform& platform_;
  std::function<double()> random_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Deployment>> serving_;
  std::vector<std::weak_ptr<Deployment>>
      started_;  // those that serve, those that start and those that are being stopped
  std::atomic<bool> shutting_down_{false};
  std::atomic<std::uint64_t> generation_{0};
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace sagemaker::local::services
