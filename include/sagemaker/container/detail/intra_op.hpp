// How many threads one call of a served model uses, and what else makes libtorch fast in a process that
// answers many small requests. Measured with Debian's libtorch 1.13 on two processors that were busy:
// - OpenBLAS starts a thread for each processor that takes part in products of any size and spins in between:
// 32 rows
//   through an MLP of MNIST's size took 80 us of system time a request, 6 with one thread.
// - OpenMP's threads cost a small CNN 0.13 ms a call, 0.075 with one; 32 connections got 19,000 answers a
// second in
//   place of 10,000.
// - glibc gives memory back and asks for it again at every larger tensor: 53 us of system time a request, 15
// without. So short calls have one thread, and only models that take milliseconds get those of their worker.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>

#include <dlfcn.h>
#include <malloc.h>
#include <torch/torch.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::detail {

SAGEMAKER_CONTAINER_FUNCTION void set_blas_threads(int threads);

// Once, before a model is loaded. Variables that the user set win.
SAGEMAKER_CONTAINER_FUNCTION void prepare_process() {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) set_blas_threads(1);
#if defined(__GLIBC__)
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
}

// A function of a library that libtorch may have been built with; null where it was not.
SAGEMAKER_CONTAINER_FUNCTION void (*thread_setter(const char* name))(int) {
  return reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, name));
}

// For the thread that calls it.
SAGEMAKER_CONTAINER_FUNCTION void set_openmp_threads(int threads) {
  static void (*const set)(int) = thread_setter("omp_set_num_threads");
  thread_local int mine = 0;
  if (set == nullptr || mine == threads) return;
  if (mine == 0)
    at::get_num_threads();  // libtorch's own setting comes first on each thread, then never again
  set(threads);
  mine = threads;
}

// For the process. OpenBLAS has read its variable already when main() begins.
SAGEMAKER_CONTAINER_FUNCTION void set_blas_threads(int threads) {
  static void (*const set)(int) =
      std::getenv("OPENBLAS_NUM_THREADS") != nullptr ? nullptr : thread_setter("openblas_set_num_threads");
  if (set != nullptr) set(threads);
}

// The threads of one model's calls, by how long they take.
class IntraOp {
 public:
  explicit IntraOp(int threads_max)
      : threads_max_(std::getenv("OMP_NUM_THREADS") != nullptr ? 0 : threads_max) {}

  // On the thread that calls the model, before it does. `typical_ns`: of the calls so far.
  void prepare(std::int64_t typical_ns) {
    if (threads_max_ <= 1) {
      if (threads_max_ == 1) set_openmp_threads(1);
      return;
    }
    // Apart by twice the most that threads can gain, so that it does not swing back and forth.
    const bool many = many_.load(std::memory_order_relaxed);
    const std::int64_t limit = many ? long_ns / (2 * threads_max_) : long_ns;
    if ((typical_ns >= limit) != many && many_.exchange(!many) == many) {
      set_blas_threads(many ? 1 : threads_max_);
    }
    set_openmp_threads(many_.load(std::memory_order_relaxed) ? threads_max_ : 1);
  }

 private:
  static constexpr std::int64_t long_ns = 4'000'000;
  const int threads_max_;  // 0: the user decided
  std::atomic<bool> many_{false};
};

}  // namespace sagemaker::container::detail
