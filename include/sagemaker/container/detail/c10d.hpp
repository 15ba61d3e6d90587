// Transport over libtorch's c10d: a TCPStore on host 0 where the hosts meet, Gloo for tensors on the CPU, and
// NCCL for those on GPUs where libtorch has it. Written for libtorch 1.13, where a process group is Gloo or
// NCCL itself, and for 2.x, where it holds them as backends.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <thread>
#include <type_traits>

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <torch/version.h>
#include <unistd.h>

#include <sagemaker/container/detail/beacon.hpp>
#include <sagemaker/container/detail/transport.hpp>

// libtorch's own build says by these definitions what is in it; gloo's headers are a package of their own.
#if defined(USE_C10D_GLOO) && __has_include(<gloo/transport/device.h>)
#define SAGEMAKER_CONTAINER_HAS_GLOO 1
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>) && __has_include(<cuda_runtime_api.h>)
#define SAGEMAKER_CONTAINER_HAS_NCCL 1
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

namespace sagemaker::container::distributed::detail {

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr std::chrono::milliseconds join_poll{10};
inline constexpr std::chrono::milliseconds probe_patience{1000};  // for a machine that does not answer

// ---- names and addresses -----------------------------------------------------------------------

// As a number, IPv4 where there is one.
SAGEMAKER_CONTAINER_FUNCTION std::optional<std::string> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const addrinfo* chosen = found;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      chosen = entry;
      break;
    }
  }
  char text[NI_MAXHOST] = "";
  const int code =
      ::getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  ::freeaddrinfo(found);
  return code == 0 ? std::optional<std::string>(text) : std::nullopt;
}

// A platform may announce the names of hosts only once they run.
SAGEMAKER_CONTAINER_FUNCTION std::string resolve_until(const std::string& host, Deadline deadline) {
  for (;;) {
    if (const auto address = resolve(host)) return *address;
    if (std::chrono::steady_clock::now() >= deadline)
      throw DistributedError("the name of host " + host + " cannot be resolved");
    std::this_thread::sleep_for(join_poll * 10);
  }
}

// Of this machine, on the way to another. Nothing is sent.
SAGEMAKER_CONTAINER_FUNCTION std::optional<std::string> address_towards(const std::string& address) {
  const AddressList list = numeric_address(address, "9");
  if (!list) return std::nullopt;
  const OwnedSocket socket(::socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  char text[NI_MAXHOST] = "";
  if (!socket || ::connect(socket.get(), list->ai_addr, list->ai_addrlen) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
          0)
    return std::nullopt;
  return text;
}

SAGEMAKER_CONTAINER_FUNCTION std::string without_backtrace(const std::exception& error) {
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
}

#if defined(SAGEMAKER_CONTAINER_HAS_GLOO)

// In numbers; empty where a host has none of its own.
struct Address {
  std::string host, port;
};

// ---- meeting -----------------------------------------------------------------------------------

inline std::string address_key(std::size_t rank) { return "sagemaker/address/" + std::to_string(rank); }

SAGEMAKER_CONTAINER_FUNCTION c10::intrusive_ptr<c10d::Store> open_store(const Place& place,
                                                                        Deadline deadline) {
  const std::string where = place.master_address + ":" + std::to_string(place.master_port);
  const std::string address = resolve_until(place.master_address, deadline);
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.master_port);
  options.isServer = place.rank == 0;
  options.numWorkers = place.hosts.size();
  options.waitWorkers = false;
  options.timeout =
      std::chrono::ceil<std::chrono::seconds>(place.options.join_timeout);  // it counts in seconds
  try {
    return c10::make_intrusive<c10d::TCPStore>(address, options);
  } catch (const std::exception& error) {
    throw DistributedError(place.hosts[static_cast<std::size_t>(place.rank)] +
                           (place.rank == 0 ? " cannot listen on " : " cannot reach the master at ") + where +
                           ": " + without_backtrace(error));
  }
}

