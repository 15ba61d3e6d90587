// One model that is served: its workers, each with its own copy of the model, and the way of an invocation
// through the hooks. What waits is stacked by the Batcher.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sagemaker/container/batcher.hpp>
#include <sagemaker/container/detail/http_server.hpp>
#include <sagemaker/container/detail/intra_op.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/serving_metrics.hpp>
#include <sagemaker/container/detail/training.hpp>
#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/hooks.hpp>

namespace sagemaker::container::detail {

// "out of memory" of any kind: the platform unloads other models and tries again.
SAGEMAKER_CONTAINER_FUNCTION bool is_out_of_memory(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::exception& caught) {
    // libtorch's own type for it is younger than 1.13; its words are not.
    const std::string_view text = caught.what();
    for (const char* const words : {"out of memory", "can't allocate memory", "not enough memory"}) {
      if (text.find(words) != std::string_view::npos) return true;
    }
    return false;
  } catch (...) {
    return false;
  }
}

SAGEMAKER_CONTAINER_FUNCTION HttpResponse text_response(int status, const std::string& text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain";
  response.body = text + "\n";
  return response;
}

// RequestError says its own status; everything else is 500, or 507 where memory ran out, and goes into the
// log.
SAGEMAKER_CONTAINER_FUNCTION HttpResponse error_response(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const RequestError& caught) {
    return text_response(caught.status(), caught.what());
  } catch (...) {
    const std::string message = describe_exception(error);
    log_error("the invocation failed: " + message);
    return text_response(is_out_of_memory(error) ? 507 : 500, message);
  }
}

class ServedModel;

struct Invocation : Batcher::Item {
  Invocation(std::shared_ptr<const ServedModel> served_by, std::shared_ptr<Exchange> from, Context&& about)
      : model(std::move(served_by)), exchange(std::move(from)), context(std::move(about)) {}
  bool abandoned() const override { return exchange->abandoned(); }

  std::shared_ptr<const ServedModel> model;  // lives as long as its invocations
  std::shared_ptr<Exchange> exchange;
  Context context;
  std::string accept;
};

class ServedModel : public std::enable_shared_from_this<ServedModel> {
 public:
  ServedModel(const Hooks& hooks, const ServingEnvironment& env, ServingMetrics& metrics,
              const std::filesystem::path& model_dir, const std::string& name = "")
      : hooks_(hooks),
        env_(env),
        metrics_(metrics),
        model_(std::make_shared<const Context::Model>(Context::Model{model_dir, name})),
        uses_headers_(hooks.input_fn.takes_context || hooks.predict_fn.takes_context ||
                      hooks.output_fn.takes_context || hooks.transform_fn.takes_context),
        batcher_({env.batch_rows_max, env.batch_delay, env.workers,
                  env.batch_transform ? batch_call_bytes_max : 0}),
        intra_op_(env.worker_threads()) {
    for (int worker = 0; worker < env.workers; ++worker) devices_.push_back(env.worker_device(worker));
  }

  // Loads the workers' models. Throws what the hooks throw.
  void load() {
    for (const torch::Device device : devices_) {
      const c10::OptionalDeviceGuard guard = on_gpu(device);
      Context context(model_, device);
      workers_.push_back(load_model(hooks_, context));
    }
  }

  const std::string& name() const { return model_->name; }
  const std::filesystem::path& model_dir() const { return model_->dir; }
  const std::vector<LoadedModel>& workers() const { return workers_; }
  std::size_t waiting() const { return batcher_.waiting(); }
  std::optional<Batcher::Clock::time_point> due() const { return batcher_.due(); }

  // Decodes a request and queues it, or answers it where that fails.
  void receive(std::shared_ptr<Exchange> exchange) {
    auto invocation = std::make_shared<Invocation>(shared_from_this(), std::move(exchange),
                                                   Context(model_, devices_.front()));
    try {
      HttpRequest& request = invocation->exchange->request();
      invocation->accept = request.header("Accept");
      if (invocation->accept.empty() || invocation->accept == "*/*") invocation->accept = env_.default_accept;
      if (uses_headers_) invocation->context.set_request_headers(request.headers);
      if (hooks_.transform_fn) {
        invocation->alone = true;
      } else {
        decode_input(*invocation, request);
      }
      batcher_.push(std::move(invocation));
    } catch (...) {
      fail(*invocation, std::current_exception());
    }
  }

