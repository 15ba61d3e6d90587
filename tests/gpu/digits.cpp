// Writes rendered digits in MNIST's format into a folder: data for a machine that has neither MNIST nor a network.
#include <cstdio>
#include <exception>

#include "samples/01_mnist/rendered_digits.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: gpu_digits FOLDER\n");
    return 2;
  }
  try {
    rendered_digits::write(argv[1], {});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_digits: %s\n", error.what());
    return 1;
  }
}
