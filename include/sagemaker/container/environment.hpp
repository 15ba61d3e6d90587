// What a training or serving program finds around it: folders under /opt/ml (or SAGEMAKER_BASE_DIR),
// channels, hyperparameters, hosts, processors. Names and defaults follow the SageMaker training and
// inference toolkits (https://github.com/aws/sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md). No torch
// in here but for device(), whose body is in device.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/container/linkage.hpp>

namespace c10 {
struct Device;
}

namespace sagemaker::container {

using Variables = std::map<std::string, std::string>;

// The environment variables of this process.
SAGEMAKER_CONTAINER_FUNCTION Variables process_variables();

// One hyperparameter. SageMaker hands every value over as a string; SDKs put JSON into that string, other
// clients do not. "0.1", "\"0.1\"" and 0.1 all mean the number 0.1.
struct Hyperparameter {
  std::string text;  // as it was given, before any decoding
  json value;        // the JSON value in it, or else the text itself
};

namespace detail {
SAGEMAKER_CONTAINER_FUNCTION Hyperparameter decode_hyperparameter(const json& given);
SAGEMAKER_CONTAINER_FUNCTION bool hyperparameter_bool(const std::string& name, const Hyperparameter& given);
SAGEMAKER_CONTAINER_FUNCTION double hyperparameter_double(const std::string& name,
                                                          const Hyperparameter& given);
SAGEMAKER_CONTAINER_FUNCTION std::int64_t hyperparameter_integer(const std::string& name,
                                                                 const Hyperparameter& given,
                                                                 std::int64_t min, std::int64_t max);
SAGEMAKER_CONTAINER_FUNCTION std::string hyperparameter_text(const Hyperparameter& given);
[[noreturn]] SAGEMAKER_CONTAINER_FUNCTION void bad_hyperparameter(const std::string& name,
                                                                  const Hyperparameter& given,
                                                                  const std::string& wanted);
}  // namespace detail

struct TrainingEnvironment {
  // Reads /opt/ml, or the folder that SAGEMAKER_BASE_DIR names, and the SM_* variables. Those of folders,
  // channels and processors win; SM_HPS, SM_HOSTS and the others stand in for files that are not there. What
  // is missing gets the platform's default, so that a program also runs by hand. Throws ConfigError naming
  // the file or the variable that cannot be understood.
  static TrainingEnvironment read(const Variables& variables = process_variables());

  std::filesystem::path base_dir = "/opt/ml";
  std::filesystem::path input_dir, input_config_dir;
  std::filesystem::path model_dir;        // becomes model.tar.gz
  std::filesystem::path output_dir;       // failure and success are written here
  std::filesystem::path output_data_dir;  // becomes output.tar.gz
  std::filesystem::path output_intermediate_dir;
  std::filesystem::path checkpoint_dir;  // kept in S3 while the job runs, restored when it starts again
  std::filesystem::path code_dir;

  std::map<std::string, Hyperparameter> hyperparameters;      // the user's
  std::map<std::string, Hyperparameter> platform_parameters;  // sagemaker_program and the like
  std::map<std::string, std::filesystem::path> channels;
  json input_data_config = json::object();
  json resource_config = json::object();

  std::vector<std::string> hosts;  // sorted; algo-1, algo-2, ...
  std::string current_host;
  std::string network_interface;
  std::string instance_type;
  std::string job_name;
  std::string region;
  int num_cpus = 1;
  int num_gpus = 0;

  // The value of a hyperparameter: bool, an integer, float, double, std::string, std::vector of these, or
  // json. Throws ConfigError where the value is of another type, and in the first form where it is missing.
  template <class T>
  T hyperparameter(const std::string& name) const;
  template <class T>
  T hyperparameter(const std::string& name, T fallback) const;
  std::string hyperparameter(const std::string& name, const char* fallback) const;
  bool has_hyperparameter(const std::string& name) const { return hyperparameters.count(name) > 0; }

  // The folder of a channel. Throws ConfigError naming the channels that there are.
  const std::filesystem::path& channel(const std::string& name) const;
  bool has_channel(const std::string& name) const { return channels.count(name) > 0; }

  int rank() const;  // of this host among hosts, from 0
  int world_size() const { return static_cast<int>(hosts.size()); }
  bool is_master() const { return rank() == 0; }
  const std::string& master_address() const { return hosts.front(); }
  static constexpr int master_port = 7777;  // as the PyTorch training toolkit chose

  // True once the platform wants the job to end (StopTrainingJob, the time limit): return from train soon, so
  // that what was learnt so far is saved. See stop.hpp.
  bool stop_requested() const;

