// Bodies of distributed.hpp: the group and the sampler. Those of DataParallel are in gradient_reducer.hpp.
#pragma once

#include <algorithm>
#include <mutex>
#include <thread>

#include <ATen/CPUGeneratorImpl.h>

#include <sagemaker/container/detail/c10d.hpp>
#include <sagemaker/container/detail/environment.hpp>
#include <sagemaker/container/detail/gradient_reducer.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/membership.hpp>
#include <sagemaker/container/detail/transport.hpp>
#include <sagemaker/container/distributed.hpp>
#include <sagemaker/container/stop.hpp>

namespace sagemaker::container::distributed::detail {

// A connection may break a moment before its process has ended.
SAGEMAKER_CONTAINER_FUNCTION std::string names_of_gone(const GroupState& state) {
  constexpr std::chrono::milliseconds longest{500}, pause{10};
  std::string names;
  for (auto waited = pause; state.transport && names.empty() && waited < longest; waited += pause) {
    for (const int rank : state.transport->gone())
      names += (names.empty() ? "" : ", ") + state.place.hosts[static_cast<std::size_t>(rank)];
    if (names.empty()) std::this_thread::sleep_for(pause);
  }
  return names;
}

SAGEMAKER_CONTAINER_FUNCTION DistributedError explained(const GroupState& state, const std::string& action,
                                                        const std::exception& error) {
  const std::string gone = names_of_gone(state);
  return DistributedError(state.place.hosts[static_cast<std::size_t>(state.place.rank)] + " (rank " +
                          std::to_string(state.place.rank) + " of " + std::to_string(state.world_size()) +
                          ")" + (gone.empty() ? " failed in " : " has lost " + gone + " in ") + action +
                          ": " + without_backtrace(error));
}

SAGEMAKER_CONTAINER_FUNCTION Place place_of(const TrainingEnvironment& env, const Options& options) {
  namespace base = sagemaker::container::detail;
  const Variables variables = process_variables();
  Place place;
  place.rank = env.rank();
  place.hosts = env.hosts;
  place.master_address = base::variable(variables, "MASTER_ADDR",
                                        base::variable(variables, "SM_MASTER_ADDR", env.master_address()));
  const std::int64_t port =
      base::variable_integer(variables, "SM_MASTER_PORT", TrainingEnvironment::master_port, 65535);
  place.master_port = static_cast<int>(base::variable_integer(variables, "MASTER_PORT", port, 65535));
  place.network_interface = env.network_interface;
  place.device = env.device();
  place.options = options;
  return place;
}

// Never destroyed: a process that ends while a collective is under way must not wait for it, and the sockets
// must not close before the reason of a failure is written, or another host could be taken for the culprit.
struct Joined {
  std::mutex mutex;
  std::shared_ptr<const GroupState> state;
};
SAGEMAKER_CONTAINER_FUNCTION Joined& joined() {
  static Joined& kept = *new Joined;
  return kept;
}

}  // namespace sagemaker::container::distributed::detail

