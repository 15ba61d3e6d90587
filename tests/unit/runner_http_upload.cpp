// Goal: a body that is pulled while it is sent arrives whole or is seen to be cut off, is pulled once only,
// and an answer counts whenever it comes. Method: a server that does with each connection what the test says.
#include <atomic>
#include <charconv>
#include <future>
#include <stdexcept>

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

using Pull = std::function<std::size_t(char*, std::size_t)>;

constexpr std::uint64_t limit = 1000;
const std::string ok = "HTTP/1.1 200 OK\r\n";

HttpClient client_of(const RawServer& server) {
  return HttpClient("127.0.0.1", aws::parse_uri(server.origin()).port);
}

HttpAnswer post(HttpClient& client, const Pull& pull, std::chrono::milliseconds patience = 20s,
                const HttpStream* stream = nullptr) {
  return client.send({.method = "POST", .target = "/invocations", .pull = pull},
                     std::chrono::steady_clock::now() + patience, limit, stream);
}

// Hands out `text` in pieces of at most `piece` bytes.
Pull pull_of(std::string text, std::size_t piece = std::string::npos) {
  return [text = std::move(text), piece, at = std::size_t{0}](char* target, std::size_t size) mutable {
    const std::size_t count = text.copy(target, std::min(size, piece), at);
    at += count;
    return count;
  };
}

std::size_t endless(char* target, std::size_t size) {
  std::fill_n(target, size, 'x');
  return size;
}

// The next chunk of a request's body; empty: the last one, or the end of the connection, when `whole` turns
// false.
std::string read_chunk(int socket, bool& whole) {
  std::string size_line;
  char c = 0;
  while (!size_line.ends_with("\r\n")) {
    if (::recv(socket, &c, 1, 0) != 1) return whole = false, "";
    size_line += c;
  }
  std::size_t size = 0;
  std::from_chars(size_line.data(), size_line.data() + size_line.size(), size, 16);
  std::string chunk(size + 2, ' ');
  whole = ::recv(socket, chunk.data(), chunk.size(), MSG_WAITALL) == static_cast<ssize_t>(chunk.size());
  if (!whole) return "";
  CHECK(chunk.ends_with("\r\n"));
  return chunk.substr(0, size);
}

std::string read_body(int socket, bool& whole) {
  std::string body;
  whole = true;
  for (std::string chunk = read_chunk(socket, whole); !chunk.empty(); chunk = read_chunk(socket, whole)) {
    body += chunk;
  }
  return body;
}

void read_until_closed(int socket) {
  char bytes[4096];
  while (::recv(socket, bytes, sizeof bytes, 0) > 0) continue;
}

}  // namespace

