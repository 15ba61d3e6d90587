// HTTP/1.1 to a container on a loopback address: kept-alive connections, one deadline for the whole exchange,
// a limit on the answer. Blocking, thread-safe, plain sockets: it lies on the path of every invocation.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/headers.hpp>

#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  aws::Headers headers;  // Host, and Content-Length or Transfer-Encoding, are added
  std::string_view body;
  // Where set, the body is what this hands out while it is sent (in chunks): up to `size` bytes into
  // `target`; 0: the end. It is asked from the beginning to the end at most once, and not to its end where an
  // answer other than 2xx comes before. What it throws passes through send() and closes the connection, by
  // which the server sees that the body is not whole.
  std::function<std::size_t(char* target, std::size_t size)> pull = {};
};

struct HttpAnswer {
  // broken: the connection or the answer was not HTTP to its end; too_large: the answer exceeded the limit.
  enum class Kind { answered, timed_out, refused, broken, too_large } kind = Kind::refused;
  int status = 0;        // 0 where not even the head of an answer came
  aws::Headers headers;  // as far as they came
  std::string body;
  bool began = false;  // at least one byte of an answer came
};

// Where the body of a 2xx answer goes piece by piece as it arrives, instead of into HttpAnswer::body.
struct HttpStream {
  std::function<void(int status, const aws::Headers& headers)>
      on_head;                                           // once, before any piece; may be empty
  std::function<bool(std::string_view piece)> on_piece;  // false: nothing more is wanted
  std::chrono::steady_clock::time_point deadline;        // of the whole answer
};

class HttpClient {
 public:
  // `sockets` makes a non-blocking TCP socket; without it they are of this process's network.
  using SocketSource = std::function<UniqueFd()>;
  HttpClient(std::string address, int port, SocketSource sockets = nullptr)
      : address_(std::move(address)), port_(port), sockets_(std::move(sockets)) {}

  // A request is sent once. The one exception is a kept-alive connection that the server had closed before it
  // read the request: then it is sent again on a new one. A body that is pulled goes out on a new connection.
  // `deadline` includes the time it takes to send the body.
  // With `stream`, `deadline` is that of the answer's head, and no limit holds for a body that is handed
  // over; an answer other than 2xx arrives as without it.
  HttpAnswer send(const HttpRequest& request, std::chrono::steady_clock::time_point deadline,
                  std::uint64_t body_bytes_max, const HttpStream* stream = nullptr);

  // Forgets the idle connections: the server behind them is another one now.
  void clear();

 private:
  UniqueFd take_idle();
  void give_back(UniqueFd connection);
  UniqueFd connect(std::chrono::steady_clock::time_point deadline) const;

  std::string address_;
  int port_;
  SocketSource sockets_;
  std::mutex mutex_;
  std::vector<UniqueFd> idle_;
};

}  // namespace sagemaker::local::runner
