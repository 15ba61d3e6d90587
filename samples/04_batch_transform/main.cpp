// Batch transform: trains the model of sample 01, sends all test images through it in one job as lines of CSV
// and in another one as PNG files, asks an endpoint of the same model for comparison, and takes everything
// down again. AWS_ENDPOINT_URL decides where.
//   sample_04_batch_transform [--data FOLDER] [--script FILE] [--epochs N] [--images N] [--instances N]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <sagemaker/sagemaker.hpp>

#include "../01_mnist/asking.hpp"
#include "../common/sample.hpp"
#include "digits.hpp"

namespace sm = sagemaker;
namespace fs = std::filesystem;

namespace {

struct Arguments {
  std::string data;
  std::string script = SAMPLE_SOURCE_DIR "/../01_mnist/mnist.cpp";
  int epochs = 5;
  std::size_t images = 10'000;
  int instances = 2;  // of each transform job
};

// The sample's work: everything in S3 lies below one prefix.
class BatchTransform {
 public:
  BatchTransform(const Arguments& arguments, const MnistFiles& files, ImageSet test)
      : arguments_(arguments),
        files_(files),
        test_(std::move(test)),
        images_(std::min(arguments.images, test_.labels.size())),
        place_(session_.default_location() / ("batch-transform-" + std::to_string(std::time(nullptr)))),
        local_(fs::temp_directory_path() / ("batch-transform-" + std::to_string(::getpid()))) {}

  void train() {
    sm::Estimator estimator{session_,
                            {.entry_point = arguments_.script,
                             .role = sm::execution_role(session_),
                             .instance_type = "ml.c5.xlarge",
                             .output_path = place_.text(),
                             .base_job_name = "mnist",
                             .code_location = place_.text(),
                             .hyperparameters = {{"epochs", arguments_.epochs}}}};
    estimator.fit({{"training", upload(files_.folder(), "mnist")}});
    model_ = estimator.create_model({.name = estimator.latest_training_job()});
  }

  // Number and label are not the model's business, but are stored with its ten scores: 2 + 784 + 10 columns
  // are joined, and twelve of them kept.
  std::vector<std::uint8_t> transform_csv() {
    write_csv(local_ / "csv", test_, images_, static_cast<std::size_t>(arguments_.instances));
    sm::Transformer transformer = model_->transformer({.instance_count = arguments_.instances,
                                                       .instance_type = "ml.m5.large",
                                                       .strategy = "MultiRecord",
                                                       .assemble_with = "Line",
                                                       .output_path = (place_ / "csv-answers").text(),
                                                       .accept = "text/csv"});
    created_model_ = true;
    transform(transformer, upload(local_ / "csv", "csv"),
              {.content_type = "text/csv",
               .split_type = "Line",
               .input_filter = "$[2:]",
               .output_filter = "$[0,1,-10,-9,-8,-7,-6,-5,-4,-3,-2,-1]",
               .join_source = "Input"});
    std::vector<std::uint8_t> digits(images_, none);
    read_joined(transformer.read_output(), test_, digits);
    return digits;
  }

  // Each picture is one request, and its answer an object of its own: the name joins them.
  std::vector<std::uint8_t> transform_png() {
    write_png(local_ / "png", test_, images_);
    sm::Transformer transformer = model_->transformer({.instance_count = arguments_.instances,
                                                       .instance_type = "ml.m5.large",
                                                       .strategy = "SingleRecord",
                                                       .output_path = (place_ / "png-answers").text(),
                                                       .accept = "text/csv",
                                                       .max_concurrent_transforms = 4});
    transform(transformer, upload(local_ / "png", "png"), {.content_type = "image/png"});
    std::vector<std::uint8_t> digits(images_, none);
    for (const fs::path& file :
         session_.download_data(local_ / "answers", sm::S3Uri(transformer.output_path())))
      read_scores(file, digits);
    return digits;
  }

  std::vector<std::uint8_t> ask() {
    endpoint_ = model_->deploy({.instance_type = "ml.m5.large"});
    return ask_endpoint(*endpoint_, test_, images_);
  }

  void take_down() {
    fs::remove_all(local_);
    if (endpoint_) endpoint_->delete_endpoint();
    if (created_model_) model_->delete_model();
    session_.s3().delete_prefix({.bucket = place_.bucket(), .prefix = place_.key() + "/"});
    std::puts("endpoint, model, data and answers are deleted");
  }

  double percent(const char* what, const std::vector<std::uint8_t>& digits) const {
    const double right = accuracy(digits, test_);
    std::printf("%-9s accuracy: %.2f %% of %zu images\n", what, right, images_);
    return right;
  }

 private:
  static constexpr std::uint8_t none = 255;  // no digit: an image without an answer is not right

  std::string upload(const fs::path& folder, const char* name) const {
    return session_.upload_data(folder, (place_ / name).key(), {.bucket = place_.bucket()}) + "/";
  }

  void transform(sm::Transformer& transformer, const std::string& data,
                 const sm::TransformOptions& options) const {
    const auto start = std::chrono::steady_clock::now();
    transformer.transform(data, options);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%s: %zu images in %.1f s\n", options.content_type.c_str(), images_, time.count());
  }

  const Arguments& arguments_;
  const MnistFiles& files_;
  const ImageSet test_;
  const std::size_t images_;
  const sm::Session session_;
  const sm::S3Uri place_;
  const fs::path local_;  // a temporary folder
  std::optional<sm::Model> model_;
  bool created_model_ = false;
  std::optional<sm::Predictor> endpoint_;
};

void run(const Arguments& arguments) {
  const MnistFiles files = find_mnist(arguments.data);
  if (!files.real())
    std::puts(
        "*** NO MNIST HERE: these are digits that the sample renders itself; accuracy is not MNIST's ***");
  BatchTransform work(arguments, files, read_test_set(files.folder()));
  std::vector<std::uint8_t> csv;
  std::vector<std::uint8_t> png;
  std::vector<std::uint8_t> endpoint;
  sample::finally(
      [&] {
        work.train();
        csv = work.transform_csv();
        png = work.transform_png();
        endpoint = work.ask();
      },
      [&] { work.take_down(); });

  const double right = work.percent("endpoint", endpoint);
  if (work.percent("CSV job", csv) != right || work.percent("PNG job", png) != right)
    throw sm::Error("the jobs do not answer as the endpoint does");
  if (right < 95) throw sm::Error("the accuracy is lower than the 95 % that this sample promises");
}

}  // namespace

int main(int argc, char** argv) {
  return sample::run("sample_04_batch_transform", [&] {
    Arguments arguments;
    sample::read_options(argc, argv,
                         {{"--data", &arguments.data},
                          {"--script", &arguments.script},
                          {"--epochs", &arguments.epochs},
                          {"--images", &arguments.images},
                          {"--instances", &arguments.instances}});
    run(arguments);
  });
}
