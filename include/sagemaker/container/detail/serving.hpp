// Bodies of serving.hpp: a server for one model, and which kind of server a program is.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <sagemaker/container/detail/intra_op.hpp>
#include <sagemaker/container/detail/multi_model.hpp>
#include <sagemaker/container/detail/serving_process.hpp>
#include <sagemaker/container/serving.hpp>

namespace sagemaker::container::detail {

// One model, in /opt/ml/model.
class ModelServer : public ServingProcess {
 public:
  ModelServer(const Hooks& hooks, const ServingEnvironment& env)
      : ServingProcess(env), model_(std::make_shared<ServedModel>(hooks, env, metrics_, env.model_dir)) {}

  bool handle(Exchanges& ready) override {
    bool invoked = ready.empty();
    for (auto& exchange : ready) invoked = route(exchange) || invoked;
    return invoked && ready_ && model_->serve(server_);
  }

  std::chrono::milliseconds next_call() override { return until(model_->due()); }

 protected:
  void load() override {
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
  std::size_t waiting() const override { return model_->waiting(); }
  std::size_t models() const override { return 1; }

 private:
  // True where it is an invocation, which is queued now.
  bool route(const std::shared_ptr<Exchange>& exchange) {
    const HttpRequest& request = exchange->request();
    if (request.path != "/invocations" || request.method != "POST") {
      answer_other(*exchange);
      return false;
    }
    if (!ready_) {
      exchange->answer(text_response(503, "the model is still being loaded"));
      return false;
    }
    model_->receive(exchange);
    return true;
  }

  const std::shared_ptr<ServedModel> model_;
};

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION int run_serving(const Hooks& hooks) {
  try {
    check_hooks(hooks);
    const ServingEnvironment env = ServingEnvironment::read();
    detail::set_torch_threads(env.worker_threads());
    detail::prepare_process();
    if (env.multi_model) detail::MultiModelServer(hooks, env).run();
    detail::ModelServer(hooks, env).run();
  } catch (...) {
    detail::log_error(detail::describe_exception(std::current_exception()));
    return 1;
  }
}

}  // namespace sagemaker::container
