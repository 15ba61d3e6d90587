// CONNECT: a client with this server as its proxy reaches AWS's names here, and nothing else anywhere.
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/http_tls_support.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

std::string connect_to(const std::string& target, const std::string& version = "HTTP/1.1",
                       const std::string& fields = "") {
  return "CONNECT " + target + " " + version + "\r\n" +
         (version == "HTTP/1.1" ? "Host: " + target + "\r\n" : "") + fields + "\r\n";
}

const std::string kSts = "sts.us-west-2.amazonaws.com";

// The status line's number, with nothing of a body: what a tunnel is opened with.
std::string opened(RawSocket& client, const std::string& request) {
  client.send(request);
  std::string head;
  char byte = 0;
  while (head.find("\r\n\r\n") == std::string::npos && client.readable_within(5s) &&
         ::recv(client.descriptor(), &byte, 1, 0) == 1) {
    head += byte;
  }
  return head.substr(0, head.find("\r\n"));
}

}  // namespace

TEST_CASE_FIXTURE(TlsServer, "a tunnel to a name of AWS ends here, with a certificate for that name") {
  for (const std::string& host :
       {kSts, std::string("sts.amazonaws.com"), std::string("sts.cn-north-1.amazonaws.com.cn"),
        std::string("STS.Us-West-2.AmazonAWS.com")}) {
    for (const std::string version : {"HTTP/1.1", "HTTP/1.0"}) {
      CAPTURE(host);
      RawSocket client = connect_plain();
      CHECK(opened(client, connect_to(host + ":443", version)) == "HTTP/1.1 200 Connection established");
      REQUIRE(client.begin_tls({.ca_file = ca_file, .name = host}));
      const std::string request = "GET /host HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
      CHECK(client.exchange(request).body == host);
      CHECK(client.exchange(request).body == host);
    }
  }
}

TEST_CASE_FIXTURE(TlsServer, "a client that does not wait for the tunnel before it speaks TLS is served") {
  // The first bytes of TLS are taken from a memory BIO and sent behind the CONNECT, in one piece.
  RawTls tls(-1, {.ca_file = ca_file, .name = kSts});
  BIO* from_server = BIO_new(BIO_s_mem());
  BIO* to_server = BIO_new(BIO_s_mem());
  SSL_set_bio(tls.ssl(), from_server, to_server);
  SSL_do_handshake(tls.ssl());
  char* hello = nullptr;
  const long size = BIO_get_mem_data(to_server, &hello);
  RawSocket client = connect_plain();
  client.send(connect_to(kSts + ":443") + std::string(hello, static_cast<std::size_t>(size)));
  std::string received;
  char piece[4096];
  while (received.find("\r\n\r\n") == std::string::npos || received.ends_with("\r\n\r\n")) {
    REQUIRE(client.readable_within(5s));
    const ssize_t got = ::recv(client.descriptor(), piece, sizeof piece, 0);
    REQUIRE(got > 0);
    received.append(piece, static_cast<std::size_t>(got));
  }
  const std::size_t end = received.find("\r\n\r\n") + 4;
  BIO_write(from_server, received.data() + end, static_cast<int>(received.size() - end));
  while (SSL_do_handshake(tls.ssl()) != 1) {  // TLS 1.3: one flight of the server, in however many pieces
    REQUIRE(client.readable_within(5s));
    const ssize_t got = ::recv(client.descriptor(), piece, sizeof piece, 0);
    REQUIRE(got > 0);
    BIO_write(from_server, piece, static_cast<int>(got));
  }
  CHECK(SSL_get_verify_result(tls.ssl()) == X509_V_OK);
}

TEST_CASE_FIXTURE(TlsServer, "a client without a name in TLS gets the certificate of the tunnel's name") {
  RawSocket client = connect_plain();
  opened(client, connect_to(kSts + ":443"));
  TlsTrust trust{.ca_file = ca_file, .name = ""};
  REQUIRE(client.begin_tls(trust));
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(client.tls()->ssl()),
                                                          X509_free);
  CHECK(X509_check_host(shown.get(), kSts.data(), kSts.size(), 0, nullptr) == 1);
}

