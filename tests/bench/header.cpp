// An empty program with the whole client library: run.sh measures how long it takes to compile.
#include <sagemaker/sagemaker.hpp>

int main() { return 0; }
