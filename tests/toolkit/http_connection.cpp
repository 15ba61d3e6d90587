// What a serving program's connection does as time passes, with the time handed in: nobody has to wait for
// clients that stall, and an answer that takes too long is given up.
#include <chrono>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sagemaker/container/detail/http_connection.hpp>

using namespace sagemaker::container::detail;
using std::chrono::seconds;

namespace {

// A connection and the client's end of it.
struct Pair {
  HttpShared shared;
  int epoll = ::epoll_create1(0);
  int client = -1;
  std::shared_ptr<Connection> connection;
  std::string scratch = std::string(65536, '\0');
  HttpClock::time_point now = HttpClock::now();

  Pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    client = ends[1];
    connection = std::make_shared<Connection>(shared, ends[0], epoll);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    REQUIRE(::epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
  }
  ~Pair() {
    connection->close();
    ::close(client);
    ::close(epoll);
  }
  std::shared_ptr<Exchange> send(const std::string& bytes) {
    REQUIRE(::send(client, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return connection->on_events(EPOLLIN, scratch, now);
  }
  void pass(seconds time) {
    now += time;
    connection->on_time(now);
  }
  std::string received() const {
    std::string all(1 << 20, '\0');
    const ssize_t count = ::recv(client, all.data(), all.size(), MSG_DONTWAIT);
    return all.substr(0, count < 0 ? 0 : static_cast<std::size_t>(count));
  }
};

const std::string head = "POST /invocations HTTP/1.1\r\nContent-Length: 10\r\n\r\n";

}  // namespace

TEST_CASE("an idle connection is kept for two minutes") {
  Pair pair;
  pair.pass(seconds(119));
  CHECK_FALSE(pair.connection->ended());
  pair.pass(seconds(2));
  CHECK(pair.connection->ended());
  CHECK(pair.received().empty());
}

TEST_CASE("a request that does not come to its end is answered with 408") {
  Pair pair;
  SUBCASE("a head, byte by byte for more than a minute") {
    for (int second = 0; second < 60; second += 20) {
      pair.send("G");
      pair.pass(seconds(20));
    }
    CHECK(pair.received().empty());
    pair.send("G");
    pair.pass(seconds(1));
  }
  SUBCASE("a body that stops") {
    pair.send(head + "12345");
    pair.pass(seconds(60));
    CHECK(pair.received().empty());
    pair.pass(seconds(1));
  }
  SUBCASE("a body that trickles in") {
    pair.send(head);
    for (int i = 0; i < 9; ++i) {
      pair.pass(seconds(59));
      pair.send("1");
    }
    pair.pass(seconds(59));
    CHECK(pair.received().empty());
    pair.pass(seconds(11));
  }
  const std::string answer = pair.received();
  CHECK(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK_FALSE(pair.connection->ended());  // until the client has read it
  pair.pass(seconds(31));
  CHECK(pair.connection->ended());
}

TEST_CASE("a request whose answer takes too long is given up with 504") {
  Pair pair;
  const auto exchange = pair.send(head + "1234567890");
  REQUIRE(exchange);
  CHECK(pair.shared.busy == 1);
  pair.pass(seconds(50));
  CHECK(pair.received().empty());
  pair.pass(seconds(20));
  CHECK(pair.received().starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  CHECK(exchange->abandoned());
  CHECK_FALSE(exchange->answer({.body = "late"}));
  CHECK(pair.received().empty());
  CHECK(pair.shared.busy == 0);
}

TEST_CASE("an answer in pieces that stops is broken off, not mixed with another") {
  Pair pair;
  const auto exchange = pair.send(head + "1234567890");
  REQUIRE(exchange);
  REQUIRE(exchange->begin_stream({.content_type = "text/plain"}));
  REQUIRE(exchange->write("piece"));
  pair.pass(seconds(70));
  CHECK(pair.received().ends_with("5\r\npiece\r\n"));
  CHECK(pair.connection->ended());
  CHECK(exchange->abandoned());
  CHECK_FALSE(exchange->write("more"));
}

TEST_CASE("a client that does not read its answer is given up after a minute without progress") {
  Pair pair;
  const auto exchange = pair.send(head + "1234567890");
  REQUIRE(exchange);
  CHECK(exchange->answer({.body = std::string(8 << 20, 'x')}));
  pair.pass(seconds(59));
  CHECK_FALSE(pair.connection->ended());
  CHECK(pair.shared.busy == 1);
  pair.pass(seconds(2));
  CHECK(pair.connection->ended());
  CHECK(pair.shared.busy == 0);
}

TEST_CASE("a head is too large for the same bytes however they arrive") {
  const HttpLimits limits{.head_bytes = 100};
  for (const std::size_t size : {99, 100, 101, 104, 105}) {
    CAPTURE(size);
    std::string head = "GET / HTTP/1.1\r\nX: ";
    head += std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
    RequestReader whole(limits), bytewise(limits);
    whole.feed(head);
    for (const char byte : head) bytewise.feed({&byte, 1});
    CHECK(whole.complete() == (size <= 100));
    CHECK(bytewise.complete() == (size <= 100));
    if (size > 100) CHECK(whole.status() == 431);
    if (size > 100) CHECK(bytewise.status() == 431);
  }
}
