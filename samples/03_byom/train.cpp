// Trains a small convolutional network on MNIST and saves its weights: a libtorch program like any other,
// which knows nothing of SageMaker.
//   sample_03_train WEIGHTS.pt [--data FOLDER] [--images N] [--epochs N]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <torch/torch.h>

#include "../01_mnist/mnist_files.hpp"
#include "../common/sample.hpp"
#include "code/net.hpp"

namespace {

struct Arguments {
  std::string weights;
  std::string data;
  std::size_t images = 60'000;
  int epochs = 2;
};

void run(const Arguments& arguments) {
  const MnistFiles files = find_mnist(arguments.data);
  ImageSet set = read_train_set(files.folder());
  const auto count = static_cast<std::int64_t>(std::min(arguments.images, set.labels.size()));
  const torch::Tensor images = torch::from_blob(set.pixels.data(), {count, 1, 28, 28});
  const torch::Tensor labels = torch::from_blob(set.labels.data(), {count}, torch::kUInt8).to(torch::kLong);

  torch::manual_seed(1);
  Net net;
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  for (int epoch = 1; epoch <= arguments.epochs; ++epoch) {
    double loss_sum = 0;
    int batches = 0;
    for (const torch::Tensor& rows : torch::randperm(count).split(64)) {
      const torch::Tensor scores = net(images.index_select(0, rows));
      const torch::Tensor loss = torch::nll_loss(torch::log_softmax(scores, 1), labels.index_select(0, rows));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      loss_sum += loss.item<double>();
      ++batches;
    }
    std::printf("epoch %d: loss %.4f\n", epoch, loss_sum / batches);
  }
  torch::save(net, arguments.weights);
}

}  // namespace

int main(int argc, char** argv) {
  return sample::run("sample_03_train", [&] {
    if (argc < 2)
      throw std::invalid_argument(
          "usage: sample_03_train WEIGHTS.pt [--data FOLDER] [--images N] [--epochs N]");
    Arguments arguments{.weights = argv[1]};
    sample::read_options(
        argc, argv,
        {{"--data", &arguments.data}, {"--images", &arguments.images}, {"--epochs", &arguments.epochs}},
        /*first=*/2);
    run(arguments);
  });
}
