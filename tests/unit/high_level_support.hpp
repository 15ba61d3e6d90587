// AWS as a script: a transport that answers each operation with what a test told it to and keeps every
// request, and a clock that passes when somebody sleeps.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/sagemaker.hpp>

namespace sagemaker::tests {

inline aws::HttpResponse answer(std::string body, int status = 200) {
  aws::HttpResponse response;
  response.status = status;
  response.reason = status == 200   ? "OK"
                    : status == 404 ? "Not Found"
                    : status == 403 ? "Forbidden"
                                    : "Bad Request";
  response.body = std::move(body);
  return response;
}
inline aws::HttpResponse answer_json(const json& document) { return answer(aws::dump_json(document)); }
inline aws::HttpResponse refusal(const std::string& code, const std::string& message) {
  return answer(aws::dump_json({{"__type", code}, {"message", message}}), 400);
}

class ScriptedAws final : public aws::Transport {
 public:
  using Responder = std::function<aws::HttpResponse(const aws::HttpRequest&)>;

  // Answers of one operation in turn; the last one stays. Operations: "CreateTrainingJob", or "PUT
  // /bucket/key".
  void on(const std::string& operation, std::vector<aws::HttpResponse> answers) {
    auto next = std::make_shared<std::size_t>(0);
    responders_[operation] = [answers = std::move(answers), next](const aws::HttpRequest&) {
      return answers[std::min((*next)++, answers.size() - 1)];
    };
  }
  void on_json(const std::string& operation, const json& document) { on(operation, {answer_json(document)}); }
  void on_call(const std::string& operation, Responder responder) {
    responders_[operation] = std::move(responder);
  }

  aws::HttpResponse send(const aws::HttpRequest& original) override {
    aws::HttpRequest request = original;
    if (request.stream) {
      std::string piece(64 * 1024, '\0');
      while (const std::size_t count = request.stream->read(piece.data(), piece.size()))
        request.body.append(piece, 0, count);
    }
    const std::string name = operation_of(request);
    const std::lock_guard lock(mutex_);  // transfers send from several threads
    calls.push_back(name);
    requests.emplace(name, request);
    const auto found = responders_.find(name);
    aws::HttpResponse response = found != responders_.end()  ? found->second(request)
                                 : name.starts_with("PUT /") ? answer("")
                                                             : answer("{}");
    if (request.sink != nullptr && response.status < 300) {
      request.sink->start(response);
      request.sink->write(std::exchange(response.body, ""));
    }
    return response;
  }

  // The document of the n-th request of an operation; fails the test's expectations by being null where there
  // was none.
  json document(const std::string& operation, std::size_t index = 0) const {
    auto [first, last] = requests.equal_range(operation);
    for (; first != last; ++first) {
      if (index-- == 0) return aws::parse_json(first->second.body);
    }
    return nullptr;
  }
  std::size_t count(const std::string& operation) const { return requests.count(operation); }

  std::vector<std::string> calls;                         // in order
  std::multimap<std::string, aws::HttpRequest> requests;  // by operation, in order

 private:
  static std::string operation_of(const aws::HttpRequest& request) {
    const std::string target = request.headers.get("X-Amz-Target");
    if (!target.empty()) return target.substr(target.find('.') + 1);
    if (request.body.starts_with("Action=")) return request.body.substr(7, request.body.find('&') - 7);
    return request.method + " " + request.target.substr(0, request.target.find('?'));
  }

  std::mutex mutex_;
  std::map<std::string, Responder> responders_;
};

class SteppedClock final : public aws::Clock {
 public:
  aws::TimePoint now() const override {
    return aws::from_epoch_ms(1'795'244'400'123) + slept_;
  }  // 2026-11-21 07:00:00.123
  void sleep_for(std::chrono::milliseconds duration) override {
    slept_ += duration;
    sleeps.push_back(duration.count());
  }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{} + slept_;
  }
  std::vector<long long> sleeps;  // milliseconds

 private:
  std::chrono::milliseconds slept_{0};
};

// A session on a scripted AWS. Nothing of the machine's environment shows through.
struct Stage {
  explicit Stage(SessionOptions options = {}) : session(prepare(std::move(options))) {
    aws->on(
        "GetCallerIdentity",
        {answer("<GetCallerIdentityResponse><GetCallerIdentityResult>"
                "<Arn>arn:aws:sts::111122223333:assumed-role/Trainer/me</Arn><UserId>AROA:me</UserId>"
                "<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")});
  }
  SessionOptions prepare(SessionOptions options) {
    options.config.transport = aws;
    options.config.clock = clock;
    options.config.environment = environment;
    options.config.max_attempts = 1;
    options.config.credentials = aws::Credentials{"AKID", "secret", "", std::nullopt};
    if (options.region.empty()) options.region = "eu-west-1";
    if (!options.output) options.output = [this](std::string_view line) { lines.emplace_back(line); };
    return options;
  }

  std::shared_ptr<ScriptedAws> aws = std::make_shared<ScriptedAws>();
  std::shared_ptr<SteppedClock> clock = std::make_shared<SteppedClock>();
  std::shared_ptr<aws::FixedEnvironment> environment = std::make_shared<aws::FixedEnvironment>();
  std::vector<std::string> lines;  // what was printed
  Session session;
};

// What an error says that comes of it; empty where none does.
template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace sagemaker::tests
