// One "container": a process tree in a sandbox of its own, with its own /opt/ml, hosts file, host name and a
// loopback address. Stopping it leaves no process behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/limits.hpp"
#include "emulator/runner/private_network.hpp"

namespace sagemaker::local::runner {

struct ExitStatus {
  int code = 0;                                   // exit code; 128 + signal where a signal ended it
  int signal = 0;                                 // 0: it exited
  std::chrono::steady_clock::time_point at = {};  // when, before its last output was read
  bool success() const { return code == 0 && signal == 0; }
};

struct HostEntry {
  std::string address;  // 127.x.y.z
  std::string name;     // algo-1
};

// A folder of the host at another place in the container. Without isolation there is no such thing.
struct Mount {
  std::filesystem::path source;  // on the host; must exist
  std::filesystem::path target;  // absolute, inside the container; made where that is possible
  bool read_only = false;
};

// What a container may use. 0: as much as the emulator may.
struct ContainerLimits {
  // Private writable memory of each process (RLIMIT_DATA); address space as such is not limited, libtorch and
  // CUDA reserve much more of it than they use.
  std::uint64_t memory_bytes = 0;
  std::uint64_t file_bytes = 0;  // the longest file (RLIMIT_FSIZE): SIGXFSZ ends who writes beyond
  std::uint64_t processes = 0;   // and threads, of the whole tree: see process_limit.hpp
};

struct ContainerSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string>
      environment;             // complete: nothing of the emulator's own environment is inherited
  std::filesystem::path root;  // of this instance: root/ml is its /opt/ml
  std::string hostname = "algo-1";
  std::vector<HostEntry> hosts;
  std::vector<std::filesystem::path> writable;  // host folders that stay writable, with the same path inside
  std::vector<Mount> mounts;                    // over everything else, in this order
  ContainerLimits limits = {};
  // A network namespace of its own, with a loopback interface and nothing else. Only where the sandbox has
  // private networks.
  bool private_network = false;
  // Called once before the program of a container with a network of its own starts.
  std::function<void(PrivateNetwork& network)> on_network = {};
  std::function<void(std::string_view line)>
      on_line;  // each line of stdout and stderr, without its newline; one thread
};

// Detected once at start. Isolated: bubblewrap gives /opt/ml, a PID and a UTS namespace, a private /tmp,
// read-only hosts file; the rest of the host's file system is readable. Not isolated: plain directories;
// SAGEMAKER_BASE_DIR names root/ml.
class Sandbox {
 public:
  enum class Mode { detect, bubblewrap, none };
  // Mode::bubblewrap throws std::runtime_error where bwrap does not work. `programs`: the folder that has
  // sagemaker-local-network; empty: the folder of this program.
  explicit Sandbox(Mode mode, std::filesystem::path programs = {});
  bool isolated() const { return isolated_; }
  // Whether containers can have networks of their own, and why not.
  bool private_networks() const { return isolated_ && no_network_reason_.empty(); }
  const std::string& no_network_reason() const { return no_network_reason_; }
  std::string description() const;  // for the start-up log: what is and what is not separated
  // argv to execute for this container; with isolation, bubblewrap reports its status on descriptor 3.
  std::vector<std::string> wrap(const ContainerSpec& spec) const;
  // Containers see an empty folder there (the emulator's data); what a container itself needs of it stays
  // visible.
  void hide(const std::filesystem::path& directory);

 private:
  // Why it does not work here, or not with a network of its own; empty: it does.
  std::string try_bubblewrap(bool private_network) const;

  bool isolated_ = false;
  std::string reason_, no_network_reason_;
  std::filesystem::path bubblewrap_, network_program_;
  std::vector<std::filesystem::path> hidden_;
};

class Container {
 public:
  // Throws std::runtime_error where the process cannot be started.
  static std::unique_ptr<Container> start(ContainerSpec spec, const Sandbox& sandbox,
                                          const RunnerLimits& limits);
  virtual ~Container() = default;  // kills what still runs
  virtual bool running() const = 0;
  // Waits for the end of the process and of its output; nullopt when it still runs after `timeout`.
  virtual std::optional<ExitStatus> wait_for(std::chrono::milliseconds timeout) = 0;
  // SIGTERM to the program, SIGKILL to all of its tree after `grace`. Returns at once; wait_for tells the
  // end.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  virtual int pid() const = 0;
  // Its own network; null where it shares the machine's. May be used when the container has ended: it then
  // gives no sockets.
  virtual std::shared_ptr<PrivateNetwork> network() const = 0;
};

// Loopback addresses of containers. Holds a /24 of 127.0.0.0/8 that no other emulator on this machine uses.
// Thread-safe.
class AddressPool {
 public:
  AddressPool();
  ~AddressPool();
  AddressPool(const AddressPool&) = delete;
  AddressPool& operator=(const AddressPool&) = delete;
  std::string acquire();  // throws std::runtime_error when all are in use
  void release(const std::string& address);
  // What was learned about a program: that it cannot share the machine's network with others.
  void remember_private(const std::string& program);
  bool remembers_private(const std::string& program) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::runner
