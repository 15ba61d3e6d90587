// Data-parallel training: the same job on 1, 2 and 4 instances, with the same batch of all together. The
// models are the same up to rounding, which the sample checks. AWS_ENDPOINT_URL decides where.
//   sample_02_distributed [--data FOLDER] [--images N] [--epochs N]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <sagemaker/sagemaker.hpp>

#include "../01_mnist/mnist_files.hpp"
#include "../common/sample.hpp"

namespace sm = sagemaker;

namespace {

// Sums in another order differ in their last bits, and every step builds on the one before.
constexpr double rounding = 1e-8;

struct Arguments {
  std::string data;
  int images = 16'384;
  int epochs = 2;
};

struct Result {
  std::vector<double> parameters;
  double images_per_second = 0;
};

Result train(const sm::Session& session, const std::string& data, int instances, const Arguments& arguments) {
  sm::Estimator estimator{
      session,
      {.entry_point = SAMPLE_SOURCE_DIR "/train.cpp",
       .role = sm::execution_role(session),
       .instance_count = instances,
       .instance_type = "ml.c5.xlarge",
       .base_job_name = "distributed",
       .hyperparameters = {{"images", arguments.images}, {"epochs", arguments.epochs}, {"batch-size", 64}},
       .metric_definitions = {{"images_per_second", "images_per_second=([0-9.e+]+)"}},
       .disable_output_compression = true}};  // parameters.f64 as an object of its own
  estimator.fit({{"training", data}});

  Result result;
  const std::string bytes = session.read_s3_file(estimator.model_data() + "parameters.f64");
  result.parameters.resize(bytes.size() / sizeof(double));
  std::memcpy(result.parameters.data(), bytes.data(), result.parameters.size() * sizeof(double));
  const sm::json description = estimator.describe();
  for (const sm::json& metric : description.at("FinalMetricDataList"))
    result.images_per_second = metric.at("Value").get<double>();
  return result;
}

double largest_difference(const std::vector<double>& one, const std::vector<double>& other) {
  if (one.size() != other.size() || one.empty()) throw sm::Error("the models have different sizes");
  double most = 0;
  for (std::size_t index = 0; index < one.size(); ++index) {
    const double difference = std::abs(one[index] - other[index]);
    if (!(difference <= most)) most = difference;  // NaN too: it stays, and is below no limit
    if (std::isnan(most)) break;
  }
  return most;
}

void run(const Arguments& arguments) {
  const MnistFiles files = find_mnist(arguments.data);
  if (!files.real()) std::puts("no MNIST here: these are digits that the sample renders itself");
  sm::Session session;
  const std::string data = session.upload_data(files.folder(), "mnist");

  const int counts[] = {1, 2, 4};
  std::vector<Result> results;
  for (const int instances : counts) results.push_back(train(session, data, instances, arguments));

  std::printf("\ninstances  images/s  largest difference of a parameter from one instance's\n");
  bool equal = true;
  for (std::size_t index = 0; index < results.size(); ++index) {
    const double difference = largest_difference(results[0].parameters, results[index].parameters);
    std::printf("%9d  %8.0f  %.2g\n", counts[index], results[index].images_per_second, difference);
    equal = equal && difference <= rounding;
  }
  if (!equal) throw sm::Error("the models differ by more than rounding explains");
  std::puts("the models are the same");
}

}  // namespace

int main(int argc, char** argv) {
  return sample::run("sample_02_distributed", [&] {
    Arguments arguments;
    sample::read_options(
        argc, argv,
        {{"--data", &arguments.data}, {"--images", &arguments.images}, {"--epochs", &arguments.epochs}});
    run(arguments);
  });
}
