// The view of the machine that a container gets. bubblewrap makes it: the host's file system read-only, with
// what a job has to find or must not see laid over it. Whether that works on this machine is found out by
// doing it once.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/runner/container.hpp"
#include "emulator/runner/process.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

constexpr const char* network_program = "sagemaker-local-network";

void add(Arguments& arguments, std::initializer_list<std::string> more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
}

bool is_plain_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(fs::symlink_status(path, ignored));
}

bool present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_below(const fs::path& path, const fs::path& directory) {
  const auto mismatch = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return mismatch.first == directory.end();
}

std::vector<fs::path> entries(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Folders of which a container gets an empty one of its own.
std::vector<fs::path> private_folders() {
  std::vector<fs::path> folders;
  for (const char* folder : {"/tmp", "/var/tmp", "/run"}) {
    if (is_plain_directory(folder)) folders.emplace_back(folder);
  }
  return folders;
}

// Device nodes of accelerators; the rest of /dev is bubblewrap's minimal one.
void add_devices(Arguments& arguments) {
  add(arguments, {"--dev", "/dev"});
  for (const fs::path& node : entries("/dev")) {
    const std::string name = node.filename();
    if (name.starts_with("nvidia") || name == "kfd" || name == "dri") {
      add(arguments, {"--dev-bind-try", node, node});
    }
  }
}

// /opt/ml has to be a mount point on a read-only file system: /opt becomes a new folder with the host's
// entries in it.
void add_opt(Arguments& arguments, const fs::path& ml) {
  add(arguments, {"--tmpfs", "/opt"});
  for (const fs::path& entry : entries("/opt")) {
    std::error_code ignored;
    if (entry.filename() == "ml") continue;
    if (fs::is_symlink(fs::symlink_status(entry, ignored))) {
      add(arguments, {"--symlink", fs::read_symlink(entry, ignored), entry});
    } else {
      add(arguments, {"--ro-bind-try", entry, entry});
    }
  }
  add(arguments, {"--bind", ml, "/opt/ml"});
}

// What a program may need of a private folder: itself, the scripts in its arguments, the folders of its
// search paths, and the tree that this emulator was built in. The whole entry of /tmp that holds it is shown,
// read-only.
void add_needed(Arguments& arguments, const Arguments& program,
                const std::map<std::string, std::string>& environment,
                const std::vector<fs::path>& private_ones) {
  std::vector<fs::path> needed;
  for (const std::string& argument : program) needed.emplace_back(argument);
  for (const char* name : {"PATH", "LD_LIBRARY_PATH", "PYTHONPATH"}) {
    const auto found = environment.find(name);
    if (found == environment.end()) continue;
    for (std::size_t begin = 0; begin <= found->second.size();) {
      const std::size_t end = std::min(found->second.find(':', begin), found->second.size());
      needed.emplace_back(found->second.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  std::error_code ignored;
  needed.push_back(fs::read_symlink("/proc/self/exe", ignored));
  std::vector<std::string> shown;
  for (const fs::path& path : needed) {
    for (const fs::path& folder : private_ones) {
      if (!path.is_absolute() || !is_below(path.lexically_normal(), folder)) continue;
      const fs::path below = path.lexically_normal().lexically_relative(folder);
      const std::string top = folder / *below.begin();
      if (below == "." || !present(top) || std::count(shown.begin(), shown.end(), top) > 0) continue;
      shown.push_back(top);
      add(arguments, {"--ro-bind", top, top});
    }
  }
}

// Asked once: getpwuid shares its answer between threads, and containers start on many.
const fs::path& home_of_user() {
  static const fs::path home = [] {
    const passwd* user = ::getpwuid(::geteuid());
    return user && user->pw_dir ? fs::path(user->pw_dir) : fs::path();
  }();
  return home;
}

// Secrets of the person who runs the emulator: no container needs them, and a container's code is not theirs.
void add_hidden_secrets(Arguments& arguments) {
  std::vector<fs::path> homes;
  if (!home_of_user().empty()) homes.push_back(home_of_user());
  if (const char* home = std::getenv("HOME"); home && *home == '/' && (homes.empty() || homes[0] != home)) {
    homes.emplace_back(home);
  }
  for (const fs::path& home : homes) {
    for (const char* folder : {".aws", ".ssh", ".gnupg", ".kube", ".docker", ".config/gcloud"}) {
      if (is_plain_directory(home / folder)) add(arguments, {"--tmpfs", home / folder});
    }
    for (const char* file : {".netrc", ".git-credentials"}) {
      if (present(home / file)) add(arguments, {"--ro-bind", "/dev/null", home / file});
    }
  }
  for (const char* variable : {"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}) {
    const char* file = std::getenv(variable);
    std::error_code ignored;
    if (file && fs::is_regular_file(file, ignored)) {
      add(arguments, {"--ro-bind", "/dev/null", fs::canonical(file, ignored)});
    }
  }
}

// bubblewrap as root keeps all capabilities, with which a job could mount the host writable again. What stays
// is what Docker leaves to a container, without making devices.
void add_capabilities(Arguments& arguments) {
  if (::geteuid() != 0) return;
  add(arguments, {"--cap-drop", "ALL"});
  for (const char* capability : {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
                                 "CAP_SETGID", "CAP_SETUID", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"}) {
    add(arguments, {"--cap-add", capability});
  }
}

// The dynamic linker and the C library would apply these to bubblewrap itself, and drop them where it is
// set-user-id.
bool concerns_loader(std::string_view name) {
  return name.starts_with("LD_") || name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES" ||
         name == "GCONV_PATH" || name == "TMPDIR" || name == "LOCPATH" || name == "NLSPATH" ||
         name == "LOCALDOMAIN" || name == "RES_OPTIONS";
}

}  // namespace

Sandbox::Sandbox(Mode mode, fs::path programs) {
  if (mode == Mode::none) {
    reason_ = "switched off";
    no_network_reason_ = "the sandbox is switched off";
    return;
  }
  std::error_code ignored;
  if (programs.empty()) programs = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  network_program_ = find_program((programs / network_program).string(), {});
  const char* path = std::getenv("PATH");
  bubblewrap_ = find_program("bwrap", path ? std::map<std::string, std::string>{{"PATH", path}}
                                           : std::map<std::string, std::string>{});
  if (bubblewrap_.empty()) {
    reason_ = no_network_reason_ = "bubblewrap (bwrap) is not installed";
  } else {
    no_network_reason_ = network_program_.empty()
                             ? std::string(network_program) + " is missing in " + programs.string()
                             : try_bubblewrap(true);
    if (!no_network_reason_.empty()) reason_ = try_bubblewrap(false);
  }
  isolated_ = reason_.empty();
  if (!isolated_ && mode == Mode::bubblewrap) {
    throw std::runtime_error("the sandbox does not work on this machine: " + reason_);
  }
}

void Sandbox::hide(const fs::path& directory) {
  hidden_.push_back(fs::absolute(directory).lexically_normal());
}

std::string Sandbox::description() const {
  if (isolated_) {
    const std::string network =
        private_networks()
            ? "the network is the host's, or the container's own where its program or its model wants that"
            : "the network is the host's, and cannot be the container's own (" + no_network_reason_ +
                  "): of programs that serve on 0.0.0.0:8080 whatever they are told, one can run at a time";
    return "containers run in bubblewrap: own /opt/ml, /tmp, processes and host name; the host's files are "
           "read-only; " +
           network;
  }
  return "containers are NOT isolated (" + reason_ +
         "): jobs run with your rights on your files; SAGEMAKER_BASE_DIR names what would be /opt/ml; of "
         "programs that serve on 0.0.0.0:8080 whatever they are told, one can run at a time";
}

std::vector<std::string> Sandbox::wrap(const ContainerSpec& spec) const {
  const fs::path root = fs::absolute(spec.root).lexically_normal();
  if (!reason_.empty()) return spec.argv;  // not isolated
  Arguments program = spec.argv;
  if (spec.private_network) program.insert(program.begin(), network_program_.string());
  Arguments arguments{bubblewrap_, "--ro-bind", "/", "/"};
  add_devices(arguments);
  add(arguments, {"--proc", "/proc"});
  const std::vector<fs::path> private_ones = private_folders();
  for (const fs::path& folder : private_ones) add(arguments, {"--tmpfs", folder});
  // Name lookup goes through links into /run on many systems.
  for (const char* path : {"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf",
                           "/run/opengl-driver", "/run/current-system"}) {
    if (present(path)) add(arguments, {"--ro-bind", path, path});
  }
  add_needed(arguments, program, spec.environment, private_ones);
  add_opt(arguments, root / "ml");
  add_hidden_secrets(arguments);
  for (const fs::path& folder : hidden_) {
    if (is_plain_directory(folder)) add(arguments, {"--tmpfs", folder});
  }
  for (const std::string& argument : program) {
    const fs::path path = fs::path(argument).lexically_normal();
    for (const fs::path& folder : hidden_) {
      if (path.is_absolute() && is_below(path, folder) && present(path))
        add(arguments, {"--ro-bind", path, path});
    }
  }
  for (const fs::path& folder : spec.writable) {
    if (present(folder)) add(arguments, {"--bind", folder, folder});
  }
  add(arguments, {"--bind", root, root});
  std::error_code ignored;
  if (present(root / "hosts") && present("/etc/hosts")) {
    add(arguments, {"--ro-bind", root / "hosts", fs::canonical("/etc/hosts", ignored)});
  }
  for (const Mount& mount : spec.mounts)
    add(arguments, {mount.read_only ? "--ro-bind" : "--bind", fs::absolute(mount.source), mount.target});
  add_capabilities(arguments);
  add(arguments, {"--unshare-pid", "--unshare-uts", "--unshare-ipc", "--hostname", spec.hostname,
                  "--die-with-parent", "--new-session", "--json-status-fd", "3", "--chdir", root / "work"});
  if (spec.private_network) add(arguments, {"--unshare-net"});
  for (const auto& [name, value] : spec.environment) {
    if (concerns_loader(name)) add(arguments, {"--setenv", name, value});
  }
  add(arguments, {"--"});
  arguments.insert(arguments.end(), program.begin(), program.end());
  return arguments;
}

std::string Sandbox::try_bubblewrap(bool private_network) const {
  std::string pattern = (fs::temp_directory_path() / "sagemaker-sandbox-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    return "no temporary folder can be made in " + fs::temp_directory_path().string();
  const fs::path root = pattern;
  std::string reason;
  try {
    fs::create_directories(root / "ml");
    fs::create_directories(root / "work");
    std::ofstream(root / "hosts") << "127.0.0.1 localhost\n";
    Pipe output = make_pipe();
    Pipe status = make_pipe();
    ContainerSpec spec{.argv = {"/bin/sh", "-c", "test -d /opt/ml && : > /opt/ml/probe && : > probe"},
                       .root = root,
                       .private_network = private_network};
    SocketPair network = make_socket_pair();
    SpawnRequest request{.argv = wrap(spec),
                         .directory = "/",
                         .output = output.write.get(),
                         .status = status.write.get(),
                         .network = private_network ? network.theirs.get() : -1};
    Process process = spawn(request);
    output.write.reset();
    if (private_network) {
      network.theirs.reset();
      PrivateNetwork own(std::move(network.ours));
      if (!own.socket()) reason = "no socket of it can be had";
      own.open();
    }
    if (!ended(process.pidfd, 10'000)) send_signal(process.pidfd, SIGKILL);
    int wait_status = 0;
    ::waitpid(process.pid, &wait_status, 0);
    char text[512];
    const ssize_t length = ::read(output.read.get(), text, sizeof text);
    if (!exit_status_of(wait_status).success()) {
      reason.assign(text, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
      reason = reason.substr(0, reason.find('\n'));
      if (reason.empty())
        reason = "bwrap ended with code " + std::to_string(exit_status_of(wait_status).code);
    }
  } catch (const std::exception& error) {
    reason = error.what();
  }
  std::error_code ignored;
  fs::remove_all(root, ignored);
  return reason;
}

}  // namespace sagemaker::local::runner
