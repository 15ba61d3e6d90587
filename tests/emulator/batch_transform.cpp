// The sample 04_batch_transform on an emulator of its own: jobs and endpoint agree, and nothing is left.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;

TEST_CASE(
    "samples/04_batch_transform: CSV lines and pictures in jobs of their own, answered as by an endpoint") {
  const auto data = sagemaker::tests::data_file("mnist");  // else the sample draws digits itself
  const sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  ::setenv("AWS_ENDPOINT_URL", emulator.endpoint_url().c_str(), 1);
  const std::string command = std::string(SAMPLE_PROGRAM) + " --images 300 --epochs 2" +
                              (data ? " --data '" + data->string() + "'" : "") + " 2>&1";
  std::string text;
  FILE* const output = ::popen(command.c_str(), "r");
  REQUIRE(output != nullptr);
  for (int c = 0; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
  const int status = ::pclose(output);
  ::unsetenv("AWS_ENDPOINT_URL");
  CAPTURE(text);
  CHECK(status == 0);
  for (const char* line : {"endpoint  accuracy: ", "CSV job   accuracy: ", "PNG job   accuracy: "})
    CHECK(text.find(line) != std::string::npos);

  const sm::Session session = emulator.session();
  CHECK(session.sagemaker().list_transform_jobs()["TransformJobSummaries"].size() == 2);
  CHECK(session.sagemaker().list_models()["Models"].empty());
  CHECK(session.sagemaker().list_endpoint_configs()["EndpointConfigs"].empty());
  CHECK(session.list_s3_files(session.default_location()).empty());
}
