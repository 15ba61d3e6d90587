#include "emulator/services/log_writer.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include <spdlog/spdlog.h>

namespace sagemaker::local::services {
namespace {
constexpr std::size_t backlog_bytes_max = 16 * 1024 * 1024;
// Long enough to gather a burst into one transaction, short enough that a person tailing the log sees it
// live.
constexpr std::chrono::milliseconds gather{20};
}  // namespace

LogWriter::LogWriter(store::Logs& logs, std::shared_ptr<aws::Clock> clock)
    : logs_(logs), clock_(std::move(clock)), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

void LogWriter::write(const std::string& group, const std::string& stream, std::string_view line) {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [this] { return backlog_bytes_ < backlog_bytes_max; });
  // Readers go on behind the last line that they have seen: one with an earlier time would never reach them.
  const std::int64_t now = latest_ms_ = std::max(latest_ms_, aws::to_epoch_ms(clock_->now()));
  // CloudWatch refuses empty messages; a blank line of a program is kept as one space.
  lines_.push_back({group, stream, {now, now, 0, line.empty() ? std::string(" ") : std::string(line)}});
  backlog_bytes_ += line.size() + 1;
  ++accepted_;
  work_.notify_one();
}

bool LogWriter::open_stream(const std::string& group, const std::string& stream) {
  const std::int64_t now = aws::to_epoch_ms(clock_->now());
  logs_.create_group(group, now);
  return logs_.create_stream(group, stream, now);
}

void LogWriter::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = accepted_;
  written_.wait(lock, [&] { return stored_ >= target; });
}

void LogWriter::delete_group(const std::string& group) {
  flush();
  logs_.delete_group(group);
}

void LogWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !lines_.empty(); });
    if (lines_.empty()) return;  // stopping, and everything is written
    std::deque<Line> batch;
    batch.swap(lines_);
    lock.unlock();
    const std::size_t count = batch.size();
    std::size_t bytes = 0;
    for (const Line& line : batch) bytes += line.event.message.size() + 1;
    store_lines(batch);
    lock.lock();
    stored_ += count;
    backlog_bytes_ -= std::min(bytes, backlog_bytes_);
    written_.notify_all();
    if (!stopping_) work_.wait_for(lock, gather, [this] { return stopping_; });
  }
}

void LogWriter::store_lines(std::deque<Line>& lines) {
  std::map<std::pair<std::string, std::string>, std::vector<store::LogEvent>> by_stream;
  for (Line& line : lines) by_stream[{line.group, line.stream}].push_back(std::move(line.event));
  for (const auto& [stream, events] : by_stream) {
    try {
      logs_.append(stream.first, stream.second, events);
    } catch (const std::exception&
                 error) {  // a full disk must not end the emulator; the job goes on, the log has a gap
      spdlog::error("{} log lines of {} {} are lost: {}", events.size(), stream.first, stream.second,
                    error.what());
    }
  }
}

}  // namespace sagemaker::local::services
