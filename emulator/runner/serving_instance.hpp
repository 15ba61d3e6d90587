// One instance of an endpoint: unpacks the model, starts the container with "serve", waits for /ping,
// forwards invocations, restarts a container that died (with backoff), and stops it for good.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sagemaker/aws/headers.hpp>

#include "emulator/images/catalog.hpp"
#include "emulator/runner/container.hpp"

namespace sagemaker::local::runner {

struct ServingSpec {
  images::Image image;
  std::map<std::string, std::string> environment;
  std::filesystem::path
      model_archive;  // model.tar.gz of this machine, or a folder with the model's files; empty: no model
  std::filesystem::path root;  // working directory of this instance
  std::string hostname;
  std::chrono::seconds startup_timeout{240};
  std::uint64_t response_bytes_max =
      25 * 1024 * 1024;  // InvokeEndpoint; a larger answer is a server error of the container
  std::function<void(std::string_view line)> on_line;
};

struct Invocation {
  std::string content_type, accept;
  aws::Headers headers;   // X-Amzn-SageMaker-* that a container sees
  std::string_view body;  // must live until invoke returns
};

// What the container answered, or why there is no answer.
struct InvocationResult {
  enum class Kind { answered, timed_out, unreachable } kind = Kind::unreachable;
  int status = 0;
  aws::Headers headers;
  std::string body;
};

class ServingInstance {
 public:
  enum class State { starting, in_service, failed, stopped };
  // Starts in the background; never throws for what the container does.
  static std::unique_ptr<ServingInstance> start(ServingSpec spec, const Sandbox& sandbox,
                                                AddressPool& addresses, const RunnerLimits& limits);
  virtual ~ServingInstance() = default;  // stops without grace
  virtual State state() const = 0;
  // Why it failed, in AWS's terms: "ping" did not pass, or the model archive could not be unpacked.
  enum class Failure { none, ping_health_check, model_data };
  virtual Failure failure() const = 0;
  virtual std::string failure_detail() const = 0;
  // Waits until the state is no longer `starting`, or the timeout.
  virtual State wait_started(std::chrono::milliseconds timeout) = 0;
  // Thread-safe, over kept-alive connections.
  virtual InvocationResult invoke(const Invocation& invocation, std::chrono::milliseconds timeout) = 0;
  virtual int in_flight() const = 0;
  virtual void stop(std::chrono::milliseconds grace) = 0;  // blocks until the tree is gone
};

}  // namespace sagemaker::local::runner
