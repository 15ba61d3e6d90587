// The script: a small convolutional network learns digits on as many instances as the job has. Channel
// "training" holds the four files of MNIST. Hyperparameters: images (how many to learn from), epochs,
// batch-size (of all instances together).
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <sagemaker/container.hpp>

namespace sm = sagemaker;
namespace distributed = sagemaker::container::distributed;

struct NetImpl : torch::nn::Module {
  NetImpl() {
    first = register_module("first", torch::nn::Conv2d(1, 8, 5));
    second = register_module("second", torch::nn::Conv2d(8, 16, 5));
    output = register_module("output", torch::nn::Linear(16 * 4 * 4, 10));
  }
  // Pixels from 0 to 1, [n, 1, 28, 28] -> scores [n, 10].
  torch::Tensor forward(const torch::Tensor& images) {
    const torch::Tensor edges = torch::relu(torch::max_pool2d(first(images), 2));
    const torch::Tensor shapes = torch::relu(torch::max_pool2d(second(edges), 2));
    return output(shapes.flatten(1));
  }
  torch::nn::Conv2d first{nullptr}, second{nullptr};
  torch::nn::Linear output{nullptr};
};
TORCH_MODULE(Net);

Net train(const sm::container::TrainingEnvironment& env) {
  const int epochs = env.hyperparameter("epochs", 1);
  const int batch_size = env.hyperparameter("batch-size", 64);
  torch::manual_seed(1);

  // The instances find each other and become ranks 0, 1, ...
  const distributed::Group group = distributed::init(env);
  const torch::Device device = env.device();
  auto [images, labels] = sm::container::read_mnist(env.channel("training"), "train");
  // In double precision, so that rounding cannot be mistaken for a difference.
  images = images.narrow(0, 0, env.hyperparameter("images", images.size(0))).to(device, torch::kDouble);
  labels = labels.narrow(0, 0, images.size(0)).to(device);

  // Everybody starts from rank 0's parameters; backward leaves the average of all instances' gradients.
  Net net;
  net->to(device, torch::kDouble);
  distributed::DataParallel<Net> model(net, group);

  // Every rank-th image: a batch of all instances together is one of one instance alone.
  distributed::Sampler sampler(images.size(0), group, {.seed = 1});
  const int own_batch = batch_size / group.world_size();
  std::cout << "rank " << group.rank() << " of " << group.world_size() << " on " << env.current_host << ": "
            << sampler.indices().size(0) << " of " << images.size(0) << " images, " << own_batch << " of "
            << batch_size << " in a batch" << std::endl;

  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.02).momentum(0.9));
  group.barrier();
  const auto start = std::chrono::steady_clock::now();
  for (int epoch = 1; epoch <= epochs && !group.stop_requested(); ++epoch) {
    sampler.set_epoch(epoch);
    torch::Tensor loss;
    for (const torch::Tensor& rows : sampler.indices().to(device).split(own_batch)) {
      const torch::Tensor scores = model(images.index_select(0, rows));
      loss = torch::nll_loss(torch::log_softmax(scores, 1), labels.index_select(0, rows));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
    loss = loss.detach();
    group.all_reduce(loss, distributed::Reduction::mean);
    if (group.is_master()) std::cout << "epoch " << epoch << " loss=" << loss.item<double>() << std::endl;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (group.is_master())
    std::cout << "images_per_second=" << static_cast<double>(images.size(0)) * epochs / took.count()
              << std::endl;
  return net;
}

// Called on the master only: all instances have the same parameters. Plain numbers, for main.cpp to compare.
void save(const Net& net, const std::filesystem::path& model_dir) {
  std::ofstream file(model_dir / "parameters.f64", std::ios::binary);
  for (const torch::Tensor& parameter : net->parameters()) {
    const torch::Tensor values = parameter.detach().cpu().contiguous();
    file.write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
  }
}

int main(int argc, char** argv) { return sm::container::run(argc, argv, {.train = train, .save = save}); }
