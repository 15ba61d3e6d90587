// See serve.hpp.
#include "emulator/images/sagemaker_python/serving/serve.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "emulator/http/server.hpp"
#include "emulator/images/sagemaker_python/log.hpp"
#include "emulator/images/sagemaker_python/serving/code.hpp"
#include "emulator/images/sagemaker_python/serving/model_server.hpp"
#include "emulator/images/sagemaker_python/serving/models.hpp"
#include "emulator/images/sagemaker_python/serving/settings.hpp"
#include "emulator/stop_signals.hpp"

namespace sagemaker::local::images {
namespace {

int fail(const std::string& text) {
  log_line(log_error, text);
  return 1;
}

// Only returns where it cannot be started.
void become(const std::filesystem::path& program) {
  log_line(log_info, "The model has no code: " + program.filename().string() + " serves it");
  std::string path = program.string(), command = "serve";
  char* const arguments[] = {path.data(), command.data(), nullptr};
  ::execv(path.c_str(), arguments);
  log_line(log_error, program.string() + " cannot be started; Python serves the model");
}

class Serving {
 public:
  Serving(const ServingSettings& settings, const container::Variables& variables)
      : settings_(settings),
        models_(settings_, variables),
        model_server_(settings_, models_),
        server_(HttpLimits{}, [this](http::Request& request) { return model_server_.answer(request); }) {}

  int run(const ServingCode& code) {
    const auto& env = settings_.environment;
    StopSignals signals;
    const int port = server_.bind(env.bind_host, env.bind_port);
    log_line(log_info, "Listening on http://" + env.bind_host + ":" + std::to_string(port));
    std::shared_ptr<ServedModel> model;
    if (!settings_.multi_model) {
      model = models_.start(code, env.model_dir, "Model",
                            [this] { give_up("The workers do not come up again"); });
    }
    const StopSignals::Scope stopping(signals, [this] { stop(); });
    // A stop while the model is being loaded ends the process at once: nobody waits for an answer.
    std::thread loading([this, model] { wait_for(model); });
    server_.serve();
    std::fflush(nullptr);
    // What is left are threads that wait for Python; the kernel ends the workers with this process.
    loading.detach();
    std::_Exit(code_);
  }

 private:
  void wait_for(const std::shared_ptr<ServedModel>& model) {
    if (model) {
      const Loaded loaded = model->workers->wait_started();
      if (!loaded.ok) {
        if (!stopping_) give_up("The model cannot be loaded: " + loaded.message);
        return;
      }
      model_server_.set_model(model);
    }
    ready_ = true;
    log_line(log_info, "Ready to serve with " + std::to_string(settings_.workers) +
                           (settings_.workers == 1 ? " worker" : " workers") +
                           (settings_.multi_model ? " a model" : ""));
  }

  void give_up(const std::string& why) {
    log_line(log_error, why);
    std::fflush(nullptr);
    std::_Exit(1);
  }

  void stop() {
    stopping_ = true;
    if (ready_) model_server_.drain(settings_.environment.drain_timeout);
    server_.stop();
  }

  const ServingSettings& settings_;
  std::atomic<bool> ready_{false}, stopping_{false};
  int code_ = 0;
  Models models_;
  ModelServer model_server_;
  http::Server server_;
};

}  // namespace

int serve(const container::Variables& variables) {
  set_log_name("sagemaker-inference");
  spdlog::set_default_logger(spdlog::stdout_logger_mt("sagemaker-inference"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S,%e %n %-8l %v");
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const ServingSettings settings = ServingSettings::read(variables);
    const auto& env = settings.environment;
    ServingCode code;
    if (!settings.multi_model) {
      code = find_serving_code(variables, env.base_dir, env.model_dir);
      if (const auto program = prebuilt_server(settings, code); !program.empty()) become(program);
    }
    Serving serving(settings, variables);
    return serving.run(code);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}

}  // namespace sagemaker::local::images
