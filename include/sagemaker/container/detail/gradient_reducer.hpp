// Bodies of DataParallel: gradients are averaged in buckets while backward runs.
//
// A hook on each parameter's gradient accumulator copies the gradient into its bucket; a bucket that is
// complete leaves at once, but never before the one in front of it, so that all hosts send the same buckets
// in the same order. A callback at the end of backward completes the buckets of parameters that it did not
// reach, waits, and copies the averages back. Behind its values a bucket carries one number for each
// parameter that tells whether any host had a gradient for it.
//
// c10d's own Reducer is not used: its header includes others that libtorch's packages leave out.
#pragma once

#include <mutex>
#include <unordered_set>

#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <sagemaker/container/detail/transport.hpp>
#include <sagemaker/container/distributed.hpp>

namespace sagemaker::container::distributed::detail {

struct GradientReducer : std::enable_shared_from_this<GradientReducer> {
  using Accumulator = decltype(torch::autograd::impl::grad_accumulator(std::declval<const torch::Tensor&>()));

  struct Parameter {
    std::string name;
    torch::Tensor tensor;
    Accumulator accumulator{};  // a tensor only keeps it weakly
    std::uintptr_t hook = 0;
    std::size_t bucket = 0;
    torch::Tensor values, flag;  // of the bucket's tensor
    bool ready = false;          // in the bucket
    bool used = false;           // has had a gradient since the last exchange
  };
  struct Bucket {
    std::vector<std::size_t> parameters;
    torch::Tensor flat;
    std::size_t missing = 0;
    std::function<void()> wait;
  };

  GradientReducer(torch::nn::Module& module, const Group& group, const DataParallelOptions& options);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  void watch();  // the gradients from now on
  void before_forward(bool training);

  std::shared_ptr<const GroupState> state;
  bool broadcast_buffers;
  int paused = 0;

 private:
  void compare_and_broadcast() const;
  void fill_buckets(const DataParallelOptions& options);
  void add_bucket(std::vector<std::size_t> members);
  void on_gradient(std::size_t index);
  void fill(Parameter& parameter, bool used);
  void launch_complete();
  void finish();
  void copy_back(Bucket& bucket);