// Everybody leaves the address of a beacon and waits for everybody else's, so that whoever is missing can be
// named.
SAGEMAKER_CONTAINER_FUNCTION std::vector<Address> exchange_addresses(c10d::Store& store, const Place& place,
                                                                     const Address& own, Deadline deadline) {
  const std::string text = own.host + " " + own.port;
  store.set(address_key(static_cast<std::size_t>(place.rank)),
            std::vector<std::uint8_t>(text.begin(), text.end()));
  std::vector<Address> addresses;
  for (std::size_t rank = 0; rank < place.hosts.size(); ++rank) {
    while (!store.check({address_key(rank)})) {
      if (std::chrono::steady_clock::now() >= deadline) {
        std::string missing;
        for (std::size_t other = rank; other < place.hosts.size(); ++other) {
          if (!store.check({address_key(other)}))
            missing += (missing.empty() ? "" : ", ") + place.hosts[other];
        }
        throw DistributedError("not all " + std::to_string(place.hosts.size()) + " hosts joined within " +
                               std::to_string(place.options.join_timeout.count()) +
                               " ms; missing: " + missing);
      }
      std::this_thread::sleep_for(join_poll);
    }
    const std::vector<std::uint8_t> bytes = store.get(address_key(rank));
    const std::string left(bytes.begin(), bytes.end());
    addresses.push_back({left.substr(0, left.find(' ')), left.substr(left.find(' ') + 1)});
  }
  return addresses;
}

// ---- the groups --------------------------------------------------------------------------------

#if TORCH_VERSION_MAJOR >= 2
// Group is always c10d::ProcessGroup, whose constructor lost its options in 2.6: a template, so that only the
// branch that fits is compiled.
template <class Group>
c10::intrusive_ptr<Group> group_of(const c10::intrusive_ptr<c10d::Store>& store, const Place& place,
                                   const c10::intrusive_ptr<c10d::Backend>& backend,
                                   typename Group::BackendType type) {
  const int size = static_cast<int>(place.hosts.size());
  c10::intrusive_ptr<Group> group;
  if constexpr (requires { typename Group::Options; }) {
    group = c10::make_intrusive<Group>(
        store, place.rank, size,
        c10::make_intrusive<typename Group::Options>(type == Group::BackendType::NCCL ? "nccl" : "gloo",
                                                     place.options.timeout));
  } else {
    group = c10::make_intrusive<Group>(store, place.rank, size);
  }
  for (const c10::DeviceType device : {c10::DeviceType::CPU, c10::DeviceType::CUDA}) {
    if (device == c10::DeviceType::CUDA || type == Group::BackendType::GLOO)
      group->setBackend(device, type, backend);
  }
  if constexpr (requires { group->setDefaultBackend(type); }) group->setDefaultBackend(type);
  return group;
}
#endif

SAGEMAKER_CONTAINER_FUNCTION c10::intrusive_ptr<c10d::ProcessGroup> gloo_group(
    const c10::intrusive_ptr<c10d::Store>& shared, const Place& place, const std::string& own) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto store = c10::make_intrusive<c10d::PrefixStore>("gloo", shared);
  const auto options = Gloo::Options::create(place.options.timeout);
  options->devices.push_back(own.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(own));
  auto gloo = c10::make_intrusive<Gloo>(store, place.rank, static_cast<int>(place.hosts.size()), options);
#if TORCH_VERSION_MAJOR >= 2
  return group_of<c10d::ProcessGroup>(store, place, gloo, c10d::ProcessGroup::BackendType::GLOO);
#else
  return gloo;
#endif
}

#if defined(SAGEMAKER_CONTAINER_HAS_NCCL)
SAGEMAKER_CONTAINER_FUNCTION c10::intrusive_ptr<c10d::ProcessGroup> nccl_group(
    const c10::intrusive_ptr<c10d::Store>& shared, const Place& place) {
  using Nccl = c10d::ProcessGroupNCCL;
  // As PyTorch's container sets it; and a lost host ends a collective that would wait for ever (on by itself
  // in later versions).
  if (::if_nametoindex(place.network_interface.c_str()) != 0)
    ::setenv("NCCL_SOCKET_IFNAME", place.network_interface.c_str(), 0);
  ::setenv("NCCL_ASYNC_ERROR_HANDLING", "1", 0);
  const auto store = c10::make_intrusive<c10d::PrefixStore>("nccl", shared);
  const auto options = Nccl::Options::create();
  options->timeout = place.options.timeout;
  auto nccl = c10::make_intrusive<Nccl>(store, place.rank, static_cast<int>(place.hosts.size()), options);
#if TORCH_VERSION_MAJOR >= 2
  return group_of<c10d::ProcessGroup>(store, place, nccl, c10d::ProcessGroup::BackendType::NCCL);
#else
  return nccl;
#endif
}
#endif

