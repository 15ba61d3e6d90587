// See ordered_requests.hpp.
#include "emulator/services/sagemaker/transform/ordered_requests.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sagemaker::local::services::transform {
namespace {

// Of small requests many are held, so that neither side waits for the other after each of them.
constexpr std::size_t small_requests_max = 64, small_bytes_max = 1u << 20;
// Nothing wakes the thread when the job is stopped: it looks.
constexpr auto stop_looked_at_every = std::chrono::milliseconds(20);

}  // namespace

OrderedRequests::OrderedRequests(int concurrent, Hooks hooks)
    : concurrent_(static_cast<std::size_t>(std::max(concurrent, 1))), hooks_(std::move(hooks)) {}

OrderedRequests::~OrderedRequests() {
  Lock lock(mutex_);
  close(lock);
}

void OrderedRequests::put(RequestBatch&& batch) {
  Lock lock(mutex_);
  wait_until(lock, [this] { return !is_full(); });
  Slot& slot = slots_.emplace_back();
  slot.bytes = batch.bytes();
  slot.batch = std::move(batch);
  bytes_ += slot.bytes;
  if (idle_ < slots_.size() - begun_ && threads_.size() < concurrent_)
    threads_.emplace_back([this] { work(); });
  work_came_.notify_one();
}

void OrderedRequests::finish() {
  Lock lock(mutex_);
  wait_until(lock, [this] { return slots_.empty(); });
}

bool OrderedRequests::is_full() const {
  return slots_.size() >= 2 * concurrent_ &&
         (slots_.size() >= small_requests_max || bytes_ >= small_bytes_max);
}

void OrderedRequests::wait_until(Lock& lock, const std::function<bool()>& ready) {
  while (true) {
    write_what_is_ready(lock);
    if (failed_) fail(lock);
    lock.unlock();
    const bool stopped = hooks_.stopped();
    lock.lock();
    if (stopped) {
      close(lock);
      throw TransformStopped{};
    }
    if (ready()) return;
    head_done_.wait_for(lock, stop_looked_at_every,
                        [this] { return failed_ || (!slots_.empty() && slots_.front().done); });
  }
}

void OrderedRequests::write_what_is_ready(Lock& lock) {
  while (!failed_ && !slots_.empty() && slots_.front().done) {
    const std::string answer = std::move(slots_.front().answer);
    bytes_ -= slots_.front().bytes;
    slots_.pop_front();
    --begun_;
    lock.unlock();
    hooks_.write(answer);
    lock.lock();
  }
}

void OrderedRequests::work() {
  Lock lock(mutex_);
  while (true) {
    ++idle_;
    work_came_.wait(lock, [this] { return closed_ || failed_ || begun_ < slots_.size(); });
    --idle_;
    if (closed_ || failed_) return;
    Slot& slot = slots_[begun_++];  // stays where it is while others come and go at the ends
    lock.unlock();
    std::string answer;
    std::exception_ptr fault;
    try {
      answer = hooks_.send(slot.batch);
    } catch (...) {
      fault = std::current_exception();
    }
    RequestBatch sent = std::exchange(slot.batch, {});  // its memory goes without the lock
    sent = {};
    lock.lock();
    bytes_ = bytes_ - slot.bytes + answer.size();
    slot.bytes = answer.size();
    slot.answer = std::move(answer);
    slot.fault = fault;
    slot.done = true;
    failed_ |= fault != nullptr;
    if (failed_ || &slot == &slots_.front()) head_done_.notify_one();
  }
}

void OrderedRequests::fail(Lock& lock) {
  close(lock);
  const auto failed = std::find_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.fault; });
  std::rethrow_exception(failed->fault);
}

void OrderedRequests::close(Lock& lock) {
  closed_ = true;
  work_came_.notify_all();
  lock.unlock();
  threads_.clear();  // joins them
  lock.lock();
}

}  // namespace sagemaker::local::services::transform
