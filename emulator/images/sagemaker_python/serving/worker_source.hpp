// The Python of a worker, as the build embedded it.
#pragma once

#include <string_view>
#include <vector>

namespace sagemaker::local::images {

struct WorkerModule {
  std::string_view name;
  std::string_view source;
};

// In the order in which they are to be executed.
const std::vector<WorkerModule>& worker_modules();
// What `python -c` gets; it reads the others from descriptor 3.
std::string_view worker_boot();

}  // namespace sagemaker::local::images
