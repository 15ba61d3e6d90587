// How the endpoint answers: loads the weights that train.cpp saved, and makes probabilities of pixels. The
// container compiles this file.
#include <filesystem>

#include <sagemaker/container.hpp>

#include "net.hpp"

Net model_fn(const std::filesystem::path& model_dir, torch::Device device) {
  Net net;
  torch::load(net, (model_dir / "weights.pt").string(), device);
  net->to(device);
  return net;
}

// [n, 784] -> probabilities [n, 10].
torch::Tensor predict_fn(const torch::Tensor& batch, Net& net) {
  return torch::softmax(net->forward(batch.reshape({batch.size(0), 1, 28, 28})), 1);
}

int main(int argc, char** argv) {
  return sagemaker::container::run(argc, argv, {.model_fn = model_fn, .predict_fn = predict_fn});
}
