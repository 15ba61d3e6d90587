// The sample 04_batch_transform on an emulator of its own: jobs and endpoint agree, and nothing is left.
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/sagemaker.hpp>

#include "tests/emulator/sample_run.hpp"

namespace sm = sagemaker;

TEST_CASE(
    "samples/04_batch_transform: CSV lines and pictures in jobs of their own, answered as by an endpoint") {
  const sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  const sagemaker::tests::SampleRun run =
      sagemaker::tests::run_sample(SAMPLE_PROGRAM " --images 300 --epochs 2", &emulator);
  const std::string& text = run.text;
  CAPTURE(text);
  CHECK(run.status == 0);
  for (const char* line : {"endpoint  accuracy: ", "CSV job   accuracy: ", "PNG job   accuracy: "})
    CHECK(text.find(line) != std::string::npos);

  const sm::Session session = emulator.session();
  CHECK(session.sagemaker().list_transform_jobs()["TransformJobSummaries"].size() == 2);
  CHECK(session.sagemaker().list_models()["Models"].empty());
  CHECK(session.sagemaker().list_endpoint_configs()["EndpointConfigs"].empty());
  CHECK(session.list_s3_files(session.default_location()).empty());
}