namespace sagemaker::container::distributed {

SAGEMAKER_CONTAINER_FUNCTION Group init(const TrainingEnvironment& env, const Options& options) {
  detail::Joined& joined = detail::joined();
  const std::lock_guard lock(joined.mutex);
  if (joined.state) return Group(joined.state);
  auto state = std::make_shared<detail::GroupState>();
  state->place = detail::place_of(env, options);
  if (state->world_size() > 1) {
    const detail::Place& place = state->place;
    state->transport = detail::explaining(*state, "joining", [&] { return detail::join(place); });
    container::detail::membership() = {place.rank, state->world_size(), place.hosts.front()};
    container::detail::log_line("distributed: rank " + std::to_string(place.rank) + " of " +
                                std::to_string(state->world_size()) + " is " + env.current_host +
                                ", master " + place.master_address + ":" + std::to_string(place.master_port) +
                                ", " + state->transport->description());
  }
  joined.state = state;
  return Group(std::move(state));
}

// ---- Group -------------------------------------------------------------------------------------

SAGEMAKER_CONTAINER_FUNCTION Group::Group() {
  auto state = std::make_shared<detail::GroupState>();
  state->place.hosts = {"algo-1"};
  state_ = std::move(state);
}

SAGEMAKER_CONTAINER_FUNCTION int Group::rank() const { return state_->place.rank; }
SAGEMAKER_CONTAINER_FUNCTION int Group::world_size() const { return state_->world_size(); }
SAGEMAKER_CONTAINER_FUNCTION const std::vector<std::string>& Group::hosts() const {
  return state_->place.hosts;
}

SAGEMAKER_CONTAINER_FUNCTION void Group::all_reduce(const torch::Tensor& tensor, Reduction reduction) const {
  if (reduction == Reduction::mean && !tensor.is_floating_point() && !tensor.is_complex())
    throw std::invalid_argument(
        "integers have no mean: reduce by sum, or a tensor of floating-point numbers");
  if (!state_->transport || tensor.numel() == 0) return;
  const torch::NoGradGuard no_grad;
  const torch::Tensor values = tensor.detach();
  const torch::Tensor packed = values.contiguous();
  detail::explaining(*state_, "all_reduce", [&] { state_->transport->all_reduce(packed, reduction)(); });
  if (reduction == Reduction::mean) packed.div_(world_size());
  if (!packed.is_same(values)) values.copy_(packed);
}

SAGEMAKER_CONTAINER_FUNCTION void Group::broadcast(const torch::Tensor& tensor, int root) const {
  if (root < 0 || root >= world_size())
    throw std::invalid_argument("there is no host of rank " + std::to_string(root));
  if (!state_->transport || tensor.numel() == 0) return;
  const torch::NoGradGuard no_grad;
  const torch::Tensor values = tensor.detach();
  const torch::Tensor packed = values.contiguous();
  detail::explaining(*state_, "broadcast", [&] { state_->transport->broadcast(packed, root); });
  if (!packed.is_same(values)) values.copy_(packed);
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor Group::all_gather(const torch::Tensor& tensor) const {
  const torch::NoGradGuard no_grad;
  const torch::Tensor packed = tensor.detach().contiguous();
  if (!state_->transport) return packed.clone().unsqueeze(0);
  if (tensor.numel() == 0)
    return torch::stack(std::vector<torch::Tensor>(state_->place.hosts.size(), packed));
  return detail::explaining(*state_, "all_gather", [&] { return state_->transport->all_gather(packed); });
}

SAGEMAKER_CONTAINER_FUNCTION void Group::barrier() const {
  if (!state_->transport) return;
  const torch::Tensor nothing = torch::zeros({1});
  detail::explaining(*state_, "barrier", [&] { state_->transport->all_reduce(nothing, Reduction::sum)(); });
}

SAGEMAKER_CONTAINER_FUNCTION bool Group::any(bool value) const {
  if (!state_->transport) return value;
  const torch::Tensor most = torch::full({1}, value ? 1 : 0, torch::kInt32);
  all_reduce(most, Reduction::max);
  return most.item<int>() != 0;
}

SAGEMAKER_CONTAINER_FUNCTION bool Group::stop_requested() const { return any(container::stop_requested()); }

SAGEMAKER_CONTAINER_FUNCTION const c10::intrusive_ptr<c10d::ProcessGroup>& Group::process_group(
    torch::Device device) const {
  return state_->transport ? state_->transport->process_group(device) : detail::no_process_group();
}

// ---- Sampler -----------------------------------------------------------------------------------

SAGEMAKER_CONTAINER_FUNCTION Sampler::Sampler(std::int64_t size, const Group& group,
                                              const SamplerOptions& options)
    : Sampler(size, group.world_size(), group.rank(), options) {}

SAGEMAKER_CONTAINER_FUNCTION Sampler::Sampler(std::int64_t size, int world_size, int rank,
                                              const SamplerOptions& options)
    : size_(size),
      world_size_(world_size),
      rank_(rank),
      options_(options),
      epoch_(std::make_shared<std::uint64_t>(0)) {
  if (size < 0 || world_size < 1 || rank < 0 || rank >= world_size)
    throw std::invalid_argument("a sampler needs a size of 0 or more and a rank below the number of hosts");
}

SAGEMAKER_CONTAINER_FUNCTION void Sampler::set_epoch(std::uint64_t epoch) { *epoch_ = epoch; }

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor Sampler::indices() const {
  const auto type = torch::TensorOptions(torch::kInt64);
  torch::Tensor order =
      options_.shuffle ? torch::randperm(size_, at::detail::createCPUGenerator(options_.seed + *epoch_), type)
                       : torch::arange(size_, type);
  const std::int64_t whole = size_ - size_ % world_size_;
  if (whole != size_ && options_.drop_last) {
    order = order.narrow(0, 0, whole);
  } else if (whole != size_) {
    const std::int64_t wanted = whole + world_size_;
    order = order.repeat({(wanted + size_ - 1) / size_}).narrow(0, 0, wanted);
  }
  return order.slice(0, rank_, order.size(0), world_size_).contiguous();
}

SAGEMAKER_CONTAINER_FUNCTION void Sampler::reset(NewSize new_size) {
  if (new_size) size_ = static_cast<std::int64_t>(*new_size);
  order_ = indices();
  position_ = 0;
}

SAGEMAKER_CONTAINER_FUNCTION Sampler::Batch Sampler::next(std::size_t batch_size) {
  if (!order_.defined()) reset();
  const std::int64_t end =
      std::min<std::int64_t>(order_.size(0), position_ + static_cast<std::int64_t>(batch_size));
  if (position_ >= end) return {};
  const std::int64_t* const rows = order_.data_ptr<std::int64_t>();
  std::vector<std::size_t> batch(rows + position_, rows + end);
  position_ = end;
  return batch;
}

SAGEMAKER_CONTAINER_FUNCTION void Sampler::save(torch::serialize::OutputArchive& archive) const {
  archive.write("epoch", torch::tensor(static_cast<std::int64_t>(*epoch_)), true);
  archive.write("position", torch::tensor(position_), true);
}

SAGEMAKER_CONTAINER_FUNCTION void Sampler::load(torch::serialize::InputArchive& archive) {
  torch::Tensor epoch = torch::empty({}, torch::kInt64), position = torch::empty({}, torch::kInt64);
  archive.read("epoch", epoch, true);
  archive.read("position", position, true);
  set_epoch(static_cast<std::uint64_t>(epoch.item<std::int64_t>()));
  reset();
  position_ = position.item<std::int64_t>();
}

}  // namespace sagemaker::container::distributed
