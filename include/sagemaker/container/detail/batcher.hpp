// Bodies of batcher.hpp.
#pragma once

#include <algorithm>
#include <utility>

#include <sagemaker/container/batcher.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION Batcher::Batcher(const Options& options) : options_(options) {
  for (int worker = options.workers - 1; worker >= 0; --worker) free_workers_.push_back(worker);
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::push(std::shared_ptr<Item> item, Clock::time_point now) {
  item->queued = now;
  const std::lock_guard lock(mutex_);
  items_.push_back(std::move(item));
}

SAGEMAKER_CONTAINER_FUNCTION std::size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

SAGEMAKER_CONTAINER_FUNCTION std::optional<Batcher::Clock::time_point> Batcher::due() const {
  if (options_.delay.count() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (items_.empty() || free_workers_.empty()) return std::nullopt;
  return items_.front()->queued + options_.delay;
}

SAGEMAKER_CONTAINER_FUNCTION bool Batcher::shares(const Item& first) const {
  return !first.alone && !one_by_one_ && first.input.dim() >= 2 && first.rows() > 0;
}

SAGEMAKER_CONTAINER_FUNCTION bool Batcher::fits(const Item& first, const Item& next,
                                                std::int64_t rows) const {
  return !next.alone && next.input.dim() == first.input.dim() &&
         next.input.scalar_type() == first.input.scalar_type() &&
         next.input.sizes().slice(1) == first.input.sizes().slice(1) &&
         rows + next.rows() <= options_.rows_max;
}

// Whether a turn with `first` is to begin, or more is worth waiting for.
SAGEMAKER_CONTAINER_FUNCTION bool Batcher::enough(const Item& first, Clock::time_point now) const {
  if (options_.delay.count() == 0 || now >= first.queued + options_.delay || !shares(first)) return true;
  std::int64_t rows = 0;
  for (const auto& item : items_) {
    if (rows == 0 || fits(first, *item, rows)) rows += item->rows();
  }
  return rows >= options_.rows_max;
}

SAGEMAKER_CONTAINER_FUNCTION std::optional<Batcher::Turn> Batcher::begin(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  while (!items_.empty() && items_.front()->abandoned()) items_.pop_front();
  if (items_.empty() || free_workers_.empty() || !enough(*items_.front(), now)) return std::nullopt;
  Turn turn;
  turn.worker = free_workers_.back();
  free_workers_.pop_back();
  turn.items.push_back(std::move(items_.front()));
  items_.pop_front();
  const Item& first = *turn.items.front();
  if (items_.empty() || !shares(first)) return turn;
  std::int64_t rows = first.rows();
  std::deque<std::shared_ptr<Item>> others;
  for (auto& item : items_) {
    if (item->abandoned()) continue;
    if (rows < options_.rows_max && fits(first, *item, rows)) {
      rows += item->rows();
      turn.items.push_back(std::move(item));
    } else {
      others.push_back(std::move(item));
    }
  }
  items_ = std::move(others);
  return turn;
}

SAGEMAKER_CONTAINER_FUNCTION bool Batcher::end(const Turn& turn) {
  const std::lock_guard lock(mutex_);
  free_workers_.push_back(turn.worker);
  return !items_.empty();
}

SAGEMAKER_CONTAINER_FUNCTION void Batcher::run(const Items& items, const Predict& predict) {
  if (items.size() > 1 && !one_by_one_) {
    if (run_together(items, predict)) return;
    if (!one_by_one_) {  // in halves: one bad item among n costs 2 log2(n) calls more, not n
      const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
      run({items.begin(), middle}, predict);
      run({middle, items.end()}, predict);
      return;
    }
  }
  for (const auto& item : items) {
    try {
      item->output = run_alone(*item, predict);
    } catch (...) {
      item->error = std::current_exception();
    }
  }
}

// In calls of a part of the rows each, where the request is large and its rows are independent.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor Batcher::run_alone(const Item& item, const Predict& predict) {
  if (options_.bytes_max == 0 || !item.input.defined() || !shares(item)) return predict(item.input);
  const std::int64_t rows = item.rows();
  const std::size_t row_bytes =
      std::max<std::size_t>(1, item.input.nbytes() / static_cast<std::size_t>(rows));
  const std::int64_t rows_max =
      std::max(options_.rows_max, static_cast<std::int64_t>(options_.bytes_max / row_bytes));
  std::vector<torch::Tensor> answers;
  for (std::int64_t row = 0; row < rows; row += rows_max) {
    const torch::Tensor part = item.input.narrow(0, row, std::min(rows_max, rows - row));
    torch::Tensor answer = predict(part);
    if (rows_max >= rows) return answer;
    const bool row_by_row = answer.dim() > 0 && answer.size(0) == part.size(0) &&
                            (answers.empty() || answer.sizes().slice(1) == answers.front().sizes().slice(1));
    if (!row_by_row) {
      one_by_one_ = true;
      return predict(item.input);
    }
    answers.push_back(std::move(answer));
  }
  return torch::cat(answers);
}

// False where the call threw, or did not answer with one row for each that it was given.
SAGEMAKER_CONTAINER_FUNCTION bool Batcher::run_together(const Items& items, const Predict& predict) {
  try {
    std::vector<torch::Tensor> inputs;
    inputs.reserve(items.size());
    for (const auto& item : items) inputs.push_back(item->input);
    const torch::Tensor batch = torch::cat(inputs);
    const torch::Tensor answer = predict(batch);
    if (answer.dim() == 0 || answer.size(0) != batch.size(0)) {
      one_by_one_ = true;
      return false;
    }
    std::int64_t row = 0;
    for (const auto& item : items) {
      item->output = answer.narrow(0, row, item->rows());
      row += item->rows();
    }
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace sagemaker::container
