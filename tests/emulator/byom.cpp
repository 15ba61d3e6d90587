// The sample 03_byom on an emulator of its own: it answers rightly, shows its predictions in order and leaves
// nothing behind.
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/sagemaker.hpp>

#include "tests/emulator/sample_run.hpp"
#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sagemaker::tests::run_sample;
using sagemaker::tests::SampleRun;

namespace {

// The probabilities of the first list, as they are shown.
std::vector<double> first_list(const std::string& text) {
  std::vector<double> probabilities;
  std::size_t line = text.find("\n  ");
  while (line != std::string::npos && text.compare(line, 3, "\n  ") == 0) {
    probabilities.push_back(std::atof(text.c_str() + text.find(": ", line) + 2));
    line = text.find('\n', line + 1);
  }
  return probabilities;
}

}  // namespace

TEST_CASE("samples/03_byom: weights of a plain libtorch program are packed, deployed, asked and taken down") {
  const sagemaker::tests::TemporaryDirectory folder;
  const std::string weights = (folder / "weights.pt").string();
  const SampleRun trained = run_sample(TRAIN_PROGRAM " '" + weights + "' --images 12800 --epochs 3", nullptr);
  CAPTURE(trained.text);
  REQUIRE(trained.status == 0);

  const sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  const SampleRun asked = run_sample(SAMPLE_PROGRAM " '" + weights + "' --images 500", &emulator);
  CAPTURE(asked.text);
  CHECK(asked.status == 0);
  CHECK(asked.text.find("accuracy: ") != std::string::npos);
  const std::vector<double> probabilities = first_list(asked.text);
  REQUIRE(probabilities.size() == 10);
  double sum = 0;
  for (std::size_t index = 0; index < probabilities.size(); ++index) {
    sum += probabilities[index];
    if (index > 0) CHECK(probabilities[index] <= probabilities[index - 1]);
  }
  CHECK(sum == doctest::Approx(1).epsilon(1e-4));

  const sm::Session session = emulator.session();
  CHECK(session.sagemaker().list_models()["Models"].empty());
  CHECK(session.sagemaker().list_endpoint_configs()["EndpointConfigs"].empty());
  CHECK(session.list_s3_files(session.default_location()).empty());
}
