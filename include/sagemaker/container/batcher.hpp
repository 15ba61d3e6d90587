// Dynamic batching that never delays an idle model. Requests queue up; a worker that is free takes everything
// that waits, as far as it fits together, and calls the model once. At low load a request is alone and goes
// at once; under load batches grow by themselves, because requests arrive while the model is busy. No thread
// of its own and no waiting in here: whoever queues an item, or gives a worker back, asks for the next turn.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <torch/torch.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

class Batcher {
 public:
  using Clock = std::chrono::steady_clock;
  using Predict = std::function<torch::Tensor(const torch::Tensor& batch)>;

  struct Item {
    virtual ~Item() = default;
    virtual bool abandoned() const { return false; }  // nobody waits for it any more: it is dropped
    torch::Tensor input;                              // undefined in an item that is alone
    bool alone = false;                               // never shares a call
    torch::Tensor output;                             // where it went well
    std::exception_ptr error;                         // else
    Clock::time_point queued{};
    std::int64_t rows() const { return input.size(0); }
  };
  using Items = std::vector<std::shared_ptr<Item>>;

  struct Options {
    std::int64_t rows_max = 64;          // in one call, unless one request alone has more
    std::chrono::milliseconds delay{0};  // that a request may wait for others although a worker is free
    int workers = 1;
    // Of the rows in one call: a request that alone has more is cut into calls of as many rows as fit,
    // rows_max at least. 0: never.
    std::size_t bytes_max = 0;
  };
  struct Turn {
    Items items;
    int worker = 0;
  };

  explicit Batcher(const Options& options);

  void push(std::shared_ptr<Item> item, Clock::time_point now = Clock::now());
  // What waits, as far as it fits together, and a worker for it; nothing where nothing waits, no worker is
  // free or more is waited for. Rows of items with the same type and row shape (two dimensions or more) fit
  // together.
  std::optional<Turn> begin(Clock::time_point now = Clock::now());
  // Gives the worker back. True where items still wait: begin() has another turn now, or will have one.
  bool end(const Turn& turn);
  // When the item that waits longest has waited enough; nothing where none waits or there is no delay.
  std::optional<Clock::time_point> due() const;
  std::size_t waiting() const;

  // Calls the model for the items of a turn and gives each its rows of the answer. When a shared call throws,
  // its halves are tried, so that only the bad item fails. Where the model turns out not to answer with one
  // row for each, or with rows of another shape in each part of a request, all items are alone and whole from
  // then on.
  void run(const Items& items, const Predict& predict);

 private:
  bool fits(const Item& first, const Item& next, std::int64_t rows) const;
  bool shares(const Item& first) const;
  bool enough(const Item& first, Clock::time_point now) const;
  bool run_together(const Items& items, const Predict& predict);
  torch::Tensor run_alone(const Item& item, const Predict& predict);

  const Options options_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<Item>> items_;
  std::vector<int> free_workers_;
  std::atomic<bool> one_by_one_{false};
};

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/batcher.hpp>
#endif
