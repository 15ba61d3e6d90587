// CloudWatch Logs: boto3's "logs" client in C++, and a way to follow a log that is still being written.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/paginator.hpp>
#include <sagemaker/clients/log_events.hpp>

namespace sagemaker {

// A client of the API "Amazon CloudWatch Logs" (2014-03-28, JSON 1.1). Members of its documents start with a
// lower-case letter, times are milliseconds since 1970. Throws as SageMakerClient does; safe to call from
// several threads.
class LogsClient {
 public:
  explicit LogsClient(const ClientConfig& config = {})
      : client_({"CloudWatch Logs", "logs", "logs", aws::Protocol::json, "Logs_20140328"}, config) {}

  json call(std::string_view operation, const json& input = json::object()) const {
    return client_.call_json(operation, input);
  }

  json create_log_group(const json& input) const { return call("CreateLogGroup", input); }
  json delete_log_group(const json& input) const { return call("DeleteLogGroup", input); }
  json describe_log_groups(const json& input = json::object()) const {
    return call("DescribeLogGroups", input);
  }
  json create_log_stream(const json& input) const { return call("CreateLogStream", input); }
  json delete_log_stream(const json& input) const { return call("DeleteLogStream", input); }
  json describe_log_streams(const json& input) const { return call("DescribeLogStreams", input); }
  json put_log_events(const json& input) const { return call("PutLogEvents", input); }
  json get_log_events(const json& input) const { return call("GetLogEvents", input); }
  json filter_log_events(const json& input) const { return call("FilterLogEvents", input); }
  json put_retention_policy(const json& input) const { return call("PutRetentionPolicy", input); }
  json delete_retention_policy(const json& input) const { return call("DeleteRetentionPolicy", input); }

  // The pages of DescribeLogGroups, DescribeLogStreams or FilterLogEvents.
  Pages pages(std::string_view operation, const json& input = json::object()) const {
    return paged(operation, input, "nextToken", false);
  }

  // All log streams of a group, and all events of a stream from its start (`startFromHead`) to what is there
  // now.
  PageItems log_streams(const json& input) const {
    return PageItems(pages("DescribeLogStreams", input), "logStreams");
  }
  PageItems log_events(json input) const {
    input["startFromHead"] = true;
    return PageItems(paged("GetLogEvents", input, "nextForwardToken", true), "events");
  }

  // The events of a group, of one stream or of the streams with a prefix, merged by time, up to what is there
  // now. for (const LogEvent& event : logs.events({.group = "/aws/sagemaker/TrainingJobs"})) ...
  LogEvents events(const LogQuery& query) const {
    return LogEvents(pages("FilterLogEvents", detail::filter_request(query, true)));
  }

  // The same, and then what is written later, each event once, until `options` say that it is enough. A group
  // or a stream that does not exist yet is waited for.
  void follow(const LogQuery& query, const FollowOptions& options,
              const std::function<void(const LogEvent&)>& deliver) const {
    detail::LogFollower(
        query, options, [this](const json& request) { return filter_log_events(request); },
        [this] { return aws::to_epoch_ms(client_.now()); })
        .run(deliver, *client_.config().clock);
  }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

 private:
  Pages paged(std::string_view operation, const json& input, const char* output_token,
              bool end_when_repeated) const {
    return Pages({.fetch = [client = client_, name = std::string(operation)](
                               const json& document) { return client.call_json(name, document); },
                  .input = input,
                  .input_token = "nextToken",
                  .output_token = output_token,
                  .end_when_repeated = end_when_repeated});
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker
