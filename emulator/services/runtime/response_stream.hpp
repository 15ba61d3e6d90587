// InvokeEndpointWithResponseStream: an answer that its client receives while the container still writes it.
// The exchange with the container has a thread of its own, because the answer is sent after the handler of
// the request has returned; what the client does not take, the container cannot send.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "emulator/services/background.hpp"
#include "emulator/services/runtime/gateway.hpp"

namespace sagemaker::local::services::runtime {

class ResponseStream {
 public:
  ~ResponseStream();  // ends the exchange with the container, at its next byte, where it still goes on
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  // What is known when the first bytes come: no body.
  const InvokeResponse& head() const;

  enum class End {
    complete,
    abandoned,      // `sink` wanted no more
    time_exceeded,  // the container did not end within the time for streams
    broken,         // its connection broke off, or what it sent is no HTTP
    failed          // something here
  };
  // Hands the bytes over as they come. To be called once.
  End read(const std::function<bool(std::string_view piece)>& sink);

 private:
  friend class ResponseStreams;
  struct Exchange;
  explicit ResponseStream(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  std::shared_ptr<Exchange> exchange_;
};

class ResponseStreams {
 public:
  explicit ResponseStreams(Gateway& gateway) : gateway_(gateway) {}
  // Waits until the containers have ended: streams end with them.
  ~ResponseStreams() = default;

  // Returns when the container's answer begins. Throws what Gateway::invoke does. The request's own `body`
  // is not looked at.
  std::shared_ptr<ResponseStream> open(InvokeRequest request, std::string body);

 private:
  Gateway& gateway_;
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace sagemaker::local::services::runtime