TEST_CASE_FIXTURE(TlsServer, "tunnels to anything else are refused, and say why") {
  const auto refusal = [&](const std::string& request) {
    RawSocket client = connect_plain();
    const auto response = client.exchange(request);
    CHECK(response.closes());
    CHECK(client.closed_within(3s));
    return std::to_string(response.status) + " " + response.reason;
  };
  for (const std::string host : {"example.com:443", "amazonaws.com.example.com:443", "localhost:443",
                                 "127.0.0.1:80", "[::1]:443", "169.254.169.254:80", "notamazonaws.com:443"}) {
    CAPTURE(host);
    CHECK(refusal(connect_to(host)) == "403 Not an address of AWS");
  }
  CHECK(refusal(connect_to(kSts + ":80")) == "403 Only port 443 of AWS");
  for (const std::string target : {"/", "*", "sts.amazonaws.com", ":443", "sts.amazonaws.com:", "a:b",
                                   "h:999999", "http://sts.amazonaws.com/"}) {
    CAPTURE(target);
    CHECK(refusal("CONNECT " + target + " HTTP/1.1\r\nHost: h\r\n\r\n") == "400 Bad Request");
  }
  CHECK(refusal(connect_to(kSts + ":443", "HTTP/1.1", "Content-Length: 5\r\n")) == "400 Bad Request");
  CHECK(refusal(connect_to(kSts + ":443", "HTTP/1.1", "Transfer-Encoding: chunked\r\n")) ==
        "400 Bad Request");
  RawSocket encrypted = connect();
  CHECK(encrypted.exchange(connect_to(kSts + ":443")).reason == "No tunnel inside of TLS");
  check_alive();
}

TEST_CASE("without TLS there are no tunnels") {
  RunningServer server({}, answer_tls_tests, nullptr);
  RawSocket client(server.port(), TlsTrust{});
  const auto response = client.exchange(connect_to(kSts + ":443"));
  CHECK(response.status == 403);
  CHECK(response.reason == "sagemaker-local runs without --tls");
}

TEST_CASE_FIXTURE(TlsServer, "only TLS is spoken in a tunnel") {
  SUBCASE("behind the answer") {
    RawSocket client = connect_plain();
    opened(client, connect_to(kSts + ":443"));
    CHECK(client.exchange(kHello).status == 400);
    CHECK(client.closed_within(3s));
  }
  SUBCASE("along with the request") {
    RawSocket client = connect_plain();
    client.send(connect_to(kSts + ":443") + kHello);
    const std::string all = client.receive_all();
    CHECK(all.starts_with("HTTP/1.1 200 "));
    CHECK(all.find("HTTP/1.1 400 ") != std::string::npos);
    CHECK(all.find("hello") == std::string::npos);
  }
  check_alive();
}

TEST_CASE("tunnels that stay silent or drip are cut like every other connection") {
  HttpLimits limits;
  limits.header_deadline = 200ms;
  limits.keep_alive = 300ms;
  TlsServer target(limits);
  RawSocket silent = target.connect_plain(), dripping = target.connect_plain();
  opened(silent, connect_to(kSts + ":443"));
  opened(dripping, connect_to(kSts + ":443"));
  dripping.send("\x16\x03\x01");
  CHECK(silent.closed_within(5s));
  CHECK(dripping.closed_within(5s));
}

TEST_CASE_FIXTURE(TlsServer, "a request in absolute form is served for the host that it names") {
  RawSocket client = connect_plain();
  CHECK(client.exchange("GET http://" + kSts + "/host HTTP/1.1\r\nHost: " + kSts + "\r\n\r\n").body == kSts);
  CHECK(
      client.exchange("GET http://other.amazonaws.com/host HTTP/1.1\r\nHost: " + kSts + "\r\n\r\n").status ==
      400);
}
