// Frames between the server and a Python worker, over a Unix socket: the sizes of a JSON head (4 bytes) and
// of a body (8 bytes), both little-endian, then the head and the body. The server says "invoke" and "cancel";
// a worker says "ready" or "failed" once, then "reply", or "begin", "piece"... and "end" of a streamed
// answer.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::images {

struct Frame {
  json head = json::object();
  std::string body = {};
};

// Our end of the socket; one thread at a time.
class Channel {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Result { done, ended, timed_out };

  explicit Channel(int descriptor);  // takes it over
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The body is the parts, one after the other.
  Result send(const json& head, const std::vector<std::string_view>& parts, Clock::time_point deadline);
  // A head that is not JSON counts as `ended`: whatever wrote it is no worker of ours.
  Result receive(Frame& frame, Clock::time_point deadline);
  // Whether the worker has closed its end, and nothing of it is left to be received.
  bool at_end() const;

 private:
  Result send_bytes(std::string_view bytes, Clock::time_point deadline);
  Result receive_bytes(char* memory, std::size_t size, Clock::time_point deadline);
  Result wait(short events, Clock::time_point deadline) const;
  void close();

  int descriptor_;
};

}  // namespace sagemaker::local::images