  std::vector<Parameter> parameters_;
  std::vector<torch::Tensor> buffers_;
  std::vector<Bucket> buckets_;
  std::mutex mutex_;
  std::size_t next_bucket_ = 0;  // to leave
  bool running_ = false;         // a backward is under way
};

SAGEMAKER_CONTAINER_FUNCTION GradientReducer::GradientReducer(torch::nn::Module& module, const Group& group,
                                                              const DataParallelOptions& options)
    : state(group.state_), broadcast_buffers(options.broadcast_buffers) {
  if (!state->transport) return;
  std::unordered_set<const void*> known;  // a parameter may be registered under two names
  for (const auto& item : module.named_parameters()) {
    const torch::Tensor& tensor = item.value();
    if (tensor.defined() && tensor.requires_grad() && known.insert(tensor.unsafeGetTensorImpl()).second) {
      Parameter parameter;
      parameter.name = item.key();
      parameter.tensor = tensor;
      parameters_.push_back(std::move(parameter));
    }
  }
  for (const torch::Tensor& buffer : module.buffers()) {
    if (buffer.defined()) buffers_.push_back(buffer);
  }
  const torch::NoGradGuard no_grad;
  compare_and_broadcast();
  fill_buckets(options);
}

SAGEMAKER_CONTAINER_FUNCTION GradientReducer::~GradientReducer() {
  for (const Parameter& parameter : parameters_) {
    if (parameter.accumulator) parameter.accumulator->del_post_hook(parameter.hook);
  }
}

// Models of different programs would end in an exchange of buckets that do not fit.
SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::compare_and_broadcast() const {
  std::int64_t values = 0, shapes = 0;
  std::vector<torch::Tensor> tensors;
  const auto add = [&](const torch::Tensor& tensor) {
    tensors.push_back(tensor.detach());
    values += tensor.numel();
    for (const std::int64_t size : tensor.sizes()) shapes = (shapes * 31 + size) % 1'000'000'007;
    shapes = (shapes * 31 + static_cast<std::int64_t>(tensor.scalar_type())) % 1'000'000'007;
  };
  for (const Parameter& parameter : parameters_) add(parameter.tensor);
  for (const torch::Tensor& buffer : buffers_) add(buffer);
  const torch::Tensor mine = torch::tensor({static_cast<std::int64_t>(tensors.size()), values, shapes});
  explaining(*state, "the comparison of models", [&] {
    const torch::Tensor all = state->transport->all_gather(mine);
    for (int rank = 1; rank < state->world_size(); ++rank) {
      if (all[rank].equal(all[0])) continue;
      const auto says = [&](int host) {
        return state->place.hosts[static_cast<std::size_t>(host)] + " has " +
               std::to_string(all[host][0].item<std::int64_t>()) + " tensors with " +
               std::to_string(all[host][1].item<std::int64_t>()) + " numbers";
      };
      throw DistributedError("the hosts have different models: " + says(0) + ", " + says(rank) +
                             ", or their shapes or types differ");
    }
    state->transport->broadcast_all(tensors);
  });
}

// From the last registered parameter to the first, about the order in which backward reaches them.
SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::fill_buckets(const DataParallelOptions& options) {
  struct Open {
    torch::Tensor like;
    std::vector<std::size_t> members;
    std::size_t bytes = 0;
  };
  std::vector<Open> open;  // one for each type and device
  for (std::size_t index = parameters_.size(); index-- > 0;) {
    const torch::Tensor& tensor = parameters_[index].tensor;
    auto found = std::find_if(open.begin(), open.end(), [&](const Open& bucket) {
      return bucket.like.scalar_type() == tensor.scalar_type() && bucket.like.device() == tensor.device();
    });
    if (found == open.end()) found = open.insert(open.end(), Open{tensor, {}, 0});
    found->members.push_back(index);
    found->bytes += static_cast<std::size_t>(tensor.numel() * tensor.element_size());
    if (found->bytes >= (buckets_.empty() ? options.first_bucket_bytes : options.bucket_bytes)) {
      add_bucket(std::exchange(found->members, {}));
      found->bytes = 0;
    }
  }
  for (Open& bucket : open) {
    if (!bucket.members.empty()) add_bucket(std::move(bucket.members));
  }
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::add_bucket(std::vector<std::size_t> members) {
  std::int64_t size = static_cast<std::int64_t>(members.size());
  for (const std::size_t index : members) size += parameters_[index].tensor.numel();
  Bucket bucket;
  bucket.flat = torch::empty({size}, parameters_[members.front()].tensor.options().requires_grad(false));
  bucket.missing = members.size();
  std::int64_t offset = 0, flag = size - static_cast<std::int64_t>(members.size());
  for (const std::size_t index : members) {
    Parameter& parameter = parameters_[index];
    const std::int64_t count = parameter.tensor.numel();
    parameter.bucket = buckets_.size();
    parameter.values = bucket.flat.narrow(0, offset, count).view(parameter.tensor.sizes());
    parameter.flag = bucket.flat.narrow(0, flag++, 1);
    offset += count;
  }
  bucket.parameters = std::move(members);
  buckets_.push_back(std::move(bucket));
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::watch() {
  using torch::autograd::variable_list;
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    Parameter& parameter = parameters_[index];
    auto hook = [self = weak_from_this(), index](const variable_list& outputs, const variable_list&) {
      if (const auto reducer = self.lock()) reducer->on_gradient(index);
      return outputs;
    };
    parameter.accumulator = torch::autograd::impl::grad_accumulator(parameter.tensor);
    parameter.hook = parameter.accumulator->add_post_hook(
        std::make_unique<torch::autograd::utils::LambdaPostHook>(std::move(hook)));
  }
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::before_forward(bool training) {
  if (!state->transport) return;
  if (running_) {
    throw DistributedError(
        "a backward that did not come to its end has left the hosts apart: begin again from a "
        "checkpoint");
  }
  if (!training || paused > 0 || !broadcast_buffers || buffers_.empty()) return;
  const torch::NoGradGuard no_grad;
  explaining(*state, "the broadcast of buffers", [&] { state->transport->broadcast_all(buffers_); });
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::on_gradient(std::size_t index) {
  const std::lock_guard lock(mutex_);
  Parameter& parameter = parameters_[index];
  parameter.used = true;
  if (paused > 0) return;
  if (parameter.ready)
    throw DistributedError("parameter " + parameter.name +
                           " got two gradients in one backward, or the one before "
                           "did not come to its end");
  if (!running_) {
    running_ = true;
    torch::autograd::Engine::get_default_engine().queue_callback(
        [self = shared_from_this()] { self->finish(); });
  }
  const torch::NoGradGuard no_grad;
  fill(parameter, true);
  explaining(*state, "the average of gradients", [&] { launch_complete(); });
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::fill(Parameter& parameter, bool used) {
  const torch::Tensor& gradient = parameter.tensor.grad();
  if (!gradient.defined()) {
    parameter.values.zero_();
  } else if (gradient.is_sparse()) {
    throw DistributedError("the gradient of " + parameter.name +
                           " is sparse, which DataParallel does not average");
  } else {
    torch::Tensor values = parameter.values;
    torch::mul_out(values, gradient.detach(),
                   torch::scalar_tensor(1.0 / state->world_size(), torch::kDouble));
  }
  parameter.flag.fill_(used ? 1 : 0);
  parameter.ready = true;
  --buckets_[parameter.bucket].missing;
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::launch_complete() {
  for (; next_bucket_ < buckets_.size() && buckets_[next_bucket_].missing == 0; ++next_bucket_) {
    Bucket& bucket = buckets_[next_bucket_];
    bucket.wait = state->transport->all_reduce(bucket.flat, Reduction::sum);
  }
}

// The last thing of a backward; what it throws, backward throws.
SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::finish() {
  const std::lock_guard lock(mutex_);
  const torch::NoGradGuard no_grad;
  explaining(*state, "the average of gradients", [&] {
    for (Parameter& parameter : parameters_) {
      if (!parameter.ready) fill(parameter, parameter.used);
    }
    launch_complete();
    for (Bucket& bucket : buckets_) {
      std::exchange(bucket.wait, nullptr)();
      copy_back(bucket);
    }
  });
  next_bucket_ = 0;
  running_ = false;
}

SAGEMAKER_CONTAINER_FUNCTION void GradientReducer::copy_back(Bucket& bucket) {
  for (const std::size_t index : bucket.parameters) {
    Parameter& parameter = parameters_[index];
    // Only a parameter that had no gradient here needs the flag, which costs a wait for a GPU.
    if (parameter.used || parameter.flag.item<double>() > 0) {
      torch::Tensor& gradient = parameter.tensor.mutable_grad();
      if (gradient.defined()) {
        gradient.detach().copy_(parameter.values);
      } else {
        gradient = parameter.values.clone();
      }
    }
    parameter.ready = parameter.used = false;
  }
  bucket.missing = bucket.parameters.size();
}

SAGEMAKER_CONTAINER_FUNCTION std::shared_ptr<GradientReducer> make_reducer(
    torch::nn::Module& module, const Group& group, const DataParallelOptions& options) {
  auto reducer = std::make_shared<GradientReducer>(module, group, options);
  reducer->watch();
  return reducer;
}

SAGEMAKER_CONTAINER_FUNCTION void before_forward(GradientReducer& reducer, bool training) {
  reducer.before_forward(training);
}

SAGEMAKER_CONTAINER_FUNCTION void pause_sync(GradientReducer& reducer, int change) {
  reducer.paused += change;
}

}  // namespace sagemaker::container::distributed::detail
