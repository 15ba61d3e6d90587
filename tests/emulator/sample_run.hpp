// A sample's program on an emulator, with MNIST where this machine has it (else the sample draws digits
// itself).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>

#include "tests/support/support.hpp"

namespace sagemaker::tests {

struct SampleRun {
  int status = 0;
  std::string text;  // standard output and standard error
};

// `command`: the program and its options, but for --data. Without an emulator the program needs none.
inline SampleRun run_sample(std::string command, const LocalEmulator* emulator) {
  if (const auto data = data_file("mnist")) command += " --data '" + data->string() + "'";
  if (emulator != nullptr) ::setenv("AWS_ENDPOINT_URL", emulator->endpoint_url().c_str(), 1);
  SampleRun run;
  FILE* const output = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(output != nullptr);
  for (int c = 0; (c = std::fgetc(output)) != EOF;) run.text += static_cast<char>(c);
  run.status = ::pclose(output);
  ::unsetenv("AWS_ENDPOINT_URL");
  return run;
}

}  // namespace sagemaker::tests
