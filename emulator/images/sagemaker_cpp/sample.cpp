// Compiled when the project is built, so that the image knows how: see toolchain.hpp. As small as a program
// can be.
#include <sagemaker/container.hpp>

int main(int argc, char** argv) { return sagemaker::container::run(argc, argv, {}); }
