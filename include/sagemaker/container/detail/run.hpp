// Bodies of run.hpp.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include <sagemaker/container/run.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION int run(int argc, char** argv, const Hooks& hooks) {
  // Logs are read line by line while the program runs, also through a pipe.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const std::string_view command = argc > 1 ? argv[1] : "";
  const std::string program = argc > 0 ? argv[0] : "program";
  if (command == "train") return run_training(hooks, program + " train");
  if (command == "serve") return run_serving(hooks);
  std::fprintf(stderr, "usage: %s train | serve\n", program.c_str());
  return 2;
}

}  // namespace sagemaker::container
