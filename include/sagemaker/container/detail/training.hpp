// Bodies of training.hpp.
#pragma once

#include <cstdlib>
#include <fstream>

#include <sagemaker/container/detail/hooks.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/membership.hpp>
#include <sagemaker/container/training.hpp>

namespace sagemaker::container::detail {

// The type and the message, as Python's toolkit shows an exception. libtorch's own errors carry a stack trace
// in what().
SAGEMAKER_CONTAINER_FUNCTION std::string describe_exception(std::exception_ptr error) {
  if (!error) return "unknown error";
  try {
    std::rethrow_exception(error);
  } catch (const c10::Error& caught) {
    return type_name(typeid(caught)) + ": " + caught.what_without_backtrace();
  } catch (const std::exception& caught) {
    return type_name(typeid(caught)) + ": " + caught.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

struct FailureContext {
  std::filesystem::path output_dir;
  std::string command;
};

// Where std::terminate (an exception in another thread) leaves its reason.
SAGEMAKER_CONTAINER_FUNCTION FailureContext& failure_context() {
  static FailureContext context;
  return context;
}

SAGEMAKER_CONTAINER_FUNCTION void report_failure(const std::string& message, int exit_code) {
  const FailureContext& context = failure_context();
  log_error(message);
  write_failure(context.output_dir, "ExecuteUserScriptError:\nExitCode " + std::to_string(exit_code) +
                                        "\nErrorMessage \"" + message + "\"\nCommand \"" + context.command +
                                        "\"\n");
}

[[noreturn]] SAGEMAKER_CONTAINER_FUNCTION void on_terminate() {
  if (const auto error = std::current_exception()) report_failure(describe_exception(error), 128 + SIGABRT);
  std::abort();
}

// Where OMP_NUM_THREADS says nothing, as many as the instance has processors.
SAGEMAKER_CONTAINER_FUNCTION void set_torch_threads(int num_cpus) {
  const char* const given = std::getenv("OMP_NUM_THREADS");
  const int wanted = given == nullptr ? 0 : std::atoi(given);
  const int threads = wanted > 0 ? wanted : num_cpus;
  if (at::get_num_threads() != threads) at::set_num_threads(threads);
}

// On the master only where distributed::init joined several hosts: all have the same parameters, and what
// they save under the same names would go into one archive.
SAGEMAKER_CONTAINER_FUNCTION void save_trained(const Hooks& hooks, const AnyModel& model,
                                               const TrainingEnvironment& env) {
  if (membership().rank != 0) {
    log_line("distributed: " + membership().master + " saves the model");
    return;
  }
  if (hooks.save) {
    hooks.save.call(model.get(), env.model_dir);
  } else if (hooks.train.model != nullptr) {
    save_model(*hooks.train.model, model.get(), env.model_dir);
  }
}

SAGEMAKER_CONTAINER_FUNCTION void train_and_save(const Hooks& hooks, const TrainingEnvironment& env) {
  check_hooks(hooks);
  if (!hooks.train)
    throw std::invalid_argument("this program was started with 'train' and has no train hook");
  for (const auto& folder : {env.model_dir, env.output_data_dir}) std::filesystem::create_directories(folder);
  for (const auto& [name, value] : env.to_variables()) ::setenv(name.c_str(), value.c_str(), 0);
  set_torch_threads(env.num_cpus);
  const AnyModel model = hooks.train.call(env);
  save_trained(hooks, model, env);
  std::ofstream(env.output_dir / "success", std::ios::binary);
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION void write_failure(const std::filesystem::path& output_dir,
                                                const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  const auto file = output_dir / "failure";
  if (std::filesystem::exists(file, error)) return;
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  if (!stream.flush()) detail::log_error("cannot write " + file.string());
}

SAGEMAKER_CONTAINER_FUNCTION int run_training(const Hooks& hooks, const std::string& command) {
  detail::FailureContext& context = detail::failure_context();
  context.command = command;
  const Variables variables = process_variables();
  context.output_dir =
      std::filesystem::path(detail::variable(variables, "SAGEMAKER_BASE_DIR", "/opt/ml")) / "output";
  std::set_terminate(detail::on_terminate);
  try {
    detail::watch_for_stop(static_cast<unsigned>(
        detail::variable_integer(variables, "SAGEMAKER_TRAINING_STOP_GRACE", 110, 86'400)));
    const TrainingEnvironment env = TrainingEnvironment::read(variables);
    context.output_dir = env.output_dir;
    detail::train_and_save(hooks, env);
    return 0;
  } catch (...) {
    detail::report_failure(detail::describe_exception(std::current_exception()), 1);
    return 1;
  }
}

}  // namespace sagemaker::container
