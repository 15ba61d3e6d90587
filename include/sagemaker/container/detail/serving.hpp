// Bodies of serving.hpp. cpp-httplib 0.11 has habits that a model server must not have: it inflates request
// bodies, compresses and cuts answers as headers of the request ask for, tells exceptions in a header, limits
// only bodies with a length, and lets two servers share a port. `prepare` and `open` below switch them off.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sagemaker/aws/httplib.hpp>
#include <sagemaker/container/batcher.hpp>
#include <sagemaker/container/detail/connection_threads.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/training.hpp>
#include <sagemaker/container/serving.hpp>

namespace sagemaker::container::detail {

// Counts requests from their first line to the end of their answer, so that a stop can wait for them.
class InFlight {
 public:
  void begin() {
    end();
    mine() = true;
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    if (!std::exchange(mine(), false)) return;
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait_for_none(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, timeout, [&] { return count_ == 0; });
  }

 private:
  static bool& mine() {  // the request that this thread serves has been counted
    thread_local bool counted = false;
    return counted;
  }
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// SIGTERM and SIGINT as an ordinary function call on a thread of its own.
class StopSignals {
 public:
  explicit StopSignals(std::function<void()> on_stop) {
    if (::pipe2(pipe(), O_CLOEXEC) != 0)
      throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
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

class ModelServer {
 public:
  ModelServer(const Hooks& hooks, const ServingEnvironment& env)
      : hooks_(hooks), env_(env), device_(env.device()), batcher_(env.batch_rows_max) {}

  // Ends the process where it has begun to listen: threads of connections may wait for their clients for a
  // long time.
  [[noreturn]] void run() {
    prepare();
    open();
    const StopSignals signals([this] { stop(); });
    std::thread([this] { server_.listen_after_bind(); }).detach();
    load();
    batcher_.run([this](const torch::Tensor& batch) {
      return predict(hooks_, loaded_, batch.to(device_)).to(torch::kCPU);
    });
    in_flight_.wait_for_none(env_.drain_timeout);
    exit_now(0);
  }

 private:
  static constexpr std::size_t connections_max = 512;
  static constexpr int listen_backlog =
      1024;  // the library's 5 makes bursts of new connections wait for a second

  [[noreturn]] static void exit_now(int code) {
    std::fflush(nullptr);
    std::_Exit(code);
  }

  void load() {
    try {
      const auto start = std::chrono::steady_clock::now();
      loaded_ = load_model(hooks_, env_.model_dir, device_);
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
      log_line("Model loaded in " + std::to_string(took.count()) + " ms, serving on " + device_.str());
      ready_ = true;
    } catch (...) {
      log_error("the model in " + env_.model_dir.string() +
                " cannot be loaded: " + describe_exception(std::current_exception()));
      exit_now(1);
    }
  }

  void stop() {
    if (!ready_) exit_now(0);
    server_.stop();
    in_flight_.wait_for_none(env_.drain_timeout);
    batcher_.stop();
  }

  void prepare() {
    server_.new_task_queue = [this] {
      return new ConnectionThreads(connections_max, [this] { in_flight_.end(); });
    };
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_max_count(1'000'000'000);
    server_.set_keep_alive_timeout(120);
    server_.set_read_timeout(60);
    server_.set_write_timeout(60);
    server_.set_payload_max_length(env_.payload_bytes_max);
    server_.set_socket_options([this](int socket) {
      listener_ = socket;
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes,
                   sizeof yes);  // not SO_REUSEPORT: a second server must fail
    });
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response&) {
      in_flight_.begin();
      auto& mutable_request = const_cast<httplib::Request&>(request);
      mutable_request.headers.erase("Content-Encoding");
      mutable_request.headers.erase("Accept-Encoding");
      mutable_request.ranges.clear();
      if (request.is_multipart_form_data()) {  // the body is for input_fn, not for the library's form parser
        mutable_request.headers.emplace(raw_content_type, request.get_header_value("Content-Type"));
        mutable_request.headers.erase("Content-Type");
      }
      return httplib::Server::HandlerResponse::Unhandled;
    });
    server_.set_logger([this](const httplib::Request&, const httplib::Response&) { in_flight_.end(); });
    server_.set_exception_handler([](const httplib::Request&, httplib::Response& response,
                                     std::exception_ptr error) { answer_error(response, error); });
    server_.Get("/ping", [this](const httplib::Request&, httplib::Response& response) {
      response.status = ready_ ? 200 : 503;
    });
    server_.Post("/invocations",
                 [this](const httplib::Request& request, httplib::Response& response,
                        const httplib::ContentReader& reader) { invoke(request, response, reader); });
  }

