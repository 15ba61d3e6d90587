// sagemaker-python-image: what stands in for AWS's framework containers (PyTorch, MXNet, TensorFlow, ...).
// Started as the image would be, with "train", it does what their training toolkit does: finds the user's
// code, installs what it asks for, runs it, and tells how it ended; with "serve" what their inference toolkit
// does (see serving/). Started as "python" or "pip", it becomes that. The contracts:
// https://github.com/aws/sagemaker-training-toolkit
// https://github.com/aws/sagemaker-inference-toolkit
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/container/environment.hpp>

#include "emulator/images/interpreter.hpp"
#include "emulator/images/sagemaker_python/arguments.hpp"
#include "emulator/images/sagemaker_python/commands.hpp"
#include "emulator/images/sagemaker_python/entry_point.hpp"
#include "emulator/images/sagemaker_python/error_lines.hpp"
#include "emulator/images/sagemaker_python/launcher.hpp"
#include "emulator/images/sagemaker_python/log.hpp"
#include "emulator/images/sagemaker_python/packages.hpp"
#include "emulator/images/sagemaker_python/python.hpp"
#include "emulator/images/sagemaker_python/serving/serve.hpp"
#include "emulator/images/script/cache.hpp"
#include "emulator/images/script/command.hpp"
#include "emulator/images/script/failure.hpp"
#include "emulator/images/script/source.hpp"

namespace {

namespace fs = std::filesystem;
using sagemaker::json;
using sagemaker::container::TrainingEnvironment;
using sagemaker::container::Variables;
using namespace sagemaker::local::images;

const ScriptImage image{"sagemaker-python", "", "", "setup.py"};

std::string text_of(const Variables& variables, const std::string& name, const std::string& fallback = "") {
  const auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? fallback : found->second;
}

int fail(const fs::path& output_dir, const std::string& text) {
  write_failure(output_dir, text);
  log_line(log_error, "Reporting training FAILURE");
  log_line(log_error, text);
  return 1;
}

void put_first(Variables& variables, const std::string& name, const fs::path& folder) {
  const std::string before = text_of(variables, name);
  variables[name] = folder.string() + (before.empty() ? "" : ":" + before);
}

// What AWS's images set, and what their toolkit adds to it.
Variables script_variables(const TrainingEnvironment& env, const Variables& given, const Source& source,
                           const Packages& packages, const std::vector<std::string>& arguments) {
  Variables variables = given;
  variables.insert(
      {{"PYTHONUNBUFFERED", "1"}, {"PYTHONIOENCODING", "UTF-8"}, {"PYTHONDONTWRITEBYTECODE", "1"}});
  for (const auto& [name, value] : distributed_variables(env, given)) variables[name] = value;
  const std::string user_args = sagemaker::aws::dump_json(json(arguments));
  if (user_args.size() < 120 * 1024) variables["SM_USER_ARGS"] = user_args;  // execve takes no more
  put_first(variables, "PYTHONPATH", source.directory);
  if (!packages.bin.empty()) {
    put_first(variables, "PATH", packages.bin);
    variables["VIRTUAL_ENV"] = packages.bin.parent_path().string();
  }
  variables.erase("SAGEMAKER_PYTHON_CACHE");
  return variables;
}

std::string extra_info_of(const CommandEnd& end, const std::string& message, const Source& source,
                          EntryKind kind, const fs::path& python, const Variables& variables) {
  if (end.exit_code() == 137 && end.signal == 0) return "OutOfMemory: Process killed by SIGKILL (signal 9)";
  if (kind == EntryKind::command) {
    const fs::path program = source.directory / source.program;
    const std::string fault = interpreter_fault(program, text_of(variables, "PATH"));
    return fault.empty() ? "" : source.program + ": " + fault;
  }
  const std::string module = missing_module(message);
  if (module.empty()) return "";
  return "the module " + module + " is not installed for " + python.string() +
         " on this machine: install it there, name it in requirements.txt, or start sagemaker-local with "
         "--python FILE, the interpreter of an environment that has it";
}

int run_script(const TrainingEnvironment& env, const Variables& given) {
  const Source source = locate_source("train", env, given, image);
  check_entry_point(source.program);
  const EntryKind kind = kind_of(source);
  const Launcher launcher = launcher_of(env);
  Packages packages;
  if (kind != EntryKind::command) {
    const fs::path own = fs::path(text_of(given, "HOME", env.base_dir.string())) / ".sagemaker-packages";
    packages = install_packages(source, kind, find_python(given), cache_directory("python", given), own);
  }
  const std::vector<std::string> arguments = script_arguments(env.hyperparameters);
  Command command{.argv = command_of(source, kind, packages.python, arguments),
                  .directory = source.directory};
  command.environment = script_variables(env, given, source, packages, arguments);
  if (launcher == Launcher::torchrun)
    command.argv = torchrun_command(command.argv, kind, env, command.environment);
  log_line(log_info, "Invoking user script with the following command:\n\n" + joined(command.argv) + "\n");
  ErrorLines errors;
  command.on_output = [&](std::string_view text) { errors.append(text); };
  const CommandEnd end = run(command);
  if (end.exit_code() == 0) {
    log_line(log_info, "Reporting training SUCCESS");
    write_success(env.output_dir);
    return 0;
  }
  const std::string message = errors.text();
  return fail(env.output_dir, failure_text({.exit_code = end.return_code(),
                                            .message = message,
                                            .extra_info = extra_info_of(end, message, source, kind,
                                                                        packages.python, command.environment),
                                            .command = joined(command.argv)}));
}

int train() {
  const Variables variables = sagemaker::container::process_variables();
  fs::path output_dir = fs::path(text_of(variables, "SAGEMAKER_BASE_DIR", "/opt/ml")) / "output";
  try {
    const TrainingEnvironment env = TrainingEnvironment::read(variables);
    output_dir = env.output_dir;
    const auto level = env.platform_parameters.find("sagemaker_container_log_level");
    if (level != env.platform_parameters.end() && level->second.value.is_number_integer())
      set_log_level(level->second.value.get<int>());
    return run_script(env, variables);
  } catch (const std::exception& error) {  // an InstallError's text has the toolkit's form already
    return fail(output_dir, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 0 ? fs::path(argv[0]).filename().string() : "";
  if (is_python_command(name)) return become_python_command(name, {argv + 1, argv + argc});
  const std::string command = argc == 2 ? argv[1] : "";
  if (command == "train") return train();
  if (command == "serve") return serve(sagemaker::container::process_variables());
  std::fprintf(stderr, "usage: sagemaker-python-image train | serve\n");
  return 2;
}
