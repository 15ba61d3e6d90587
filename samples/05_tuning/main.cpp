// Automatic model tuning: trains the network of sample 01 on a part of MNIST with its own hyperparameters,
// then lets a tuning job look for better ones in many training jobs, deploys the best of them and compares
// the two on the test images, which neither has seen. AWS_ENDPOINT_URL decides where.
//   sample_05_tuning [--data FOLDER] [--jobs N] [--parallel N] [--images N] [--epochs N] [--csv FILE]
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

#include <sagemaker/sagemaker.hpp>

#include "../01_mnist/asking.hpp"
#include "../01_mnist/mnist_files.hpp"
#include "../common/sample.hpp"
#include "trials.hpp"

namespace sm = sagemaker;

namespace {

// With fewer training jobs the search has hardly begun: then the sample promises no better model.
constexpr int enough_jobs = 20;

struct Arguments {
  std::string data;
  int jobs = 24;
  int parallel = 2;
  int images = 5'000;  // to learn from, of 60,000: a training job takes a few seconds
  int epochs = 6;
  std::string csv;  // a file for the training jobs
};

// The accuracy of a model that is asked about all test images, in percent. Its endpoint is deleted.
double test_accuracy(const sm::Predictor& predictor, const ImageSet& test) {
  double right = 0;
  sample::finally([&] { right = accuracy(ask_endpoint(predictor, test, test.labels.size()), test); },
                  [&] {
                    predictor.delete_endpoint();
                    predictor.delete_model();
                  });
  return right;
}

sm::Estimator make_estimator(const sm::Session& session, const sm::S3Uri& place, const Arguments& arguments) {
  return {session,
          {.entry_point = SAMPLE_SOURCE_DIR "/train.cpp",
           .role = sm::execution_role(session),
           .instance_type = "ml.m5.large",
           .output_path = place.text(),
           .base_job_name = "mnist",
           .code_location = place.text(),
           .hyperparameters = {{"images", arguments.images}, {"epochs", arguments.epochs}},
           .metric_definitions = {{"validation:accuracy", "validation_accuracy=([0-9.]+)"}}}};
}

sm::HyperparameterTuner make_tuner(const sm::Estimator& estimator, const Arguments& arguments) {
  return {estimator,
          {.objective_metric_name = "validation:accuracy",
           .hyperparameter_ranges = {{"learning-rate", sm::ContinuousParameter(1e-4, 1, "Logarithmic")},
                                     {"momentum", sm::ContinuousParameter(0, 0.98)},
                                     {"width", sm::IntegerParameter(16, 1'024, "Logarithmic")},
                                     {"optimizer", sm::CategoricalParameter({"sgd", "adam"})}},
           .strategy = "Bayesian",
           .max_jobs = arguments.jobs,
           .max_parallel_jobs = arguments.parallel,
           .base_tuning_job_name = "mnist",
           .early_stopping_type = "Auto",
           .random_seed = 1}};
}

void run(const Arguments& arguments) {
  const MnistFiles files = find_mnist(arguments.data);
  if (!files.real()) std::puts("no MNIST here: these are digits that the sample renders itself");
  const ImageSet test = read_test_set(files.folder());

  const sm::Session session;
  const sm::S3Uri place = session.default_location() / ("tuning-" + std::to_string(std::time(nullptr)));
  const sm::DeployOptions on_endpoint{.instance_type = "ml.m5.large"};
  double by_default = 0;
  double by_tuning = 0;
  sample::finally(
      [&] {
        const std::string data =
            session.upload_data(files.folder(), place.key() + "/mnist", {.bucket = place.bucket()});
        sm::Estimator estimator = make_estimator(session, place, arguments);
        estimator.fit({{"training", data}});
        by_default = test_accuracy(estimator.deploy(on_endpoint), test);

        sm::HyperparameterTuner tuner = make_tuner(estimator, arguments);
        tuner.fit({{"training", data}});
        sm::HyperparameterTuningJobAnalytics trials = tuner.analytics();
        std::printf("\n%s\nthe best is %s\n", trial_table(trials.rows()).c_str(),
                    tuner.best_training_job().c_str());
        if (!arguments.csv.empty()) trials.export_csv(arguments.csv);
        by_tuning = test_accuracy(tuner.deploy(on_endpoint), test);
      },
      [&] { session.s3().delete_prefix({.bucket = place.bucket(), .prefix = place.key() + "/"}); });

  std::puts("endpoints, models and data are deleted");
  std::printf("hyperparameters of sample 01: %.2f %% of %zu test images\n", by_default, test.labels.size());
  std::printf("hyperparameters of the tuning job: %.2f %%\n", by_tuning);
  if (arguments.jobs >= enough_jobs && by_tuning <= by_default)
    throw sm::Error("the tuning job found nothing better");
}

}  // namespace

int main(int argc, char** argv) {
  return sample::run("sample_05_tuning", [&] {
    Arguments arguments;
    sample::read_options(argc, argv,
                         {{"--data", &arguments.data},
                          {"--jobs", &arguments.jobs},
                          {"--parallel", &arguments.parallel},
                          {"--images", &arguments.images},
                          {"--epochs", &arguments.epochs},
                          {"--csv", &arguments.csv}});
    run(arguments);
  });
}
