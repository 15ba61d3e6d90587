// See container_environment.hpp.
#include "emulator/runner/container_environment.hpp"

#include <algorithm>
#include <cstdlib>

namespace sagemaker::local::runner {
namespace {

constexpr std::size_t variable_bytes_max =
    120 * 1024;  // Linux: one string of the environment holds at most 128 KiB

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

// Strings as they are, null as nothing, everything else as compact JSON with sorted keys.
std::string text_of(const json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : aws::dump_json(value);
}

std::string argument_of(const json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (!value.is_object()) return text_of(value);
  std::string joined;
  for (const auto& [key, item] : value.items())
    joined += (joined.empty() ? "" : ",") + key + "=" + argument_of(item);
  return joined;
}

bool is_platform_hyperparameter(const std::string& name) { return name.starts_with("sagemaker_"); }

bool fits(const std::string& name, const std::string& value) {
  return name.find('=') == std::string::npos && name.find('\0') == std::string::npos &&
         value.find('\0') == std::string::npos && name.size() + value.size() < variable_bytes_max;
}

std::string module_name_of(std::string entry_point) {
  if (entry_point.ends_with(".py")) entry_point.resize(entry_point.size() - 3);
  return entry_point;
}

// The hyperparameters that the SDK adds under names of its own.
struct PlatformHyperparameters {
  std::string program, submit_directory;
  json log_level = 20;
  json others = json::object();

