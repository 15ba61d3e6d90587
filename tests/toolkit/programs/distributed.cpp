// One host of a job on several: what the hyperparameter "mode" names, said line by line.
// tests/toolkit/distributed.cpp starts the hosts and reads the lines.
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include <unistd.h>

#include <sagemaker/container.hpp>

namespace sm = sagemaker;
namespace distributed = sagemaker::container::distributed;
using distributed::DataParallel;
using distributed::Group;
using sm::container::TrainingEnvironment;

namespace {

struct NetImpl : torch::nn::Module {
  NetImpl() {
    first = register_module("first", torch::nn::Linear(8, 16));
    norm = register_module("norm", torch::nn::BatchNorm1d(16));
    second = register_module("second", torch::nn::Linear(16, 3));
  }
  torch::Tensor forward(const torch::Tensor& rows) {
    const torch::Tensor inner = first(rows);
    return second(torch::relu(normalize ? norm(inner) : inner));
  }
  bool normalize = false;
  torch::nn::Linear first{nullptr}, second{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
};
TORCH_MODULE(Net);

// Two ways through, and a parameter that nothing reaches.
struct BranchesImpl : torch::nn::Module {
  BranchesImpl() {
    left = register_parameter("left", torch::ones({2}));
    right = register_parameter("right", torch::ones({2}));
    idle = register_parameter("idle", torch::ones({2}));
    both = register_parameter("both", torch::ones({2}));
  }
  torch::Tensor forward(const std::string& way) {
    const torch::Tensor shared = both * 3;
    return (way == "left" ? left * 2 + shared : way == "right" ? right * 4 + shared : shared).sum();
  }
  torch::Tensor left, right, idle, both;
};
TORCH_MODULE(Branches);

void say(const std::string& name, const torch::Tensor& tensor) {
  std::string line = name + "=";
  if (!tensor.defined()) {
    line += "none";
  } else {
    const torch::Tensor values = tensor.detach().to(torch::kDouble).flatten();
    for (std::int64_t at = 0; at < values.numel(); ++at) {
      char text[32];
      std::snprintf(text, sizeof text, "%s%.9g", at == 0 ? "" : ",", values[at].item<double>());
      line += text;
    }
  }
  std::puts(line.c_str());
}

void say_parameters(const Net& net) {
  for (const auto& item : net->named_parameters()) say(item.key(), item.value());
}

void collectives(const TrainingEnvironment&, const Group& group) {
  const auto mine = [&] { return torch::tensor({group.rank() + 1.0F, 10.0F}); };
  for (const auto& [name, reduction] : {std::pair{"sum", distributed::Reduction::sum},
                                        {"mean", distributed::Reduction::mean},
                                        {"min", distributed::Reduction::min},
                                        {"max", distributed::Reduction::max}}) {
    const torch::Tensor tensor = mine();
    group.all_reduce(tensor, reduction);
    say(name, tensor);
  }
  const torch::Tensor table = torch::arange(6, torch::kInt64).reshape({2, 3}) * (group.rank() + 1);
  group.all_reduce(table.t());  // not contiguous
  say("transposed", table);
  const torch::Tensor sent = mine();
  group.broadcast(sent, group.world_size() - 1);
  say("broadcast", sent);
  const torch::Tensor all = group.all_gather(mine());
  std::printf("gathered %d x %d\n", static_cast<int>(all.size(0)), static_cast<int>(all.size(1)));
  say("gathered", all);
  const torch::Tensor empty = group.all_gather(torch::zeros({0, 2}));
  std::printf("gathered empty %d x %d\n", static_cast<int>(empty.size(0)), static_cast<int>(empty.size(1)));
  group.barrier();
  std::printf("any=%d,%d\n", group.any(group.rank() == 1), group.any(false));
  std::printf("group=%d\n", group.process_group() != nullptr);
  try {
    group.all_reduce(torch::tensor({1, 2}), distributed::Reduction::mean);
  } catch (const std::invalid_argument& error) {
    std::puts(error.what());
  }
}

struct Rows {
  torch::Tensor inputs, labels;
};
Rows rows() {
  torch::manual_seed(11);
  const torch::Tensor inputs = torch::randn({96, 8});
  return {inputs, inputs.narrow(1, 0, 3).argmax(1)};
}

torch::Tensor loss_of(const torch::Tensor& scores, const torch::Tensor& labels) {
  return torch::nll_loss(torch::log_softmax(scores, 1), labels);
}

// 96 rows, 24 in a step of all hosts together, three epochs.
Net learn(const TrainingEnvironment& env, const Group& group, bool normalize) {
  const Rows data = rows();
  torch::manual_seed(100 + group.rank());  // the constructor of DataParallel makes the parameters equal
  Net net;
  net->normalize = normalize;
  if (group.is_master()) {
    torch::manual_seed(100);
    Net same;
    const torch::NoGradGuard no_grad;
    for (std::size_t at = 0; at < net->parameters().size(); ++at)
      net->parameters()[at].copy_(same->parameters()[at]);
  }
  distributed::DataParallelOptions options;
  options.bucket_bytes = options.first_bucket_bytes = env.hyperparameter<std::size_t>("bucket", 64);
  DataParallel<Net> model(net, group, options);
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  const int parts = env.hyperparameter("parts", 1);  // of a step, their gradients added up
  const std::int64_t batch = 24 / group.world_size() / parts;
  distributed::Sampler sampler(data.inputs.size(0), group, {.seed = 5});
  for (int epoch = 0; epoch < 3; ++epoch) {
    sampler.set_epoch(epoch);
    int part = 0;
    for (const torch::Tensor& chosen : sampler.indices().split(batch)) {
      const auto backward = [&] {
        (loss_of(model(data.inputs.index_select(0, chosen)), data.labels.index_select(0, chosen)) / parts)
            .backward();
      };
      if (++part % parts != 0) {
        const auto guard = model.no_sync();
        backward();
        continue;
      }
      backward();
      optimizer.step();
      optimizer.zero_grad();
    }
  }
  return net;
}

Net train_plain(const TrainingEnvironment& env, const Group& group) {
  Net net = learn(env, group, false);
  say_parameters(net);
  return net;
}

// Each host has statistics of its own rows; before a forward all take host 0's.
void buffers(const TrainingEnvironment& env, const Group& group) {
  Net net = learn(env, group, true);
  DataParallel<Net> model(net, group);
  net->train();
  model(torch::zeros({4, 8}));
  say("running_mean", net->norm->running_mean);
  net->eval();
  if (group.is_master()) model(torch::zeros({4, 8}));  // nobody waits for the others
}

void unused(const TrainingEnvironment&, const Group& group) {
  Branches branches;
  DataParallel<Branches> model(branches, group);
  model(group.is_master() ? "left" : "right").backward();
  for (const auto& item : branches->named_parameters()) say(item.key(), item.value().grad());
  // Reached on one host while gradients are not exchanged, by nobody in the backward that exchanges them.
  branches->zero_grad();
  {
    const auto guard = model.no_sync();
    if (group.is_master()) model("left").backward();
  }
  model("neither").backward();
  say("later.left", branches->left.grad());
  say("later.both", branches->both.grad());
  // A second backward of the same forward.
  branches->zero_grad();
  const torch::Tensor loss = model(group.is_master() ? "left" : "right");
  loss.backward({}, true);
  loss.backward();
  say("twice.left", branches->left.grad());
}

void differ(const TrainingEnvironment&, const Group& group) {
  const DataParallel<torch::nn::Linear> model(torch::nn::Linear(4, 2 + group.rank()), group);
}

// One host leaves in the middle, the others are in backward.
void leave(const TrainingEnvironment& env, const Group& group) {
  Branches branches;
  DataParallel<Branches> model(branches, group);
  const bool leaves = group.rank() == group.world_size() - 1;
  for (int step = 0; step < 1'000'000; ++step) {
    if (leaves && step == 20) {
      const std::string how = env.hyperparameter("how", "exit");
      if (how == "throw") throw std::runtime_error("the data is sour");
      if (how == "kill") std::raise(SIGKILL);
      if (how == "exit") ::_exit(3);
    }
    model("left").backward();
    if (step == 10) std::puts("steps");
  }
}

// Works until it is told to end or somebody else is.
void loop(const TrainingEnvironment&, const Group& group) {
  int steps = 0;
  for (; !group.stop_requested(); ++steps) {
    if (steps == 10) std::puts("steps");
  }
  const torch::Tensor all = group.all_gather(torch::tensor({steps}));
  std::printf("same number of steps: %d\n", all.eq(all[0]).all().item<bool>());
}

// Waits for a host that never answers.
void hang(const TrainingEnvironment&, const Group& group) {
  if (group.is_master()) {
    group.barrier();
  } else {
    std::puts("silent");
    for (;;) ::pause();
  }
}

Net train(const TrainingEnvironment& env) {
  distributed::Options options;
  options.join_timeout = std::chrono::milliseconds(env.hyperparameter("join-ms", 60'000));
  options.timeout = std::chrono::milliseconds(env.hyperparameter("timeout-ms", 60'000));
  const Group group = distributed::init(env, options);
  std::printf("rank %d of %d%s\n", group.rank(), group.world_size(), group.is_master() ? ", master" : "");
  const auto mode = env.hyperparameter<std::string>("mode");
  if (mode == "train") return train_plain(env, group);
  const std::map<std::string, std::function<void(const TrainingEnvironment&, const Group&)>> modes{
      {"collectives", collectives},
      {"buffers", buffers},
      {"unused", unused},
      {"differ", differ},
      {"leave", leave},
      {"loop", loop},
      {"hang", hang}};
  modes.at(mode)(env, group);
  return Net();
}

}  // namespace

int main(int argc, char** argv) { return sm::container::run(argc, argv, {.train = train}); }
