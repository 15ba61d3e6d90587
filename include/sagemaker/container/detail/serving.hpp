// Bodies of serving.hpp: routes, the model, and the beginning and end of the process.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <sagemaker/container/detail/http_server.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/served_model.hpp>
#include <sagemaker/container/detail/serving_metrics.hpp>
#include <sagemaker/container/serving.hpp>

namespace sagemaker::container::detail {

// SIGTERM and SIGINT as an ordinary function call on a thread of its own.
class StopSignals {
 public:
  explicit StopSignals(std::function<void()> on_stop) {
    if (::pipe2(pipe(), O_CLOEXEC) != 0) throw_errno("pipe");
    std::thread([on_stop = std::move(on_stop)] {
      char byte = 0;
      while (::read(pipe()[0], &byte, 1) < 0 && errno == EINTR) {
      }
      on_stop();
    }).detach();
    struct sigaction action {};
    action.sa_handler = [](int) {
      const int saved = errno;
      const char byte = 1;
      if (::write(pipe()[1], &byte, 1) < 0) ::_exit(1);
      errno = saved;
    };
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
  }

 private:
  static int* pipe() {
    static int ends[2] = {-1, -1};
    return ends;
  }
};

[[noreturn]] SAGEMAKER_CONTAINER_FUNCTION void end_process(int code) {
  std::fflush(nullptr);
  std::_Exit(code);
}

// What batch transform asks before it begins; MaxConcurrentTransforms times MaxPayloadInMB may be 100 at
// most.
SAGEMAKER_CONTAINER_FUNCTION std::string execution_parameters(const ServingEnvironment& env) {
  const std::size_t payload_mb = std::clamp<std::size_t>(env.payload_bytes_max >> 20, 1, 100);
  const std::size_t usual_mb = std::min<std::size_t>(payload_mb, 6);
  const std::size_t concurrent =
      std::clamp<std::size_t>(static_cast<std::size_t>(env.workers) * 8, 1, 100 / usual_mb);
  return "{\"MaxConcurrentTransforms\": " + std::to_string(concurrent) +
         ", \"BatchStrategy\": \"MULTI_RECORD\", \"MaxPayloadInMB\": " + std::to_string(usual_mb) + "}";
}

class ModelServer : public HttpHandler {
 public:
  ModelServer(const Hooks& hooks, const ServingEnvironment& env)
      : env_(env),
        model_(std::make_shared<ServedModel>(hooks, env, metrics_, env.model_dir)),
        server_(*this, {.limits = {.body_bytes = env.payload_bytes_max},
                        .answer_timeout = env.invocation_timeout,
                        .loops = env.loops,
                        .on_thread_start = [] { at::init_num_threads(); }}) {}

  // Ends the process where it has begun to listen: its threads are never joined.
  [[noreturn]] void run() {
    const int listener = listen_on(env_.bind_host, env_.bind_port);
    log_line("Listening on http://" + env_.bind_host + ":" + std::to_string(port_of(listener)));
    const StopSignals signals([this] { stop(); });
    server_.start(listener);
    load();
    for (;;) ::pause();
  }

  bool handle(Exchanges& ready) override {
    bool invoked = ready.empty();
    for (auto& exchange : ready) invoked = route(std::move(exchange)) || invoked;
    return invoked && ready_ && model_->serve(server_);
  }

  std::chrono::milliseconds next_call() override {
    if (env_.batch_delay.count() == 0) return std::chrono::milliseconds(-1);
    const auto due = model_->due();
    if (!due) return std::chrono::milliseconds(-1);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Batcher::Clock::now());
    return std::max(left, std::chrono::milliseconds(0));
  }

 private:
  void load() {
    try {
      const auto start = std::chrono::steady_clock::now();
      model_->load();
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
      ready_ = true;
      const std::string workers =
          env_.workers > 1 ? " with " + std::to_string(env_.workers) + " workers" : "";
      log_line("Model loaded in " + std::to_string(took.count()) + " ms, serving on " + env_.device().str() +
               workers);
    } catch (...) {
      log_error("the model in " + env_.model_dir.string() +
                " cannot be loaded: " + describe_exception(std::current_exception()));
      end_process(1);
    }
  }

  void stop() {
    if (ready_) server_.drain(env_.drain_timeout);
    end_process(0);
  }

  // True where it is an invocation, which is queued now.
  bool route(std::shared_ptr<Exchange> exchange) {
    const HttpRequest& request = exchange->request();
    if (request.path == "/invocations" && request.method == "POST") {
      if (!ready_) {
        exchange->answer(text_response(503, "the model is still being loaded"));
        return false;
      }
      model_->receive(std::move(exchange));
      return true;
    }
    HttpResponse response = answer(request);
    if (request.method == "HEAD") response.body.clear();
    exchange->answer(std::move(response));
    return false;
  }

  HttpResponse answer(const HttpRequest& request) const {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    HttpResponse response;
    if (request.path == "/invocations" || !reads) {
      const bool known = request.path == "/ping" || request.path == "/execution-parameters" ||
                         request.path == "/metrics" || request.path == "/invocations";
      return known ? text_response(405, "the method is not allowed here") : text_response(404, "not found");
    }
    if (request.path == "/ping") {
      response.status = ready_ ? 200 : 503;
    } else if (request.path == "/execution-parameters") {
      response.content_type = "application/json";
      response.body = execution_parameters(env_);
    } else if (request.path == "/metrics") {
      response.content_type = "text/plain; version=0.0.4";
      response.body = metrics_.text(server_.connections(), server_.busy(), model_->waiting(), ready_ ? 1 : 0);
    } else {
      return text_response(404, "not found");
    }
    return response;
  }

  const ServingEnvironment& env_;
  ServingMetrics metrics_;
  const std::shared_ptr<ServedModel> model_;
  std::atomic<bool> ready_{false};
  HttpServer server_;
};

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION int run_serving(const Hooks& hooks) {
  try {
    check_hooks(hooks);
    const ServingEnvironment env = ServingEnvironment::read();
    detail::set_torch_threads(env.worker_threads());
    detail::ModelServer(hooks, env).run();
  } catch (...) {
    detail::log_error(detail::describe_exception(std::current_exception()));
    return 1;
  }
}

}  // namespace sagemaker::container
