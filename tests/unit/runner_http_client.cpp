// Goal: whatever a container sends, its answer is understood as HTTP says or refused, and never makes the
// emulator wait, grow or repeat a request. Method: a server that sends exactly the bytes of each case.
#include <algorithm>

#include <poll.h>
#include <sys/socket.h>

#include <sagemaker/aws/uri.hpp>

#include "emulator/runner/http_client.hpp"
#include "tests/unit/loopback_servers.hpp"
#include "tests/unit/runner_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using local::runner::HttpAnswer;
using local::runner::HttpClient;
using local::runner::HttpRequest;
using local::runner::HttpStream;
using Kind = HttpAnswer::Kind;

namespace {

constexpr std::uint64_t limit = 1000;

HttpClient client_of(const RawServer& server) {
  return HttpClient("127.0.0.1", aws::parse_uri(server.origin()).port);
}

HttpAnswer get(HttpClient& client, std::chrono::milliseconds patience = 20s) {
  return client.send({.target = "/ping"}, std::chrono::steady_clock::now() + patience, limit);
}

// What a client makes of these bytes, sent at once or one by one; the connection is closed behind them.
HttpAnswer answer_to(const std::string& bytes, bool dripping = false) {
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    if (!dripping) return RawServer::write(socket, bytes);
    for (const char byte : bytes) RawServer::write(socket, std::string(1, byte));
  });
  HttpClient client = client_of(server);
  return get(client);
}

const std::string ok = "HTTP/1.1 200 OK\r\n";

}  // namespace

TEST_CASE("every form of an answer's body is read, however its bytes arrive") {
  for (const bool dripping : {false, true}) {
    CAPTURE(dripping);
    CHECK(answer_to(ok + "Content-Length: 5\r\n\r\nhello", dripping).body == "hello");
    CHECK(answer_to(
              ok + "Transfer-Encoding: chunked\r\n\r\n3;name=x\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n",
              dripping)
              .body == "hello");
    CHECK(answer_to(ok + "\r\nhello", dripping).body == "hello");
    CHECK(answer_to("HTTP/1.0 200 OK\n\nhello", dripping).body == "hello");
    CHECK(answer_to("HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nhello", dripping).body ==
          "hello");
    const HttpAnswer none = answer_to("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", dripping);
    CHECK(none.kind == Kind::answered);
    CHECK(none.status == 204);
    const HttpAnswer fields = answer_to(ok + "A: b \r\nC:\r\nContent-Length: 0\r\n\r\n", dripping);
    CHECK(fields.headers.get("a") == "b");
    CHECK(fields.headers.get("c", "absent").empty());
  }
}

