// Training on several hosts. libtorch's c10d does the talking: Gloo between processors, NCCL between GPUs.
//
//   auto group = distributed::init(env);                    // one process a host; its rank is its place
//   distributed::DataParallel<Net> model(net, group);       // the same parameters everywhere
//   distributed::Sampler sampler(images.size(0), group);    // a part of the rows for each host
//   for (int epoch = 0; epoch < epochs && !group.stop_requested(); ++epoch) {
//     sampler.set_epoch(epoch);
//     for (const torch::Tensor& rows : sampler.indices().split(rows_a_host)) {
//       optimizer.zero_grad();
//       loss_of(model(images.index_select(0, rows)), labels.index_select(0, rows)).backward();  // averages
//       optimizer.step();
//     }
//   }
//
// The same program runs on one host, without a network. Whatever talks (everything in Group but rank,
// world_size, is_master, hosts and device; DataParallel's constructor, forward in training mode, and
// backward) must be called by all hosts, equally often and in the same order. When a host ends or its
// connection breaks, the next such call of the others, or the one that they are in, throws DistributedError,
// which names the host; after that the group is of no more use. `run` then writes that into the failure file.
//
// After init on several hosts, `run` calls the save hook on the master only: all hosts have the same
// parameters, and SageMaker puts the hosts' /opt/ml/model folders into one archive. What a program writes
// there by itself still goes into that archive from every host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include <sagemaker/container/distributed_types.hpp>
#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::distributed {

namespace detail {
struct GroupState;
struct GradientReducer;
}  // namespace detail

// The hosts of this job, one process each. A handle: copies are the same group.
class Group {
 public:
  // One host, no network.
  Group();
  explicit Group(std::shared_ptr<const detail::GroupState> state) : state_(std::move(state)) {}

  int rank() const;  // from 0
  int world_size() const;
  bool is_master() const { return rank() == 0; }
  const std::vector<std::string>& hosts() const;  // by rank

  // In place, on every host. Integers have no mean.
  void all_reduce(const torch::Tensor& tensor, Reduction reduction = Reduction::sum) const;
  // In place: what host `root` has.
  void broadcast(const torch::Tensor& tensor, int root = 0) const;
  // [world_size, ...]: the tensors of all hosts, by rank. They have the same shape and type.
  torch::Tensor all_gather(const torch::Tensor& tensor) const;
  // Returns when all hosts have called it.
  void barrier() const;
  // Whether any host says true: the same answer on all hosts.
  bool any(bool value) const;
  // container::stop_requested() of any host, so that all leave their loops at the same place. It costs a
  // message: ask once an epoch, or every so many steps.
  bool stop_requested() const;

  // c10d's group for tensors on `device`, for what is not here. Null where there is one host.
  // <torch/csrc/distributed/c10d/ProcessGroup.hpp> declares it.
  const c10::intrusive_ptr<c10d::ProcessGroup>& process_group(torch::Device device = torch::kCPU) const;

 private:
  friend struct detail::GradientReducer;
  std::shared_ptr<const detail::GroupState> state_;
};

// Joins the hosts of the job; all of them call it, once. A second call gives the same group. The rank is the
// place of the host in env.hosts. They meet at host 0, port 7777; MASTER_ADDR and MASTER_PORT, or
// SM_MASTER_ADDR and SM_MASTER_PORT, say otherwise. Gloo listens on the address of env.current_host, or else
// on the one from which the master is reached, so that several hosts may share a machine. NCCL connects the
// GPUs where env.device() is one and this libtorch has NCCL; one process uses one GPU. Throws
// DistributedError where the hosts do not all join in time (it names those that are missing), ConfigError
// where a variable cannot be understood, and DistributedError saying so where this libtorch has no c10d or
// was compiled here without Gloo's headers.
SAGEMAKER_CONTAINER_FUNCTION Group init(const TrainingEnvironment& env, const Options& options = {});

struct DataParallelOptions {
  // Gradients travel together in buckets of about this size.
  std::size_t bucket_bytes = std::size_t{25} << 20;
  std::size_t first_bucket_bytes = std::size_t{1} << 20;  // small, so that the first one leaves early
  bool broadcast_buffers = true;  // BatchNorm's statistics of host 0 are everybody's, before each forward
};

