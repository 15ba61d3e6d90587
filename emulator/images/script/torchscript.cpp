// See torchscript.hpp.
#include "emulator/images/script/torchscript.hpp"

#include <cstdlib>
#include <system_error>

#include <unistd.h>

namespace sagemaker::local::images {

namespace fs = std::filesystem;

fs::path torchscript_server() {
  std::error_code error;
  const fs::path program =
      fs::read_symlink("/proc/self/exe", error).parent_path() / "sagemaker-torchscript-server";
  return !error && ::access(program.c_str(), X_OK) == 0 ? program : fs::path();
}

void set_libtorch_defaults(const container::Variables& variables) {
  const auto cpus = variables.find("SM_NUM_CPUS");
  if (cpus != variables.end()) ::setenv("OMP_NUM_THREADS", cpus->second.c_str(), 0);
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  ::setenv("OPENBLAS_NUM_THREADS", "1", 0);
  ::setenv("MALLOC_TRIM_THRESHOLD_", "536870912", 0);
  ::setenv("MALLOC_MMAP_THRESHOLD_", "536870912", 0);
}

}  // namespace sagemaker::local::images
