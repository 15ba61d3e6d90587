// One Python process that holds the model and answers requests.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include <sys/types.h>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/container/environment.hpp>

#include "emulator/images/sagemaker_python/serving/channel.hpp"

namespace sagemaker::local::images {

struct WorkerSpec {
  std::filesystem::path python;
  std::filesystem::path directory;   // where it runs
  container::Variables environment;  // all of it
  json settings = json::object();    // see Transformer in handlers.py
};

// How loading the model ended.
struct Loaded {
  bool ok = false;
  int status = 500;  // of a failure, for who asked to load; 507: no memory
  std::string message;
  std::int64_t milliseconds = 0;
};

class Worker {
 public:
  // Starts the process, and with it the loading. Throws std::runtime_error where no process can be made.
  explicit Worker(const WorkerSpec& spec);
  ~Worker();  // kills
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Loaded wait_loaded(Channel::Clock::time_point deadline);
  Channel& channel() { return channel_; }
  // The process and what it started; it may have ended already.
  void kill();
  // Waits for the end of the process; by one thread. "exit code 1", "signal 9 (Killed)".
  std::string wait();
  // The same, where it ended within `patience`; from any thread.
  std::optional<std::string> ended_within(std::chrono::milliseconds patience);

 private:
  struct Sockets {
    int ours, theirs;
  };
  static Sockets socket_pair();
  Worker(const WorkerSpec& spec, Sockets sockets);

  Channel channel_;
  pid_t pid_ = -1;
  std::mutex mutex_;  // of what follows
  bool reaped_ = false;
  std::optional<std::string> end_;
};

}  // namespace sagemaker::local::images
