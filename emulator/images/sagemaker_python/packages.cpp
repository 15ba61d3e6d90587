// See packages.hpp.
#include "emulator/images/sagemaker_python/packages.hpp"

#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/images/sagemaker_python/error_lines.hpp"
#include "emulator/images/sagemaker_python/log.hpp"
#include "emulator/images/sagemaker_python/python.hpp"
#include "emulator/images/sagemaker_python/requirements.hpp"
#include "emulator/images/script/command.hpp"
#include "emulator/images/script/folder_hash.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

constexpr const char* complete = "complete";  // the file that is written last

struct Wanted {
  bool package = false;  // the source folder itself
  bool requirements = false;
  bool shared = true;
  std::string key;
};

Wanted wanted_of(const Source& source, EntryKind kind, const PythonFacts& python) {
  Wanted wanted;
  wanted.package = kind == EntryKind::package;
  wanted.requirements = fs::exists(source.directory / "requirements.txt");
  Requirements asked;
  if (wanted.requirements) asked = read_requirements(source.directory / "requirements.txt");
  std::string facts = python.executable.string() + "\n" + python.version + "\n" + asked.text;
  // What the machine has already is not installed again; where that changes, this may be too little.
  for (const fs::path& folder : python.site_packages) {
    std::error_code absent;
    const auto changed = fs::last_write_time(folder, absent).time_since_epoch().count();
    facts += folder.string() + " " + (absent ? "absent" : std::to_string(changed)) + "\n";
  }
  if (wanted.package || asked.local) facts += hash_of_folder(source.directory);
  wanted.shared = !asked.editable;
  wanted.key = aws::sha256_hex(facts);
  return wanted;
}

// pip's lines that begin with ERROR, else its last line.
std::string errors_of(const std::string& output) {
  std::string errors, last;
  std::string_view rest = output;
  while (!rest.empty()) {
    const std::string line(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.starts_with("ERROR: ") || line.starts_with("error: "))
      errors += (errors.empty() ? "" : "\n ") + line;
    if (line.find_first_not_of(" \r") != std::string::npos) last = line;
  }
  return errors.empty() ? last : errors;
}

std::string hint_of(const std::string& output, const PythonFacts& python) {
  if (missing_module(output) == "pip")
    return "pip is not installed for " + python.executable.string() +
           " on this machine (on Debian and Ubuntu: apt-get install python3-pip)";
  if (missing_module(output) == "venv" || output.find("ensurepip") != std::string::npos)
    return "the module venv is not installed for " + python.executable.string() +
           " on this machine (on Debian and Ubuntu: apt-get install python3-venv)";
  if (output.find("Retrying (") != std::string::npos)
    return "the package index could not be reached from this machine";
  return "";
}

void run_step(const std::vector<std::string>& argv, const Source& source, const PythonFacts& python,
              const std::string& error) {
  const CommandResult result = run_command(argv, source.directory);
  if (result.exit_code == 0) return;
  throw InstallError({.error = error,
                      .exit_code = result.exit_code,
                      .message = errors_of(result.output),
                      .extra_info = hint_of(result.output, python),
                      .command = joined(argv)});
}

// An environment that sees all that the interpreter sees.
void make_environment(const Source& source, const PythonFacts& python, const fs::path& entry,
                      const std::string& error) {
  run_step(
      {python.executable.string(), "-m", "venv", "--system-site-packages", "--without-pip", entry.string()},
      source, python, error);
  if (!python.virtual_environment) return;
  // venv leaves out the packages of an environment that it is called from.
  const PythonFacts made = ask_python(entry / "bin/python");
  std::ofstream file(made.site_packages.at(0) / "outer_environment.pth");
  for (const fs::path& folder : python.site_packages) file << folder.string() << '\n';
}

void install(const Source& source, const Wanted& wanted, const PythonFacts& python, const fs::path& entry) {
  const std::string error = wanted.package ? "InstallModuleError" : "InstallRequirementsError";
  std::error_code ignored;
  fs::remove_all(entry, ignored);  // left by a process that was killed
  try {
    make_environment(source, python, entry, error);
    std::vector<std::string> argv = {(entry / "bin/python").string(), "-m",        "pip", "install",
                                     "--disable-pip-version-check",   "--no-input"};
    if (wanted.package) {
      // A setup.py without more says nothing of what it is built with: the machine's setuptools do, as ever.
      if (python.has_setuptools && !fs::exists(source.directory / "pyproject.toml"))
        argv.emplace_back("--no-build-isolation");
      argv.emplace_back(".");
    }
    if (wanted.requirements) argv.insert(argv.end(), {"-r", "requirements.txt"});
    log_line(log_info,
             wanted.package ? "Installing module." : "Installing dependencies from requirements.txt");
    run_step(argv, source, python, error);
  } catch (...) {
    fs::remove_all(entry, ignored);
    throw;
  }
  std::ofstream(entry / complete) << python.version << '\n';
}

}  // namespace

Packages install_packages(const Source& source, EntryKind kind, const fs::path& python, const fs::path& cache,
                          const fs::path& own_folder) {
  const bool asks = kind == EntryKind::package ||
                    (kind == EntryKind::script && fs::exists(source.directory / "requirements.txt"));
  if (!asks) return {python};
  const PythonFacts facts = ask_python(python);
  const Wanted wanted = wanted_of(source, kind, facts);
  const bool shared = wanted.shared && !cache.empty();
  const fs::path folder = shared ? cache / "environments" : own_folder;
  const fs::path entry = folder / wanted.key.substr(0, 32);
  const fs::path lock = entry.string() + ".lock";
  fs::create_directories(folder);
  if (!fs::exists(entry / complete) && fs::exists(lock) && !FileLock::try_exclusive(lock))
    log_line(log_info, "Waiting for another job, which installs the same packages");
  for (;;) {
    std::optional<FileLock> in_use(std::in_place, lock, FileLock::Mode::shared);
    if (fs::exists(entry / complete)) {
      mark_used(entry);
      return {entry / "bin/python", entry / "bin", std::move(in_use)};
    }
    in_use.reset();
    const FileLock making(lock, FileLock::Mode::exclusive);
    if (fs::exists(entry / complete)) continue;
    try {
      install(source, wanted, facts, entry);
    } catch (...) {
      making.discard();
      throw;
    }
    if (shared) remove_least_recently_used(folder, python_packages_max);
  }
}

}  // namespace sagemaker::local::images
