// See worker_pool.hpp.
#include "emulator/images/sagemaker_python/serving/worker_pool.hpp"

#include <algorithm>
#include <utility>

#include "emulator/images/sagemaker_python/log.hpp"
#include "emulator/waiting.hpp"

namespace sagemaker::local::images {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds backoff_first{100}, backoff_max{10'000};
constexpr milliseconds stable_after{60'000};  // a worker that ran so long starts again without waiting
constexpr std::size_t failures_max = 4;       // starts in a row, with no worker left: it will not come up
constexpr milliseconds cancel_patience{5'000};

PythonAnswer failure(int status, const std::string& message) {
  PythonAnswer answer;
  answer.status = status;
  answer.headers.set("Content-Type", "text/plain");
  answer.body = message + "\n";
  return answer;
}

aws::Headers headers_of(const json& head) {
  aws::Headers headers;
  for (const json& pair : head.value("headers", json::array()))
    headers.add(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  return headers;
}

}  // namespace

// ---- the life of workers

WorkerPool::WorkerPool(Options options) : options_(std::move(options)) {
  workers_.resize(options_.workers);
  for (std::size_t i = 0; i < options_.workers; ++i) leaders_.emplace_back([this, i] { lead(i); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Call* const waiting : queue_) {
      waiting->answer = failure(503, "The model is being unloaded");
      waiting->done = true;
      waiting->changed.notify_all();
    }
    queue_.clear();
    for (const auto& worker : workers_) {
      if (worker) worker->kill();
    }
    changed_.notify_all();
  }
  for (std::thread& leader : leaders_) leader.join();
}

bool WorkerPool::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void WorkerPool::started(Loaded loaded) {
  const std::lock_guard lock(mutex_);
  if (start_known_) return;
  start_known_ = true;
  start_ = std::move(loaded);
  changed_.notify_all();
}

// Starts a worker, lets it take requests once it has loaded the model, and waits for its end.
WorkerPool::Life WorkerPool::live(std::size_t index) {
  Life life;
  const auto worker = std::make_shared<Worker>(options_.spec_of(index));
  {
    const std::lock_guard lock(mutex_);
    workers_[index] = worker;
    if (stopping_) worker->kill();
  }
  life.loaded = worker->wait_loaded(Clock::now() + options_.start_timeout);
  if (life.loaded.ok) {
    log_line(log_info, options_.name + " loaded in " + std::to_string(life.loaded.milliseconds) + " ms");
    {
      const std::lock_guard lock(mutex_);
      ++loaded_;
      failures_ = 0;
      idle_.push_back(worker);
      assign();
    }
    started(life.loaded);
  } else {
    worker->kill();
  }
  life.end = worker->wait();
  const std::lock_guard lock(mutex_);
  std::erase(idle_, worker);
  workers_[index] = nullptr;
  if (life.loaded.ok) --loaded_;
  return life;
}

// One thread leads each worker: starts it, waits for its end, starts it again.
void WorkerPool::lead(std::size_t index) {
  if (index > 0) {  // the first one finds out whether the model loads at all
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || start_known_; });
    if (stopping_ || !start_.ok) return;
  }
  for (milliseconds backoff = backoff_first;; backoff = std::min(backoff * 2, backoff_max)) {
    const auto begun = Clock::now();
    Life life;
    try {
      life = live(index);
    } catch (const std::exception& error) {  // no more processes on this machine, for example
      life = {{.message = error.what()}, error.what()};
    }
    bool hopeless = false, never_started = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
      if (!life.loaded.ok) hopeless = ++failures_ >= failures_max && loaded_ == 0;
      never_started = !start_known_;
    }
    if (never_started) return started(std::move(life.loaded));
    if (hopeless && options_.on_hopeless) return options_.on_hopeless();
    if (Clock::now() - begun > stable_after) backoff = backoff_first;
    log_line(log_error, options_.name + ": a worker ended with " + life.end + "; it is started again in " +
                            std::to_string(backoff.count()) + " ms");
    if (!pause(backoff)) break;
  }
  started({.message = "the server stops"});
}

Loaded WorkerPool::wait_started() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return start_known_; });
  return start_;
}

bool WorkerPool::healthy() const {
  const std::lock_guard lock(mutex_);
  return loaded_ > 0 || (start_known_ && start_.ok && failures_ == 0);
}

// ---- requests

WorkerPool::Clock::time_point WorkerPool::due(const Call& call) const {
  return call.arrived + options_.batch_delay;
}

// With the lock held: waiting calls to idle workers.
void WorkerPool::assign() {
  while (!queue_.empty() && !idle_.empty() && !stopping_) {
    if (queue_.size() < options_.batch_max && Clock::now() < due(*queue_.front())) {
      queue_.front()->changed.notify_all();  // wakes up when its delay is over
      return;
    }
    const std::shared_ptr<Worker> worker = idle_.back();
    idle_.pop_back();
    if (worker->channel().at_end()) continue;  // it has died meanwhile; its thread is about to see that
    Call& leader = *queue_.front();
    leader.worker = worker;
    for (std::size_t count = std::min(options_.batch_max, queue_.size()); count > 0; --count) {
      queue_.front()->taken = true;
      leader.batch.push_back(queue_.front());
      queue_.pop_front();
    }
    leader.changed.notify_all();
  }
}

