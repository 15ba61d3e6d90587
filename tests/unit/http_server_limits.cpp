// Deadlines and limits of the server, with short ones: who exceeds them is cut off, and nobody else notices.
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/http_server.hpp"
#include "tests/support/raw_socket.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

const std::string kHello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

http::Response answer(http::Request& request) {
  if (request.path == "/large") return text_response(std::string(64 << 20, 'x'));
  if (request.path == "/stream") {
    http::Response response;
    response.body = http::StreamBody{[](const std::function<bool(std::string_view)>& write) {
      for (int i = 0; i < 1'000 && write(std::string(65'536, 'x')); ++i) {
      }
    }};
    return response;
  }
  return text_response("hello " + std::to_string(http::read_all(*request.body, 1 << 20).size()));
}

HttpLimits short_limits() {
  HttpLimits limits;
  limits.header_deadline = 200ms;
  limits.keep_alive = 300ms;
  limits.body_idle_timeout = 200ms;
  limits.write_timeout = 200ms;
  return limits;
}

std::chrono::milliseconds time_of_exchange(int port) {
  const auto begin = std::chrono::steady_clock::now();
  RawSocket client(port);
  CHECK(client.exchange(kHello).status == 200);
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

// The median: other programs on the machine delay single requests.
std::chrono::milliseconds typical_time(int port) {
  std::vector<std::chrono::milliseconds> times;
  for (int i = 0; i < 5; ++i) times.push_back(time_of_exchange(port));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

TEST_CASE("headers must be complete before their deadline, however steadily they drip") {
  RunningServer server(short_limits(), answer);
  RawSocket client(server.port());
  const auto begin = std::chrono::steady_clock::now();
  client.send("GET /hello HTTP/1.1\r\nHost: h\r\nX: ");
  while (!client.readable_within(20ms) && std::chrono::steady_clock::now() - begin < 5s) client.send("a");
  const auto response = client.receive();
  CHECK(response.status == 408);
  CHECK(response.closes());
  CHECK(client.closed_within(3s));
  CHECK(std::chrono::steady_clock::now() - begin < 4s);
}

TEST_CASE("the deadline counts for later requests of a connection too") {
  RunningServer server(short_limits(), answer);
  RawSocket client(server.port());
  CHECK(client.exchange(kHello).status == 200);
  client.send("GET /hel");
  CHECK(client.receive().status == 408);
}

TEST_CASE("idle connections are closed without a word") {
  RunningServer server(short_limits(), answer);
  RawSocket silent(server.port()), used(server.port());
  CHECK(used.exchange(kHello).status == 200);
  for (RawSocket* client : {&silent, &used}) {
    bool ended = false;
    CHECK(client->receive_all(&ended, 5s).empty());
    CHECK(ended);
  }
}

TEST_CASE("oversized and malformed headers are answered and the connection closed") {
  RunningServer server({}, answer);
  const auto status_of = [&](const std::string& request) {
    RawSocket client(server.port());
    client.send(request);
    const auto response = client.receive();
    CHECK(response.closes());
    CHECK(client.closed_within(3s));
    return response.status;
  };
  CHECK(status_of("GET /" + std::string(100'000, 'a')) == 414);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(100'000, 'a')) == 431);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 1'000; ++i) many += "X: y\r\n";
  CHECK(status_of(many) == 431);
  CHECK(status_of("\n\n") == 400);
  CHECK(
      status_of(
          "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
      400);
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n") == 417);
  // Somebody tries TLS where there is none.
  if (!tests_speak_tls())
    CHECK(status_of(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)) == 400);
}

TEST_CASE("a refusal on a pipelined connection comes behind the answers before it") {
  RunningServer server({}, answer);
  RawSocket client(server.port());
  client.send(kHello + "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" + kHello);
  CHECK(client.receive().status == 200);
  CHECK(client.receive().status == 400);
  CHECK(client.closed_within(3s));
}

TEST_CASE("connections beyond the cap are refused with 503, and welcome again later") {
  HttpLimits limits;
  limits.connections_max = 4;
  RunningServer server(limits, answer);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 4; ++i) CHECK(clients.emplace_back(server.port()).exchange(kHello).status == 200);
  RawSocket refused(server.port(), TlsTrust{});  // said in plain text, whatever the client speaks
  const auto response = refused.receive();
  CHECK(response.status == 503);
  CHECK(response.closes());
  CHECK(refused.closed_within(3s));
  clients.clear();
  int status = 0;
  for (int i = 0; i < 500 && status != 200; ++i) {
    RawSocket next(server.port());
    status = next.exchange(kHello).status;
    if (status != 200) std::this_thread::sleep_for(10ms);
  }
  CHECK(status == 200);
}

TEST_CASE("two hundred idle and dripping connections delay nobody") {
  HttpLimits limits;
  limits.threads = 4;
  RunningServer server(limits, answer);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(server.port());
    if (i % 2 == 0) clients.back().send("GET /hello HTTP/1.1\r\nHost: h\r\nX: ");
  }
  for (int round = 0; round < 3; ++round) {
    for (RawSocket& client : clients) client.send("a");
    CHECK(typical_time(server.port()) < 100ms);
  }
}

