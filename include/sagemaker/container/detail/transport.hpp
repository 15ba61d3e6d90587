// What carries tensors between the hosts: an interface, so that only c10d.hpp sees libtorch's c10d.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/torch.h>

#include <sagemaker/container/distributed_types.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::distributed::detail {

// Where this host is in the job, and where the job meets.
struct Place {
  int rank = 0;
  std::vector<std::string> hosts;
  std::string master_address;
  int master_port = 0;
  std::string network_interface;
  torch::Device device = torch::kCPU;
  Options options;
};

class Transport {
 public:
  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Starts; what it returns waits for the end and throws what went wrong. Tensors are contiguous.
  virtual std::function<void()> all_reduce(const torch::Tensor& tensor, Reduction reduction) = 0;
  virtual void broadcast(const torch::Tensor& tensor, int root) = 0;
  // Many tensors from host 0, packed into few messages.
  virtual void broadcast_all(const std::vector<torch::Tensor>& tensors) = 0;
  virtual torch::Tensor all_gather(const torch::Tensor& tensor) = 0;
  virtual const c10::intrusive_ptr<c10d::ProcessGroup>& process_group(torch::Device device) const = 0;
  virtual std::vector<int> gone() const = 0;  // the ranks of the hosts that do not answer any more
  virtual std::string description() const = 0;
};

struct GroupState {
  Place place;
  std::unique_ptr<Transport> transport;  // null where there is one host
  int world_size() const { return static_cast<int>(place.hosts.size()); }
};

// What the transport threw, in words that name this host, the other one where the text tells which, and
// `action`.
SAGEMAKER_CONTAINER_FUNCTION DistributedError explained(const GroupState& state, const std::string& action,
                                                        const std::exception& error);

template <class Body>
auto explaining(const GroupState& state, const char* action, Body body) {
  try {
    return body();
  } catch (const DistributedError&) {
    throw;
  } catch (const std::exception& error) {
    throw explained(state, action, error);
  }
}

}  // namespace sagemaker::container::distributed::detail
