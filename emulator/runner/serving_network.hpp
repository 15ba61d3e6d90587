// On which network a container that serves runs, and how it is found out that it needs another one. Programs
// made for SageMaker may listen on port 8080 of all addresses, whatever the environment says: of those only
// one at a time can run on the machine's own network.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "emulator/images/catalog.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/runner/container_environment.hpp"

namespace sagemaker::local::runner {

inline constexpr int usual_port = 8080;

// The TCP ports on which processes at and below `root` listen, each once; of the machine's network where they
// share it. Nothing that may not be looked at is found.
std::vector<int> listening_ports(pid_t root);

// Whether a line of a log says that a port could not be had because another program has it.
bool says_address_in_use(std::string_view line);

// One instance's decision, which may change once.
class ServingNetwork {
 public:
  // `isolated`: of a model with EnableNetworkIsolation.
  ServingNetwork(const images::Image& image, bool isolated, const Sandbox& sandbox, AddressPool& addresses);

  bool is_private() const { return private_; }
  // Whether other containers' programs could answer in this one's place.
  bool is_shared() const { return !private_ && !trusted_; }
  bool may_change() const { return may_change_ && sandbox_.private_networks(); }
  // What the log should tell about the choice; empty: nothing.
  const std::string& remark() const { return remark_; }

  // SAGEMAKER_BIND_TO_HOST and SAGEMAKER_BIND_TO_PORT, unless the request has set the port, and the hosts
  // file. `address`: the container's on the machine's network.
  void prepare(ContainerSpec& spec, const std::string& address) const;

  // Whether the program in the process tree below `root` listens on the usual port and not on the one that it
  // was given, as far as can be seen.
  static bool ignores_port(pid_t root, int port);
  // The program needs a network of its own, which others of its image get at once from now on. False where
  // that changes nothing: it has one, or the machine allows none.
  bool become_private();
  // For the reason of a failure, where the container's program wants a port that others have; may be empty.
  std::string advice() const;

  // What lets the container reach the emulator by the AWS_ENDPOINT_URL* of `environment`; nothing where the
  // model is isolated. What cannot be reached is told to `say`.
  std::vector<std::unique_ptr<NetworkRelay>> relays(
      PrivateNetwork& network, const Environment& environment,
      const std::function<void(const std::string& line)>& say) const;

 private:
  const std::string key_;  // of the program, for what is remembered about it
  const bool isolated_;
  const Sandbox& sandbox_;
  AddressPool& addresses_;
  bool trusted_ = false, private_ = false, may_change_ = false;
  std::string remark_;
};

}  // namespace sagemaker::local::runner
