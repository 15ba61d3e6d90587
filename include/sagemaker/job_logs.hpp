// Follows the log of a running job in CloudWatch Logs: one stream a host, named JOB/algo-1-1700000000, and
// for transform jobs JOB/i-0123-1700000000 with JOB/i-0123-1700000000/data-log for the records that failed. A
// host that is started again, after a spot interruption or a retry, goes on in a stream of another time.
// Every line is delivered once, lines that are there at the same time in the order of their time stamps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/clients/logs.hpp>
#include <sagemaker/detail/documents.hpp>

namespace sagemaker {

struct LogLine {
  std::string host;  // "algo-1"
  std::string text;
  std::int64_t timestamp_ms = 0;  // since 1970
};

struct JobLogTailOptions {
  std::string group = "/aws/sagemaker/TrainingJobs";
  std::string job_name;
  int host_count = 1;  // how many streams to expect
};

class JobLogTail {
 public:
  JobLogTail(LogsClient logs, JobLogTailOptions options)
      : logs_(std::move(logs)), options_(std::move(options)) {}

  // Delivers what is new and says whether anything was. A group or a stream that is not there yet is no
  // error.
  bool poll(const std::function<void(const LogLine&)>& deliver) {
    find_streams();
    std::vector<LogLine> lines;
    for (auto& [name, token] : tokens_) read_stream(name, token, lines);
    std::stable_sort(lines.begin(), lines.end(),
                     [](const LogLine& a, const LogLine& b) { return a.timestamp_ms < b.timestamp_ms; });
    for (const LogLine& line : lines) deliver(line);
    return !lines.empty();
  }

  // The streams seen so far: one for each host that has written, and for each time that it was started again.
  std::size_t stream_count() const { return tokens_.size(); }

 private:
  // New streams may appear as long as the job runs, so that looking never ends.
  void find_streams() {
    const bool all_hosts_seen = hosts_seen() >= static_cast<std::size_t>(options_.host_count);
    json request = detail::object({{"logGroupName", options_.group},
                                   {"logStreamNamePrefix", options_.job_name + "/"},
                                   {"orderBy", "LogStreamName"},
                                   {"limit", all_hosts_seen ? 50 : std::clamp(options_.host_count, 1, 50)}});
    try {
      while (true) {
        const json page = logs_.describe_log_streams(request);
        for (const json& stream : detail::array_of(page, "logStreams")) {
          tokens_.emplace(detail::text_of(stream, "logStreamName"), "");
        }
        const std::string next = detail::text_of(page, "nextToken");
        if (next.empty() || next == detail::text_of(request, "nextToken")) return;
        request["nextToken"] = next;
      }
    } catch (const ServiceError& error) {
      if (error.code() != "ResourceNotFoundException") throw;
    }
  }

  std::size_t hosts_seen() const {
    std::vector<std::string> hosts;
    for (const auto& entry : tokens_) hosts.push_back(host_of(entry.first));
    std::sort(hosts.begin(), hosts.end());
    return static_cast<std::size_t>(std::unique(hosts.begin(), hosts.end()) - hosts.begin());
  }

  // An exhausted stream gives the same token again; new events appear behind that token. Pages in between may
  // be empty.
  void read_stream(const std::string& name, std::string& token, std::vector<LogLine>& lines) {
    try {
      for (int empty_pages = 0; empty_pages < empty_pages_max;) {
        json request = detail::object(
            {{"logGroupName", options_.group}, {"logStreamName", name}, {"startFromHead", true}});
        if (!token.empty()) request["nextToken"] = token;
        const json page = logs_.get_log_events(request);
        const json& events = detail::array_of(page, "events");
        for (const json& event : events) {
          std::string text = detail::text_of(event, "message");
          while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
          lines.push_back({host_of(name), std::move(text), timestamp_of(event)});
        }
        std::string next = detail::text_of(page, "nextForwardToken");
        if (next.empty()) next = token;
        if (events.empty()) ++empty_pages;
        if (std::exchange(token, next) == next) return;
      }
    } catch (const ServiceError& error) {
      if (error.code() != "ResourceNotFoundException") throw;
    }
  }

  static std::int64_t timestamp_of(const json& event) {
    const auto found = event.find("timestamp");
    return found != event.end() && found->is_number() ? found->get<std::int64_t>() : 0;
  }

  // JOB/algo-1-1700000000 -> algo-1, and so for what lies below.
  static std::string host_of(const std::string& stream) {
    std::string host = stream.substr(stream.find('/') + 1);
    host.resize(std::min(host.size(), host.find('/')));
    const std::size_t dash = host.rfind('-');
    if (dash != std::string::npos && host.find('-') != dash) host.resize(dash);
    return host;
  }

  static constexpr int empty_pages_max = 20;  // in one poll; the next one reads on

  LogsClient logs_;
  JobLogTailOptions options_;
  std::map<std::string, std::string> tokens_;  // stream -> where to read on
};

}  // namespace sagemaker
