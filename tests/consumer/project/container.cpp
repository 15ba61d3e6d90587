// The smallest program for a container: it trains, and the toolkit saves the model and says how it went.
#include <cstdlib>
#include <filesystem>

#include <sagemaker/container.hpp>

namespace {

torch::nn::Linear train(const sagemaker::container::TrainingEnvironment& env) {
  return torch::nn::Linear(env.hyperparameter("inputs", 4), 2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return sagemaker::container::run(argc, argv, {.train = train});
  // Run by hand, in a folder of its own instead of /opt/ml.
  const std::filesystem::path base = std::filesystem::current_path() / "opt_ml";
  ::setenv("SAGEMAKER_BASE_DIR", base.c_str(), 1);
  char command[] = "train";
  char* arguments[] = {argv[0], command, nullptr};
  const int code = sagemaker::container::run(2, arguments, {.train = train});
  return code == 0 && !std::filesystem::is_empty(base / "model") ? 0 : 1;
}
