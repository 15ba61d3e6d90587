// Clients that are no good TLS clients: broken, slow, hostile, or meant for somebody else. Each is cut off,
// none costs a worker, and nobody else notices.
#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/http_tls_support.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

// A ClientHello as OpenSSL makes it, in its record.
std::string client_hello(const std::string& ca_file) {
  RawTls tls(-1, {.ca_file = ca_file});
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(tls.ssl(), BIO_new(BIO_s_mem()), out);
  SSL_do_handshake(tls.ssl());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

HttpLimits short_limits() {
  HttpLimits limits;
  limits.header_deadline = 300ms;
  limits.keep_alive = 400ms;
  limits.threads = 2;
  return limits;
}

std::chrono::milliseconds typical_time(TlsServer& target) {
  std::vector<std::chrono::milliseconds> times;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(target.connect().exchange(kHello).status == 200);
    times.push_back(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// What comes back is TLS (an alert, after the server's part of a handshake that had begun well) or nothing,
// then the end.
void check_refused(RawSocket& client) {
  bool ended = false;
  const std::string answer = client.receive_all(&ended, 5s);
  CHECK(ended);
  const bool tls = answer.size() >= 7 && (answer[0] == '\x15' || answer[0] == '\x16');
  CHECK((answer.empty() || tls));
  CHECK(answer.find("HTTP/") == std::string::npos);
}

}  // namespace

TEST_CASE("a handshake must be over before its deadline, wherever it stops") {
  TlsServer target(short_limits());
  const std::string hello = client_hello(target.ca_file);
  REQUIRE(hello.size() > 100);
  std::vector<RawSocket> clients;
  for (const std::size_t size :
       {std::size_t(1), std::size_t(5), hello.size() / 2, hello.size() - 1, hello.size()}) {
    clients.push_back(target.connect_plain());
    clients.back().send(hello.substr(0, size));
  }
  const auto begin = std::chrono::steady_clock::now();
  for (RawSocket& client : clients) CHECK(client.closed_within(5s));
  CHECK(std::chrono::steady_clock::now() - begin < 4s);
  target.check_alive();
}

TEST_CASE("a handshake that drips is cut off at the same deadline") {
  TlsServer target(short_limits());
  const std::string hello = client_hello(target.ca_file);
  RawSocket client = target.connect_plain();
  const auto begin = std::chrono::steady_clock::now();
  std::size_t sent = 0;
  // The server begins to answer in the middle of nothing: its end is what becomes readable.
  while (sent < hello.size() && !client.readable_within(20ms)) client.send(hello.substr(sent++, 1));
  CHECK(sent < hello.size());
  CHECK(client.closed_within(3s));
  CHECK(std::chrono::steady_clock::now() - begin < 4s);
}

TEST_CASE("two hundred handshakes that never end delay nobody and cost no worker") {
  HttpLimits limits;
  limits.threads = 2;
  TlsServer target(limits);
  const std::string hello = client_hello(target.ca_file);
  std::vector<RawSocket> clients;
  for (std::size_t i = 0; i < 200; ++i) {
    clients.push_back(target.connect_plain());
    clients.back().send(hello.substr(0, 1 + i * 7 % hello.size()));
  }
  CHECK(typical_time(target) < 200ms);
}

TEST_CASE("an established client that says nothing is idle and closed as such") {
  TlsServer target(short_limits());
  RawSocket silent = target.connect();
  REQUIRE(silent.tls()->handshake(5s));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(silent.closed_within(5s));
  CHECK(std::chrono::steady_clock::now() - begin >= 300ms);
  CHECK(silent.tls()->ended_with_notice());
  RawSocket dripping = target.connect();
  dripping.send("GET /hel");
  CHECK(dripping.receive().status == 408);
}

TEST_CASE_FIXTURE(TlsServer, "what is no TLS is answered with an alert and the end") {
  const std::string hello = client_hello(ca_file);
  const auto refused = [&](const std::string& bytes) {
    CAPTURE(bytes.size());
    RawSocket client = connect_plain();
    client.send(bytes);
    check_refused(client);
  };
  std::string ssl3 = hello;
  ssl3[1] = '\x03', ssl3[2] = '\x00';   // SSLv3 in the record
  ssl3[9] = '\x03', ssl3[10] = '\x00';  // and in the ClientHello
  // Everything newer travels in extensions: without the list of versions it is what it says.
  if (const std::size_t versions = ssl3.find(std::string("\x00\x2b\x00", 3)); versions != std::string::npos)
    ssl3[versions + 1] = '\x7b';
  refused(ssl3);
  refused(std::string("\x16\x03\x01\xff\xff", 5) + std::string(1'000, 'a'));  // a record that is too long
  refused(std::string("\x16\x03\x01\x00\x05hello", 10));
  refused(std::string("\x16\x00\x00\x00\x00", 5) + std::string(100, '\0'));
  refused("\x16" + std::string(10'000, 'A'));
  refused(hello + std::string(100'000, 'x'));  // garbage behind the ClientHello
  std::string changed = hello;
  changed[60] = static_cast<char>(changed[60] ^ 0x55);
  changed.resize(changed.size() - 3);
  changed += kHello;
  refused(changed);
  check_alive();
}

TEST_CASE_FIXTURE(TlsServer, "an SSLv2 hello and other bytes are no HTTP request either") {
  for (const std::string& bytes :
       {std::string("\x80\x2e\x01\x03\x01", 5), std::string("\x15\x03\x01\x00\x02\x02\x28", 7),
        std::string("\x17\x03\x03\x00\x01x", 6), std::string(1, '\0')}) {
    RawSocket client = connect_plain();
    client.send(bytes);
    CHECK(client.receive().status == 400);
    CHECK(client.closed_within(3s));
  }
}

TEST_CASE_FIXTURE(TlsServer, "plain text behind the handshake ends the connection") {
  RawSocket client = connect();
  REQUIRE(client.tls()->handshake(5s));
  REQUIRE(client.exchange(kHello).status == 200);
  ::send(client.descriptor(), kHello.data(), kHello.size(), MSG_NOSIGNAL);
  const auto response = client.receive();
  CHECK(response.status == 0);
  CHECK(client.closed_within(3s));
  check_alive();
}

TEST_CASE_FIXTURE(TlsServer, "a broken record in the middle of a body is no end of the body") {
  RawSocket client = connect();
  client.send("PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n0123456789");
  const std::string junk("\x17\x03\x03\x00\x20" + std::string(32, 'j'));
  ::send(client.descriptor(), junk.data(), junk.size(), MSG_NOSIGNAL);
  const auto response = client.receive();
  CHECK(response.status != 200);
  CHECK(client.closed_within(5s));
  check_alive();
}

TEST_CASE_FIXTURE(TlsServer, "a connection that is cut in the middle of a body is no end of the body") {
  RawSocket client = connect();
  client.send("PUT /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n");
  ::shutdown(client.descriptor(), SHUT_WR);  // no close_notify, no last chunk
  CHECK(client.receive().status == 400);
}

TEST_CASE_FIXTURE(TlsServer, "renegotiation is refused") {
  RawSocket client = connect({.ca_file = ca_file, .version_max = TLS1_2_VERSION});
  REQUIRE(client.exchange(kHello).status == 200);
  SSL_renegotiate(client.tls()->ssl());
  const bool agreed = client.tls()->handshake(2s) && SSL_num_renegotiations(client.tls()->ssl()) > 0 &&
                      client.exchange(kHello).status == 200 &&
                      SSL_renegotiate_pending(client.tls()->ssl()) == 0;
  CHECK_FALSE(agreed);
  check_alive();
}

TEST_CASE("key updates without end keep neither the poller nor a connection") {
  TlsServer target(short_limits());
  RawSocket flooding = target.connect();
  REQUIRE(flooding.tls()->handshake(5s));
  const auto begin = std::chrono::steady_clock::now();
  bool open = true;
  int others = 0;
  while (open && std::chrono::steady_clock::now() - begin < 5s) {
    for (int i = 0; i < 500 && open; ++i) {
      SSL_key_update(flooding.tls()->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
      open = flooding.tls()->handshake(1s);
    }
    if (others < 3) {
      ++others;
      CHECK(target.connect().exchange(kHello).status == 200);
    }
  }
  CHECK_FALSE(open);  // idle, whatever it sends: nothing of it is a request
  target.check_alive();
}

TEST_CASE_FIXTURE(TlsServer, "random bytes behind a good beginning harm nobody") {
  const std::string hello = client_hello(ca_file);
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = hello;
    for (int flip = 0; flip < 1 + round % 20; ++flip)
      bytes[1 + random() % (bytes.size() - 1)] = static_cast<char>(random());
    bytes.resize(1 + random() % bytes.size());
    RawSocket client = connect_plain();
    client.send(bytes);
    if (round % 2 == 0) client.reset();
  }
  check_alive();
}
