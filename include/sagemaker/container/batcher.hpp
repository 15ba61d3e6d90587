// Dynamic batching that never waits. Requests queue up; the one predict thread takes everything that waits,
// as far as it fits together, and calls the model once. At low load a request is alone and goes at once;
// under load batches grow by themselves, because requests arrive while the model is busy.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <torch/torch.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

class Batcher {
 public:
  using Clock = std::chrono::steady_clock;
  using Predict = std::function<torch::Tensor(const torch::Tensor& batch)>;

  // At most `rows_max` rows go into one call, unless one request alone has more.
  explicit Batcher(std::int64_t rows_max) : rows_max_(rows_max) {}

  // Called by any thread; waits for the answer. Rows of requests with the same type and row shape (two
  // dimensions or more) may share a call; when such a call throws, its requests are tried one by one, so that
  // only the bad one fails. Throws what `Predict` threw, and RequestError 504 after the deadline, 503 when
  // stopped.
  torch::Tensor predict(torch::Tensor batch, Clock::time_point deadline);
  // The same for a piece of work that is not batched.
  void execute(std::function<void()> work, Clock::time_point deadline);

  // How many requests wait now, those being served not counted.
  std::size_t waiting() const;

  // The predict thread: serves until stop() is called and nothing waits any more.
  void run(const Predict& predict);
  void stop();

 private:
  struct Job {
    torch::Tensor input;  // or
    std::function<void()> work;
    torch::Tensor output;
    std::exception_ptr error;
    bool done = false;
    bool abandoned = false;  // nobody waits for it any more
    std::condition_variable finished;
    std::int64_t rows() const { return input.size(0); }
  };
  using Jobs = std::vector<std::shared_ptr<Job>>;

  std::shared_ptr<Job> wait(const std::shared_ptr<Job>& job, Clock::time_point deadline);
  Jobs take();  // with mutex_ held and jobs_ not empty
  bool fits(const Job& first, const Job& next, std::int64_t rows) const;
  void serve(const Jobs& group, const Predict& predict);
  bool serve_together(const Jobs& group, const Predict& predict);
  void serve_alone(Job& job, const Predict& predict);

  const std::int64_t rows_max_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<Job>> jobs_;
  bool stopped_ = false;
  bool one_by_one_ = false;  // the model does not answer row by row
};

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/batcher.hpp>
#endif