  void open() {
    int port = env_.bind_port;
    errno = 0;
    const bool bound = port != 0 ? server_.bind_to_port(env_.bind_host, port)
                                 : (port = server_.bind_to_any_port(env_.bind_host)) > 0;
    if (!bound) {
      throw std::runtime_error("cannot listen on " + env_.bind_host + ":" + std::to_string(env_.bind_port) +
                               ": " + (errno != 0 ? std::strerror(errno) : "the address cannot be used"));
    }
    ::listen(listener_, listen_backlog);
    log_line("Listening on http://" + env_.bind_host + ":" + std::to_string(port));
  }

  // False, and an answer, where the body is too large. The library limits bodies with a length; chunked ones
  // are ours.
  bool read_body(const httplib::ContentReader& reader, httplib::Response& response, std::string& body) {
    bool too_large = false;
    const bool complete = reader([&](const char* data, std::size_t size) {
      too_large = size > env_.payload_bytes_max - body.size();
      if (!too_large) body.append(data, size);
      return !too_large;
    });
    if (complete) return true;
    if (too_large || response.status == 413) {
      response.status = 413;
      response.set_content(
          "the request is larger than " + std::to_string(env_.payload_bytes_max) + " bytes\n", "text/plain");
    } else if (response.status < 400) {
      response.status = 400;
    }
    return false;
  }

  void invoke(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader& reader) {
    std::string body;
    if (!read_body(reader, response, body)) return;
    try {
      if (!ready_) throw RequestError(503, "the model is still being loaded");
      const char* const type_header =
          request.has_header(raw_content_type) ? raw_content_type : "Content-Type";
      const std::string content_type = request.get_header_value(type_header);
      std::string accept = request.get_header_value("Accept");
      if (accept.empty() || accept == "*/*") accept = env_.default_accept;
      Output output = answer(body, content_type, accept);
      response.body = std::move(output.body);
      response.set_header("Content-Type", output.content_type);
    } catch (...) {
      answer_error(response, std::current_exception());
    }
  }

  Output answer(const std::string& body, const std::string& content_type, const std::string& accept) {
    const auto deadline = Batcher::Clock::now() + env_.invocation_timeout;
    if (hooks_.transform_fn) {
      // Shared with the job: it may still run when this thread has given up waiting.
      struct Exchange {
        std::string body, content_type, accept;
        Output output;
      };
      const auto exchange = std::make_shared<Exchange>(Exchange{body, content_type, accept, {}});
      const auto work = [this, exchange] {
        const torch::NoGradGuard no_grad;
        exchange->output = hooks_.transform_fn.call(loaded_.model.get(), exchange->body,
                                                    exchange->content_type, exchange->accept);
      };
      batcher_.execute(work, deadline);
      return std::move(exchange->output);
    }
    torch::Tensor input = hooks_.input_fn ? hooks_.input_fn(body, content_type) : decode(body, content_type);
    if (!input.defined()) throw std::runtime_error("input_fn returned no tensor");
    const torch::Tensor prediction = batcher_.predict(std::move(input), deadline);
    return hooks_.output_fn ? hooks_.output_fn.call(prediction, accept)
                            : encode(prediction, accept, env_.default_accept);
  }

  static void answer_error(httplib::Response& response, std::exception_ptr error) {
    std::string message;
    try {
      std::rethrow_exception(error);
    } catch (const RequestError& caught) {
      response.status = caught.status();
      message = caught.what();
    } catch (...) {
      response.status = 500;
      message = describe_exception(std::current_exception());
      log_error("the invocation failed: " + message);
    }
    response.set_content(message + "\n", "text/plain");
  }

  static constexpr const char* raw_content_type = "X-Sagemaker-Raw-Content-Type";

  const Hooks& hooks_;
  const ServingEnvironment& env_;
  const torch::Device device_;
  Batcher batcher_;
  InFlight in_flight_;
  LoadedModel loaded_;
  std::atomic<bool> ready_{false};
  int listener_ = -1;
  httplib::Server server_;
};

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION int run_serving(const Hooks& hooks) {
  try {
    check_hooks(hooks);
    const ServingEnvironment env = ServingEnvironment::read();
    detail::set_torch_threads(env.num_cpus);
    detail::ModelServer(hooks, env).run();
  } catch (...) {
    detail::log_error(detail::describe_exception(std::current_exception()));
    return 1;
  }
}

}  // namespace sagemaker::container
