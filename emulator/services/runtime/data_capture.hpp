// Data capture: what went into endpoints and came out of them, as lines of JSON in S3, for a share of the
// requests that were answered. Written by a thread of its own, some seconds later.
// https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/services/runtime/gateway.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::runtime {

struct CapturedSide {
  bool wanted = false;
  std::string content_type;
  std::string encoding;  // "CSV", "JSON" or "BASE64": how `data` stands in the line
  std::string data;
};

struct CaptureRecord {
  std::string destination;  // s3://bucket/prefix
  std::string endpoint, variant;
  CapturedSide input, output;
  std::string inference_id, custom_attributes;
  aws::TimePoint time{};
  std::size_t bytes() const { return input.data.size() + output.data.size() + 512; }
};

// One line of a captured file, with its end. `event_id`: a UUID.
std::string capture_line(const CaptureRecord& record, const std::string& event_id);
// "{prefix/}{endpoint}/{variant}/yyyy/mm/dd/hh/mm-ss-mmm-{uuid}.jsonl", in UTC.
std::string capture_key(const std::string& prefix, const CaptureRecord& record, const std::string& uuid);
// How a body of this type is written, by CaptureContentTypeHeader: "BASE64" where it is in neither list.
std::string capture_encoding(const json& config, const std::string& content_type);

class DataCapture {
 public:
  struct Settings {
    std::chrono::milliseconds flush_after{2'000};  // a file is in S3 so long after its first line
    std::size_t backlog_bytes_max = 256ull << 20;  // more is not captured
  };

  // `random`: uniform in [0, 1), thread-safe; chooses what is captured. `objects` must outlive this.
  DataCapture(store::Objects& objects, std::shared_ptr<aws::Clock> clock, std::function<double()> random,
              const Settings& settings);
  ~DataCapture();  // writes what is left
  DataCapture(const DataCapture&) = delete;
  DataCapture& operator=(const DataCapture&) = delete;

  // An invocation of the gateway. Copies the bodies where they are captured, and never waits.
  void note(const InvocationEvent& event);
  void take(CaptureRecord record);
  // Returns when everything taken so far is in S3.
  void flush();

 private:
  struct File;
  using Files = std::map<std::string, std::unique_ptr<File>>;  // by destination, endpoint, variant and hour

  void run();
  void write(const CaptureRecord& record);
  void close_files(bool all);

  store::Objects& objects_;
  std::shared_ptr<aws::Clock> clock_;
  std::function<double()> random_;
  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable work_, flushed_;
  std::deque<CaptureRecord> records_;
  std::size_t backlog_bytes_ = 0, dropped_ = 0;
  std::uint64_t flushes_wanted_ = 0, flushes_done_ = 0;
  bool stopping_ = false;
  Files files_;  // of the thread
  std::thread thread_;
};

}  // namespace sagemaker::local::services::runtime
