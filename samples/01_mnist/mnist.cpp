// Handwritten digits in C++: the script that a training job compiles and runs, and that the endpoint then
// serves. Channel "training" holds the four files of MNIST. Hyperparameters: epochs, batch-size (of all
// instances together), learning-rate, seed. On several instances each learns from its share of the images.
#include <filesystem>
#include <iomanip>
#include <iostream>

#include <sagemaker/container.hpp>

namespace sm = sagemaker;
namespace distributed = sagemaker::container::distributed;

struct NetImpl : torch::nn::Module {
  NetImpl() {
    hidden = register_module("hidden", torch::nn::Linear(28 * 28, 256));
    output = register_module("output", torch::nn::Linear(256, 10));
  }

  // Pixels from 0 to 1, [n, 784] or [n, 1, 28, 28] -> scores [n, 10].
  torch::Tensor forward(torch::Tensor images) {
    return output(torch::relu(hidden(images.reshape({images.size(0), 28 * 28}))));
  }

  torch::nn::Linear hidden{nullptr}, output{nullptr};
};
TORCH_MODULE(Net);

double accuracy(Net& net, const torch::Tensor& images, const torch::Tensor& labels) {
  torch::NoGradGuard no_grad;
  net->eval();
  return net->forward(images).argmax(1).eq(labels).to(torch::kFloat).mean().item<double>();
}

Net train(const sm::container::TrainingEnvironment& env) {
  const int epochs = env.hyperparameter("epochs", 5);
  const int batch_size = env.hyperparameter("batch-size", 64);
  const double learning_rate = env.hyperparameter("learning-rate", 0.1);
  const auto seed = env.hyperparameter<std::uint64_t>("seed", 1);
  torch::manual_seed(seed);

  const torch::Device device = env.device();
  const distributed::Group group = distributed::init(env);
  auto [images, labels] = sm::container::read_mnist(env.channel("training"), "train");
  auto [test_images, test_labels] = sm::container::read_mnist(env.channel("training"), "t10k");
  images = images.flatten(1).to(device);
  labels = labels.to(device);
  test_images = test_images.flatten(1).to(device);
  test_labels = test_labels.to(device);
  std::cout << "training on " << images.size(0) << " images, testing on " << test_images.size(0)
            << ", device " << device << ", instance " << group.rank() + 1 << " of " << group.world_size()
            << std::endl;

  Net net;
  net->to(device);
  distributed::DataParallel<Net> model(net, group);
  distributed::Sampler sampler(images.size(0), group, {.seed = seed});
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(learning_rate).momentum(0.9));
  for (int epoch = 1; epoch <= epochs && !group.stop_requested(); ++epoch) {
    net->train();
    sampler.set_epoch(epoch);
    const double step = learning_rate * (1.0 - (epoch - 1.0) / epochs);  // smaller towards the end
    static_cast<torch::optim::SGDOptions&>(optimizer.param_groups().front().options()).lr(step);
    torch::Tensor loss_sum = torch::zeros({}, device);
    int batches = 0;
    for (const torch::Tensor& rows : sampler.indices().to(device).split(batch_size / group.world_size())) {
      const torch::Tensor scores = model(images.index_select(0, rows));
      const torch::Tensor loss = torch::nll_loss(torch::log_softmax(scores, 1), labels.index_select(0, rows));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      loss_sum += loss.detach();
      ++batches;
    }
    loss_sum /= batches;
    group.all_reduce(loss_sum, distributed::Reduction::mean);
    if (group.is_master())
      std::cout << "epoch " << epoch << std::fixed << std::setprecision(4)
                << " train_loss=" << loss_sum.item<double>()
                << " test_accuracy=" << accuracy(net, test_images, test_labels) << std::endl;
  }
  return net;
}

void save(const Net& net, const std::filesystem::path& model_dir) {
  torch::save(net, (model_dir / "model.pt").string());
}

Net model_fn(const std::filesystem::path& model_dir, torch::Device device) {
  Net net;
  torch::load(net, (model_dir / "model.pt").string(), device);
  net->to(device);
  return net;
}

// One call for all the rows that wait: probabilities of the ten digits.
torch::Tensor predict_fn(const torch::Tensor& batch, Net& net) {
  return torch::softmax(net->forward(batch), 1);
}

int main(int argc, char** argv) {
  return sm::container::run(argc, argv,
                            {.train = train, .save = save, .model_fn = model_fn, .predict_fn = predict_fn});
}
