// See code.hpp.
#include "emulator/images/sagemaker_python/serving/code.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "emulator/images/sagemaker_python/entry_point.hpp"
#include "emulator/images/sagemaker_python/python.hpp"
#include "emulator/images/script/cache.hpp"
#include "emulator/images/script/source.hpp"
#include "emulator/images/script/torchscript.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

constexpr const char* usual_program = "inference.py";
constexpr std::string_view platform_folder = "/opt/ml/";

std::string text_of(const container::Variables& variables, const std::string& name,
                    const std::string& fallback = "") {
  const auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? fallback : found->second;
}

void put_first(container::Variables& variables, const std::string& name, const fs::path& folder) {
  const std::string before = text_of(variables, name);
  variables[name] = folder.string() + (before.empty() ? "" : ":" + before);
}

// A folder of the container, as the SDK names it: /opt/ml/model/code. Empty: the code lies elsewhere.
fs::path local_folder(std::string submit, const fs::path& base_dir) {
  if (submit.starts_with("file://")) submit = submit.substr(7);
  if (!submit.starts_with('/')) return {};
  // Where there is no sandbox /opt/ml lies elsewhere.
  if (submit.starts_with(platform_folder)) return base_dir / submit.substr(platform_folder.size());
  std::error_code ignored;
  return fs::is_directory(submit, ignored) ? fs::path(submit) : fs::path();
}

std::string files_in(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) return "there is no such folder";
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < 20; ++i) list += (i == 0 ? "" : ", ") + names[i];
  return "it holds: " + (list.empty() ? "nothing" : list) + (names.size() > 20 ? ", ..." : "");
}

std::string module_of(std::string program) {
  if (program.ends_with(".py")) program.resize(program.size() - 3);
  std::replace(program.begin(), program.end(), '/', '.');
  return program;
}

// Of CUDA_VISIBLE_DEVICES as it is set for this container, the one for a worker.
std::string device_of(const container::Variables& variables, std::size_t gpu, int gpus) {
  std::vector<std::string> visible;
  std::istringstream text(text_of(variables, "CUDA_VISIBLE_DEVICES"));
  for (std::string device; std::getline(text, device, ',');) visible.push_back(device);
  if (!visible.empty()) return visible[gpu % visible.size()];
  return std::to_string(gpu % static_cast<std::size_t>(gpus));
}

}  // namespace

ServingCode find_serving_code(const container::Variables& variables, const fs::path& base_dir,
                              const fs::path& model_dir) {
  const std::string named = text_of(variables, "SAGEMAKER_PROGRAM");
  const std::string program = named.empty() ? usual_program : named;
  check_entry_point(program);
  const std::string submit = text_of(variables, "SAGEMAKER_SUBMIT_DIRECTORY");
  const fs::path in_model = model_dir / "code";
  const fs::path folder = submit.empty() ? in_model : local_folder(submit, base_dir);
  if (folder.empty()) {
    const ScriptImage image{"sagemaker-python", "", usual_program, ""};
    const Source source =
        locate_source("serve", container::TrainingEnvironment::read(variables), variables, image);
    return {source.directory, source.program};
  }
  for (const fs::path& candidate : {folder, in_model}) {
    if (fs::exists(candidate / program)) return {candidate, program};
  }
  if (named.empty()) return {};
  throw std::runtime_error("there is no " + program + ", which SAGEMAKER_PROGRAM names, in " +
                           folder.string() + "; " + files_in(folder));
}

fs::path prebuilt_server(const ServingSettings& settings, const ServingCode& code) {
  if (!code.program.empty() || settings.multi_model || settings.framework == "scikit-learn") return {};
  std::error_code error;
  std::size_t models = 0;
  for (const auto& entry : fs::directory_iterator(settings.environment.model_dir, error)) {
    const std::string extension = entry.path().extension().string();
    models += extension == ".pt" || extension == ".pth";
  }
  return models > 0 ? torchscript_server() : fs::path();
}

WorkerRecipe::WorkerRecipe(const ServingSettings& settings, const container::Variables& variables,
                           const ServingCode& code, fs::path model_dir, std::string model_name)
    : settings_(settings),
      variables_(variables),
      code_(code),
      model_dir_(std::move(model_dir)),
      model_name_(std::move(model_name)) {
  const fs::path python = find_python(variables);
  packages_.python = python;
  if (!code.program.empty()) {
    const fs::path home = text_of(variables, "HOME", settings.environment.base_dir.string());
    packages_ = install_packages({code.directory, code.program}, EntryKind::script, python,
                                 cache_directory("python", variables), home / ".sagemaker-packages");
    put_first(variables_, "PYTHONPATH", code.directory);
  }
  variables_.insert(
      {{"PYTHONUNBUFFERED", "1"}, {"PYTHONIOENCODING", "UTF-8"}, {"PYTHONDONTWRITEBYTECODE", "1"}});
  if (!packages_.bin.empty()) {
    put_first(variables_, "PATH", packages_.bin);
    variables_["VIRTUAL_ENV"] = packages_.bin.parent_path().string();
  }
  if (settings.threads > 0) {
    for (const char* const name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"})
      variables_.emplace(name, std::to_string(settings.threads));
  }
  variables_.erase("SAGEMAKER_PYTHON_CACHE");
  variables_.erase("SAGEMAKER_PYTHON_FRAMEWORK");
}

WorkerSpec WorkerRecipe::worker(std::size_t gpu) const {
  WorkerSpec spec{.python = packages_.python, .directory = code_.directory, .environment = variables_};
  if (spec.directory.empty()) spec.directory = model_dir_;
  const int gpus = settings_.environment.num_gpus;
  if (gpus > 0) spec.environment["CUDA_VISIBLE_DEVICES"] = device_of(variables_, gpu, gpus);
  spec.settings = {{"module", module_of(code_.program)},
                   {"code_dir", code_.directory.string()},
                   {"model_dir", model_dir_.string()},
                   {"model_name", model_name_},
                   {"framework", settings_.framework},
                   {"default_accept", settings_.environment.default_accept},
                   {"batch_size", settings_.batch_max},
                   {"threads", settings_.threads},
                   {"gpu", gpus > 0}};
  return spec;
}

}  // namespace sagemaker::local::images