  // Whether a call of the model takes so long that others should not wait for this thread.
  bool slow() const { return typical_ns_.load(std::memory_order_relaxed) >= slow_ns; }

  // Lets a free worker answer what waits. True where more waits after that.
  bool serve(HttpServer& server) {
    auto turn = batcher_.begin();
    if (!turn) return false;
    const bool slow_model = slow();
    if (slow_model) server.step_aside();
    const std::int64_t typical = typical_ns_.load(std::memory_order_relaxed);
    intra_op_.prepare(typical == untried_ns ? 0 : typical);
    const LoadedModel& worker = workers_[static_cast<std::size_t>(turn->worker)];
    if (hooks_.transform_fn) {
      auto& invocation = static_cast<Invocation&>(*turn->items.front());
      const torch::Device device = devices_[static_cast<std::size_t>(turn->worker)];
      const c10::OptionalDeviceGuard guard = on_gpu(device);
      invocation.context.set_device(device);
      transform(worker, invocation);
      return batcher_.end(*turn);
    }
    predict_all(worker, *turn);
    const bool more = batcher_.end(*turn);
    if (more && slow_model) server.wake();  // the worker need not wait until the answers are written
    for (const auto& item : turn->items) reply(static_cast<Invocation&>(*item));
    return more;
  }

 private:
  // What hooks allocate without naming a device goes to the worker's GPU.
  static c10::OptionalDeviceGuard on_gpu(const torch::Device& device) {
    return device.is_cuda() ? c10::OptionalDeviceGuard(device) : c10::OptionalDeviceGuard();
  }

  // From here on a thread leaves its loop to another one before it calls the model.
  static constexpr std::int64_t slow_ns = 1'000'000;

  void decode_input(Invocation& invocation, HttpRequest& request) const {
    const std::string& content_type = request.header("Content-Type");
    invocation.input = hooks_.input_fn ? hooks_.input_fn.call(request.body, content_type, invocation.context)
                                       : decode(request.body, content_type);
    if (!invocation.input.defined()) throw std::runtime_error("input_fn returned no tensor");
    invocation.alone = hooks_.predict_fn.takes_context;
    std::string().swap(request.body);
  }

  void predict_all(const LoadedModel& worker, const Batcher::Turn& turn) {
    auto& first = static_cast<Invocation&>(*turn.items.front());
    const torch::Device device = devices_[static_cast<std::size_t>(turn.worker)];
    for (const auto& item : turn.items) static_cast<Invocation&>(*item).context.set_device(device);
    const c10::OptionalDeviceGuard guard = on_gpu(device);
    batcher_.run(turn.items, [&](const torch::Tensor& batch) {
      const auto start = Batcher::Clock::now();
      torch::Tensor answer =
          predict(hooks_, worker, device.is_cuda() ? batch.to(device) : batch, first.context);
      if (!answer.defined()) throw std::runtime_error("predict_fn returned no tensor");
      if (!answer.is_cpu()) answer = answer.to(torch::kCPU);
      measured(Batcher::Clock::now() - start, batch.dim() == 0 ? 1 : batch.size(0));
      return answer;
    });
    metrics_.batch_requests.add(turn.items.size());
  }

  void measured(std::chrono::nanoseconds took, std::int64_t rows) {
    const std::int64_t before = typical_ns_.load(std::memory_order_relaxed);
    const std::int64_t now = std::min<std::int64_t>(took.count(), std::int64_t{1} << 50);
    // The first call is no measure: libraries warm up in it.
    typical_ns_.store(before == untried_ns ? slow_ns : before + (now - before) / 8,
                      std::memory_order_relaxed);
    metrics_.model_seconds.add(static_cast<std::uint64_t>(took.count()));
    metrics_.batch_rows.add(static_cast<std::uint64_t>(rows));
  }

