// How much memory models take and how much there is: what a multi-model endpoint decides by whether one more
// model can be loaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <system_error>

#include <malloc.h>
#include <sys/resource.h>

#include <sagemaker/container/hooks.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::detail {

inline constexpr std::uint64_t unlimited_bytes = std::numeric_limits<std::uint64_t>::max();

// The first number after `key` in a file of the kernel's; `missing` where there is none.
SAGEMAKER_CONTAINER_FUNCTION std::uint64_t number_in(const std::filesystem::path& file,
                                                     const std::string& key, std::uint64_t missing) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t digit = line.find_first_of("0123456789", key.size());
    if (digit != std::string::npos) return std::strtoull(line.c_str() + digit, nullptr, 10);
  }
  return missing;
}

// What this process may still allocate: what the machine has available, its cgroup (version 2) allows and
// RLIMIT_AS leaves.
SAGEMAKER_CONTAINER_FUNCTION std::uint64_t available_bytes() {
  const std::uint64_t kilobytes = number_in("/proc/meminfo", "MemAvailable:", unlimited_bytes >> 10);
  std::uint64_t available = kilobytes << 10;
  std::string group;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) group = line.substr(3);
  }
  const std::filesystem::path folder = "/sys/fs/cgroup" + group;
  const std::uint64_t limit = number_in(folder / "memory.max", "", unlimited_bytes);
  if (limit != unlimited_bytes) {
    const std::uint64_t used = number_in(folder / "memory.current", "", 0);
    const std::uint64_t cached = number_in(folder / "memory.stat", "inactive_file ", 0);
    const std::uint64_t busy = used - std::min(used, cached);
    available = std::min(available, limit - std::min(limit, busy));
  }
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
    const std::uint64_t used = number_in("/proc/self/status", "VmSize:", 0) << 10;
    available =
        std::min<std::uint64_t>(available, space.rlim_cur - std::min<std::uint64_t>(space.rlim_cur, used));
  }
  return available;
}

// What a model's files hold: about what it takes when it is loaded.
SAGEMAKER_CONTAINER_FUNCTION std::uint64_t file_bytes(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error), end;
  while (!error && entry != end) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) {
      const std::uintmax_t size = entry->file_size(ignored);
      if (!ignored) bytes += size;
    }
    entry.increment(error);
  }
  return bytes;
}

// Parameters and buffers of a loaded model; `otherwise` for types that the toolkit cannot look into.
SAGEMAKER_CONTAINER_FUNCTION std::uint64_t tensor_bytes(const LoadedModel& loaded, std::uint64_t otherwise) {
  std::uint64_t bytes = 0;
  const auto add = [&](const torch::Tensor& tensor) {
    if (tensor.defined()) bytes += static_cast<std::uint64_t>(tensor.numel()) * tensor.element_size();
  };
  if (loaded.type->module != nullptr) {
    const torch::nn::Module& module = *loaded.type->module(loaded.model.get());
    for (const torch::Tensor& tensor : module.parameters()) add(tensor);
    for (const torch::Tensor& tensor : module.buffers()) add(tensor);
    return bytes;
  }
  if (loaded.type->script != nullptr) {
    const torch::jit::Module& module = *loaded.type->script(loaded.model.get());
    for (const torch::Tensor& tensor : module.parameters()) add(tensor);
    for (const torch::Tensor& tensor : module.buffers()) add(tensor);
    return bytes;
  }
  return otherwise;
}

// Gives freed memory back to the system, so that the next model finds it.
SAGEMAKER_CONTAINER_FUNCTION void return_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

}  // namespace sagemaker::container::detail
