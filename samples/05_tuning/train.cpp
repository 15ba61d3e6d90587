// One trial of the tuning job, and what the endpoint then serves: the network of ../01_mnist/mnist.cpp with
// more to choose from. Channel "training" holds the four files of MNIST. Hyperparameters: learning-rate,
// momentum, width, optimizer (sgd or adam), epochs, batch-size, seed; images, how many to learn from, and
// validation, how many of the training set's last ones to judge the trial by. The test images are not looked
// at.
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <sagemaker/container.hpp>

namespace sm = sagemaker;

struct NetImpl : torch::nn::Module {
  explicit NetImpl(std::int64_t width) {
    hidden = register_module("hidden", torch::nn::Linear(28 * 28, width));
    output = register_module("output", torch::nn::Linear(width, 10));
  }
  // Pixels from 0 to 1, [n, 784] or [n, 1, 28, 28] -> scores [n, 10].
  torch::Tensor forward(const torch::Tensor& images) {
    return output(torch::relu(hidden(images.reshape({images.size(0), 28 * 28}))));
  }
  torch::nn::Linear hidden{nullptr}, output{nullptr};
};
TORCH_MODULE(Net);

struct Digits {
  torch::Tensor images, labels;
};

// What of the training set is learnt from, and what is held out.
std::pair<Digits, Digits> read_digits(const sm::container::TrainingEnvironment& env) {
  auto [images, labels] = sm::container::read_mnist(env.channel("training"), "train");
  const auto learnt = env.hyperparameter<std::int64_t>("images", 5'000);
  const auto held_out = env.hyperparameter<std::int64_t>("validation", 10'000);
  if (learnt < 1 || held_out < 1 || learnt + held_out > images.size(0))
    throw sm::ConfigError("images and validation are more than the " + std::to_string(images.size(0)) +
                          " images of the training set");
  images = images.flatten(1);
  const auto part = [&, &pixels = images, &digits = labels](std::int64_t first, std::int64_t count) {
    return Digits{pixels.narrow(0, first, count).to(env.device()),
                  digits.narrow(0, first, count).to(env.device())};
  };
  return {part(0, learnt), part(images.size(0) - held_out, held_out)};
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const sm::container::TrainingEnvironment& env,
                                                        Net& net, double learning_rate) {
  const std::string name = env.hyperparameter("optimizer", "sgd");
  const double momentum = env.hyperparameter("momentum", 0.9);
  if (name == "sgd")
    return std::make_unique<torch::optim::SGD>(net->parameters(),
                                               torch::optim::SGDOptions(learning_rate).momentum(momentum));
  if (name == "adam")  // its momentum is the first of its two averages
    return std::make_unique<torch::optim::Adam>(
        net->parameters(), torch::optim::AdamOptions(learning_rate).betas({momentum, 0.999}));
  throw sm::ConfigError("optimizer is neither sgd nor adam: " + name);
}

double accuracy(Net& net, const Digits& digits) {
  const torch::NoGradGuard no_grad;
  return net->forward(digits.images).argmax(1).eq(digits.labels).to(torch::kDouble).mean().item<double>();
}

Net train(const sm::container::TrainingEnvironment& env) {
  const int epochs = env.hyperparameter("epochs", 5);
  const int batch_size = env.hyperparameter("batch-size", 64);
  torch::manual_seed(env.hyperparameter<std::uint64_t>("seed", 1));
  torch::set_num_threads(
      1);  // batches of so small a network are no faster with more, and trials run side by side
  auto [learnt, held_out] = read_digits(env);

  Net net(env.hyperparameter<std::int64_t>("width", 256));
  net->to(env.device());
  const double learning_rate = env.hyperparameter("learning-rate", 0.1);
  const auto optimizer = make_optimizer(env, net, learning_rate);
  for (int epoch = 1; epoch <= epochs && !env.stop_requested(); ++epoch) {
    const double step = learning_rate * (1.0 - (epoch - 1.0) / epochs);  // smaller towards the end
    for (auto& group : optimizer->param_groups()) group.options().set_lr(step);
    const torch::Tensor order = torch::randperm(learnt.images.size(0)).to(env.device());
    for (const torch::Tensor& rows : order.split(batch_size)) {
      const torch::Tensor scores = net->forward(learnt.images.index_select(0, rows));
      const torch::Tensor loss =
          torch::nll_loss(torch::log_softmax(scores, 1), learnt.labels.index_select(0, rows));
      optimizer->zero_grad();
      loss.backward();
      optimizer->step();
    }
    // The objective, once an epoch: what tells early stopping which trials are not worth their time.
    std::cout << "epoch " << epoch << std::fixed << std::setprecision(4)
              << " validation_accuracy=" << accuracy(net, held_out) << std::endl;
  }
  return net;
}

void save(const Net& net, const std::filesystem::path& model_dir) {
  torch::save(net, (model_dir / "model.pt").string());
  std::ofstream(model_dir / "width") << net->hidden->options.out_features();
}

Net model_fn(const std::filesystem::path& model_dir, torch::Device device) {
  std::int64_t width = 0;
  std::ifstream(model_dir / "width") >> width;
  Net net(width);
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
