// The requests that a serving program of the toolkit reads: the same however their bytes arrive, within the
// limits, and never with two lengths.
#include <sagemaker/container/detail/http_message.hpp>

#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using container::detail::HttpLimits;
using container::detail::HttpRequest;
using container::detail::RequestReader;

const HttpLimits limits{.target_bytes = 60, .head_bytes = 400, .headers = 8, .body_bytes = 200};

struct Read {
  std::vector<HttpRequest> requests;
  bool failed = false;
};

void check(const HttpRequest& request) {
  require(request.path.starts_with("/"), "a path begins with a slash");
  require(request.path.size() + request.query.size() <= limits.target_bytes, "a target is within its limit");
  require(request.headers.size() <= limits.headers, "headers are within their limit");
  require(request.body.size() <= limits.body_bytes, "a body is within its limit");
  const bool sized = !request.header("Content-Length").empty();
  const bool coded = !request.header("Transfer-Encoding").empty();
  require(!(sized && coded), "a body has one length");
  require(sized || coded || request.body.empty(), "a body has a length");
  for (const auto& [name, value] : request.headers) {
    require(!name.empty(), "a header has a name");
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "a value is one line");
  }
}

Read read(std::string_view input, int division) {
  Read result;
  RequestReader reader(limits);
  in_pieces(input, division, [&](std::string_view piece) {
    while (!piece.empty() && !reader.failed()) {
      const std::size_t taken = reader.feed(piece);
      require(taken <= piece.size(), "no more is taken than was given");
      require(taken > 0 || reader.failed(), "something is taken");
      piece.remove_prefix(taken);
      if (!reader.complete()) continue;
      result.requests.push_back(reader.take());
      check(result.requests.back());
    }
  });
  result.failed = reader.failed();
  if (result.failed) require(reader.status() >= 400 && reader.status() < 600, "a refusal has a status");
  return result;
}

const Registered serving_requests(
    {"serving_requests",
     [](std::string_view input) {
       const Read whole = read(input, 0);
       for (int division = 1; division < divisions; ++division) {
         const Read divided = read(input, division);
         require(divided.failed == whole.failed, "the verdict is the same for every division");
         require(divided.requests.size() == whole.requests.size(), "there are as many requests");
         for (std::size_t i = 0; i < whole.requests.size(); ++i) {
           require(divided.requests[i].body == whole.requests[i].body, "the bodies are the same");
           require(divided.requests[i].headers == whole.requests[i].headers, "the headers are the same");
         }
       }
     },
     {"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /invocations HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n[1]GET / "
      "HTTP/1.0\r\n\r\n",
      "POST /x?y=z HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\n[1]\r\n0\r\nX: y\r\n\r\n"},
     {"\r\n", "\r\n\r\n", " HTTP/1.1\r\n", "Content-Length: ", "Transfer-Encoding: chunked",
      "ffffffffffffffff", "Connection: close", "0\r\n\r\n", ";", "http://", "POST /"}});

}  // namespace
}  // namespace sagemaker::fuzz