PythonAnswer WorkerPool::call(const aws::Headers& headers, std::string_view body) {
  Call call{headers, body, Clock::now()};
  const auto deadline = call.arrived + options_.timeout;
  {
    const Waiting waiting;
    std::unique_lock lock(mutex_);
    if (stopping_) return failure(503, "The model is being unloaded");
    queue_.push_back(&call);
    assign();
    const auto decided = [&] { return call.done || call.worker != nullptr; };
    while (!decided()) {
      if (call.taken) {  // its leader always comes back
        call.changed.wait(lock, decided);
        break;
      }
      const bool delayed = !idle_.empty();
      call.changed.wait_until(lock, delayed ? std::min(deadline, due(call)) : deadline);
      if (decided() || call.taken) continue;
      if (Clock::now() >= deadline) {
        std::erase(queue_, &call);
        return failure(503, "No worker was free within " + std::to_string(options_.timeout.count()) + " ms");
      }
      assign();
    }
  }
  if (call.worker) run(call);
  return std::move(call.answer);
}

void WorkerPool::run(Call& leader) {
  const std::shared_ptr<Worker> worker = leader.worker;
  {
    const Waiting waiting;
    exchange(*worker, leader);
  }
  const std::lock_guard lock(mutex_);
  for (Call* const call : leader.batch) {
    call->done = true;
    if (call != &leader) call->changed.notify_all();
  }
}

void WorkerPool::exchange(Worker& worker, Call& leader) {
  json requests = json::array();
  std::vector<std::string_view> bodies;
  for (const Call* const call : leader.batch) {
    json headers = json::array();
    for (const aws::Header& header : call->headers) headers.push_back({header.name, header.value});
    requests.push_back({{"headers", std::move(headers)}, {"size", call->body.size()}});
    bodies.push_back(call->body);
  }
  const auto deadline = Clock::now() + options_.timeout;
  std::vector<bool> answered(leader.batch.size());
  auto result =
      worker.channel().send({{"op", "invoke"}, {"requests", std::move(requests)}}, bodies, deadline);
  for (std::size_t left = answered.size(); left > 0 && result == Channel::Result::done;) {
    Frame frame;
    result = worker.channel().receive(frame, deadline);
    if (result != Channel::Result::done) break;
    try {
      const auto index = frame.head.value("index", answered.size());
      if (index >= answered.size() || answered[index]) {
        result = Channel::Result::ended;
        break;
      }
      take_reply(frame, *leader.batch[index], leader.worker);
      answered[index] = true;
      --left;
    } catch (const json::exception&) {  // code of the user's wrote to the socket
      result = Channel::Result::ended;
    }
  }
  const bool usable = result == Channel::Result::done;
  if (!usable) {
    const std::string why = why_broken(worker, result);
    for (std::size_t i = 0; i < answered.size(); ++i) {
      if (!answered[i]) leader.batch[i]->answer = failure(500, why);
    }
  }
  // A streamed answer keeps the worker until its end.
  if (!usable || !leader.answer.stream) give_back(leader.worker, usable);
}

void WorkerPool::take_reply(Frame& frame, Call& call, const std::shared_ptr<Worker>& worker) {
  call.answer.status = frame.head.value("status", 500);
  call.answer.headers = headers_of(frame.head);
  call.answer.body = std::move(frame.body);
  if (frame.head.value("op", "") == "begin")
    call.answer.stream = std::make_unique<AnswerStream>(*this, worker);
}

std::string WorkerPool::why_broken(Worker& worker, Channel::Result result) {
  std::string why;
  if (result == Channel::Result::timed_out) {
    why = "The worker did not answer within " + std::to_string(options_.timeout.count()) +
          " ms (SAGEMAKER_MODEL_SERVER_TIMEOUT) and was ended";
  } else {
    const auto end = worker.ended_within(std::chrono::seconds(1));
    why = "The worker died while it served the request: " + end.value_or("it closed its socket");
  }
  log_line(log_error, options_.name + ": " + why);
  return why;
}

void WorkerPool::give_back(const std::shared_ptr<Worker>& worker, bool usable) {
  if (!usable) return worker->kill();
  const std::lock_guard lock(mutex_);
  if (std::find(workers_.begin(), workers_.end(), worker) == workers_.end()) return;  // it has ended
  idle_.push_back(worker);
  assign();
}

// ---- streamed answers

AnswerStream::~AnswerStream() {
  if (!worker_) return;
  const auto deadline = WorkerPool::Clock::now() + cancel_patience;
  auto result = worker_->channel().send({{"op", "cancel"}}, {}, deadline);
  for (Frame frame; result == Channel::Result::done && frame.head.value("op", "") != "end";) {
    result = worker_->channel().receive(frame, deadline);
  }
  pool_.give_back(worker_, result == Channel::Result::done);
}

void AnswerStream::copy_to(const std::function<bool(std::string_view)>& write) {
  const Waiting waiting;
  for (;;) {
    Frame frame;
    const auto result = worker_->channel().receive(frame, WorkerPool::Clock::now() + pool_.options_.timeout);
    if (result != Channel::Result::done) {
      const std::string why = pool_.why_broken(*worker_, result);
      pool_.give_back(std::exchange(worker_, nullptr), false);
      throw std::runtime_error(why);
    }
    if (frame.head.value("op", "") == "end") {
      pool_.give_back(std::exchange(worker_, nullptr), true);
      const std::string error = frame.head.value("error", "");
      if (!error.empty()) throw std::runtime_error("the generator of the answer failed: " + error);
      return;
    }
    if (!write(frame.body)) return;  // the destructor stops the generator
  }
}

}  // namespace sagemaker::local::images
