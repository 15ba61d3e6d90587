// What an ml.* instance type has on AWS, and what of it this machine can give: thread counts, SM_NUM_CPUS and
// SM_NUM_GPUS come from here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sagemaker::local::runner {

struct InstanceType {
  int vcpus = 0;
  double memory_gib = 0;
  int gpus = 0;  // NVIDIA GPUs; Trainium and Inferentia count as CPU machines here
};

// nullopt: a type that the table does not know. Source: the EC2 instance type pages; most families are
// regular.
std::optional<InstanceType> find_instance_type(std::string_view name);

struct Machine {
  int cpus = 1;  // that this process may use
  int gpus = 0;  // device nodes /dev/nvidia0 and up
  std::uint64_t memory_bytes = 0;
};
const Machine& this_machine();

// What one of `instances` instances of this type gets when all of them run on `machine` at once. An unknown
// type gets the machine's share of CPUs, and its GPUs where the name says so ("local_gpu").
struct Share {
  int cpus = 1;
  int gpus = 0;
  int gpus_missing = 0;  // how many more the type has on AWS
};
Share share_of(std::string_view instance_type, int instances, const Machine& machine);

// What one process of an instance of this type may allocate: twice the memory of the type, as far as the
// machine has it, and a gigabyte, because threads' stacks and caches reserve more than they use. 0, no limit,
// for types with GPUs: CUDA maps much more than the instance has.
std::uint64_t process_memory_max(std::string_view instance_type, const Machine& machine);

}  // namespace sagemaker::local::runner
