// The sample 03_byom on an emulator of its own: it answers rightly, shows its predictions in order and leaves
// nothing behind.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;

namespace {

struct Run {
  int status = 0;
  std::string text;  // standard output and standard error
};

Run run(const std::string& command) {
  Run result;
  FILE* const output = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(output != nullptr);
  for (int c = 0; (c = std::fgetc(output)) != EOF;) result.text += static_cast<char>(c);
  result.status = ::pclose(output);
  return result;
}

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
  const auto data = sagemaker::tests::data_file("mnist");  // else the sample draws digits itself
  const std::string options = data ? " --data '" + data->string() + "'" : "";
  const std::string weights = (folder / "weights.pt").string();
  const Run trained = run(TRAIN_PROGRAM " '" + weights + "' --images 12800 --epochs 3" + options);
  CAPTURE(trained.text);
  REQUIRE(trained.status == 0);

  const sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  ::setenv("AWS_ENDPOINT_URL", emulator.endpoint_url().c_str(), 1);
  const Run asked = run(SAMPLE_PROGRAM " '" + weights + "' --images 500" + options);
  ::unsetenv("AWS_ENDPOINT_URL");
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
