// Events of CloudWatch Logs as a range, and how a log that is still being written is followed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/paginator.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker {

struct LogEvent {
  std::string stream;
  std::string message;
  std::string id;                 // unique in its group
  std::int64_t timestamp_ms = 0;  // since 1970, as the writer gave it
  std::int64_t ingestion_ms = 0;  // when it arrived
};

// Which events. Empty members select nothing in particular.
struct LogQuery {
  std::string group = {};           // a name or an ARN
  std::string stream = {};          // this one only
  std::string stream_prefix = {};   // those whose names begin so
  std::string filter_pattern = {};  // CloudWatch's: ERROR, { $.level = "error" }, [ip, ..., status = 5*]
  std::optional<std::int64_t> start_ms = std::nullopt, end_ms = std::nullopt;  // both ends belong to it
};

// When following ends, and how often it looks. With none of the conditions it goes on for ever.
struct FollowOptions {
  // Asked before each look; once it says true, that look is the last. So nothing is missed that was written
  // before the answer: "the job has ended".
  std::function<bool()> finished = {};
  std::function<bool(const LogEvent& event)> until = {};  // true: this event is the last one delivered
  std::stop_token stop = {};
  std::chrono::milliseconds poll_interval{2'000};
  // Events may become readable later than others with a later time, as writers are on different machines.
  // What is late by more than this is missed.
  std::chrono::milliseconds lookback{10'000};
};

namespace detail {

inline json filter_request(const LogQuery& query, bool stream_exists) {
  json request = json::object();
  request[query.group.starts_with("arn:") ? "logGroupIdentifier" : "logGroupName"] = query.group;
  if (!query.stream.empty() && stream_exists) {
    request["logStreamNames"] = json::array_t{query.stream};
  } else if (!query.stream.empty() || !query.stream_prefix.empty()) {
    request["logStreamNamePrefix"] = query.stream.empty() ? query.stream_prefix : query.stream;
  }
  if (!query.filter_pattern.empty()) request["filterPattern"] = query.filter_pattern;
  if (query.start_ms) request["startTime"] = *query.start_ms;
  if (query.end_ms) request["endTime"] = *query.end_ms;
  return request;
}

inline std::string log_text(const json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get_ref<const std::string&>() : std::string();
}

inline LogEvent log_event_of(const json& event) {
  const auto time = [&](const char* name) {
    const auto found = event.find(name);
    return found != event.end() && found->is_number() ? found->get<std::int64_t>() : std::int64_t{0};
  };
  return {log_text(event, "logStreamName"), log_text(event, "message"), log_text(event, "eventId"),
          time("timestamp"), time("ingestionTime")};
}

// Looks again and again from a little before the newest event on, and passes over what it has delivered.
class LogFollower {
 public:
  LogFollower(const LogQuery& query, const FollowOptions& options,
              std::function<json(const json& request)> fetch, std::function<std::int64_t()> now_ms)
      : query_(query), options_(options), fetch_(std::move(fetch)), now_ms_(std::move(now_ms)) {}

  void run(const std::function<void(const LogEvent&)>& deliver, aws::Clock& clock) {
    while (!options_.stop.stop_requested()) {
      const bool last = options_.finished && options_.finished();
      if (!look(deliver) || last) return;
      pause(clock);
    }
  }

 private:
  // False: there is nothing more to deliver.
  bool look(const std::function<void(const LogEvent&)>& deliver) {
    json request = filter_request(query_, false);
    if (start_ms_) request["startTime"] = std::max(*start_ms_, query_.start_ms.value_or(*start_ms_));
    std::string token;
    do {
      json page;
      try {
        page = fetch_(request);
      } catch (const ServiceError& error) {
        if (error.code() == "ResourceNotFoundException") return true;  // not there yet
        throw;
      }
      if (const auto events = page.find("events"); events != page.end())
        for (const json& item : *events)
          if (!take(log_event_of(item), deliver)) return false;
      forget_old();
      std::string next = log_text(page, "nextToken");
      if (next == token) next.clear();
      token = std::move(next);
      request["nextToken"] = token;
    } while (!token.empty() && !options_.stop.stop_requested());
    if (newest_ms_) start_ms_ = *newest_ms_ - options_.lookback.count();
    return true;
  }

  bool take(LogEvent event, const std::function<void(const LogEvent&)>& deliver) {
    // A prefix also names streams with longer names.
    if (!query_.stream.empty() && event.stream != query_.stream) return true;
    if (options_.stop.stop_requested()) return false;
    if (!delivered_.emplace(event.timestamp_ms, event.id).second) return true;
    // A writer whose clock is ahead must not hide what the others write until then.
    const std::int64_t seen_ms = std::min(event.timestamp_ms, now_ms_());
    newest_ms_ = std::max(newest_ms_.value_or(seen_ms), seen_ms);
    deliver(event);
    return !options_.until || !options_.until(event);
  }

  // What no later look will see again.
  void forget_old() {
    if (newest_ms_)
      delivered_.erase(delivered_.begin(),
                       delivered_.lower_bound({*newest_ms_ - options_.lookback.count(), std::string()}));
  }

  void pause(aws::Clock& clock) const {
    constexpr std::chrono::milliseconds slice{100};  // a stop is noticed so soon
    for (auto left = options_.poll_interval; left.count() > 0 && !options_.stop.stop_requested();
         left -= slice)
      clock.sleep_for(std::min(left, slice));
  }

  const LogQuery query_;
  const FollowOptions options_;
  const std::function<json(const json& request)> fetch_;
  const std::function<std::int64_t()> now_ms_;
  std::optional<std::int64_t> start_ms_, newest_ms_;
  std::set<std::pair<std::int64_t, std::string>> delivered_;  // time and id of events that may come again
};

}  // namespace detail

// The events of a query. Pages are fetched when the loop reaches them.
class LogEvents {
 public:
  explicit LogEvents(Pages pages) : items_(std::move(pages), "events") {}

  class Iterator {
   public:
    using value_type = LogEvent;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(PageItems::Iterator item) : item_(std::move(item)) {}
    LogEvent operator*() const { return detail::log_event_of(*item_); }
    Iterator& operator++() {
      ++item_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t end) const { return item_ == end; }

   private:
    PageItems::Iterator item_;
  };

  Iterator begin() const { return Iterator(items_.begin()); }
  std::default_sentinel_t end() const { return {}; }

 private:
  PageItems items_;
};

}  // namespace sagemaker