  void transform(const LoadedModel& worker, Invocation& invocation) {
    try {
      const auto start = Batcher::Clock::now();
      const torch::NoGradGuard no_grad;
      const HttpRequest& request = invocation.exchange->request();
      Answer made = hooks_.transform_fn.call(worker.model.get(), request.body, request.header("Content-Type"),
                                             invocation.accept, invocation.context);
      if (made.next) {
        stream(invocation, made);  // with the model: what makes the pieces uses it
      } else {
        send(invocation, std::move(made.output));
      }
      measured(Batcher::Clock::now() - start, 1);
    } catch (...) {
      fail(invocation, std::current_exception());
    }
  }

  void reply(Invocation& invocation) {
    if (invocation.error) return fail(invocation, invocation.error);
    try {
      if (!hooks_.output_fn) {
        return send(invocation, encode(invocation.output, invocation.accept, env_.default_accept));
      }
      Answer made = hooks_.output_fn.call(invocation.output, invocation.accept, invocation.context);
      if (!made.next) return send(invocation, std::move(made.output));
      // A thread of its own: a slow client holds up nobody.
      auto kept = std::make_shared<Invocation>(invocation);
      std::thread([this, kept, made = std::move(made)]() mutable { stream(*kept, made); }).detach();
    } catch (...) {
      fail(invocation, std::current_exception());
    }
  }

  void send(Invocation& invocation, Output&& output) {
    HttpResponse response;
    response.status = invocation.context.status();
    response.content_type = std::move(output.content_type);
    response.headers = invocation.context.headers();
    response.body = std::move(output.body);
    finish(invocation, std::move(response));
  }

  void fail(Invocation& invocation, std::exception_ptr error) {
    HttpResponse response = error_response(error);
    response.headers = invocation.context.headers();
    finish(invocation, std::move(response));
  }

  void finish(Invocation& invocation, HttpResponse&& response) {
    const int status = response.status;
    invocation.exchange->answer(std::move(response));
    count(invocation, status);
  }

  void count(const Invocation& invocation, int status) {
    metrics_.count_answer(invocation.exchange->abandoned() ? 504 : status);
    metrics_.request_seconds.add(
        static_cast<std::uint64_t>((HttpClock::now() - invocation.exchange->arrived()).count()));
  }

  // The pieces of a stream as chunks. An exception before the first piece is an answer of its own; later ones
  // can only break the answer off.
  void stream(Invocation& invocation, Answer& made) {
    Exchange& exchange = *invocation.exchange;
    bool begun = false;
    try {
      for (auto piece = made.next();; piece = made.next()) {
        exchange.set_deadline(HttpClock::now() + env_.invocation_timeout);  // for the next piece
        if (!std::exchange(begun, true)) {
          HttpResponse head;
          head.status = invocation.context.status();
          head.content_type = std::move(made.output.content_type);
          head.headers = invocation.context.headers();
          if (!exchange.begin_stream(head)) break;
        }
        if (!piece || !exchange.write(*piece)) break;
      }
      exchange.end_stream(true);
      count(invocation, invocation.context.status());
    } catch (...) {
      if (!begun) return fail(invocation, std::current_exception());
      log_error("the answer broke off: " + describe_exception(std::current_exception()));
      exchange.end_stream(false);
      count(invocation, 500);
    }
  }

  // Batch transform puts thousands of records into a request. What a network makes of its input in between
  // may be a hundred times as large: this keeps it below some hundred megabytes.
  static constexpr std::size_t batch_call_bytes_max = std::size_t{4} << 20;
  static constexpr std::int64_t untried_ns = std::int64_t{1} << 60;

  const Hooks& hooks_;
  const ServingEnvironment& env_;
  ServingMetrics& metrics_;
  const std::shared_ptr<const Context::Model> model_;
  const bool uses_headers_;
  Batcher batcher_;
  IntraOp intra_op_;
  std::vector<torch::Device> devices_;  // of the workers
  std::vector<LoadedModel> workers_;
  std::atomic<std::int64_t> typical_ns_{untried_ns};
};

}  // namespace sagemaker::container::detail
