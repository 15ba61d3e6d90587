// Takes log lines of running containers and writes them to the log store in batches, so that a chatty job costs a few
// transactions a second and a line is readable within a blink.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <sagemaker/aws/time.hpp>

#include "emulator/store/logs.hpp"

namespace sagemaker::local::services {

class LogWriter {
 public:
  LogWriter(store::Logs& logs, std::shared_ptr<aws::Clock> clock);
  ~LogWriter();  // writes what is left
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Blocks only while the backlog is full: a job cannot fill the memory by printing.
  void write(const std::string& group, const std::string& stream, std::string_view line);
  // Makes an empty stream, so that readers find it before the first line. False: it is there already.
  bool open_stream(const std::string& group, const std::string& stream);
  // Returns when everything written so far can be read.
  void flush();
  // Drops a group with all of its streams.
  void delete_group(const std::string& group);

 private:
  struct Line {
    std::string group, stream;
    store::LogEvent event;
  };
  void run();
  void store_lines(std::deque<Line>& lines);

  store::Logs& logs_;
  std::shared_ptr<aws::Clock> clock_;
  std::mutex mutex_;
  std::condition_variable work_, written_;
  std::deque<Line> lines_;
  std::size_t backlog_bytes_ = 0;
  std::uint64_t accepted_ = 0, stored_ = 0;
  std::int64_t latest_ms_ = 0;  // the time of the last line: times never go back, whatever the clock does
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sagemaker::local::services
