// Bodies of environment.hpp.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/stop.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION Variables process_variables() {
  Variables variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace sagemaker::container

namespace sagemaker::container::detail {

// ---- hyperparameters ---------------------------------------------------------------------------

SAGEMAKER_CONTAINER_FUNCTION Hyperparameter decode_hyperparameter(const json& given) {
  if (!given.is_string()) return {aws::dump_json(given), given};
  const auto& text = given.get_ref<const std::string&>();
  try {
    return {text, aws::parse_json(text)};
  } catch (const aws::JsonError&) {
    return {text, given};
  }
}

SAGEMAKER_CONTAINER_FUNCTION void bad_hyperparameter(const std::string& name, const Hyperparameter& given,
                                                     const std::string& wanted) {
  throw ConfigError("hyperparameter '" + name + "' must be " + wanted + ", got '" + given.text + "'");
}

// What is between the JSON quotes, where there are some.
SAGEMAKER_CONTAINER_FUNCTION std::string hyperparameter_text(const Hyperparameter& given) {
  return given.value.is_string() ? given.value.get<std::string>() : given.text;
}

SAGEMAKER_CONTAINER_FUNCTION std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

SAGEMAKER_CONTAINER_FUNCTION bool hyperparameter_bool(const std::string& name, const Hyperparameter& given) {
  if (given.value.is_boolean()) return given.value.get<bool>();
  std::string text(without_blanks(hyperparameter_text(given)));
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  bad_hyperparameter(name, given, "true or false");
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  text = without_blanks(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

SAGEMAKER_CONTAINER_FUNCTION double hyperparameter_double(const std::string& name,
                                                          const Hyperparameter& given) {
  if (given.value.is_number()) return given.value.get<double>();
  const auto number = parse_number<double>(hyperparameter_text(given));
  if (!number) bad_hyperparameter(name, given, "a number");
  return *number;
}

// "10", "10.0" and "1e1" are all the integer 10: search spaces and other clients write them so.
SAGEMAKER_CONTAINER_FUNCTION std::int64_t hyperparameter_integer(const std::string& name,
                                                                 const Hyperparameter& given,
                                                                 std::int64_t min, std::int64_t max) {
  const std::string wanted = "an integer";
  auto integer = parse_number<std::int64_t>(hyperparameter_text(given));
  if (!integer) {
    const auto number = parse_number<double>(hyperparameter_text(given));
    if (!number || std::trunc(*number) != *number || std::abs(*number) > 9.0e15)
      bad_hyperparameter(name, given, wanted);
    integer = static_cast<std::int64_t>(*number);
  }
  if (*integer < min || *integer > max) {
    bad_hyperparameter(name, given, wanted + " from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return *integer;
}

// ---- reading -----------------------------------------------------------------------------------

SAGEMAKER_CONTAINER_FUNCTION std::string variable(const Variables& variables, const std::string& name,
                                                  const std::string& fallback) {
  const auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? fallback : found->second;
}

SAGEMAKER_CONTAINER_FUNCTION json parse_json_of(const std::string& origin, const std::string& text) {
  try {
    return aws::parse_json(text);
  } catch (const aws::JsonError& error) {
    throw ConfigError(origin + " cannot be read: " + error.what());
  }
}

// The object in a configuration file, else in a variable, else an empty one.
SAGEMAKER_CONTAINER_FUNCTION json read_config(const std::filesystem::path& file, const Variables& variables,
                                              const std::string& name) {
  json document = json::object();
  std::string origin;
  if (std::ifstream stream(file, std::ios::binary); stream) {
    origin = file.string();
    document =
        parse_json_of(origin, {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()});
  } else if (const std::string text = variable(variables, name, ""); !text.empty()) {
    origin = name;
    document = parse_json_of(origin, text);
  }
  if (!document.is_object()) throw ConfigError(origin + " must hold a JSON object");
  return document;
}

SAGEMAKER_CONTAINER_FUNCTION std::int64_t variable_integer(const Variables& variables,
                                                           const std::string& name, std::int64_t fallback,
                                                           std::int64_t max) {
  const std::string text = variable(variables, name, "");
  if (text.empty()) return fallback;
  const auto number = parse_number<std::int64_t>(text);
  if (!number || *number < 0 || *number > max) {
    throw ConfigError("variable " + name + " must be an integer from 0 to " + std::to_string(max) +
                      ", got '" + text + "'");
  }
  return *number;
}

SAGEMAKER_CONTAINER_FUNCTION int count_cpus(const Variables& variables) {
  const auto here = static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, static_cast<int>(variable_integer(variables, "SM_NUM_CPUS", here, 65536)));
}

// Without a driver's library: the devices that the driver shows.
SAGEMAKER_CONTAINER_FUNCTION int count_gpus(const Variables& variables) {
  int here = 0;
  std::error_code ignored;
  while (std::filesystem::exists("/dev/nvidia" + std::to_string(here), ignored)) ++here;
  return static_cast<int>(variable_integer(variables, "SM_NUM_GPUS", here, 1024));
}

SAGEMAKER_CONTAINER_FUNCTION std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Channels of inputdataconfig.json, folders that lie under input/data, and SM_CHANNEL_<NAME>, which wins.
SAGEMAKER_CONTAINER_FUNCTION void read_channels(TrainingEnvironment& env, const Variables& variables) {
  const std::filesystem::path data = env.input_dir / "data";
  for (const auto& [name, config] : env.input_data_config.items()) env.channels[name] = data / name;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(data, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory(error))
      env.channels.try_emplace(entry->path().filename().string(), entry->path());
  }
  const std::string prefix = "SM_CHANNEL_";
  for (auto entry = variables.lower_bound(prefix);
       entry != variables.end() && entry->first.starts_with(prefix); ++entry) {
    const std::string name = entry->first.substr(prefix.size());
    const auto known = std::find_if(env.channels.begin(), env.channels.end(),
                                    [&](const auto& channel) { return upper(channel.first) == name; });
    if (known != env.channels.end()) {
      known->second = entry->second;
    } else if (!name.empty()) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      env.channels[lower] = entry->second;
    }
  }
}

SAGEMAKER_CONTAINER_FUNCTION void read_batching(ServingEnvironment& env, const Variables& variables) {
  std::int64_t rows = env.batch_rows_max;
  for (const char* const name : {"SAGEMAKER_TS_BATCH_SIZE", "SAGEMAKER_BATCH_ROWS_MAX"}) {
    rows = variable_integer(variables, name, rows, 1 << 20);
  }
  env.batch_rows_max = static_cast<int>(std::max<std::int64_t>(1, rows));
  std::int64_t delay_ms = 0;
  for (const char* const name : {"SAGEMAKER_TS_MAX_BATCH_DELAY", "SAGEMAKER_BATCH_DELAY_MS"}) {
    delay_ms = variable_integer(variables, name, delay_ms, 60'000);
  }
  env.batch_delay = std::chrono::milliseconds(delay_ms);
}

SAGEMAKER_CONTAINER_FUNCTION void read_hosts(TrainingEnvironment& env, const Variables& variables) {
  const json& config = env.resource_config;
  const auto text = [&](const char* key, const char* name, const char* fallback) {
    const auto member = config.find(key);
    return member != config.end() && member->is_string() ? member->get<std::string>()
                                                         : variable(variables, name, fallback);
  };
  json hosts = config.value("hosts", json());
  if (hosts.is_null()) {
    const std::string listed = variable(variables, "SM_HOSTS", "");
    if (!listed.empty()) hosts = parse_json_of("SM_HOSTS", listed);
  }
  if (!hosts.is_null() && !hosts.is_array())
    throw ConfigError("'hosts' in resourceconfig.json must be a list of names");
  for (const json& host : hosts) {
    if (!host.is_string()) throw ConfigError("'hosts' in resourceconfig.json must be a list of names");
    env.hosts.push_back(host.get<std::string>());
  }
  env.current_host =
      text("current_host", "SM_CURRENT_HOST", env.hosts.empty() ? "algo-1" : env.hosts.front().c_str());
  if (env.hosts.empty()) env.hosts = {env.current_host};
  std::sort(env.hosts.begin(), env.hosts.end());
  env.network_interface = text("network_interface_name", "SM_NETWORK_INTERFACE_NAME", "eth0");
  env.instance_type = text("current_instance_type", "SM_CURRENT_INSTANCE_TYPE", "");
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION TrainingEnvironment TrainingEnvironment::read(const Variables& variables) {
  TrainingEnvironment env;
  const auto folder = [&](const char* name, const std::filesystem::path& fallback) {
    return std::filesystem::path(detail::variable(variables, name, fallback.string()));
  };
  env.base_dir = folder("SAGEMAKER_BASE_DIR", env.base_dir);
  env.input_dir = folder("SM_INPUT_DIR", env.base_dir / "input");
  env.input_config_dir = folder("SM_INPUT_CONFIG_DIR", env.input_dir / "config");
  env.model_dir = folder("SM_MODEL_DIR", env.base_dir / "model");
  env.output_dir = folder("SM_OUTPUT_DIR", env.base_dir / "output");
  env.output_data_dir = folder("SM_OUTPUT_DATA_DIR", env.output_dir / "data");
  env.output_intermediate_dir = folder("SM_OUTPUT_INTERMEDIATE_DIR", env.output_dir / "intermediate");
  env.checkpoint_dir = env.base_dir / "checkpoints";
  env.code_dir = env.base_dir / "code";
  env.job_name = detail::variable(variables, "TRAINING_JOB_NAME", "");
  env.region = detail::variable(variables, "AWS_REGION", detail::variable(variables, "SAGEMAKER_REGION", ""));
  env.num_cpus = detail::count_cpus(variables);
  env.num_gpus = detail::count_gpus(variables);

  const json given = detail::read_config(env.input_config_dir / "hyperparameters.json", variables, "SM_HPS");
  for (const auto& [name, value] : given.items()) {
    auto& group = name.starts_with("sagemaker_") ? env.platform_parameters : env.hyperparameters;
    group[name] = detail::decode_hyperparameter(value);
  }
  env.input_data_config =
      detail::read_config(env.input_config_dir / "inputdataconfig.json", variables, "SM_INPUT_DATA_CONFIG");
  env.resource_config =
      detail::read_config(env.input_config_dir / "resourceconfig.json", variables, "SM_RESOURCE_CONFIG");
  detail::read_channels(env, variables);
  detail::read_hosts(env, variables);
  return env;
}

SAGEMAKER_CONTAINER_FUNCTION std::string TrainingEnvironment::hyperparameter(const std::string& name,
                                                                             const char* fallback) const {
  return hyperparameter<std::string>(name, std::string(fallback));
}

SAGEMAKER_CONTAINER_FUNCTION const std::filesystem::path& TrainingEnvironment::channel(
    const std::string& name) const {
  const auto found = channels.find(name);
  if (found != channels.end()) return found->second;
  std::string known;
  for (const auto& [channel, path] : channels) known += (known.empty() ? "" : ", ") + channel;
  throw ConfigError("there is no input channel '" + name + "'; " +
                    (known.empty() ? "the job has no channels" : "the job has: " + known));
}

SAGEMAKER_CONTAINER_FUNCTION int TrainingEnvironment::rank() const {
  const auto found = std::find(hosts.begin(), hosts.end(), current_host);
  if (found == hosts.end())
    throw ConfigError("current_host '" + current_host + "' is not among the hosts of this job");
  return static_cast<int>(found - hosts.begin());
}

SAGEMAKER_CONTAINER_FUNCTION bool TrainingEnvironment::stop_requested() const {
  return sagemaker::container::stop_requested();
}

SAGEMAKER_CONTAINER_FUNCTION Variables TrainingEnvironment::to_variables() const {
  Variables out;
  out["SM_MODEL_DIR"] = model_dir.string();
  out["SM_INPUT_DIR"] = input_dir.string();
  out["SM_INPUT_CONFIG_DIR"] = input_config_dir.string();
  out["SM_OUTPUT_DIR"] = output_dir.string();
  out["SM_OUTPUT_DATA_DIR"] = output_data_dir.string();
  out["SM_OUTPUT_INTERMEDIATE_DIR"] = output_intermediate_dir.string();
  json names = json::array();
  for (const auto& [name, path] : channels) {
    names.push_back(name);
    out["SM_CHANNEL_" + detail::upper(name)] = path.string();
  }
  out["SM_CHANNELS"] = aws::dump_json(names);
  json user = json::object();
  for (const auto& [name, parameter] : hyperparameters) {
    user[name] = parameter.value;
    out["SM_HP_" + detail::upper(name)] = detail::hyperparameter_text(parameter);
  }
  out["SM_HPS"] = aws::dump_json(user);
  out["SM_HOSTS"] = aws::dump_json(json(hosts));
  out["SM_CURRENT_HOST"] = current_host;
  out["SM_CURRENT_INSTANCE_TYPE"] = instance_type;
  out["SM_NETWORK_INTERFACE_NAME"] = network_interface;
  out["SM_NUM_CPUS"] = std::to_string(num_cpus);
  out["SM_NUM_GPUS"] = std::to_string(num_gpus);
  out["SM_INPUT_DATA_CONFIG"] = aws::dump_json(input_data_config);
  out["SM_RESOURCE_CONFIG"] = aws::dump_json(resource_config);
  return out;
}

SAGEMAKER_CONTAINER_FUNCTION ServingEnvironment ServingEnvironment::read(const Variables& variables) {
  ServingEnvironment env;
  env.base_dir = detail::variable(variables, "SAGEMAKER_BASE_DIR", env.base_dir.string());
  env.model_dir = detail::variable(variables, "SM_MODEL_DIR", (env.base_dir / "model").string());
  env.bind_host = detail::variable(variables, "SAGEMAKER_BIND_TO_HOST", env.bind_host);
  env.bind_port =
      static_cast<int>(detail::variable_integer(variables, "SAGEMAKER_BIND_TO_PORT", env.bind_port, 65535));
  env.default_accept =
      detail::variable(variables, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", env.default_accept);
  env.batch_transform = detail::variable(variables, "SAGEMAKER_BATCH", "false") == "true";
  std::int64_t timeout_s = env.batch_transform ? 3600 : 60;
  for (const char* const name : {"SAGEMAKER_TS_RESPONSE_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT",
                                 "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"}) {
    timeout_s = detail::variable_integer(variables, name, timeout_s, 86'400);
  }
  env.invocation_timeout = std::chrono::seconds(std::max<std::int64_t>(1, timeout_s));
  const auto megabytes = static_cast<std::int64_t>(env.payload_bytes_max >> 20);
  constexpr std::int64_t megabytes_max = 1 << 20;
  const auto payload =
      detail::variable_integer(variables, "SAGEMAKER_MAX_PAYLOAD_IN_MB", megabytes, megabytes_max);
  env.payload_bytes_max = static_cast<std::size_t>(payload == 0 ? megabytes_max : payload) << 20;
  detail::read_batching(env, variables);
  env.num_cpus = detail::count_cpus(variables);
  env.num_gpus = detail::count_gpus(variables);
  env.workers = static_cast<int>(std::max<std::int64_t>(
      1, detail::variable_integer(variables, "SAGEMAKER_MODEL_SERVER_WORKERS", env.num_gpus, 1024)));
  env.loops = static_cast<int>(std::max<std::int64_t>(
      1, detail::variable_integer(variables, "SAGEMAKER_SERVER_LOOPS", std::min(env.num_cpus, 4), 64)));
  env.multi_model = detail::variable(variables, "SAGEMAKER_MULTI_MODEL", "false") == "true";
  env.model_bytes_max = static_cast<std::uint64_t>(detail::variable_integer(
                            variables, "SAGEMAKER_MAX_MODEL_MEMORY_MB", 0, std::int64_t{1} << 30))
                        << 20;
  return env;
}

}  // namespace sagemaker::container
