// The program that the other benchmarks run: as a training job and as an endpoint through the container toolkit, and,
// with `forward` and `steps`, the same work on bare libtorch, which is the floor.
//   bench_model train | serve
//   bench_model forward            p50 and p99 of a forward pass of one row, in milliseconds
//   bench_model steps THREADS      p50 of a training step, in milliseconds
// The variable BENCH_MODEL chooses the network that is served: "mlp" or "cnn".
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container.hpp>

namespace {

struct NetImpl : torch::nn::Module {
  NetImpl() : hidden(register_module("hidden", torch::nn::Linear(784, 128))),
              output(register_module("output", torch::nn::Linear(128, 10))) {}
  torch::Tensor forward(const torch::Tensor& x) { return torch::softmax(output(torch::relu(hidden(x))), 1); }
  torch::nn::Linear hidden, output;
};
TORCH_MODULE(Net);

using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

double sorted_at(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

// p50 of a training step of the MLP with a batch of 64, in milliseconds; measured for three seconds.
double median_step_ms() {
  torch::manual_seed(1);
  Net net;
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  const torch::Tensor images = torch::rand({64, 784});
  const torch::Tensor labels = torch::randint(0, 10, {64}, torch::kLong);
  std::vector<double> samples;
  const auto begin = Steady::now();
  for (int step = 0; step < 200 || ms_since(begin) < 3000; ++step) {
    const auto start = Steady::now();
    optimizer.zero_grad();
    torch::nll_loss(torch::log(net->forward(images)), labels).backward();
    optimizer.step();
    if (step >= 100) samples.push_back(ms_since(start));
  }
  std::sort(samples.begin(), samples.end());
  return sorted_at(samples, 0.5);
}

// The networks that are served. The weights do not matter here.
torch::nn::Sequential served_network() {
  const char* const name = std::getenv("BENCH_MODEL");
  torch::nn::Sequential net;
  if (name != nullptr && std::string_view(name) == "cnn") {
    net->push_back(torch::nn::Unflatten(torch::nn::UnflattenOptions(1, {1, 28, 28})));
    net->push_back(torch::nn::Conv2d(1, 16, 3));
    net->push_back(torch::nn::ReLU());
    net->push_back(torch::nn::MaxPool2d(2));
    net->push_back(torch::nn::Conv2d(16, 32, 3));
    net->push_back(torch::nn::ReLU());
    net->push_back(torch::nn::MaxPool2d(2));
    net->push_back(torch::nn::Flatten());
    net->push_back(torch::nn::Linear(800, 10));
  } else {
    net->push_back(torch::nn::Linear(784, 128));
    net->push_back(torch::nn::ReLU());
    net->push_back(torch::nn::Linear(128, 10));
  }
  net->push_back(torch::nn::Softmax(1));
  return net;
}

void print_forward_times() {
  torch::manual_seed(1);
  const torch::NoGradGuard no_gradients;
  torch::nn::Sequential net = served_network();
  net->eval();
  torch::set_num_threads(1);
  const torch::Tensor row = torch::rand({1, 784});
  std::vector<double> samples;
  for (int pass = 0; pass < 6000; ++pass) {
    const auto start = Steady::now();
    net->forward(row);
    if (pass >= 1000) samples.push_back(ms_since(start));
  }
  std::sort(samples.begin(), samples.end());
  std::printf("%.6f %.6f\n", sorted_at(samples, 0.5), sorted_at(samples, 0.99));
}

Net train(const sagemaker::container::TrainingEnvironment& env) {
  std::printf("bench: first line\n");
  if (env.hyperparameter("steps", false)) {
    std::printf("bench: threads %d\n", torch::get_num_threads());
    std::printf("bench: step %.6f ms\n", median_step_ms());
  }
  return Net();
}

torch::nn::Sequential model_fn(const std::filesystem::path&, torch::Device device) {
  torch::nn::Sequential net = served_network();
  net->to(device);
  return net;
}

torch::Tensor predict_fn(const torch::Tensor& batch, torch::nn::Sequential& net) { return net->forward(batch); }

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "forward") {
    print_forward_times();
    return 0;
  }
  if (command == "steps") {
    torch::set_num_threads(argc > 2 ? std::atoi(argv[2]) : 1);
    std::printf("%.6f\n", median_step_ms());
    return 0;
  }
  return sagemaker::container::run(argc, argv, {.train = train, .model_fn = model_fn, .predict_fn = predict_fn});
}
