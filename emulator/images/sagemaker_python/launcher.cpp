// See launcher.hpp.
#include "emulator/images/sagemaker_python/launcher.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace sagemaker::local::images {
namespace {

using container::TrainingEnvironment;
using container::Variables;

struct Switch {
  const char* parameter;
  const char* distribution;  // of an Estimator
};

constexpr std::array refused = {
    Switch{"sagemaker_mpi_enabled", "mpi"}, Switch{"sagemaker_parameter_server_enabled", "parameter_server"},
    Switch{"sagemaker_distributed_dataparallel_enabled", "smdistributed dataparallel"},
    Switch{"sagemaker_pytorch_xla_multi_worker_enabled", "pytorchxla"},
    Switch{"sagemaker_multi_worker_mirrored_strategy_enabled", "multi_worker_mirrored_strategy"}};

bool enabled(const TrainingEnvironment& env, const char* name) {
  const auto given = env.platform_parameters.find(name);
  return given != env.platform_parameters.end() &&
         container::detail::hyperparameter_bool(name, given->second);
}

std::string text_of(const Variables& variables, const char* name, const std::string& fallback) {
  const auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? fallback : found->second;
}

// Hosts outside of the groups that the distribution names run the script alone.
bool takes_part(const TrainingEnvironment& env) {
  const auto given = env.platform_parameters.find("sagemaker_distribution_instance_groups");
  if (given == env.platform_parameters.end() || !given->second.value.is_array()) return true;
  const json group = env.resource_config.value("current_group_name", "");
  const json& groups = given->second.value;
  return groups.empty() || std::find(groups.begin(), groups.end(), group) != groups.end();
}

int processes_per_host(const TrainingEnvironment& env) {
  const std::string name = "sagemaker_mpi_num_of_processes_per_host";
  const auto given = env.platform_parameters.find(name);
  if (given == env.platform_parameters.end()) return std::max(1, env.num_gpus);
  return static_cast<int>(container::detail::hyperparameter_integer(name, given->second, 1, 1024));
}

}  // namespace

Launcher launcher_of(const TrainingEnvironment& env) {
  if (!takes_part(env)) return Launcher::process;
  for (const Switch& one : refused) {
    if (!enabled(env, one.parameter)) continue;
    throw std::runtime_error("the distribution " + std::string(one.distribution) + " (hyperparameter " +
                             one.parameter +
                             ") is not implemented by sagemaker-local yet; torch_distributed is");
  }
  // AWS starts the second with a library of its own, which does what torchrun does.
  const bool torchrun =
      enabled(env, "sagemaker_torch_distributed_enabled") || enabled(env, "sagemaker_pytorch_ddp_enabled");
  return torchrun ? Launcher::torchrun : Launcher::process;
}

Variables distributed_variables(const TrainingEnvironment& env, const Variables& variables) {
  Variables set = {
      {"MASTER_ADDR", text_of(variables, "SM_MASTER_ADDR", env.master_address())},
      {"MASTER_PORT", text_of(variables, "SM_MASTER_PORT", std::to_string(TrainingEnvironment::master_port))},
      {"NCCL_SOCKET_IFNAME", env.network_interface},
      {"NCCL_IB_DISABLE", "1"},
      {"NCCL_DEBUG", "WARN"}};
  // The hosts are on one machine and meet on its loopback interface, which Gloo would not choose by itself.
  if (env.network_interface == "lo")
    set["GLOO_SOCKET_IFNAME"] = text_of(variables, "GLOO_SOCKET_IFNAME", "lo");
  return set;
}

std::vector<std::string> torchrun_command(const std::vector<std::string>& command, EntryKind kind,
                                          const TrainingEnvironment& env, const Variables& distributed) {
  if (kind != EntryKind::script)
    throw std::runtime_error(
        "the distribution torch_distributed needs a Python script (.py) as the entry point");
  // The address and the port are given for one host too: jobs on one machine must not meet on torchrun's own
  // port.
  std::vector<std::string> argv = {command.front(),
                                   "-m",
                                   "torch.distributed.run",
                                   "--nnodes",
                                   std::to_string(env.hosts.size()),
                                   "--nproc_per_node",
                                   std::to_string(processes_per_host(env)),
                                   "--master_addr",
                                   distributed.at("MASTER_ADDR"),
                                   "--master_port",
                                   distributed.at("MASTER_PORT"),
                                   "--node_rank",
                                   std::to_string(env.rank())};
  argv.insert(argv.end(), command.begin() + 1, command.end());
  return argv;
}

}  // namespace sagemaker::local::images