TEST_CASE("clients whose bodies do not come cannot use up the threads") {
  HttpLimits limits;
  limits.threads = 2;
  RunningServer server(limits, answer);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(server.port()).send("PUT /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nx");
  }
  CHECK(typical_time(server.port()) < 100ms);
  for (RawSocket& client : clients) client.send("123456789");
  for (RawSocket& client : clients) CHECK(client.receive().body == "hello 10");
}

TEST_CASE("clients that do not read cannot use up the threads and are cut off") {
  HttpLimits limits;
  limits.threads = 2;
  limits.write_timeout = 500ms;
  RunningServer server(limits, answer);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(server.port(), 4'096)
        .send(i % 2 == 0 ? "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"
                         : "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  CHECK(typical_time(server.port()) < 100ms);
  std::this_thread::sleep_for(1s);
  for (RawSocket& client : clients) CHECK_FALSE(client.receive().complete);
}

TEST_CASE("a body that stops coming is answered 408") {
  RunningServer server(short_limits(), answer);
  RawSocket client(server.port());
  client.send("PUT /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  const auto response = client.receive();
  CHECK(response.status == 408);
  CHECK(client.closed_within(3s));
}

TEST_CASE("a body that only drips is answered 408") {
  HttpLimits limits = short_limits();
  RunningServer server(limits, answer);
  for (const std::string framing : {"Content-Length: 100000", "Transfer-Encoding: chunked"}) {
    RawSocket client(server.port());
    client.send("PUT /hello HTTP/1.1\r\nHost: h\r\n" + framing + "\r\n\r\n");
    if (framing.front() == 'T') client.send("10000\r\n");
    const auto begin = std::chrono::steady_clock::now();
    while (!client.readable_within(20ms) && std::chrono::steady_clock::now() - begin < 5s) client.send("x");
    CHECK(client.receive().status == 408);
  }
}

TEST_CASE("a slow but steady body is accepted") {
  HttpLimits limits = short_limits();
  limits.body_rate_min = 100;
  RunningServer server(limits, answer);
  RawSocket client(server.port());
  client.send("PUT /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    client.send(std::string(50, 'x'));
    std::this_thread::sleep_for(50ms);  // 0.5 s in all: more than every single deadline
  }
  CHECK(client.receive().body == "hello 500");
}

TEST_CASE("many connections come and go without leaving descriptors or threads behind") {
  RunningServer server({}, answer);
  for (int i = 0; i < 500; ++i) {
    RawSocket client(server.port());
    if (i % 3 == 0) client.send("GET /hel");
    if (i % 3 == 1) CHECK(client.exchange(kHello).status == 200);
    if (i % 2 == 0) client.reset();
  }
  CHECK(typical_time(server.port()) < 100ms);
}
