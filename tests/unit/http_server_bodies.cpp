// Request bodies over real sockets: sized, chunked, announced with Expect, refused unread, malformed, cut
// off.
#include <chrono>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include "tests/support/http_server.hpp"
#include "tests/support/raw_socket.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

std::string put(const std::string& path, const std::string& fields, const std::string& body = "") {
  return "PUT " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n" + body;
}

// /echo returns the body (1 MB at most), /count its size, /ignore answers without reading, /half stops in the
// middle.
http::Response answer(http::Request& request) {
  if (request.path == "/echo") return text_response(http::read_all(*request.body, 1'000'000));
  if (request.path == "/count") {
    std::uint64_t size = 0;
    request.body->read([&](std::string_view piece) { size += piece.size(); });
    return text_response(std::to_string(size));
  }
  if (request.path == "/half") {
    try {
      request.body->read([](std::string_view) { throw std::runtime_error("disk full"); });
    } catch (const std::runtime_error&) {
      return text_response("disk full", 503);
    }
  }
  if (request.path == "/twice") {
    http::read_all(*request.body, 100);
    http::read_all(*request.body, 100);
  }
  return text_response("ignored", 403);
}

struct Fixture {
  RunningServer server{HttpLimits{}, answer};
  RawSocket client{server.port()};

