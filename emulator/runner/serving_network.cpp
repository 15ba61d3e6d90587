// See serving_network.hpp.
#include "emulator/runner/serving_network.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include <sagemaker/aws/headers.hpp>

#include "emulator/runner/address_lease.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;

// The number that `text` begins with; -1 where it begins otherwise.
long number_of(std::string_view text, int base = 10) {
  long value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The fourth field of /proc/PID/stat, counted from the last ')': a program's name may hold anything.
pid_t parent_of(const fs::path& process) {
  std::ifstream file(process / "stat");
  std::string text;
  std::getline(file, text);
  const std::size_t end = text.rfind(") ");
  if (end == std::string::npos || text.size() < end + 5) return -1;
  return static_cast<pid_t>(number_of(std::string_view(text).substr(end + 4)));
}

std::set<pid_t> tree_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const long pid = number_of(it->path().filename().native());
    if (pid > 0) children.emplace(parent_of(it->path()), static_cast<pid_t>(pid));
  }
  std::set<pid_t> tree{root};
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    const auto [begin, end] = children.equal_range(open.back());
    open.pop_back();
    for (auto child = begin; child != end; ++child) {
      if (tree.insert(child->second).second) open.push_back(child->second);
    }
  }
  return tree;
}

// The sockets that the processes hold open, by their inode.
std::set<std::string> sockets_of(const std::set<pid_t>& tree) {
  std::set<std::string> sockets;
  for (const pid_t pid : tree) {
    std::error_code error;
    for (fs::directory_iterator it("/proc/" + std::to_string(pid) + "/fd", error), end; !error && it != end;
         it.increment(error)) {
      std::error_code gone;
      const std::string target = fs::read_symlink(it->path(), gone);
      if (target.starts_with("socket:[")) sockets.insert(target.substr(8, target.size() - 9));
    }
  }
  return sockets;
}

// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode: proc(5), tcp. 0A is LISTEN.
void add_listening(const char* file, const std::set<std::string>& sockets, std::set<int>& ports) {
  std::ifstream table(file);
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    if (state != "0A" || sockets.count(inode) == 0) continue;
    const std::size_t colon = local.rfind(':');
    if (colon != std::string::npos)
      ports.insert(static_cast<int>(number_of(std::string_view(local).substr(colon + 1), 16)));
  }
}

std::string key_of(const images::Image& image) {
  std::string key;
  for (const std::string& word : image.command) key += word + '\n';
  return key;
}

}  // namespace

std::vector<int> listening_ports(pid_t root) {
  const std::set<std::string> sockets = sockets_of(tree_of(root));
  std::set<int> ports;
  if (sockets.empty()) return {};
  add_listening("/proc/self/net/tcp", sockets, ports);
  add_listening("/proc/self/net/tcp6", sockets, ports);
  return {ports.begin(), ports.end()};
}

bool says_address_in_use(std::string_view line) {
  const std::string lower = aws::to_lower(line);
  for (const char* text : {"address already in use", "address in use", "eaddrinuse", "port is already in use",
                           "port already in use"}) {
    if (lower.find(text) != std::string::npos) return true;
  }
  return false;
}

ServingNetwork::ServingNetwork(const images::Image& image, bool isolated, const Sandbox& sandbox,
                               AddressPool& addresses)
    : key_(key_of(image)), isolated_(isolated), sandbox_(sandbox), addresses_(addresses) {
  using images::Network;
  const bool remembered = image.network == Network::automatic && addresses.remembers_private(key_);
  const bool wanted = isolated || image.network == Network::own || remembered;
  trusted_ = image.network == Network::host;
  private_ = wanted && sandbox.private_networks();
  may_change_ = !wanted && image.network == Network::automatic;
  if (wanted && !private_) {
    remark_ = std::string(isolated ? "network isolation" : "a network of the container's own") +
              " is not possible on this machine (" + sandbox.no_network_reason() +
              "): the container shares the machine's network";
  } else if (remembered) {
    remark_ = "the container has a network of its own: its program listens on port 8080 whatever it is told";
  }
}

void ServingNetwork::prepare(ContainerSpec& spec, const std::string& address) const {
  const std::string host = private_ ? "127.0.0.1" : address;
  spec.private_network = private_;
  spec.hosts = {{host, spec.hostname}};
  Environment& environment = spec.environment;
  environment["SAGEMAKER_BIND_TO_HOST"] = host;
  if (environment.count("SAGEMAKER_BIND_TO_PORT") == 0) {
    // Any port but the usual one shows whether a program listens where it is told.
    const int port = private_ ? usual_port : free_port(address, may_change() ? 0 : usual_port, false);
    environment["SAGEMAKER_BIND_TO_PORT"] = std::to_string(port);
  }
  if (!private_ || isolated_) return;
  for (auto& [name, value] : environment) {
    if (!name.starts_with("AWS_ENDPOINT_URL")) continue;
    try {
      value = NetworkRelay::inside(value);
    } catch (const std::exception&) {  // no URL: for the container's program to complain about
    }
  }
}

bool ServingNetwork::ignores_port(pid_t root, int port) {
  const std::vector<int> ports = listening_ports(root);
  const auto listens = [&](int wanted) { return std::count(ports.begin(), ports.end(), wanted) > 0; };
  return !listens(port) && listens(usual_port);
}

bool ServingNetwork::become_private() {
  if (!may_change()) return false;
  may_change_ = false;
  private_ = true;
  addresses_.remember_private(key_);
  return true;
}

std::string ServingNetwork::advice() const {
  if (private_) return "";
  return "; containers share this machine's network, and another one has the port: the program has to listen "
         "on "
         "SAGEMAKER_BIND_TO_HOST and SAGEMAKER_BIND_TO_PORT, " +
         (sandbox_.private_networks()
              ? "or --images has to give it \"network\": \"private\""
              : "or sagemaker-local has to be able to give it a network of its own, which it cannot: " +
                    sandbox_.no_network_reason());
}

std::vector<std::unique_ptr<NetworkRelay>> ServingNetwork::relays(
    PrivateNetwork& network, const Environment& environment,
    const std::function<void(const std::string& line)>& say) const {
  std::vector<std::unique_ptr<NetworkRelay>> relays;
  std::set<std::string> done;
  if (isolated_) return relays;
  for (const auto& [name, url] : environment) {
    if (!name.starts_with("AWS_ENDPOINT_URL") || !done.insert(url).second) continue;
    try {
      relays.push_back(std::make_unique<NetworkRelay>(network, url));
    } catch (const std::exception& error) {
      say(name + "=" + url + " cannot be reached from the container's own network: " + error.what());
    }
  }
  return relays;
}

}  // namespace sagemaker::local::runner
