// HTTPS on the port of HTTP, as well-behaved clients see it. That everything which holds for HTTP holds here
// too is shown by test_http_server, which runs a second time over TLS.
#include <chrono>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/http_tls_support.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(TlsServer, "one port speaks HTTP and HTTPS, as the client begins") {
  RawSocket plain(server.port(), TlsTrust{});
  CHECK(plain.exchange(kHello).body == "hello 0");
  RawSocket encrypted = connect();
  CHECK(encrypted.exchange(kHello).body == "hello 0");
  CHECK(encrypted.exchange(kHello).body == "hello 0");  // and keeps its connection
  CHECK(plain.exchange(kHello).body == "hello 0");
  REQUIRE(encrypted.tls());
  CHECK(std::string(SSL_get_version(encrypted.tls()->ssl())) == "TLSv1.3");
}

TEST_CASE_FIXTURE(TlsServer, "each name gets a certificate of its own, on one port") {
  for (const std::string name :
       {"localhost", "my.bucket.s3.localhost", "api.sagemaker.eu-west-1.amazonaws.com"}) {
    CAPTURE(name);
    RawSocket client = connect({.ca_file = ca_file, .name = name});
    CHECK(client.exchange(kHello).status == 200);
  }
  // Without a name the address counts.
  RawSocket nameless = connect({.ca_file = ca_file, .name = ""});
  CHECK(nameless.exchange(kHello).status == 200);
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(nameless.tls()->ssl()),
                                                          X509_free);
  CHECK(X509_check_ip_asc(shown.get(), "127.0.0.1", 0) == 1);
  RawSocket stranger = connect({.ca_file = ca_file, .name = "example.com"});
  CHECK_FALSE(stranger.tls()->handshake(5s));
  check_alive();
}

TEST_CASE_FIXTURE(TlsServer, "versions before TLS 1.2 are refused, 1.2 is served") {
  RawSocket current = connect({.ca_file = ca_file, .version_max = TLS1_2_VERSION});
  CHECK(current.exchange(kHello).status == 200);
  CHECK(std::string(SSL_get_cipher(current.tls()->ssl())).starts_with("ECDHE-ECDSA-"));
  for (const int version : {TLS1_1_VERSION, TLS1_VERSION}) {
    RawSocket old = connect({.ca_file = ca_file, .version_min = version, .version_max = version});
    CHECK_FALSE(old.tls()->handshake(5s));
  }
  check_alive();
}

TEST_CASE_FIXTURE(TlsServer, "HTTP/1.1 is chosen among what a client offers, and nothing else") {
  RawSocket both = connect({.ca_file = ca_file, .protocols = std::string("\x02h2\x08http/1.1")});
  CHECK(both.exchange(kHello).status == 200);
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(both.tls()->ssl(), &chosen, &size);
  CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
  RawSocket only_two = connect({.ca_file = ca_file, .protocols = std::string("\x02h2")});
  CHECK_FALSE(only_two.tls()->handshake(5s));
}

TEST_CASE_FIXTURE(TlsServer, "the end of a connection is announced") {
  RawSocket client = connect();
  CHECK(client.exchange("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").status == 200);
  CHECK(client.closed_within(3s));
  CHECK(client.tls()->ended_with_notice());
  RawSocket old = connect();
  const auto streamed = old.exchange("GET /stream HTTP/1.0\r\n\r\n");
  CHECK(streamed.body.size() == 1'000'000);
  CHECK(streamed.complete);
  CHECK(old.tls()->ended_with_notice());
}

TEST_CASE_FIXTURE(TlsServer, "a client that ends its half, with or without a word, gets its answer") {
  for (const bool with_notice : {true, false}) {
    CAPTURE(with_notice);
    RawSocket client = connect();
    REQUIRE(client.tls()->handshake(5s));
    client.send(kHello);
    if (with_notice) client.tls()->finish_sending();
    ::shutdown(client.descriptor(), SHUT_WR);
    CHECK(client.receive().body == "hello 0");
    CHECK(client.closed_within(3s));
  }
}

TEST_CASE_FIXTURE(TlsServer, "large bodies pass both ways") {
  RawSocket client = connect();
  const std::string body(50'000'000, 'b');
  client.send("PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n");
  CHECK(client.exchange(body).body == "50000000");
  CHECK(client.exchange("GET /large HTTP/1.1\r\nHost: h\r\n\r\n").body.size() == 20'000'000);
  CHECK(client.exchange(kHello).status == 200);
}

TEST_CASE_FIXTURE(TlsServer, "requests in one record, in many, and in halves of records, all arrive") {
  RawSocket client = connect();
  std::string pipelined;
  for (int i = 0; i < 200; ++i) pipelined += kHello;
  client.send(pipelined);
  for (int i = 0; i < 200; ++i) REQUIRE(client.receive().status == 200);
  for (const char c : kHello) client.send({&c, 1});  // a record a byte
  CHECK(client.receive().status == 200);
  // A body whose first part travels with the header, and whose rest fills records to the brim.
  for (const std::size_t size : {16'383, 16'384, 16'385, 65'536, 100'000}) {
    const auto response =
        client.exchange("PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) +
                        "\r\n\r\n" + std::string(size, 'x'));
    CHECK(response.body == std::to_string(size));
  }
}

TEST_CASE_FIXTURE(TlsServer, "100-continue works over TLS, and only where the body is wanted") {
  RawSocket client = connect();
  client.send("PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive().status == 100);
  CHECK(client.exchange("hello").body == "5");
  const auto refused =
      client.exchange("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(refused.status == 403);
  CHECK(refused.closes());
}

TEST_CASE_FIXTURE(TlsServer, "sessions are resumed without state in the server") {
  RawSocket first = connect();
  REQUIRE(first.exchange(kHello).status == 200);  // the tickets come along with the answer
  SSL_SESSION* session = SSL_get1_session(first.tls()->ssl());
  RawSocket second = connect();
  SSL_set_session(second.tls()->ssl(), session);
  SSL_SESSION_free(session);
  CHECK(second.exchange(kHello).status == 200);
  CHECK(SSL_session_reused(second.tls()->ssl()) == 1);
}

TEST_CASE("a given certificate is shown as it is") {
  TemporaryDirectory folder;
  const std::string ca_file =
      http::CertificateAuthority({.directory = folder / "tls", .hosts = {"emulator.example"}}).ca_file();
  RunningServer server({}, answer_tls_tests,
                       std::make_shared<http::Tls>(folder / "tls/server.pem", folder / "tls/server.key"));
  RawSocket client(server.port(), TlsTrust{.ca_file = ca_file, .name = "emulator.example"});
  CHECK(client.exchange(kHello).status == 200);
  RawSocket tunnel(server.port(), TlsTrust{});
  const auto refused = tunnel.exchange("CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(refused.status == 403);
  CHECK(refused.body.find("--tls-cert") != std::string::npos);
}
