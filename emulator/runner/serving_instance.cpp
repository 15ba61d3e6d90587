// See serving_instance.hpp. One thread leads the instance through its life; invocations run in the threads of
// their callers and only look at whether the container may be spoken to.
#include "emulator/runner/serving_instance.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "emulator/runner/address_lease.hpp"
#include "emulator/runner/archive.hpp"
#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/http_client.hpp"
#include "emulator/runner/serving_network.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int start_attempts_max =
    4;  // a program that ends so often before its first good ping will not come up
constexpr milliseconds backoff_first{100}, backoff_max{10'000};
constexpr milliseconds stable_after{60'000};  // a container that ran so long starts again without waiting
constexpr milliseconds ping_interval_first{5}, ping_interval_max{200};
constexpr milliseconds end_seen_after{500};  // a connection was closed without an answer
constexpr milliseconds look_interval{250};   // at the ports of a container that does not answer
constexpr std::uint64_t ping_bytes_max = 1024 * 1024;

class Instance final : public ServingInstance {
 public:
  Instance(ServingSpec spec, const Sandbox& sandbox, AddressPool& addresses, const RunnerLimits& limits)
      : spec_(std::move(spec)), sandbox_(sandbox), addresses_(addresses), limits_(limits) {
    leader_ = std::thread([this] { lead(); });
  }

  ~Instance() override { stop(milliseconds(0)); }

  State state() const override {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  Failure failure() const override {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  std::string failure_detail() const override {
    const std::lock_guard lock(mutex_);
    return detail_;
  }
  int in_flight() const override { return in_flight_.load(); }

  State wait_started(milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [this] { return state_ != State::starting; });
    return state_;
  }

  bool ready() const override {
    const std::lock_guard lock(mutex_);
    return ready_;
  }
  int restarts() const override {
    const std::lock_guard lock(mutex_);
    return restarts_;
  }
  std::string last_exit() const override {
    const std::lock_guard lock(mutex_);
    return last_exit_;
  }

  InvocationResult invoke(const Invocation& invocation, milliseconds timeout) override {
    // Before the look at ready_: stop() waits for who has seen it.
    const Flight flight(*this, invocation.on_piece ? std::max(timeout, invocation.stream_timeout) : timeout);
    const auto client = ready_client();
    if (!client) return {};
    HttpRequest request{.method = invocation.method,
                        .target = invocation.target,
                        .headers = invocation.headers,
                        .body = invocation.body,
                        .pull = invocation.pull};
    if (!invocation.content_type.empty()) request.headers.set("Content-Type", invocation.content_type);
    if (!invocation.accept.empty()) request.headers.set("Accept", invocation.accept);
    const Clock::time_point now = Clock::now();
    if (!invocation.on_piece) {
      InvocationResult result = result_of(client->send(request, now + timeout, spec_.response_bytes_max));
      using Kind = InvocationResult::Kind;
      if (result.kind == Kind::unreachable || result.kind == Kind::broken) await_end();
      return result;
    }
    const HttpStream stream{invocation.on_head, invocation.on_piece, now + invocation.stream_timeout};
    return result_of(client->send(request, now + timeout, spec_.response_bytes_max, &stream));
  }

  void stop(milliseconds grace) override {
    {
      std::unique_lock lock(mutex_);
      ready_ = false;
      draining_ = true;
      changed_.notify_all();
      drained_.wait_for(lock, grace, [this] { return in_flight_ == 0; });
      stopping_ = true;
      grace_ = std::min(grace_.value_or(grace), grace);
      if (container_) container_->stop(*grace_);
    }
    changed_.notify_all();
    const std::lock_guard joining(join_mutex_);
    if (leader_.joinable()) leader_.join();
  }

 private:
  // Why a container is no more.
  enum class End { none, exited, ping_timed_out, ignores_port, unhealthy, stopped };
  struct Run {
    End end = End::none;
    std::optional<ExitStatus> exit;  // nullopt where it had to be killed
  };

  struct Flight {
    Flight(Instance& of, milliseconds time_allowed) : instance(of) {
      const std::lock_guard lock(instance.mutex_);
      place = instance.times_allowed_.insert(time_allowed);
      ++instance.in_flight_;
    }
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    ~Flight() {
      const std::lock_guard lock(instance.mutex_);
      instance.times_allowed_.erase(place);
      if (--instance.in_flight_ == 0 && instance.draining_) instance.drained_.notify_all();
    }
    Instance& instance;
    std::multiset<milliseconds>::iterator place;
  };

  InvocationResult result_of(HttpAnswer answer) {
    using Kind = InvocationResult::Kind;
    switch (answer.kind) {
      case HttpAnswer::Kind::answered:
        last_answer_ = Clock::now().time_since_epoch().count();
        return {Kind::answered, answer.status, std::move(answer.headers), std::move(answer.body)};
      case HttpAnswer::Kind::timed_out:
        return {Kind::timed_out, answer.status, std::move(answer.headers), {}};
      case HttpAnswer::Kind::too_large:
        return {Kind::answered,
                500,
                {{"Content-Type", "text/plain"}},
                "The response of the container is larger than " + std::to_string(spec_.response_bytes_max) +
                    " bytes"};
      case HttpAnswer::Kind::refused:
        return {};
      case HttpAnswer::Kind::broken:
        break;
    }
    return {answer.began ? Kind::broken : Kind::unreachable, answer.status, std::move(answer.headers), {}};
  }

  // A program that dies closes its connections a moment before its end is seen: until then another request
  // would be sent to it.
  void await_end() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, end_seen_after, [this] { return !ready_; });
  }

  std::shared_ptr<HttpClient> ready_client() const {
    const std::lock_guard lock(mutex_);
    return ready_ ? client_ : nullptr;
  }

  // ---- the leading thread ---------------------------------------------------------------------

  void lead() {
    try {
      if (provide_model()) serve();
    } catch (const std::exception& error) {
      fail(Failure::ping_health_check, error.what());
    }
    {
      const std::lock_guard lock(mutex_);
      ready_ = false;
      container_.reset();
      if (!stopping_) return;
    }
    change_state(State::stopped);
  }

  void fail(Failure failure, const std::string& detail) {
    {
      const std::lock_guard lock(mutex_);
      failure_ = failure;
      detail_ = detail;
    }
    change_state(State::failed);
  }

  // Only this thread changes the state, so who is told hears of the changes in their order.
  void change_state(State state) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(state_, state) == state) return;
    }
    changed_.notify_all();
    if (spec_.on_state) spec_.on_state(state);
  }

  bool provide_model() {
    const fs::path model = spec_.root / "ml/model";
    const Clock::time_point deadline = Clock::now() + spec_.model_timeout;
    const auto late = [deadline] { return Clock::now() >= deadline; };
    try {
      fs::remove_all(spec_.root / "ml");
      fs::create_directories(model);
      if (spec_.multi_model) {
        fs::create_directories(spec_.root / "ml/models");
        return true;
      }
      if (spec_.model_archive.empty()) return true;
      if (spec_.model_is_plain) {
        const fs::path name = spec_.model_file.empty() ? spec_.model_archive : fs::path(spec_.model_file);
        fs::copy_file(spec_.model_archive, model / name.filename());
      } else if (fs::is_directory(spec_.model_archive)) {
        fs::copy(spec_.model_archive, model, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
      } else {
        unpack_tar_gz(spec_.model_archive, model, limits_, [&] { return is_stopping() || late(); });
      }
      return true;
    } catch (const std::exception& error) {
      fail(Failure::model_data, late()
                                    ? "it took longer than " + std::to_string(spec_.model_timeout.count()) +
                                          " s, ModelDataDownloadTimeoutInSeconds"
                                    : error.what());
      return false;
    }
  }

  void serve() {
    const AddressLease lease(addresses_);
    ServingNetwork network(spec_.image, spec_.isolated_network, sandbox_, addresses_);
    if (!network.remark().empty()) say(network.remark());
    const Clock::time_point deadline = Clock::now() + spec_.startup_timeout;
    milliseconds backoff = backoff_first;
    for (int attempt = 1; !is_stopping(); ++attempt) {
      const Clock::time_point started = Clock::now();
      std::string reason;
      try {
        const Run run =
            run_container(network, lease.address(), served_ ? started + spec_.startup_timeout : deadline);
        if (is_stopping()) return;
        const bool wants_port = !served_ && (run.end == End::ignores_port || address_in_use_);
        if (wants_port && network.become_private()) {
          say("the container's program listens on port 8080, not on SAGEMAKER_BIND_TO_PORT: it is started "
              "again "
              "with a network of its own, from which it reaches nothing but sagemaker-local");
          attempt = 0;
          continue;
        }
        reason = explain(run) + (wants_port ? network.advice() : "");
        if (!served_ && (run.end == End::ping_timed_out || attempt >= start_attempts_max))
          return fail(Failure::ping_health_check, reason);
      } catch (const std::exception& error) {
        if (!served_) throw;
        // No processes or no memory left on this machine, for example: that passes, and the endpoint is still
        // wanted.
        reason = "the container cannot be started again: " + std::string(error.what());
      }
      if (Clock::now() - started > stable_after) backoff = backoff_first;
      note_restart(reason);
      say(reason + "; it is started again in " + std::to_string(backoff.count()) + " ms");
      if (!pause(backoff)) return;
      backoff = std::min(backoff * 2, backoff_max);
    }
  }

  // One container from its start to its end. Throws where it cannot be started.
  Run run_container(const ServingNetwork& network, const std::string& address, Clock::time_point deadline) {
    ContainerSpec spec = container_spec();
    const Environment outside = spec.environment;
    network.prepare(spec, address);
    const int port = port_of(spec.environment);
    const std::string host = spec.hosts.front().address;
    std::vector<std::unique_ptr<NetworkRelay>> relays;
    spec.on_network = [&](PrivateNetwork& own) {
      relays = network.relays(own, outside, [this](const std::string& line) { say(line); });
    };
    address_in_use_ = false;
    launch(spec);
    const auto own = container().network();
    const auto client = std::make_shared<HttpClient>(
        host, port, own ? HttpClient::SocketSource([own] { return own->socket(); }) : nullptr);
    Run run{wait_for_ping(*client, network, port, deadline), {}};
    if (run.end == End::none && set_ready(client)) {
      served_ = true;
      change_state(State::in_service);
      run.end = watch(*client);
    }
    run.exit = end_container();
    client->clear();
    return run;
  }

  void note_restart(const std::string& reason) {
    {
      const std::lock_guard lock(mutex_);
      ++restarts_;
      last_exit_ = reason;
    }
    if (served_) change_state(State::restarting);
  }

  ContainerSpec container_spec() {
    ContainerSpec spec{.argv = spec_.image.command,
                       .root = spec_.root,
                       .hostname = spec_.hostname.empty() ? "model" : spec_.hostname,
                       .writable = spec_.image.writable,
                       .mounts = spec_.mounts,
                       .limits = spec_.limits,
                       .on_line = [this](std::string_view line) {
                         if (!served_ && says_address_in_use(line)) address_in_use_ = true;
                         {
                           const std::lock_guard lock(line_mutex_);
                           last_line_ = line.substr(0, 500);
                         }
                         if (spec_.on_line) spec_.on_line(line);
                       }};
    if (spec_.multi_model) {
      spec.mounts.insert(spec.mounts.begin(),
                         {fs::absolute(spec_.root) / "ml/models", "/opt/ml/models", true});
    }
    spec.argv.push_back("serve");
    spec.environment =
        base_environment(spec_.image.environment, spec_.environment, spec_.root, sandbox_.isolated());
    if (spec_.multi_model) spec.environment.emplace("SAGEMAKER_MULTI_MODEL", "true");
    const fs::path ml = sandbox_.isolated() ? fs::path("/opt/ml") : fs::absolute(spec_.root) / "ml";
    spec.environment.emplace("SM_MODEL_DIR", (ml / "model").string());
    return spec;
  }

  static int port_of(const Environment& environment) {
    const int port = std::atoi(environment.at("SAGEMAKER_BIND_TO_PORT").c_str());
    return port > 0 && port < 65536 ? port : usual_port;
  }

  // Throws where the program cannot be executed.
  void launch(const ContainerSpec& spec) {
    auto started = Container::start(spec, sandbox_, limits_);
    const std::lock_guard lock(mutex_);
    container_ = std::move(started);
    if (stopping_) container_->stop(*grace_);
  }

  // The container as seen by this thread, the only one that replaces it.
  Container& container() { return *container_; }

  // End::none: the container answers.
  End wait_for_ping(HttpClient& client, const ServingNetwork& network, int port, Clock::time_point deadline) {
    milliseconds interval = ping_interval_first;
    Clock::time_point next_look = Clock::now() + look_interval;
    int looks_with_other_port = 0;
    for (;;) {
      if (ping(client, deadline).status == 200 && (!network.is_shared() || listens(port)))
        return is_stopping() ? End::stopped : End::none;
      if (container().wait_for(interval)) return End::exited;
      if (is_stopping()) {
        container().wait_for(std::chrono::hours(24));
        return End::stopped;
      }
      const Clock::time_point now = Clock::now();
      if (now >= deadline) return End::ping_timed_out;
      if (network.may_change() && now >= next_look) {
        // Seen twice: a program may open its ports one after the other.
        const bool other = ServingNetwork::ignores_port(container().pid(), port);
        looks_with_other_port = other ? looks_with_other_port + 1 : 0;
        if (looks_with_other_port == 2) return End::ignores_port;
        next_look = now + look_interval;
      }
      interval = std::min(interval * 5 / 4 + milliseconds(1), ping_interval_max);
    }
  }

  HttpAnswer ping(HttpClient& client, Clock::time_point deadline) const {
    const HttpRequest request{.method = "GET", .target = "/ping"};
    return client.send(request, std::min(Clock::now() + limits_.ping_timeout, deadline), ping_bytes_max);
  }

  // Whether it is this container that listens there: on a network that is shared, a program that took the
  // port of all addresses answers for others. True where nothing can be seen.
  bool listens(int port) {
    const std::vector<int> ports = listening_ports(container().pid());
    return ports.empty() || std::count(ports.begin(), ports.end(), port) > 0;
  }

  // Follows the container in service to its end, or to where it has to be ended.
  End watch(HttpClient& client) {
    Clock::time_point well = Clock::now();  // when it last showed so
    for (int failures = 0;;) {
      if (container().wait_for(limits_.health_check_interval)) return End::exited;
      if (draining_) {
        container().wait_for(std::chrono::hours(24));
        return End::stopped;
      }
      const Clock::time_point asked = Clock::now();
      const HttpAnswer answer = ping(client, Clock::time_point::max());
      if (answer.status == 200) {
        failures = 0;
        well = asked;
        continue;
      }
      // A program of one thread answers no ping while it works: that is no failure for as long as what is
      // under way may take.
      well = std::max(well, Clock::time_point(Clock::duration(last_answer_.load())));
      const bool working = well >= asked || asked - well < longest_time_allowed();
      if (answer.kind != HttpAnswer::Kind::answered && working) continue;
      if (++failures < limits_.health_check_failures) continue;
      {
        const std::lock_guard lock(mutex_);
        ready_ = false;
        if (!stopping_) container_->stop(limits_.ping_timeout);
      }
      while (!container().wait_for(std::chrono::hours(1))) continue;
      return End::unhealthy;
    }
  }

  // Of the invocations under way; 0 without any.
  milliseconds longest_time_allowed() const {
    const std::lock_guard lock(mutex_);
    return times_allowed_.empty() ? milliseconds(0) : *times_allowed_.rbegin();
  }

  // False where nobody may use it any more.
  bool set_ready(const std::shared_ptr<HttpClient>& client) {
    const std::lock_guard lock(mutex_);
    if (draining_) return false;
    client_ = client;
    ready_ = true;
    return true;
  }

  // What ended it; nullopt where it had to be killed because it still ran.
  std::optional<ExitStatus> end_container() {
    std::optional<ExitStatus> exit = container().wait_for(milliseconds(0));
    if (!exit && is_stopping()) {
      while (!container().wait_for(std::chrono::hours(1))) continue;
    }
    std::unique_ptr<Container> ended;
    {
      const std::lock_guard lock(mutex_);
      ready_ = false;
      ended.swap(container_);
    }
    changed_.notify_all();
    return exit;
  }

  bool is_stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  bool pause(milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return stopping_; });
  }

  std::string explain(const Run& run) const {
    std::string text;
    if (run.end == End::unhealthy) {
      text = "the container did not answer GET /ping with 200 " +
             std::to_string(limits_.health_check_failures) + " times in a row";
    } else if (!run.exit || run.end == End::ping_timed_out) {
      text = "the container did not answer GET /ping with 200 within " +
             std::to_string(spec_.startup_timeout.count()) + " s";
    } else if (run.exit->signal != 0) {
      text = "the container was ended by signal " + std::to_string(run.exit->signal);
    } else {
      text = "the container ended with exit code " + std::to_string(run.exit->code);
    }
    const std::lock_guard lock(line_mutex_);
    return last_line_.empty() ? text : text + " (last line of its log: " + last_line_ + ")";
  }

  void say(const std::string& line) {
    if (spec_.on_line) spec_.on_line("sagemaker-local: " + line);
  }

  const ServingSpec spec_;
  const Sandbox& sandbox_;
  AddressPool& addresses_;
  const RunnerLimits& limits_;
  std::atomic<int> in_flight_{0};            // as many as times_allowed_ has, to be read without the lock
  std::atomic<bool> draining_{false};        // stop() was called
  std::atomic<bool> served_{false};          // a container of this instance has passed its ping
  std::atomic<bool> address_in_use_{false};  // as the log of the container says
  std::atomic<Clock::rep> last_answer_{0};

  mutable std::mutex line_mutex_;
  std::string last_line_;

  mutable std::mutex mutex_;
  std::condition_variable changed_, drained_;
  std::multiset<milliseconds> times_allowed_;  // of the invocations under way
  State state_ = State::starting;
  Failure failure_ = Failure::none;
  std::string detail_;
  int restarts_ = 0;
  std::string last_exit_;
  bool stopping_ = false;
  bool ready_ = false;  // the container has passed its ping and runs
  std::optional<milliseconds> grace_;
  std::shared_ptr<HttpClient> client_;
  std::unique_ptr<Container> container_;

  std::mutex join_mutex_;
  std::thread leader_;
};

}  // namespace

std::unique_ptr<ServingInstance> ServingInstance::start(ServingSpec spec, const Sandbox& sandbox,
                                                        AddressPool& addresses, const RunnerLimits& limits) {
  return std::make_unique<Instance>(std::move(spec), sandbox, addresses, limits);
}

}  // namespace sagemaker::local::runner