  explicit PlatformHyperparameters(const json& decoded) {
    for (const auto& [name, value] : decoded.items()) {
      if (!is_platform_hyperparameter(name)) continue;
      if (name == "sagemaker_program") {
        program = text_of(value);
      } else if (name == "sagemaker_submit_directory") {
        submit_directory = text_of(value);
      } else if (name == "sagemaker_container_log_level") {
        log_level = value;
      } else {
        others[name] = value;
      }
    }
  }
};

json keys_of(const json& object) {
  json keys = json::array();
  for (const auto& [name, ignored] : object.items()) keys.push_back(name);
  return keys;
}

json channel_folders_of(const TrainingHost& host) {
  json folders = json::object();
  for (const auto& [name, ignored] : host.input_data_config.items()) {
    folders[name] = (host.base / "input/data" / name).string();
  }
  return folders;
}

json path_values(const std::filesystem::path& base) {
  const auto below = [&](const char* relative) { return (base / relative).string(); };
  return {{"model_dir", below("model")},
          {"input_dir", below("input")},
          {"input_config_dir", below("input/config")},
          {"output_dir", below("output")},
          {"output_data_dir", below("output/data")},
          {"output_intermediate_dir", below("output/intermediate")}};
}

json cluster_values(const TrainingHost& host) {
  const json& resources = host.resource_config;
  json groups = json::object();
  for (const json& group : resources.at("instance_groups")) groups[group.at("instance_group_name")] = group;
  const std::string& current = resources.at("current_group_name").get_ref<const std::string&>();
  return {{"hosts", resources.at("hosts")},
          {"current_host", resources.at("current_host")},
          {"current_instance_type", resources.at("current_instance_type")},
          {"current_instance_group", current},
          {"current_instance_group_hosts", groups.at(current).at("hosts")},
          {"instance_groups", keys_of(groups)},
          {"instance_groups_dict", groups},
          {"is_hetero", groups.size() > 1},
          {"network_interface_name", resources.at("network_interface_name")},
          {"num_cpus", host.share.cpus},
          {"num_gpus", host.share.gpus},
          {"num_neurons", 0}};
}

json script_values(const TrainingHost& host, const PlatformHyperparameters& platform) {
  return {{"user_entry_point", platform.program},
          {"module_name", module_name_of(platform.program)},
          {"module_dir", platform.submit_directory},
          {"log_level", platform.log_level},
          {"distribution_instance_groups",
           platform.others.value("sagemaker_distribution_instance_groups", json::array())},
          {"framework_module", nullptr},
          {"resource_config", host.resource_config},
          {"input_data_config", host.input_data_config}};
}

}  // namespace

Environment base_environment(const Environment& image, const Environment& request,
                             const std::filesystem::path& root, bool isolated) {
  Environment environment = request;
  environment.insert(image.begin(), image.end());
  const char* path = std::getenv("PATH");
  environment.emplace("PATH",
                      path && *path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  environment.emplace("LANG", "C.UTF-8");
  const std::filesystem::path absolute = std::filesystem::absolute(root);
  std::filesystem::create_directories(absolute / "home");
  environment.emplace("HOME", (absolute / "home").string());
  if (!isolated) {
    std::filesystem::create_directories(absolute / "tmp");
    environment.emplace("TMPDIR", (absolute / "tmp").string());
  }
  return environment;
}

json decode_hyperparameters(const json& hyperparameters) {
  json decoded = json::object();
  for (const auto& [name, value] : hyperparameters.items()) {
    decoded[name] = value;
    if (!value.is_string()) continue;
    try {
      decoded[name] = aws::parse_json(value.get_ref<const std::string&>());
    } catch (const aws::JsonError&) {  // a plain string
    }
  }
  return decoded;
}

std::vector<std::string> command_line_of(const json& decoded_hyperparameters) {
  std::vector<std::string> arguments;
  for (const auto& [name, value] : decoded_hyperparameters.items()) {
    if (is_platform_hyperparameter(name) || name == "_tuning_objective_metric") continue;
    arguments.push_back((name.size() == 1 ? "-" : "--") + name);
    arguments.push_back(argument_of(value));
  }
  return arguments;
}

Environment training_environment(const TrainingHost& host) {
  const json decoded = decode_hyperparameters(host.hyperparameters);
  const PlatformHyperparameters platform(decoded);
  json user = json::object();
  for (const auto& [name, value] : decoded.items()) {
    if (!is_platform_hyperparameter(name)) user[name] = value;
  }
  const json channel_folders = channel_folders_of(host);
  const json& hosts = host.resource_config.at("hosts");
  const json& current = host.resource_config.at("current_host");

  json shared = path_values(host.base);
  shared.update(cluster_values(host));
  shared.update(script_values(host, platform));
  json whole = shared;
  whole.update({{"additional_framework_parameters", platform.others},
                {"channel_input_dirs", channel_folders},
                {"hyperparameters", user},
                {"job_name", host.job_name},
                {"is_master", current == hosts.at(0)},
                {"master_hostname", hosts.at(0)}});

  json values = std::move(shared);
  values.update({{"channels", keys_of(channel_folders)},
                 {"framework_params", platform.others},
                 {"hps", user},
                 {"user_args", command_line_of(decoded)},
                 {"training_env", std::move(whole)}});
  // What the drivers of the SDK's version 3 add.
  values.update({{"input_data_dir", (host.base / "input/data").string()},
                 {"output_failure", (host.base / "output/failure").string()},
                 {"host_count", hosts.size()},
                 {"current_host_rank", std::find(hosts.begin(), hosts.end(), current) - hosts.begin()},
                 {"master_addr", host.master_address},
                 {"master_port", host.master_port}});

  Environment environment;
  const auto put = [&](const std::string& name, const json& value) {
    std::string text = text_of(value);
    if (fits(name, text)) environment.emplace(name, std::move(text));
  };
  for (const auto& [name, value] : values.items()) put("SM_" + upper(name), value);
  for (const auto& [name, value] : channel_folders.items()) put("SM_CHANNEL_" + upper(name), value);
  for (const auto& [name, value] : user.items()) put("SM_HP_" + upper(name), value);
  put("CURRENT_HOST", current);  // what the training toolkit asks for
  put("OMP_NUM_THREADS", std::to_string(host.share.cpus));
  return environment;
}

Environment gpu_environment(const Share& share, int index, const Machine& machine) {
  if (machine.gpus == 0 || share.gpus == machine.gpus) return {};
  std::string devices;
  for (int i = 0; i < share.gpus; ++i) {
    if (i > 0) devices += ',';
    devices += std::to_string((index * share.gpus + i) % machine.gpus);
  }
  return {{"CUDA_VISIBLE_DEVICES", devices}};
}

}  // namespace sagemaker::local::runner
