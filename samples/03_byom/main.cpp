// Bring your own model: one that was trained elsewhere becomes an endpoint. Packs the weights that
// sample_03_train saved together with their inference code, uploads the archive, deploys it, asks the
// endpoint and takes everything down again. AWS_ENDPOINT_URL decides where.
//   sample_03_byom WEIGHTS.pt [--data FOLDER] [--images N]
#include <algorithm>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/sagemaker.hpp>

#include "../01_mnist/asking.hpp"
#include "../01_mnist/mnist_files.hpp"
#include "../common/sample.hpp"

namespace sm = sagemaker;

namespace {

constexpr std::size_t pixels = 28 * 28;

struct Arguments {
  std::string weights;
  std::string data;
  std::size_t images = 1'000;
};

using Prediction = std::pair<double, int>;  // probability, class

// One image as JSON, and the classes with the most likely one first.
std::vector<Prediction> classify(const sm::Predictor& predictor, std::span<const float> image) {
  const sm::json answer =
      predictor.predict({{"instances", {std::vector<float>(image.begin(), image.end())}}});
  std::vector<Prediction> predictions;
  for (const sm::json& probability : answer.is_object() ? answer.at("predictions").at(0) : answer.at(0))
    predictions.emplace_back(probability.get<double>(), static_cast<int>(predictions.size()));
  std::sort(predictions.begin(), predictions.end(), std::greater<>());
  return predictions;
}

double ask(const sm::Predictor& predictor, const ImageSet& test, std::size_t images) {
  for (std::size_t index = 0; index < std::min<std::size_t>(images, 2); ++index) {
    std::printf("\nimage %zu, a %d\n", index, test.labels[index]);
    const auto image = std::span<const float>(test.pixels).subspan(index * pixels, pixels);
    for (const auto& [probability, digit] : classify(predictor, image))
      std::printf("  %d: %.6f\n", digit, probability);
  }
  return accuracy(ask_endpoint(predictor, test, images), test);
}

void run(const Arguments& arguments) {
  const MnistFiles files = find_mnist(arguments.data);
  if (!files.real()) std::puts("no MNIST here: these are digits that the sample renders itself");
  const ImageSet test = read_test_set(files.folder());
  const std::size_t images = std::min(arguments.images, test.labels.size());

  // What a container finds below /opt/ml/model: weights.pt, and in code/ how to serve it.
  const std::string archive = arguments.weights + ".tar.gz";
  sm::pack_model({.target = archive,
                  .artifacts = {{"weights.pt", arguments.weights}},
                  .entry_point = "inference.cpp",
                  .source_dir = SAMPLE_SOURCE_DIR "/code"});
  sm::Session session;
  const std::string model_data = session.upload_data(archive, "byom");
  std::printf("the model is in %s\n", model_data.c_str());

  sm::Model model{session,
                  {.image_uri = sm::sagemaker_cpp_image(session),
                   .model_data = model_data,
                   .role = sm::execution_role(session),
                   .env = {{"SAGEMAKER_PROGRAM", "inference.cpp"}}}};
  const sm::Predictor predictor = model.deploy({.instance_type = "ml.m5.large", .endpoint_logging = true});
  double right = 0;
  sample::finally([&] { right = ask(predictor, test, images); },
                  [&] {
                    predictor.delete_endpoint();
                    predictor.delete_model();
                    const sm::S3Uri uploaded(model_data);
                    session.s3().delete_object({.bucket = uploaded.bucket(), .key = uploaded.key()});
                  });

  std::puts("endpoint, configuration, model and its archive are deleted");
  std::printf("accuracy: %.2f %% of %zu test images\n", right, images);
  if (right < 95) throw sm::Error("the accuracy is lower than the 95 % that this sample promises");
}

}  // namespace

int main(int argc, char** argv) {
  return sample::run("sample_03_byom", [&] {
    if (argc < 2)
      throw std::invalid_argument("usage: sample_03_byom WEIGHTS.pt [--data FOLDER] [--images N]");
    Arguments arguments{.weights = argv[1]};
    sample::read_options(argc, argv, {{"--data", &arguments.data}, {"--images", &arguments.images}},
                         /*first=*/2);
    run(arguments);
  });
}
