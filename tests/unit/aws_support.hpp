// What the tests of the clients share: a clock that the test moves, and a transport that answers from a
// script.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sagemaker/aws/config.hpp>

namespace sagemaker::tests {

class FakeClock final : public aws::Clock {
 public:
  aws::TimePoint now() const override { return now_ + slept_; }
  void sleep_for(std::chrono::milliseconds duration) override {
    slept_ += duration;
    sleeps.push_back(duration);
  }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::hours(1)) + slept_;
  }

  std::vector<std::chrono::milliseconds> sleeps;

 private:
  aws::TimePoint now_ = aws::from_epoch_ms(1369353600000);  // 2013-05-24T00:00:00Z
  std::chrono::milliseconds slept_{0};
};

class ScriptedTransport final : public aws::Transport {
 public:
  using Answer = std::function<aws::HttpResponse(const aws::HttpRequest&)>;

  // Queues one answer.
  ScriptedTransport& then(aws::HttpResponse response) {
    return then([response = std::move(response)](const aws::HttpRequest& request) {
      aws::HttpResponse copy = response;
      if (request.sink && copy.status < 300) {
        request.sink->start(copy);
        request.sink->write(copy.body);
        copy.body.clear();
      }
      return copy;
    });
  }
  ScriptedTransport& then(int status, std::string body, aws::Headers headers = {}) {
    return then(aws::HttpResponse{status, "Reason", std::move(headers), std::move(body)});
  }
  ScriptedTransport& fail(TransportError::Kind kind) {
    return then(
        [kind](const aws::HttpRequest&) -> aws::HttpResponse { throw TransportError(kind, "scripted"); });
  }
  ScriptedTransport& then(Answer answer) {
    answers_.push_back(std::move(answer));
    return *this;
  }

  aws::HttpResponse send(const aws::HttpRequest& request) override {
    Answer answer;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      requests.push_back(request);
      if (answers_.empty())
        throw std::logic_error("the script has no answer for " + request.method + " " + request.target);
      answer = std::move(answers_.front());
      answers_.pop_front();
    }
    return answer(request);
  }

  bool used_up() const { return answers_.empty(); }
  const aws::HttpRequest& last() const { return requests.back(); }

  std::vector<aws::HttpRequest> requests;

 private:
  std::mutex mutex_;
  std::deque<Answer> answers_;
};

// A client's surroundings: nothing of the machine, no waiting, the largest delays.
struct Bench {
  std::shared_ptr<ScriptedTransport> transport = std::make_shared<ScriptedTransport>();
  std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();

  ClientConfig config() const {
    ClientConfig config;
    config.region = "us-east-1";
    config.credentials = aws::Credentials{"AKID", "SECRET", "", std::nullopt};
    config.transport = transport;
    config.clock = clock;
    config.random = [] { return 1.0; };
    const auto environment = std::make_shared<aws::FixedEnvironment>();
    environment->variables["AWS_EC2_METADATA_DISABLED"] = "true";
    config.environment = environment;
    return config;
  }
};

}  // namespace sagemaker::tests