class C10dTransport final : public Transport {
 public:
  explicit C10dTransport(const Place& place) : size_(static_cast<std::int64_t>(place.hosts.size())) {
    const Deadline deadline = std::chrono::steady_clock::now() + place.options.join_timeout;
    const auto store = open_store(place, deadline);
    // The host's own name may mean nothing on this machine; then, the address from which it reaches the
    // master.
    Address own;
    for (const auto& address : {resolve(place.hosts[static_cast<std::size_t>(place.rank)]),
                                address_towards(resolve_until(place.master_address, deadline))}) {
      beacon_ = light_beacon(address.value_or(""));
      if (!beacon_.socket) continue;
      own = {*address, std::to_string(beacon_.port)};
      break;
    }
    addresses_ = exchange_addresses(*store, place, own, deadline);
    cpu_ = gpu_ = gloo_group(store, place, own.host);
#if defined(SAGEMAKER_CONTAINER_HAS_NCCL)
    if (place.device.is_cuda()) {
      gpu_ = nccl_group(store, place);
      description_ = "gloo and nccl";
    }
#endif
  }

  std::function<void()> all_reduce(const torch::Tensor& tensor, Reduction reduction) override {
    c10d::AllreduceOptions options;
    options.reduceOp = reduction == Reduction::min   ? c10d::ReduceOp::MIN
                       : reduction == Reduction::max ? c10d::ReduceOp::MAX
                                                     : c10d::ReduceOp::SUM;
    std::vector<torch::Tensor> tensors{tensor};
    return [work = process_group(tensor.device())->allreduce(tensors, options)] { work->wait(); };
  }

  void broadcast(const torch::Tensor& tensor, int root) override {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    std::vector<torch::Tensor> tensors{tensor};
    process_group(tensor.device())->broadcast(tensors, options)->wait();
  }

  void broadcast_all(const std::vector<torch::Tensor>& tensors) override {
    constexpr std::size_t message_bytes = std::size_t{250} << 20;  // as DistributedDataParallel does
    for (const bool cuda : {false, true}) {
      std::vector<torch::Tensor> some;
      std::copy_if(tensors.begin(), tensors.end(), std::back_inserter(some),
                   [cuda](const torch::Tensor& tensor) { return tensor.is_cuda() == cuda; });
      if (!some.empty()) c10d::broadcast_coalesced(cuda ? gpu_ : cpu_, some, message_bytes, 0);
    }
  }

  torch::Tensor all_gather(const torch::Tensor& tensor) override {
    std::vector<std::int64_t> shape = tensor.sizes().vec();
    shape.insert(shape.begin(), size_);
    torch::Tensor all = torch::empty(shape, tensor.options());
    std::vector<std::vector<torch::Tensor>> outputs{all.unbind(0)};
    std::vector<torch::Tensor> inputs{tensor};
    process_group(tensor.device())->allgather(outputs, inputs)->wait();
    return all;
  }

  const c10::intrusive_ptr<c10d::ProcessGroup>& process_group(torch::Device device) const override {
    return device.is_cuda() ? gpu_ : cpu_;
  }
  std::vector<int> gone() const override {
    std::vector<int> ranks;
    for (int rank = 0; rank < static_cast<int>(addresses_.size()); ++rank) {
      const Address& address = addresses_[static_cast<std::size_t>(rank)];
      if (has_gone(address.host, address.port, probe_patience)) ranks.push_back(rank);
    }
    return ranks;
  }
  std::string description() const override { return description_; }

 private:
  std::int64_t size_;
  std::vector<Address> addresses_;  // of the hosts' beacons
  Beacon beacon_;
  c10::intrusive_ptr<c10d::ProcessGroup> cpu_, gpu_;
  std::string description_ = "gloo";
};

SAGEMAKER_CONTAINER_FUNCTION std::unique_ptr<Transport> join(const Place& place) {
  return std::make_unique<C10dTransport>(place);
}

SAGEMAKER_CONTAINER_FUNCTION const c10::intrusive_ptr<c10d::ProcessGroup>& no_process_group() {
  static const c10::intrusive_ptr<c10d::ProcessGroup> none;
  return none;
}

#else

[[noreturn]] SAGEMAKER_CONTAINER_FUNCTION void no_gloo() {
#if defined(USE_C10D_GLOO)
  throw DistributedError(
      "this program was compiled without Gloo's headers (Debian and Ubuntu: libgloo-dev), "
      "which training on several hosts needs");
#else
  throw DistributedError(
      "this libtorch was built without c10d and Gloo (USE_DISTRIBUTED), which training on "
      "several hosts needs");
#endif
}

SAGEMAKER_CONTAINER_FUNCTION std::unique_ptr<Transport> join(const Place&) { no_gloo(); }

SAGEMAKER_CONTAINER_FUNCTION const c10::intrusive_ptr<c10d::ProcessGroup>& no_process_group() { no_gloo(); }

#endif

}  // namespace sagemaker::container::distributed::detail