  // CUDA where this job may use a GPU and libtorch can, else the CPU. Body in device.hpp.
  c10::Device device() const;

  // SM_* as the training toolkit defines them, for code that reads variables and for child processes.
  Variables to_variables() const;
};

struct ServingEnvironment {
  // Throws ConfigError naming the variable that cannot be understood.
  static ServingEnvironment read(const Variables& variables = process_variables());

  std::filesystem::path base_dir = "/opt/ml";
  std::filesystem::path model_dir;
  std::string bind_host = "0.0.0.0";                // SAGEMAKER_BIND_TO_HOST
  int bind_port = 8080;                             // SAGEMAKER_BIND_TO_PORT
  std::string default_accept = "application/json";  // SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT
  bool batch_transform = false;                     // SAGEMAKER_BATCH: for a batch transform job
  // SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS, else SAGEMAKER_MODEL_SERVER_TIMEOUT, else
  // SAGEMAKER_TS_RESPONSE_TIMEOUT. Without them an hour in batch transform: the job's
  // InvocationsTimeoutInSeconds, 3600 at most, is what ends a request there.
  std::chrono::milliseconds invocation_timeout{60'000};
  std::chrono::milliseconds drain_timeout{25'000};  // hosting sends SIGKILL 30 s after SIGTERM
  // SAGEMAKER_MAX_PAYLOAD_IN_MB; batch transform sends up to 100 MB. 0: as much as comes, which is what a job
  // with MaxPayloadInMB 0 tells a container.
  std::size_t payload_bytes_max = std::size_t{100} << 20;
  int batch_rows_max = 64;  // SAGEMAKER_BATCH_ROWS_MAX, else SAGEMAKER_TS_BATCH_SIZE; 1: no batches
  // How long a request may wait for others before a free model takes it: SAGEMAKER_BATCH_DELAY_MS, else
  // SAGEMAKER_TS_MAX_BATCH_DELAY. Without it requests are batched only while the model is busy.
  std::chrono::milliseconds batch_delay{0};
  // Models that work side by side: SAGEMAKER_MODEL_SERVER_WORKERS, else one, or one for each GPU.
  int workers = 1;
  // Threads that read requests: SAGEMAKER_SERVER_LOOPS, else as many as processors, at most four.
  int loops = 1;
  bool multi_model = false;  // SAGEMAKER_MULTI_MODEL
  // What loaded models of a multi-model endpoint may hold together: SAGEMAKER_MAX_MODEL_MEMORY_MB; 0: as much
  // as the machine or its cgroup has free.
  std::uint64_t model_bytes_max = 0;
  int num_cpus = 1;
  int num_gpus = 0;

  c10::Device device() const;  // as TrainingEnvironment::device
  // Worker i works on GPU i modulo their number.
  c10::Device worker_device(int worker) const;
  int worker_threads() const { return std::max(1, num_cpus / workers); }
};

namespace detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
T hyperparameter_as(const std::string& name, const Hyperparameter& given) {
  if constexpr (std::same_as<T, json>) {
    return given.value;
  } else if constexpr (std::same_as<T, bool>) {
    return hyperparameter_bool(name, given);
  } else if constexpr (std::integral<T>) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    constexpr auto max = std::cmp_less(most, std::numeric_limits<T>::max())
                             ? most
                             : static_cast<std::int64_t>(std::numeric_limits<T>::max());
    return static_cast<T>(
        hyperparameter_integer(name, given, static_cast<std::int64_t>(std::numeric_limits<T>::min()), max));
  } else if constexpr (std::floating_point<T>) {
    return static_cast<T>(hyperparameter_double(name, given));
  } else if constexpr (is_vector<T>) {
    if (!given.value.is_array()) bad_hyperparameter(name, given, "a JSON array");
    T values;
    for (const json& item : given.value) {
      values.push_back(hyperparameter_as<typename T::value_type>(name, decode_hyperparameter(item)));
    }
    return values;
  } else {
    static_assert(std::constructible_from<T, std::string>,
                  "a hyperparameter is bool, number, string, vector or json");
    return T(hyperparameter_text(given));
  }
}

}  // namespace detail

template <class T>
T TrainingEnvironment::hyperparameter(const std::string& name) const {
  const auto found = hyperparameters.find(name);
  if (found == hyperparameters.end())
    throw ConfigError("hyperparameter '" + name + "' is required and was not given");
  return detail::hyperparameter_as<T>(name, found->second);
}

template <class T>
T TrainingEnvironment::hyperparameter(const std::string& name, T fallback) const {
  const auto found = hyperparameters.find(name);
  return found == hyperparameters.end() ? fallback : detail::hyperparameter_as<T>(name, found->second);
}

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/environment.hpp>
#endif
