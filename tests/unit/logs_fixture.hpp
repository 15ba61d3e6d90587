// A log service on a store of its own, with a clock that the test moves.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/logs/operations.hpp"
#include "emulator/services/service_error.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

// "s", 3 -> "s3"
inline std::string numbered(std::string prefix, std::size_t number) {
  return prefix.append(std::to_string(number));
}

class ManualClock final : public aws::Clock {
 public:
  explicit ManualClock(std::int64_t epoch_ms) : now_(aws::from_epoch_ms(epoch_ms)) {}
  aws::TimePoint now() const override { return now_; }
  void sleep_for(std::chrono::milliseconds duration) override { now_ += duration; }
  std::chrono::steady_clock::time_point steady() const override { return {}; }

 private:
  aws::TimePoint now_;
};

struct LogService {
  static constexpr std::int64_t now_ms = 1'700'000'000'000;

  // A document of any events: {{"timestamp", ...}, ...} in `logEvents`.
  static json events(const std::vector<std::pair<std::int64_t, std::string>>& given) {
    json list = json::array();
    for (const auto& [timestamp, message] : given)
      list.push_back({{"timestamp", timestamp}, {"message", message}});
    return list;
  }

  json call(const std::string& operation, const json& input) {
    return operations.find(operation)->second({"000000000000", "us-east-1", "aws", "test", "id"}, input);
  }

  // "Code: message", or "" where the operation succeeds.
  std::string fault(const std::string& operation, const json& input) {
    try {
      call(operation, input);
      return "";
    } catch (const local::ServiceFault& thrown) {
      return thrown.code() + ": " + thrown.message();
    }
  }

  void make_stream(const std::string& stream) {
    if (!logs.group_exists("g")) call("CreateLogGroup", {{"logGroupName", "g"}});
    call("CreateLogStream", {{"logGroupName", "g"}, {"logStreamName", stream}});
  }
  json put(const std::string& stream, const std::vector<std::pair<std::int64_t, std::string>>& given) {
    return call("PutLogEvents",
                {{"logGroupName", "g"}, {"logStreamName", stream}, {"logEvents", events(given)}});
  }

  TemporaryDirectory folder;
  local::store::Database database{folder / "logs.db", local::store::Logs::schema(),
                                  local::store::Durability::process};
  local::store::Logs logs{database};
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(now_ms);
  local::OperationTable operations = local::services::logs_operations(logs, clock);
};

inline std::vector<std::string> messages(const json& output) {
  std::vector<std::string> list;
  for (const json& event : output.at("events")) list.push_back(event.at("message"));
  return list;
}

}  // namespace sagemaker::tests
