// See instance_types.hpp. A size name gives the number of vCPUs in all regular families; the rest is listed.
#include "emulator/runner/instance_types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string>
#include <thread>

#include <sched.h>
#include <unistd.h>

namespace sagemaker::local::runner {
namespace {

struct Family {
  std::string_view name;
  double memory_per_vcpu_gib;
};

constexpr std::array regular_families = {
    Family{"m4", 4},      Family{"m5", 4},    Family{"m5d", 4},  Family{"m5n", 4},  Family{"m5dn", 4},
    Family{"m6i", 4},     Family{"m6id", 4},  Family{"m6a", 4},  Family{"m6g", 4},  Family{"m6gd", 4},
    Family{"m7i", 4},     Family{"m7g", 4},   Family{"m8g", 4},  Family{"c5", 2},   Family{"c5d", 2},
    Family{"c5n", 2.625}, Family{"c6i", 2},   Family{"c6id", 2}, Family{"c6in", 2}, Family{"c6a", 2},
    Family{"c6g", 2},     Family{"c6gd", 2},  Family{"c6gn", 2}, Family{"c7i", 2},  Family{"c7g", 2},
    Family{"c8g", 2},     Family{"r5", 8},    Family{"r5d", 8},  Family{"r5n", 8},  Family{"r6i", 8},
    Family{"r6id", 8},    Family{"r6g", 8},   Family{"r6gd", 8}, Family{"r7i", 8},  Family{"r7g", 8},
    Family{"r8g", 8},     Family{"c4", 1.875}};

struct Listed {
  std::string_view name;
  InstanceType type;
};

constexpr std::array listed_types = {
    Listed{"t2.medium", {2, 4, 0}},          Listed{"t2.large", {2, 8, 0}},
    Listed{"t2.xlarge", {4, 16, 0}},         Listed{"t2.2xlarge", {8, 32, 0}},
    Listed{"t3.medium", {2, 4, 0}},          Listed{"t3.large", {2, 8, 0}},
    Listed{"t3.xlarge", {4, 16, 0}},         Listed{"t3.2xlarge", {8, 32, 0}},
    Listed{"c4.8xlarge", {36, 60, 0}},       Listed{"p2.xlarge", {4, 61, 1}},
    Listed{"p2.8xlarge", {32, 488, 8}},      Listed{"p2.16xlarge", {64, 732, 16}},
    Listed{"p3.2xlarge", {8, 61, 1}},        Listed{"p3.8xlarge", {32, 244, 4}},
    Listed{"p3.16xlarge", {64, 488, 8}},     Listed{"p3dn.24xlarge", {96, 768, 8}},
    Listed{"p4d.24xlarge", {96, 1152, 8}},   Listed{"p4de.24xlarge", {96, 1152, 8}},
    Listed{"p5.4xlarge", {16, 256, 1}},      Listed{"p5.48xlarge", {192, 2048, 8}},
    Listed{"p5e.48xlarge", {192, 2048, 8}},  Listed{"p5en.48xlarge", {192, 2048, 8}},
    Listed{"g4dn.metal", {96, 384, 8}},      Listed{"trn1.2xlarge", {8, 32, 0}},
    Listed{"trn1.32xlarge", {128, 512, 0}},  Listed{"trn1n.32xlarge", {128, 512, 0}},
    Listed{"trn2.48xlarge", {192, 2048, 0}}, Listed{"inf1.xlarge", {4, 8, 0}},
    Listed{"inf1.2xlarge", {8, 16, 0}},      Listed{"inf1.6xlarge", {24, 48, 0}},
    Listed{"inf1.24xlarge", {96, 192, 0}},   Listed{"inf2.xlarge", {4, 16, 0}},
    Listed{"inf2.8xlarge", {32, 128, 0}},    Listed{"inf2.24xlarge", {96, 384, 0}},
    Listed{"inf2.48xlarge", {192, 768, 0}}};

// Families with one GPU in the small sizes and several in the large ones.
struct GpuFamily {
  std::string_view name;
  double memory_per_vcpu_gib;
  std::string_view largest;  // the larger sizes do not exist
};
constexpr std::array gpu_families = {GpuFamily{"g4dn", 4, "16xlarge"}, GpuFamily{"g5", 4, "48xlarge"},
                                     GpuFamily{"g6", 4, "48xlarge"}, GpuFamily{"g6e", 8, "48xlarge"}};

// 2 for large, 4 for xlarge, 4 * N for Nxlarge; 0: not a size.
int vcpus_of_size(std::string_view size) {
  if (size == "large") return 2;
  if (size == "xlarge") return 4;
  int factor = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), factor);
  if (error != std::errc() || factor < 2 || factor > 48) return 0;
  return std::string_view(end, static_cast<std::size_t>(size.data() + size.size() - end)) == "xlarge"
             ? 4 * factor
             : 0;
}

int gpus_of_size(std::string_view size) {
  if (size == "48xlarge") return 8;
  return size == "12xlarge" || size == "24xlarge" ? 4 : 1;
}

int count_gpus() {
  int count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/dev", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (name.size() > 6 && name.starts_with("nvidia") &&
        std::all_of(name.begin() + 6, name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      ++count;
    }
  }
  return count;
}

int count_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::uint64_t count_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::optional<InstanceType> find_instance_type(std::string_view name) {
  if (!name.starts_with("ml.")) return std::nullopt;
  name.remove_prefix(3);
  for (const Listed& listed : listed_types) {
    if (listed.name == name) return listed.type;
  }
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view family = name.substr(0, dot);
  const std::string_view size = name.substr(dot + 1);
  const int vcpus = vcpus_of_size(size);
  if (vcpus == 0) return std::nullopt;
  for (const Family& known : regular_families) {
    if (known.name == family) return InstanceType{vcpus, vcpus * known.memory_per_vcpu_gib, 0};
  }
  for (const GpuFamily& known : gpu_families) {
    if (known.name == family && size != "large" && vcpus <= vcpus_of_size(known.largest)) {
      return InstanceType{vcpus, vcpus * known.memory_per_vcpu_gib, gpus_of_size(size)};
    }
  }
  return std::nullopt;
}

const Machine& this_machine() {
  static const Machine machine{count_cpus(), count_gpus(), count_memory()};
  return machine;
}

Share share_of(std::string_view instance_type, int instances, const Machine& machine) {
  const int cpus_each = std::max(1, machine.cpus / std::max(1, instances));
  const std::optional<InstanceType> type = find_instance_type(instance_type);
  if (!type) return {cpus_each, instance_type == "local_gpu" ? machine.gpus : 0, 0};
  const int gpus = std::min(type->gpus, machine.gpus);
  return {std::min(type->vcpus, cpus_each), gpus, type->gpus - gpus};
}

std::uint64_t process_memory_max(std::string_view instance_type, const Machine& machine) {
  constexpr std::uint64_t gib = 1ull << 30;
  const std::optional<InstanceType> type = find_instance_type(instance_type);
  if ((type && type->gpus > 0) || instance_type == "local_gpu") return 0;
  const std::uint64_t has =
      type ? static_cast<std::uint64_t>(type->memory_gib * static_cast<double>(gib)) : machine.memory_bytes;
  return 2 * std::min(has, machine.memory_bytes) + gib;
}

}  // namespace sagemaker::local::runner
