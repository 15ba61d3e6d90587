// A script that does what its hyperparameter "behaviour" says: one compilation, every way in which a job can end.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <sagemaker/container.hpp>

namespace sm = sagemaker;
using Net = torch::nn::Linear;

Net train(const sm::container::TrainingEnvironment& env) {
  const std::string behaviour = env.hyperparameter<std::string>("behaviour", "train");
  std::printf("behaviour=%s rank=%d of %d\n", behaviour.c_str(), env.rank(), env.world_size());
  std::fflush(stdout);
  if (behaviour == "throw") throw std::runtime_error("the data is sour");
  if (behaviour == "exit") std::exit(3);
  if (behaviour == "kill") std::raise(SIGKILL);
  if (behaviour == "wait") {
    while (!sm::container::stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  Net net(2, 1);
  torch::NoGradGuard no_gradients;
  net->weight.fill_(env.hyperparameter<double>("weight", 2.0));
  net->bias.zero_();
  return net;
}

void save(const Net& net, const std::filesystem::path& model_dir) {
  torch::save(net, (model_dir / "net.pt").string());
  if (std::getenv("REFUSE_TO_LOAD")) std::ofstream(model_dir / "refuse") << "yes\n";
}

Net model_fn(const std::filesystem::path& model_dir, torch::Device device) {
  if (std::filesystem::exists(model_dir / "refuse")) throw std::runtime_error("this model refuses to be loaded");
  Net net(2, 1);
  torch::load(net, (model_dir / "net.pt").string());
  net->to(device);
  return net;
}

torch::Tensor predict_fn(const torch::Tensor& batch, Net& net) {
  if (batch.dim() != 2 || batch.size(1) != 2) throw std::runtime_error("expected rows of two numbers");
  return net->forward(batch);
}

int main(int argc, char** argv) {
  return sm::container::run(argc, argv, {.train = train, .save = save, .model_fn = model_fn, .predict_fn = predict_fn});
}
