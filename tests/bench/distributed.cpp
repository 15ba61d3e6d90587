// A data-parallel training step on two hosts through distributed::DataParallel, against the same step on bare
// c10d: one all-reduce of each bucket after backward. And how much of two hosts' work is left: rows a second
// of two hosts over twice those of one. The hosts are processes on loopback addresses with one thread each.
//   bench_distributed             measures; starts itself as the hosts
//   bench_distributed train       one host, in a process group of its own
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include <sagemaker/container.hpp>
#include <sagemaker/container/detail/c10d.hpp>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace fs = std::filesystem;
namespace container = sagemaker::container;
namespace distributed = sagemaker::container::distributed;

constexpr std::int64_t rows_a_host = 64;

// A perceptron with 2.8 million parameters, 11 MB of gradients: several buckets of 2 MB.
struct NetImpl : torch::nn::Module {
  NetImpl() {
    for (const auto& [in, out] : {std::pair{784, 1024}, {1024, 1024}, {1024, 1024}, {1024, 10}})
      layers->push_back(torch::nn::Linear(in, out));
    register_module("layers", layers);
  }
  torch::Tensor forward(torch::Tensor x) {
    for (std::size_t at = 0; at < layers->size(); ++at) {
      x = layers->at<torch::nn::LinearImpl>(at).forward(x);
      if (at + 1 < layers->size()) x = torch::relu(x);
    }
    return x;
  }
  torch::nn::ModuleList layers;
};
TORCH_MODULE(Net);

constexpr std::size_t bucket_bytes = std::size_t{2} << 20;

// What a program without DataParallel does: pack, reduce and unpack bucket after bucket when backward is
// over.
void average_bare(const Net& net, const distributed::Group& group) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> bucket;
  std::size_t bytes = 0;
  const auto send = [&] {
    if (bucket.empty()) return;
    std::vector<torch::Tensor> flat{torch::cat([&] {
      std::vector<torch::Tensor> parts;
      for (const torch::Tensor& gradient : bucket) parts.push_back(gradient.flatten());
      return parts;
    }())};
    flat[0].div_(group.world_size());
    group.process_group()->allreduce(flat)->wait();
    std::int64_t at = 0;
    for (const torch::Tensor& gradient : bucket) {
      gradient.copy_(flat[0].narrow(0, at, gradient.numel()).view(gradient.sizes()));
      at += gradient.numel();
    }
    bucket.clear();
    bytes = 0;
  };
  const std::vector<torch::Tensor> parameters = net->parameters();
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    bucket.push_back(parameter->grad());
    bytes += static_cast<std::size_t>(parameter->grad().nbytes());
    if (bytes >= bucket_bytes) send();
  }
  send();
}

// Median of a step, in milliseconds. The ways take turns, so that they meet the same machine.
Net train(const container::TrainingEnvironment& env) {
  torch::set_num_threads(1);
  const distributed::Group group = distributed::init(env);
  torch::manual_seed(1);
  Net wrapped, bare;
  distributed::DataParallelOptions options;
  options.bucket_bytes = bucket_bytes;
  distributed::DataParallel<Net> model(wrapped, group, options);
  torch::optim::SGD wrapped_optimizer(wrapped->parameters(), 0.01), bare_optimizer(bare->parameters(), 0.01);
  const torch::Tensor images = torch::rand({rows_a_host, 784});
  const torch::Tensor labels = torch::randint(0, 10, {rows_a_host}, torch::kLong);
  const auto loss = [&](const torch::Tensor& scores) {
    return torch::nll_loss(torch::log_softmax(scores, 1), labels);
  };
  std::vector<double> wrapped_ms, bare_ms;
  for (int step = 0; step < 60; ++step) {
    auto start = Steady::now();
    wrapped_optimizer.zero_grad();
    loss(model(images)).backward();
    wrapped_optimizer.step();
    if (step >= 10) wrapped_ms.push_back(ms_since(start));
    start = Steady::now();
    bare_optimizer.zero_grad();
    loss(bare->forward(images)).backward();
    if (group.world_size() > 1) average_bare(bare, group);
    bare_optimizer.step();
    if (step >= 10) bare_ms.push_back(ms_since(start));
  }
  std::ofstream(env.output_data_dir / "times")
      << percentile(wrapped_ms, 0.5) << ' ' << percentile(bare_ms, 0.5);
  return wrapped;
}

struct Times {
  double wrapped_ms = 0, bare_ms = 0;
};

pid_t start_host(const fs::path& base, const std::string& hosts, const std::string& host, int port) {
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) return pid;
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"SAGEMAKER_BASE_DIR", base.string()},
                                    {"SM_HOSTS", hosts},
                                    {"SM_CURRENT_HOST", host},
                                    {"SM_NETWORK_INTERFACE_NAME", "lo"},
                                    {"SM_NUM_GPUS", "0"},
                                    {"MASTER_PORT", std::to_string(port)},
                                    {"OMP_NUM_THREADS", "1"},
                                    {"OPENBLAS_NUM_THREADS", "1"}})
    ::setenv(name.c_str(), value.c_str(), 1);
  const int log = ::open((base / "log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execl("/proc/self/exe", "bench_distributed", "train", nullptr);
  ::_exit(127);
}

int free_port() {
  const distributed::detail::Beacon socket = distributed::detail::light_beacon("127.0.0.1");
  return socket.port;
}

Times measure_hosts(int count) {
  const sagemaker::detail::TemporaryFolder folder;
  sagemaker::json hosts = sagemaker::json::array();
  for (int host = 1; host <= count; ++host) hosts.push_back("127.0.7." + std::to_string(host));
  const int port = free_port();
  std::vector<pid_t> pids;
  for (const sagemaker::json& host : hosts) {
    const fs::path base = folder.path() / host.get<std::string>();
    fs::create_directories(base);
    pids.push_back(start_host(base, hosts.dump(), host.get<std::string>(), port));
  }
  for (const pid_t pid : pids) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) throw std::runtime_error("a host failed");
  }
  Times times;
  std::ifstream(folder.path() / hosts[0].get<std::string>() / "output/data/times") >> times.wrapped_ms >>
      times.bare_ms;
  return times;
}

void measure() {
  const Times alone = measure_hosts(1);
  const Times two = measure_hosts(2);
  print({"data-parallel step, 2 hosts, 11 MB, p50",
         "ms",
         two.wrapped_ms,
         {"bare c10d loop", two.bare_ms},
         {1.05, Judged::ratio}});
  print({"DataParallel's own cost on 1 host, p50",
         "ms",
         alone.wrapped_ms,
         {"bare libtorch", alone.bare_ms},
         {1.02, Judged::ratio}});
  // Above 100 % by nothing but noise; two processors hold two hosts only where nothing else runs.
  print({"scaling efficiency of 2 hosts",
         "%",
         100 * alone.wrapped_ms / two.wrapped_ms,
         {"bare c10d loop", 100 * alone.bare_ms / two.bare_ms}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return container::run(argc, argv, {.train = train});
  return run("bench_distributed", measure);
}
