// Bodies of batcher.hpp.
#pragma once

#include <utility>

#include <sagemaker/container/batcher.hpp>
#include <sagemaker/container/codecs.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION std::shared_ptr<Batcher::Job> Batcher::wait(const std::shared_ptr<Job>& job,
                                                                         Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (stopped_) throw RequestError(503, "the server is shutting down");
  jobs_.push_back(job);
  arrived_.notify_one();
  if (!job->finished.wait_until(lock, deadline, [&] { return job->done; })) {
    job->abandoned = true;
    throw RequestError(504, "the model did not answer in time");
  }
  if (job->error) std::rethrow_exception(job->error);
  return job;
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor Batcher::predict(torch::Tensor batch, Clock::time_point deadline) {
  const auto job = std::make_shared<Job>();
  job->input = std::move(batch);
  return wait(job, deadline)->output;
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::execute(std::function<void()> work, Clock::time_point deadline) {
  const auto job = std::make_shared<Job>();
  job->work = std::move(work);
  wait(job, deadline);
}

SAGEMAKER_CONTAINER_FUNCTION std::size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  arrived_.notify_all();
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::run(const Predict& predict) {
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [&] { return stopped_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Jobs group = take();
    lock.unlock();
    serve(group, predict);
    lock.lock();
    for (const auto& job : group) {
      job->done = true;
      job->finished.notify_one();
    }
  }
}

SAGEMAKER_CONTAINER_FUNCTION bool Batcher::fits(const Job& first, const Job& next, std::int64_t rows) const {
  return !next.work && next.input.dim() == first.input.dim() &&
         next.input.scalar_type() == first.input.scalar_type() &&
         next.input.sizes().slice(1) == first.input.sizes().slice(1) && rows + next.rows() <= rows_max_;
}

SAGEMAKER_CONTAINER_FUNCTION Batcher::Jobs Batcher::take() {
  Jobs group;
  std::erase_if(jobs_, [](const auto& job) { return job->abandoned; });
  if (jobs_.empty()) return group;
  group.push_back(std::move(jobs_.front()));
  jobs_.pop_front();
  const Job& first = *group.front();
  if (jobs_.empty() || first.work || one_by_one_ || first.input.dim() < 2 || first.rows() == 0) return group;
  std::int64_t rows = first.rows();
  for (auto job = jobs_.begin(); job != jobs_.end() && rows < rows_max_;) {
    if (fits(first, **job, rows)) {
      rows += (*job)->rows();
      group.push_back(std::move(*job));
      job = jobs_.erase(job);
    } else {
      ++job;
    }
  }
  return group;
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::serve(const Jobs& group, const Predict& predict) {
  if (group.size() > 1 && serve_together(group, predict)) return;
  for (const auto& job : group) serve_alone(*job, predict);
}

// False where the call threw, or did not answer with one row for each that it was given.
SAGEMAKER_CONTAINER_FUNCTION bool Batcher::serve_together(const Jobs& group, const Predict& predict) {
  try {
    std::vector<torch::Tensor> inputs;
    for (const auto& job : group) inputs.push_back(job->input);
    const torch::Tensor batch = torch::cat(inputs);
    const torch::Tensor answer = predict(batch);
    if (answer.dim() == 0 || answer.size(0) != batch.size(0)) {
      one_by_one_ = true;
      return false;
    }
    std::int64_t row = 0;
    for (const auto& job : group) {
      job->output = answer.narrow(0, row, job->rows());
      row += job->rows();
    }
    return true;
  } catch (...) {
    return false;
  }
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::serve_alone(Job& job, const Predict& predict) {
  try {
    if (job.work) {
      job.work();
    } else {
      job.output = predict(job.input);
    }
  } catch (...) {
    job.error = std::current_exception();
  }
}

}  // namespace sagemaker::container