TEST_CASE("what is no HTTP, breaks off or is too large is no answer") {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 099 Odd\r\n\r\n", "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Len",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    CAPTURE(bytes);
    const HttpAnswer answer = answer_to(bytes);
    CHECK(answer.kind == Kind::broken);
    CHECK(answer.began);
    CHECK(answer.body.empty());
  }
  CHECK(answer_to(ok + "X: " + std::string(70'000, 'x') + "\r\n\r\n").kind == Kind::broken);
  CHECK(answer_to("").kind == Kind::broken);
  CHECK(!answer_to("").began);
  const std::string large(limit + 1, 'x');
  CHECK(answer_to(ok + "Content-Length: 1001\r\n\r\n" + large).kind == Kind::too_large);
  CHECK(answer_to(ok + "\r\n" + large).kind == Kind::too_large);
  CHECK(answer_to(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n").kind == Kind::too_large);
  CHECK(answer_to(ok + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + large).kind == Kind::too_large);
}

TEST_CASE("a connection is used again only where its last answer ended as it said") {
  for (const auto& [answer, connections] :
       std::vector<std::pair<std::string, int>>{{ok + "Content-Length: 2\r\n\r\nhi", 1},
                                                {ok + "Content-Length: 2\r\nConnection: close\r\n\r\nhi", 2},
                                                {ok + "Content-Length: 2\r\n\r\nhi and more", 2},
                                                {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 2}}) {
    CAPTURE(answer);
    const RawServer server([&bytes = answer](int, int socket) {
      while (!RawServer::read_head(socket).empty()) RawServer::write(socket, bytes);
    });
    HttpClient client = client_of(server);
    CHECK(get(client).body == "hi");
    CHECK(get(client).body == "hi");
    CHECK(server.connections() == connections);
    client.clear();
  }
}

TEST_CASE("an idle connection that the server has closed costs no request") {
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, ok + "Content-Length: 2\r\n\r\nhi");
  });
  HttpClient client = client_of(server);
  for (int i = 0; i < 20; ++i) CHECK(get(client).body == "hi");
}

TEST_CASE("an answer in pieces that waits for acknowledgements comes without their usual delay") {
  const RawServer server([&](int, int socket) {
    // As Python's http.server writes it: the body's piece stays with the system until the head's is
    // acknowledged.
    while (!RawServer::read_head(socket).empty()) {
      RawServer::write(socket, ok + "Content-Length: 2\r\n\r\n");
      RawServer::write(socket, "h");
      RawServer::write(socket, "i");
    }
  });
  HttpClient client = client_of(server);
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 0; i < 51; ++i) {
    const auto start = std::chrono::steady_clock::now();
    CHECK(get(client).body == "hi");
    times.push_back(std::chrono::steady_clock::now() - start);
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  CHECK(times[25] < 30ms);  // the delay is 40 ms
  client.clear();
}

TEST_CASE("a request line and headers cannot be broken out of") {
  std::string seen;
  const RawServer server([&](int, int socket) {
    seen = RawServer::read_head(socket);
    RawServer::write(socket, ok + "Content-Length: 0\r\n\r\n");
  });
  HttpClient client = client_of(server);
  const HttpRequest request{.method = "POST",
                            .target = "/invocations",
                            .headers = {{"X-Good", "1"}, {"X-Bad", "1\r\nX-Smuggled: 1"}},
                            .body = ""};
  CHECK(client.send(request, std::chrono::steady_clock::now() + 20s, limit).status == 200);
  CHECK(seen.find("X-Good: 1\r\n") != std::string::npos);
  CHECK(seen.find("Smuggled") == std::string::npos);
  CHECK(seen.find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("an answer has to end in time, also where its next bytes are always there already") {
  // Many interim answers at once, which leaves the client little to wait for.
  std::string interim;
  while (interim.size() < 1'000'000) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  const RawServer server([&](int, int socket) {
    const bool stream = RawServer::read_head(socket).starts_with("GET /stream");
    if (stream) RawServer::write(socket, ok + "\r\n");
    const std::string more = stream ? std::string(16 * 1024, 'x') : interim;
    while (::send(socket, more.data(), more.size(), MSG_NOSIGNAL) > 0) continue;
  });
  int socket = -1;
  HttpClient client("127.0.0.1", aws::parse_uri(server.origin()).port, [&socket] {
    local::runner::UniqueFd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    socket = made.get();
    return made;
  });
  const auto now = std::chrono::steady_clock::now();
  // A taker who is slower than the server: it goes on when the next bytes have come. Without a limit of its
  // own the stream would go on until the taker has had enough.
  const auto enough = [now, &socket](std::string_view) {
    pollfd watched{socket, POLLIN, 0};
    ::poll(&watched, 1, 10'000);
    return std::chrono::steady_clock::now() < now + 10s;
  };
  const HttpStream stream{{}, enough, now + 200ms};
  const HttpAnswer answer = client.send({.target = "/stream"}, now + 20s, limit, &stream);
  CHECK(answer.kind == Kind::timed_out);
  CHECK(answer.status == 200);
  const auto later = std::chrono::steady_clock::now();
  CHECK(client.send({.target = "/interim"}, later + 200ms, limit).kind == Kind::timed_out);
}

TEST_CASE("nobody listening and nobody answering are told apart") {
  int port = 0;
  {
    const RawServer gone([](int, int) {});
    port = aws::parse_uri(gone.origin()).port;
  }
  HttpClient nobody("127.0.0.1", port);
  CHECK(get(nobody).kind == Kind::refused);
  const RawServer silent([](int, int socket) {
    while (!RawServer::read_head(socket).empty()) {
    }
  });
  HttpClient client = client_of(silent);
  CHECK(get(client, 50ms).kind == Kind::timed_out);
}
