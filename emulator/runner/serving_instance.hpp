// One instance of an endpoint or a transform job: unpacks the model, starts the container with "serve", waits
// for /ping, forwards invocations, restarts a container that died (with backoff), and stops it for good.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/headers.hpp>

#include "emulator/images/catalog.hpp"
#include "emulator/runner/container.hpp"

namespace sagemaker::local::runner {

// restarting: it was in service, its container ended, and the next one has not passed its ping yet.
enum class ServingState { starting, in_service, restarting, failed, stopped };

struct ServingSpec {
  images::Image image;
  std::map<std::string, std::string> environment;
  // model.tar.gz of this machine, or a folder with the model's files; empty: no model. /opt/ml/model holds
  // it.
  std::filesystem::path model_archive;
  // `model_archive` is one file that is copied as it is, under the name `model_file` (empty: its own).
  bool model_is_plain = false;
  std::string model_file;
  // The container loads and unloads models: /opt/ml/models (root/ml/models) is empty and belongs to the
  // platform, the container may only read it. No model is unpacked.
  bool multi_model = false;
  std::vector<Mount> mounts;
  bool isolated_network = false;  // EnableNetworkIsolation: nothing can be reached from inside
  ContainerLimits limits = {};
  std::filesystem::path root;  // working directory of this instance
  std::string hostname;
  std::string container_name = "primary";  // as texts for people name it
  std::chrono::seconds startup_timeout{240};
  std::chrono::seconds model_timeout{3600};  // to provide the model: ModelDataDownloadTimeoutInSeconds
  std::uint64_t response_bytes_max =
      25 * 1024 * 1024;  // InvokeEndpoint; a larger answer is a server error of the container
  std::function<void(std::string_view line)> on_line;
  // The state has changed to this one. Called without any lock, one call at a time; it must not wait for the
  // instance (stop, wait_started).
  std::function<void(ServingState state)> on_state;
};

struct Invocation {
  std::string content_type, accept;
  aws::Headers headers;   // X-Amzn-SageMaker-* that a container sees
  std::string_view body;  // must live until invoke returns
  // Where set, the body is pulled while it is sent, with chunked encoding: HttpRequest::pull.
  std::function<std::size_t(char* target, std::size_t size)> pull = {};
  std::string method = "POST";
  std::string target = "/invocations";
  // Where `on_piece` is set, the body of a 2xx answer is handed over as it arrives and InvocationResult::body
  // stays empty; `on_head` is called once before. False ends the exchange and closes the connection.
  // invoke()'s timeout then is the time to the answer's head, and `stream_timeout` the time for all of it
  // (AWS: 8 minutes).
  std::function<void(int status, const aws::Headers& headers)> on_head = {};
  std::function<bool(std::string_view piece)> on_piece = {};
  std::chrono::milliseconds stream_timeout{480'000};
};

// What the container answered, or why there is no answer.
struct InvocationResult {
  // refused: nothing was sent, so that another instance can be asked; unreachable: no byte of an answer came;
  // broken: it began and was not HTTP to its end. A stream that timed out or broke off has the status and the
  // headers that came.
  enum class Kind { answered, timed_out, refused, unreachable, broken } kind = Kind::refused;
  int status = 0;
  aws::Headers headers;
  std::string body;
};

class ServingInstance {
 public:
  using State = ServingState;
  // Starts in the background; never throws for what the container does.
  static std::unique_ptr<ServingInstance> start(ServingSpec spec, const Sandbox& sandbox,
                                                AddressPool& addresses, const RunnerLimits& limits);
  virtual ~ServingInstance() = default;  // stops without grace
  virtual State state() const = 0;
  // Whether an invocation now would reach the container.
  virtual bool ready() const = 0;
  // Why it failed, in AWS's terms: "ping" did not pass, or the model archive could not be unpacked.
  enum class Failure { none, ping_health_check, model_data };
  virtual Failure failure() const = 0;
  virtual std::string failure_detail() const = 0;
  // How often a container of this instance was started again, and why the last one ended; empty: none has.
  virtual int restarts() const = 0;
  virtual std::string last_exit() const = 0;
  // Waits until the state is no longer `starting`, or the timeout.
  virtual State wait_started(std::chrono::milliseconds timeout) = 0;
  // Thread-safe, over kept-alive connections. A container that answers no ping meanwhile, as one of one
  // thread cannot, is left alone for as long as this may take.
  virtual InvocationResult invoke(const Invocation& invocation, std::chrono::milliseconds timeout) = 0;
  virtual int in_flight() const = 0;
  // Takes no more invocations, lets those under way finish for up to `grace`, then asks the container to end
  // and kills it after another `grace`. Blocks until the tree is gone.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace sagemaker::local::runner
