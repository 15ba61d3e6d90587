// Says whether the toolkit finds the GPU and whether the GPU computes what the CPU computes: the same few training
// steps from the same weights on both, and the codecs with tensors that lie on the GPU.
#include <cstdio>
#include <sstream>
#include <string>
#include <utility>

#include <sagemaker/container.hpp>

namespace {
namespace container = sagemaker::container;

int faults = 0;

void check(bool holds, const std::string& what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAULT", what.c_str());
  if (!holds) ++faults;
}

torch::Device device_with(const char* num_gpus) {
  const container::Variables variables{{"SAGEMAKER_BASE_DIR", "/nonexistent"}, {"SM_NUM_GPUS", num_gpus}};
  return container::TrainingEnvironment::read(variables).device();
}

struct NetImpl : torch::nn::Module {
  NetImpl() {
    hidden = register_module("hidden", torch::nn::Linear(64, 32));
    output = register_module("output", torch::nn::Linear(32, 10));
  }
  torch::Tensor forward(const torch::Tensor& x) { return output(torch::relu(hidden(x))); }
  torch::nn::Linear hidden{nullptr}, output{nullptr};
};
TORCH_MODULE(Net);

// Losses before and after, and the scores of the batch, all on the CPU.
struct Trained {
  double first_loss = 0, last_loss = 0;
  torch::Tensor scores;
};

struct Batch {
  torch::Tensor inputs, labels;
};

Trained train_on(torch::Device device, Batch batch) {
  torch::manual_seed(3);  // the weights are made on the CPU, so they are the same for both
  Net net;
  net->to(device);
  batch.inputs = batch.inputs.to(device);
  batch.labels = batch.labels.to(device);
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  Trained result;
  for (int step = 0; step < 50; ++step) {
    const torch::Tensor loss = torch::nll_loss(torch::log_softmax(net->forward(batch.inputs), 1), batch.labels);
    if (step == 0) result.first_loss = loss.item<double>();
    result.last_loss = loss.item<double>();
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  const torch::NoGradGuard no_gradients;
  result.scores = net->forward(batch.inputs).cpu();
  return result;
}

void check_training(torch::Device device) {
  torch::manual_seed(5);
  const Batch batch{torch::randn({256, 64}), torch::randint(0, 10, {256}, torch::kLong)};
  const Trained cpu = train_on(torch::kCPU, batch), gpu = train_on(device, batch);
  std::printf("loss on the CPU %.6f -> %.6f, on the GPU %.6f -> %.6f\n", cpu.first_loss, cpu.last_loss, gpu.first_loss,
              gpu.last_loss);
  check(cpu.last_loss < cpu.first_loss, "training lowers the loss");
  check(std::abs(cpu.last_loss - gpu.last_loss) < 1e-3, "50 steps on the GPU end at the loss of the CPU");
  check(torch::allclose(cpu.scores, gpu.scores, 1e-2, 1e-3), "and with the same scores");
}

void check_codecs(torch::Device device) {
  const torch::Tensor here = torch::arange(12, torch::kFloat).reshape({3, 4}) / 7;
  const torch::Tensor there = here.to(device);
  for (const char* type : {"application/json", "text/csv", "application/x-npy"}) {
    check(container::encode(there, type).body == container::encode(here, type).body,
          std::string("a tensor on the GPU is written as one on the CPU: ") + type);
  }
}
}  // namespace

int main() {
  const torch::Device device = device_with("1");
  std::ostringstream name;
  name << device;
  check(device.is_cuda(), "with one GPU the toolkit's device is CUDA: " + name.str());
  check(device_with("0").is_cpu(), "with none it is the CPU");
  if (device.is_cuda()) {
    check_training(device);
    check_codecs(device);
  }
  return faults == 0 ? 0 : 1;
}
