// The workers of one model. Each answers one request at a time, or one batch of those that wait; the thread
// of a request talks to its worker itself, so nothing is handed over on the way. A worker that ends is
// started again, after a pause that grows; one that does not answer in time is killed first.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sagemaker/aws/headers.hpp>

#include "emulator/images/sagemaker_python/serving/worker.hpp"

namespace sagemaker::local::images {

class WorkerPool;

// A streamed answer, while its worker makes it. Who drops it before its end stops the worker's generator.
class AnswerStream {
 public:
  AnswerStream(WorkerPool& pool, std::shared_ptr<Worker> worker) : pool_(pool), worker_(std::move(worker)) {}
  ~AnswerStream();
  AnswerStream(const AnswerStream&) = delete;
  AnswerStream& operator=(const AnswerStream&) = delete;

  // Until the end, or until `write` returns false. Throws std::runtime_error where the worker fails.
  void copy_to(const std::function<bool(std::string_view)>& write);

 private:
  WorkerPool& pool_;
  std::shared_ptr<Worker> worker_;  // null: ended
};

struct PythonAnswer {
  int status = 500;
  aws::Headers headers;
  std::string body;
  std::unique_ptr<AnswerStream> stream;  // in place of the body
};

class WorkerPool {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::string name;  // for the log
    std::size_t workers = 1;
    std::size_t batch_max = 1;
    std::chrono::milliseconds batch_delay{0};
    std::chrono::milliseconds timeout{60'000}, start_timeout{600'000};
    std::function<WorkerSpec(std::size_t index)> spec_of;
    std::function<void()> on_hopeless = {};  // no worker comes up again
  };

  explicit WorkerPool(Options options);
  ~WorkerPool();  // ends the workers
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Until the first worker has loaded the model, or failed to; the others start after it.
  Loaded wait_started();
  // Never throws for what a worker does. `headers` are those of the request.
  PythonAnswer call(const aws::Headers& headers, std::string_view body);
  // A worker is there, or is being started again.
  bool healthy() const;

 private:
  friend class AnswerStream;
  struct Call {
    const aws::Headers& headers;
    std::string_view body;
    Clock::time_point arrived;
    PythonAnswer answer = {};
    std::shared_ptr<Worker> worker = {};  // set: this call leads `batch`, itself included
    std::vector<Call*> batch = {};
    bool taken = false;
    bool done = false;
    std::condition_variable changed = {};
  };

  struct Life {
    Loaded loaded;
    std::string end;
  };
  Life live(std::size_t index);
  void lead(std::size_t index);
  bool pause(std::chrono::milliseconds time);
  void started(Loaded loaded);
  void assign();
  Clock::time_point due(const Call& call) const;
  void run(Call& leader);
  void exchange(Worker& worker, Call& leader);
  void take_reply(Frame& frame, Call& call, const std::shared_ptr<Worker>& worker);
  std::string why_broken(Worker& worker, Channel::Result result);
  void give_back(const std::shared_ptr<Worker>& worker, bool usable);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Worker>> workers_;  // by index; null while one is not running
  std::vector<std::shared_ptr<Worker>> idle_;
  std::deque<Call*> queue_;
  std::size_t loaded_ = 0;
  std::size_t failures_ = 0;  // starts that failed, since one that did not
  bool start_known_ = false;
  Loaded start_;
  bool stopping_ = false;
  std::vector<std::thread> leaders_;
};

}  // namespace sagemaker::local::images
