// MNIST from end to end: upload the data, train mnist.cpp as a SageMaker training job, put the model on an
// endpoint, send all test images through it and take everything down again. AWS_ENDPOINT_URL decides where.
//   sample_01_mnist [--data FOLDER] [--script FILE] [--epochs N]
#include <cstdio>
#include <string>

#include <sagemaker/sagemaker.hpp>

#include "../common/sample.hpp"
#include "asking.hpp"
#include "mnist_files.hpp"

namespace sm = sagemaker;

namespace {

struct Arguments {
  std::string data;
  std::string script = SAMPLE_SOURCE_DIR "/mnist.cpp";
  int epochs = 5;
};

void run(const Arguments& arguments) {
  const MnistFiles files = find_mnist(arguments.data);
  if (files.real())
    std::printf("MNIST is in %s\n", files.folder().c_str());
  else
    std::printf(
        "*** NO MNIST HERE: these are digits that the sample renders itself; the accuracy is not MNIST's. "
        "***\n");
  const ImageSet test = read_test_set(files.folder());

  sm::Session session;
  const std::string data = session.upload_data(files.folder(), "mnist");
  std::printf("the data is in %s\n", data.c_str());

  sm::Estimator estimator{
      session,
      {.entry_point = arguments.script,
       .role = sm::execution_role(session),
       .instance_count = 2,
       .instance_type = "ml.c5.xlarge",
       .base_job_name = "mnist",
       .hyperparameters = {{"epochs", arguments.epochs}, {"batch-size", 64}, {"learning-rate", 0.1}}}};
  estimator.fit({{"training", data}});
  std::printf("the model is %s\n", estimator.model_data().c_str());

  const sm::Predictor predictor =
      estimator.deploy({.initial_instance_count = 1, .instance_type = "ml.m5.large"});
  std::printf("endpoint %s is in service\n", predictor.endpoint_name().c_str());
  double right = 0;
  sample::finally([&] { right = accuracy(ask_endpoint(predictor, test, test.labels.size()), test); },
                  [&] {
                    predictor.delete_endpoint();
                    predictor.delete_model();
                  });

  std::printf("endpoint, configuration and model are deleted\n");
  std::printf("accuracy: %.2f %% of %zu test images\n", right, test.labels.size());
  if (right < 97.5) throw sm::Error("the accuracy is lower than the 97.5 % that this sample promises");
}

}  // namespace

int main(int argc, char** argv) {
  return sample::run("sample_01_mnist", [&] {
    Arguments arguments;
    sample::read_options(
        argc, argv,
        {{"--data", &arguments.data}, {"--script", &arguments.script}, {"--epochs", &arguments.epochs}});
    run(arguments);
  });
}
