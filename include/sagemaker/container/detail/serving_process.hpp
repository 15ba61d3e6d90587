// What every serving program does beside its models: signals, /ping, /execution-parameters, /metrics, the
// end.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <sagemaker/container/detail/execution_parameters.hpp>
#include <sagemaker/container/detail/http_server.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/served_model.hpp>
#include <sagemaker/container/detail/serving_metrics.hpp>
#include <sagemaker/container/environment.hpp>

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

SAGEMAKER_CONTAINER_FUNCTION std::chrono::milliseconds until(
    const std::optional<Batcher::Clock::time_point>& due) {
  if (!due) return std::chrono::milliseconds(-1);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Batcher::Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

// What every serving program does: it listens, answers what is not about a model, and ends when it is asked
// to.
class ServingProcess : public HttpHandler {
 public:
  explicit ServingProcess(const ServingEnvironment& env)
      : env_(env),
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
    ready_ = true;
    for (;;) ::pause();
  }

 protected:
  // Until then /ping is not answered with 200. Ends the process where that is not possible.
  virtual void load() = 0;
  virtual std::size_t waiting() const = 0;
  virtual std::size_t models() const = 0;

  // Requests about the server itself, and those about nothing.
  void answer_other(Exchange& exchange) const {
    const HttpRequest& request = exchange.request();
    HttpResponse response = answer(request);
    if (request.method == "HEAD") response.body.clear();
    exchange.answer(std::move(response));
  }

  const ServingEnvironment& env_;
  ServingMetrics metrics_;
  std::atomic<bool> ready_{false};
  HttpServer server_;

 private:
  void stop() {
    if (ready_) server_.drain(env_.drain_timeout);
    end_process(0);
  }

  HttpResponse answer(const HttpRequest& request) const {
    const bool own = request.path == "/ping" || request.path == "/execution-parameters" ||
                     request.path == "/metrics" || request.path == "/invocations";
    if (!own) return text_response(404, "there is nothing at this path");
    HttpResponse response;
    if (request.path == "/invocations" || (request.method != "GET" && request.method != "HEAD")) {
      return text_response(405, "the method is not allowed here");
    }
    if (request.path == "/ping") {
      response.status = ready_ ? 200 : 503;
    } else if (request.path == "/execution-parameters") {
      response.content_type = "application/json";
      response.body = execution_parameters(env_, static_cast<std::size_t>(env_.workers) * 8);
    } else {
      response.content_type = "text/plain; version=0.0.4";
      response.body = metrics_.text(server_.connections(), server_.busy(), waiting(), ready_ ? models() : 0);
    }
    return response;
  }
};

}  // namespace sagemaker::container::detail
