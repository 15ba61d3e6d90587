// What the tests of the authenticator share: a clock that stands still, requests signed by the client's own
// code, and faults as values.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/sigv4.hpp>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/authenticator.hpp"

namespace sagemaker::tests {

using local::wire::AuthenticationFamily;
using local::wire::Authenticator;
using local::wire::Identity;
using local::wire::PayloadKind;

struct StoppedClock final : aws::Clock {
  aws::TimePoint time = *aws::parse_amz_date("20260301T120000Z");
  aws::TimePoint now() const override { return time; }
  void sleep_for(std::chrono::milliseconds) override {}
  std::chrono::steady_clock::time_point steady() const override { return {}; }
};

struct AuthenticatorFixture {
  std::shared_ptr<StoppedClock> clock = std::make_shared<StoppedClock>();
  local::WireLimits limits;
  std::map<std::string, Authenticator::Key> temporary;
  Authenticator authenticator{{{"test", "test"}, {"AKIAOTHER/with/slashes", "another secret"}},
                              true,
                              limits,
                              clock,
                              [this](const std::string& access_key) -> std::optional<Authenticator::Key> {
                                const auto found = temporary.find(access_key);
                                return found == temporary.end() ? std::nullopt : std::optional(found->second);
                              }};
  Authenticator lenient{{}, false, limits, clock};

  aws::Credentials credentials{"test", "test", "", std::nullopt};
  aws::TimePoint now() const { return clock->time; }
};

inline local::http::Request request_of(const aws::sigv4::Message& message) {
  local::http::Request request;
  request.method = message.method;
  request.path = message.path;
  request.query = message.query;
  request.target = message.query.empty() ? message.path : message.path + "?" + message.query;
  request.headers = message.headers;
  return request;
}

struct Refusal {
  std::string code;
  int status = 0;
  std::string message;
  json fields;
};

// The fault that `call` throws; an empty code where it throws none.
inline Refusal refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const local::ServiceFault& fault) {
    return {fault.code(), fault.http_status(), fault.message(), fault.fields()};
  }
  return {};
}

}  // namespace sagemaker::tests