  void check_alive() {
    CHECK(RawSocket(server.port()).exchange(put("/echo", "Content-Length: 2\r\n", "ok")).body == "ok");
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "sized bodies of any size arrive whole") {
  for (const std::size_t size : {0, 1, 100, 16'384, 65'536, 65'537, 300'000, 1'000'000}) {
    const std::string body(size, 'b');
    const auto response =
        client.exchange(put("/echo", "Content-Length: " + std::to_string(size) + "\r\n", body));
    CHECK(response.status == 200);
    CHECK(response.body == body);
  }
}

TEST_CASE_FIXTURE(Fixture, "a body of a GET is not mistaken for the next request") {
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(client
            .exchange("GET /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                      std::to_string(smuggled.size()) + "\r\n\r\n" + smuggled)
            .status == 403);
  CHECK(client.exchange(put("/echo", "Content-Length: 4\r\n", "next")).body == "next");
}

TEST_CASE_FIXTURE(Fixture, "chunked bodies arrive whole, and the connection stays in step") {
  CHECK(
      client
          .exchange(put("/echo", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"))
          .body == "hello world");
  std::string coded;
  for (int i = 0; i < 1'000; ++i) coded += "64\r\n" + std::string(100, 'c') + "\r\n";
  CHECK(client.exchange(put("/echo", "Transfer-Encoding: chunked\r\n", coded + "0\r\nX: y\r\n\r\n")).body ==
        std::string(100'000, 'c'));
  // Two pipelined requests with chunked bodies, sent in one piece and byte by byte.
  const std::string both = put("/echo", "Transfer-Encoding: chunked\r\n", "3\r\none\r\n0\r\n\r\n") +
                           put("/echo", "Transfer-Encoding: chunked\r\n", "3\r\ntwo\r\n0\r\n\r\n");
  client.send(both);
  CHECK(client.receive().body == "one");
  CHECK(client.receive().body == "two");
  for (const char c : both) client.send({&c, 1});
  CHECK(client.receive().body == "one");
  CHECK(client.receive().body == "two");
}

TEST_CASE_FIXTURE(Fixture, "a malformed chunked body is refused and the connection closed") {
  for (const std::string body : {"xyz\r\n", "-5\r\nhello\r\n", "FFFFFFFFFFFFFFFF\r\n",
                                 "5\r\nhelloworld\r\n0\r\n\r\n", "3\nabc\n0\n\n"}) {
    CAPTURE(body);
    RawSocket bad(server.port());
    const auto response = bad.exchange(put("/echo", "Transfer-Encoding: chunked\r\n", body));
    CHECK(response.status == 400);
    CHECK(response.closes());
    CHECK(bad.closed_within(3s));
  }
  check_alive();
}

TEST_CASE_FIXTURE(Fixture, "a body that ends early is an error, not a shorter body") {
  SUBCASE("sized") { client.send(put("/echo", "Content-Length: 10\r\n", "only")); }
  SUBCASE("chunked, without the last chunk") {
    client.send(put("/echo", "Transfer-Encoding: chunked\r\n", "4\r\nonly\r\n"));
  }
  client.finish_sending();
  const auto response = client.receive();
  CHECK(response.status == 400);
  CHECK(response.body.find("ended") != std::string::npos);
  CHECK(client.closed_within(3s));
  check_alive();
}

TEST_CASE_FIXTURE(Fixture, "bodies beyond what the handler accepts are refused") {
  SUBCASE("announced: without reading, and without asking for it") {
    const auto response =
        client.exchange(put("/echo", "Content-Length: 1000001\r\nExpect: 100-continue\r\n"));
    CHECK(response.status == 413);
    CHECK(response.closes());
  }
  SUBCASE("announced as absurdly large") {
    CHECK(client.exchange(put("/echo", "Content-Length: 999999999999999999\r\n")).status == 413);
  }
  SUBCASE("chunked: as soon as it is too much") {
    client.send(put("/echo", "Transfer-Encoding: chunked\r\n", "1000000\r\n"));
    std::thread feeder([&] {
      for (int i = 0; i < 64 && client.send(std::string(65'536, 'x')); ++i) {
      }
    });
    const auto response = client.receive();
    feeder.join();
    CHECK(response.status == 413);
  }
  check_alive();
}

TEST_CASE_FIXTURE(Fixture, "100-continue is sent when the handler begins to read") {
  client.send(put("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  CHECK(client.receive().status == 100);
  client.send("hello");
  CHECK(client.receive().body == "hello");
  // The client did not wait: it needs no permission, but may get one.
  client.send(put("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"));
  auto response = client.receive();
  if (response.status == 100) response = client.receive();
  CHECK(response.body == "hello");
  // Who asks waits for the answer before an empty body too, and could not tell a final one from a refusal.
  client.send(put("/echo", "Content-Length: 0\r\nExpect: 100-continue\r\n"));
  CHECK(client.receive().status == 100);
  const auto empty = client.receive();
  CHECK(empty.status == 200);
  CHECK_FALSE(empty.closes());
}

TEST_CASE_FIXTURE(Fixture, "a refusal needs no 100-continue and ends the connection") {
  const auto response = client.exchange(put("/ignore", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  CHECK(response.status == 403);
  CHECK(response.closes());
  // What the client sends now cannot be told from a request, so nothing of it is answered.
  client.send(put("/echo", "Content-Length: 2\r\n", "no"));
  bool ended = false;
  CHECK(client.receive_all(&ended).empty());
  CHECK(ended);
}

TEST_CASE_FIXTURE(Fixture, "a refusal of an empty body that was asked for ends the connection too") {
  const auto response = client.exchange(put("/ignore", "Content-Length: 0\r\nExpect: 100-continue\r\n"));
  CHECK(response.status == 403);
  CHECK(response.closes());
}

TEST_CASE_FIXTURE(Fixture, "a small unread body is skipped, a large one ends the connection") {
  CHECK(client.exchange(put("/ignore", "Content-Length: 5000\r\n", std::string(5'000, 'x'))).status == 403);
  CHECK(client.exchange(put("/ignore", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")).status ==
        403);
  CHECK(client.exchange(put("/echo", "Content-Length: 2\r\n", "on")).body == "on");
  const auto response =
      client.exchange(put("/ignore", "Content-Length: 1000000\r\n", std::string(200'000, 'x')));
  CHECK(response.status == 403);
  CHECK(response.closes());
}

TEST_CASE_FIXTURE(Fixture, "an unread body that does not come does not delay the answer") {
  const auto begin = std::chrono::steady_clock::now();
  const auto response = client.exchange(put("/ignore", "Content-Length: 5000\r\n"));
  CHECK(response.status == 403);
  CHECK(response.closes());
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE_FIXTURE(Fixture, "a handler that stops in the middle of a body ends the connection") {
  const auto response =
      client.exchange(put("/half", "Content-Length: 100000\r\n", std::string(100'000, 'x')));
  CHECK(response.status == 503);
  CHECK(response.closes());
  check_alive();
}

TEST_CASE_FIXTURE(Fixture, "a body is read only once") {
  CHECK(client.exchange(put("/twice", "Content-Length: 2\r\n", "ok")).status == 500);
}

TEST_CASE_FIXTURE(Fixture, "a client that vanishes in the middle of its body harms nobody") {
  for (int i = 0; i < 20; ++i) {
    RawSocket vanishing(server.port());
    vanishing.send(put("/echo", "Content-Length: 100000\r\n", std::string(1'000, 'x')));
    vanishing.reset();
  }
  check_alive();
}

TEST_CASE_FIXTURE(Fixture, "large bodies pass in pieces") {
  const std::uint64_t size = 100'000'000;
  client.send(put("/count", "Content-Length: " + std::to_string(size) + "\r\n"));
  const std::string piece(1'000'000, 'x');
  for (std::uint64_t sent = 0; sent < size; sent += piece.size()) REQUIRE(client.send(piece));
  CHECK(client.receive().body == std::to_string(size));
}