namespace detail {
SAGEMAKER_CONTAINER_FUNCTION std::shared_ptr<GradientReducer> make_reducer(
    torch::nn::Module& module, const Group& group, const DataParallelOptions& options);
SAGEMAKER_CONTAINER_FUNCTION void before_forward(GradientReducer& reducer, bool training);
SAGEMAKER_CONTAINER_FUNCTION void pause_sync(GradientReducer& reducer, int change);
}  // namespace detail

// While it lives, backward adds up gradients on each host by itself: for accumulating the gradients of
// several batches. The first backward after it averages all that has come together. All hosts do the same.
class NoSync {
 public:
  explicit NoSync(std::shared_ptr<detail::GradientReducer> reducer) : reducer_(std::move(reducer)) {
    detail::pause_sync(*reducer_, 1);
  }
  ~NoSync() { detail::pause_sync(*reducer_, -1); }
  NoSync(const NoSync&) = delete;
  NoSync& operator=(const NoSync&) = delete;

 private:
  std::shared_ptr<detail::GradientReducer> reducer_;
};

// A model that learns from the rows of all hosts: as PyTorch's DistributedDataParallel. Module is a module
// holder (TORCH_MODULE, torch::nn::Sequential) or a shared_ptr to a module; it is not copied.
//
// The constructor gives every host the parameters and buffers of host 0. Each backward then leaves in every
// parameter's grad the average over the hosts: gradients are sent in buckets, from the last registered
// parameter to the first, while backward still computes the others. Parameters that a backward does not reach
// may differ from host to host: they count as zero where others reach them, and stay as they are where nobody
// does. backward may be called more than once for a forward. Evaluation (module->eval()) talks to nobody.
//
// Move the module to its device and choose which parameters require gradients before. No sparse gradients,
// and no backward with create_graph.
template <class Module>
class DataParallel {
 public:
  DataParallel(Module module, const Group& group, const DataParallelOptions& options = {})
      : module_(std::move(module)), reducer_(detail::make_reducer(*module_, group, options)) {}

  template <class... Inputs>
  auto forward(Inputs&&... inputs) {
    detail::before_forward(*reducer_, module_->is_training());
    return module_->forward(std::forward<Inputs>(inputs)...);
  }
  template <class... Inputs>
  auto operator()(Inputs&&... inputs) {
    return forward(std::forward<Inputs>(inputs)...);
  }

  Module& module() { return module_; }
  const Module& module() const { return module_; }
  auto* operator->() { return &*module_; }

  [[nodiscard]] NoSync no_sync() { return NoSync(reducer_); }

 private:
  Module module_;
  std::shared_ptr<detail::GradientReducer> reducer_;
};

struct SamplerOptions {
  bool shuffle = true;
  bool drop_last = false;  // leaves the last rows out instead of repeating the first ones
  std::uint64_t seed = 0;  // the same on all hosts
};

// Which rows of a data set this host takes: every world_size-th of one order that all hosts share, so that
// batch k of b rows on each of n hosts is together batch k of n * b rows on one host. All hosts get equally
// many rows: where the size is no multiple, the first of the order are repeated, or with drop_last the last
// left out. torch::data::make_data_loader takes it too; copies share the epoch, so the one outside still sets
// it.
class Sampler : public torch::data::samplers::Sampler<> {
  template <class>
  struct SameOptional;
  template <template <class> class Optional, class T>
  struct SameOptional<Optional<T>> {
    using Size = Optional<std::size_t>;
  };

 public:
  // std::optional or c10::optional, as this libtorch has it.
  using Batch = decltype(std::declval<torch::data::samplers::Sampler<>&>().next(1));
  using NewSize = typename SameOptional<Batch>::Size;

  Sampler(std::int64_t size, const Group& group, const SamplerOptions& options = {});
  Sampler(std::int64_t size, int world_size, int rank, const SamplerOptions& options = {});

  // Another order from now on, the same on all hosts. The order depends on seed + epoch only.
  void set_epoch(std::uint64_t epoch);
  // This host's rows in this epoch: int64, on the CPU. To divide them into batches: indices().split(b).
  torch::Tensor indices() const;

  void reset(NewSize new_size = {}) override;
  Batch next(std::size_t batch_size) override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  std::int64_t size_;
  int world_size_, rank_;
  SamplerOptions options_;
  std::shared_ptr<std::uint64_t> epoch_;
  torch::Tensor order_;  // of the walk that next() is on
  std::int64_t position_ = 0;
};

}  // namespace sagemaker::container::distributed

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/distributed.hpp>
#endif
