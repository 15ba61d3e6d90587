// See settings.hpp.
#include "emulator/images/sagemaker_python/serving/settings.hpp"

#include <algorithm>
#include <stdexcept>

namespace sagemaker::local::images {
namespace {

constexpr int workers_unasked_max = 4;  // each holds the model, and with torch 250 MB more
constexpr int workers_max = 256;

std::string text_of(const container::Variables& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

bool flag_of(const container::Variables& variables, const char* name) {
  std::string text = text_of(variables, name);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text == "true" || text == "1";
}

}  // namespace

ServingSettings ServingSettings::read(const container::Variables& variables) {
  using container::detail::variable_integer;
  ServingSettings settings;
  settings.environment = container::ServingEnvironment::read(variables);
  const auto& env = settings.environment;
  if (!text_of(variables, "SAGEMAKER_HANDLER").empty())
    throw std::runtime_error(
        "SAGEMAKER_HANDLER names a handler service, which is not implemented by sagemaker-local: define "
        "model_fn, input_fn, predict_fn and output_fn, or transform_fn, in the script");
  if (flag_of(variables, "SAGEMAKER_INFERENCE_ACCELERATOR_PRESENT"))
    throw std::runtime_error("Elastic Inference is not implemented by sagemaker-local");
  settings.multi_model = flag_of(variables, "SAGEMAKER_MULTI_MODEL");
  settings.framework = text_of(variables, "SAGEMAKER_PYTHON_FRAMEWORK");
  const int unasked = env.num_gpus > 0 ? env.num_gpus : std::clamp(env.num_cpus, 1, workers_unasked_max);
  // Each model of a multi-model server has workers of its own.
  settings.workers = static_cast<std::size_t>(
      std::max<std::int64_t>(1, variable_integer(variables, "SAGEMAKER_MODEL_SERVER_WORKERS",
                                                 settings.multi_model ? 1 : unasked, workers_max)));
  if (text_of(variables, "OMP_NUM_THREADS").empty())
    settings.threads = std::max(1, env.num_cpus / static_cast<int>(settings.workers));
  settings.batch_max = static_cast<std::size_t>(
      std::max<std::int64_t>(1, variable_integer(variables, "SAGEMAKER_TS_BATCH_SIZE", 1, 4096)));
  settings.batch_delay =
      std::chrono::milliseconds(variable_integer(variables, "SAGEMAKER_TS_MAX_BATCH_DELAY", 0, 60'000));
  settings.timeout = env.invocation_timeout;
  settings.start_timeout = std::chrono::seconds(
      std::max<std::int64_t>(1, variable_integer(variables, "SAGEMAKER_STARTUP_TIMEOUT", 600, 86'400)));
  return settings;
}

}  // namespace sagemaker::local::images