TEST_CASE("what is pulled arrives whole, in chunks, and the connection stays usable") {
  std::string large;
  for (int i = 0; i < 100'000; ++i) large += std::to_string(i) + ",";
  for (const auto& [text, piece] : std::vector<std::pair<std::string, std::size_t>>{
           {"", 1}, {"hello", 1}, {"hello", 3}, {large, large.size()}, {large, 1000}}) {
    CAPTURE(text.size());
    CAPTURE(piece);
    std::string head, body;
    bool whole = false;
    const RawServer server([&](int, int socket) {
      head = RawServer::read_head(socket);
      body = read_body(socket, whole);
      RawServer::write(socket, ok + "Content-Length: 2\r\n\r\nhi");
      RawServer::read_head(socket);
      RawServer::write(socket, ok + "Content-Length: 5\r\n\r\nagain");
    });
    HttpClient client = client_of(server);
    CHECK(post(client, pull_of(text, piece)).body == "hi");
    CHECK(client.send({.target = "/ping"}, std::chrono::steady_clock::now() + 20s, limit).body == "again");
    CHECK(server.connections() == 1);
    CHECK(whole);
    CHECK(body == text);
    CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    CHECK(head.find("Content-Length") == std::string::npos);
  }
}

TEST_CASE("a pulled body is sent once, and not on a connection that may be stale") {
  bool whole = false;
  const RawServer server([&](int number, int socket) {
    RawServer::read_head(socket);
    if (number == 1) return RawServer::write(socket, ok + "Content-Length: 2\r\n\r\nhi");
    read_body(socket, whole);  // and no answer
  });
  HttpClient client = client_of(server);
  CHECK(client.send({.target = "/ping"}, std::chrono::steady_clock::now() + 20s, limit).body == "hi");
  int ends = 0;
  const HttpAnswer answer =
      post(client, [&, pull = pull_of("hello")](char* target, std::size_t size) mutable {
        const std::size_t count = pull(target, size);
        ends += count == 0 ? 1 : 0;
        return count;
      });
  CHECK(answer.kind == Kind::broken);
  CHECK(!answer.began);
  CHECK(whole);
  CHECK(ends == 1);
  CHECK(server.connections() == 2);
}

TEST_CASE("an answer that comes before the body's end is read, and a refusal ends the sending") {
  for (const bool closes : {false, true}) {
    CAPTURE(closes);
    const RawServer server([&](int, int socket) {
      RawServer::read_head(socket);
      RawServer::write(socket, "HTTP/1.1 100 Continue\r\n\r\n");
      bool whole = true;
      read_chunk(socket, whole);
      RawServer::write(socket, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 5\r\n\r\nlarge");
      if (!closes) read_until_closed(socket);
    });
    HttpClient client = client_of(server);
    const HttpAnswer answer = post(client, endless);
    CHECK(answer.kind == Kind::answered);
    CHECK(answer.status == 413);
    CHECK(answer.body == "large");
  }
}

TEST_CASE("who answers while it reads is read while it is sent to") {
  // More than the buffers of both directions hold, so that it cannot be sent before the answer is taken.
  constexpr std::size_t size = 32 << 20;
  bool whole = true;
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, ok + "Connection: close\r\n\r\n");
    for (std::string chunk = read_chunk(socket, whole); !chunk.empty(); chunk = read_chunk(socket, whole)) {
      std::string_view rest = chunk;
      while (!rest.empty()) {
        const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0) return;
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
  });
  HttpClient client = client_of(server);
  std::size_t sent = 0, received = 0;
  const Pull pull = [&](char* target, std::size_t room) { return sent += room, endless(target, room); };
  const Pull bounded = [&](char* target, std::size_t room) { return sent < size ? pull(target, room) : 0; };
  const auto count = [&](std::string_view piece) { return received += piece.size(), true; };
  const HttpStream stream{{}, count, std::chrono::steady_clock::now() + 100s};
  CHECK(post(client, bounded, 100s, &stream).kind == Kind::answered);
  CHECK(whole);
  CHECK(sent >= size);
  CHECK(received == sent);
}

TEST_CASE("a body that cannot be pulled is seen to be cut off") {
  std::atomic<int> cut_off{0};
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    bool whole = true;
    read_body(socket, whole);
    if (!whole) return void(++cut_off);
    RawServer::write(socket, ok + "Content-Length: 2\r\n\r\nhi");
  });
  HttpClient client = client_of(server);
  const Pull fails = [pull = pull_of("hello")](char* target, std::size_t size) mutable {
    const std::size_t count = pull(target, size);
    if (count == 0) throw std::runtime_error("the object has changed");
    return count;
  };
  CHECK_THROWS_WITH_AS(post(client, fails), "the object has changed", std::runtime_error);
  CHECK(post(client, pull_of("whole")).body == "hi");
  CHECK(cut_off == 1);
}

TEST_CASE("sending has to end in time, whether the server reads or not") {
  for (const bool reads : {false, true}) {
    CAPTURE(reads);
    std::promise<void> given_up;
    const RawServer server([&](int, int socket) {
      RawServer::read_head(socket);
      if (reads) return read_until_closed(socket);
      given_up.get_future().wait();
    });
    HttpClient client = client_of(server);
    const HttpAnswer answer = post(client, endless, 200ms);
    given_up.set_value();
    CHECK(answer.kind == Kind::timed_out);
    CHECK(!answer.began);
  }
}
