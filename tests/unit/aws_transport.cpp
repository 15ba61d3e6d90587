// The real transport against small servers on loopback: connections kept and lost, time limits, bodies that
// stream, and targets that arrive as they were sent.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include <sagemaker/aws/httplib_transport.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/sagemaker.hpp>

#include "tests/support/support.hpp"
#include "tests/unit/aws_support.hpp"
#include "tests/unit/loopback_servers.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using Kind = TransportError::Kind;
using tests::Certificate;
using tests::RawServer;
using tests::WebServer;

namespace {

HttpRequest request_to(const std::string& origin, std::string method = "GET", std::string target = "/") {
  HttpRequest request;
  request.method = std::move(method);
  request.origin = origin;
  request.target = std::move(target);
  request.headers = {{"Host", origin.substr(origin.find("//") + 2)}};
  request.connect_timeout = 5s;
  request.read_timeout = 5s;
  return request;
}

Kind kind_of(Transport& transport, const HttpRequest& request) {
  try {
    transport.send(request);
  } catch (const TransportError& error) {
    return error.kind();
  }
  throw std::logic_error("nothing was thrown");
}

const char* const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("connections are kept and used again") {
  std::set<int> peers;
  WebServer server([&](httplib::Server& web) {
    web.Get("/", [&](const httplib::Request& request, httplib::Response& response) {
      peers.insert(request.remote_port);
      response.set_content("x", "text/plain");
    });
  });
  HttplibTransport transport;
  for (int i = 0; i < 4; ++i) CHECK(transport.send(request_to(server.origin())).body == "x");
  CHECK(peers.size() == 1);
}

TEST_CASE("threads get connections of their own, and all are answered") {
  WebServer server([&](httplib::Server& web) {
    web.Get(R"(/(\d+))", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.matches[1].str(), "text/plain");
    });
  });
  HttplibTransport transport;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string number = std::to_string(t * 100 + i);
        if (transport.send(request_to(server.origin(), "GET", "/" + number)).body != number) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("the target goes out byte for byte, and redirects are not followed") {
  std::string line;
  RawServer server([&](int, int socket) {
    line = RawServer::read_head(socket);
    RawServer::write(socket,
                     "HTTP/1.1 301 Moved Permanently\r\nLocation: /other\r\nContent-Length: 4\r\n\r\nmove");
  });
  HttplibTransport transport;
  const std::string target = "/b/a%2Fb//c/../%C3%A9%20+(x)*~?list-type=2&prefix=a%2Bb&flag=";
  const HttpResponse response = transport.send(request_to(server.origin(), "GET", target));
  CHECK(line.starts_with("GET " + target + " HTTP/1.1\r\n"));
  CHECK(response.status == 301);
  CHECK(response.body == "move");
  CHECK(server.connections() == 1);
}

TEST_CASE("headers go out once each, and an encoded body stays encoded") {
  std::string head;
  RawServer server([&](int, int socket) {
    head = RawServer::read_head(socket);
    RawServer::write(socket,
                     "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b"
                     "abc");
  });
  HttplibTransport transport;
  HttpRequest request = request_to(server.origin(), "PUT");
  request.headers.add("X-Amz-Meta-One", "1");
  request.headers.add("Content-Length", "999");
  const HttpResponse response = transport.send(request);
  CHECK(response.body ==
        "\x1f\x8b"
        "abc");
  CHECK(response.headers.get("content-encoding") == "gzip");
  const auto count = [&](std::string_view text) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = head.find(text, at)) != std::string::npos; ++at) ++n;
    return n;
  };
  CHECK(count("\r\nHost: ") == 1);
  CHECK(count("\r\nContent-Length: 0\r\n") == 1);
  CHECK(count("Content-Length") == 1);
  CHECK(count("\r\nX-Amz-Meta-One: 1\r\n") == 1);
  CHECK(count("Content-Type") == 0);
  request.body = "12345";
  transport.send(request);
  CHECK(count("\r\nContent-Length: 5\r\n") == 1);
  CHECK(count("Content-Length") == 1);
  CHECK(count("Content-Type") == 0);
}

TEST_CASE("a kept connection that the server closed meanwhile costs no error") {
  RawServer server([](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, ok);
    // Closed without a word, as servers do with idle connections.
  });
  HttplibTransport transport;
  for (int i = 0; i < 5; ++i) CHECK(transport.send(request_to(server.origin(), "POST")).body == "ok");
  CHECK(server.connections() == 5);
}

TEST_CASE("a kept connection that dies under the next request: sent once more where that is safe") {
  for (const bool idempotent : {true, false}) {
    RawServer server([](int number, int socket) {
      RawServer::read_head(socket);
      RawServer::write(socket, ok);
      if (number == 1) RawServer::read_head(socket);  // takes the second request and says nothing
    });
    HttplibTransport transport;
    CHECK(transport.send(request_to(server.origin())).body == "ok");
    HttpRequest second = request_to(server.origin(), "POST");
    second.body = "body";
    second.idempotent = idempotent;
    if (idempotent) {
      CHECK(transport.send(second).body == "ok");
      CHECK(server.connections() == 2);
    } else {
      CHECK(kind_of(transport, second) == Kind::reset);
      CHECK(server.connections() == 1);
    }
  }
}

TEST_CASE("a fresh connection that dies is an error, not a loop") {
  RawServer server([](int, int socket) { RawServer::read_head(socket); });
  HttplibTransport transport;
  CHECK(kind_of(transport, request_to(server.origin())) == Kind::reset);
  CHECK(server.connections() == 1);
}

TEST_CASE("a response that is cut off is an error") {
  RawServer server([](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  });
  HttplibTransport transport;
  CHECK(kind_of(transport, request_to(server.origin())) == Kind::reset);
}

TEST_CASE("an answer that is no HTTP is an error") {
  RawServer server([](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, "220 mail.example.com ESMTP\r\n\r\n");
  });
  HttplibTransport transport;
  CHECK(kind_of(transport, request_to(server.origin())) == Kind::reset);
}

TEST_CASE("a server that does not answer in time is a timeout, one that is not there a connection error") {
  std::atomic<bool> done{false};
  RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    while (!done) std::this_thread::sleep_for(1ms);
  });
  HttplibTransport transport;
  HttpRequest request = request_to(server.origin());
  request.read_timeout = 50ms;
  CHECK(kind_of(transport, request) == Kind::timeout);
  done = true;
  std::string gone;
  {
    RawServer closed([](int, int) {});
    gone = closed.origin();
  }
  CHECK(kind_of(transport, request_to(gone)) == Kind::connect);
}

TEST_CASE("writing to a connection that the server closed does not end the program") {
  // SIGPIPE has its default action here: without care the process would die.
  struct sigaction before {};
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &plain, &before);
  RawServer server([](int, int socket) { RawServer::read_head(socket); });
  HttplibTransport transport;
  HttpRequest request = request_to(server.origin(), "PUT");
  request.body = std::string(8 << 20, 'x');
  CHECK(kind_of(transport, request) == Kind::reset);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("a response without a body where none may follow ends at once") {
  RawServer server([](int number, int socket) {
    RawServer::read_head(socket);
    const char* const heads[] = {"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n",
                                 "HTTP/1.1 204 No Content\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"};
    RawServer::write(socket, heads[(number - 1) % 3]);
    RawServer::read_head(socket);  // stays open until the client goes
  });
  for (const char* method : {"GET", "DELETE", "HEAD"}) {
    HttplibTransport transport;  // a new one each time, so that the connection before it is closed
    const HttpResponse response = transport.send(request_to(server.origin(), method));
    CHECK(response.body.empty());
    if (std::string_view(method) == "GET") CHECK(response.headers.get("ETag") == "\"e\"");
    if (std::string_view(method) == "HEAD") CHECK(response.headers.get("Content-Length") == "1000");
  }
}

namespace {

// A body made up while it is read: byte n is n modulo 251.
class PatternSource final : public BodySource {
 public:
  explicit PatternSource(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const override { return size_; }
  bool can_rewind() const override { return true; }
  void rewind() override { at_ = 0; }
  std::size_t read(char* buffer, std::size_t size) override {
    largest = std::max(largest, size);
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - at_));
    for (std::size_t i = 0; i < count; ++i) buffer[i] = static_cast<char>((at_ + i) % 251);
    at_ += count;
    return count;
  }
  std::size_t largest = 0;

 private:
  std::uint64_t size_ = 0, at_ = 0;
};

struct PatternSink final : BodySink {
  std::uint64_t at = 0;
  std::size_t largest = 0;
  bool right = true;
  int starts = 0;
  void start(const HttpResponse&) override {
    at = 0;
    ++starts;
  }
  void write(std::string_view piece) override {
    largest = std::max(largest, piece.size());
    for (const char c : piece) right = right && static_cast<unsigned char>(c) == at++ % 251;
  }
  bool can_restart() const override { return true; }
};

}  // namespace

TEST_CASE("bodies stream both ways in small pieces") {
  constexpr std::uint64_t size = 5'000'003;
  std::string stored;
  WebServer server([&](httplib::Server& web) {
    web.Put("/", [&](const httplib::Request& request, httplib::Response&) { stored = request.body; });
    web.Get("/", [&](const httplib::Request&, httplib::Response& response) {
      response.set_content(stored, "application/octet-stream");
    });
    web.Get("/missing", [&](const httplib::Request&, httplib::Response& response) {
      response.status = 404;
      response.set_content("why", "text/plain");
    });
  });
  HttplibTransport transport;
  HttpRequest put = request_to(server.origin(), "PUT");
  const auto source = std::make_shared<PatternSource>(size);
  put.stream = source;
  CHECK(transport.send(put).status == 200);
  REQUIRE(stored.size() == size);
  CHECK(source->largest <= 1 << 20);
  PatternSink sink;
  HttpRequest get = request_to(server.origin());
  get.sink = &sink;
  CHECK(transport.send(get).body.empty());
  CHECK(sink.at == size);
  CHECK(sink.right);
  CHECK(sink.starts == 1);
  CHECK(sink.largest <= 1 << 20);
  // An error's body is text for the error, never data for the sink.
  get.target = "/missing";
  CHECK(transport.send(get).body == "why");
  CHECK(sink.starts == 1);
}

TEST_CASE("what a source or sink throws reaches the caller, and the transport stays usable") {
  struct Thrower final : BodySink {
    void start(const HttpResponse&) override {}
    void write(std::string_view) override { throw std::out_of_range("from the sink"); }
    bool can_restart() const override { return false; }
  };
  struct BadSource final : BodySource {
    std::uint64_t size() const override { return 10; }
    std::size_t read(char*, std::size_t) override { throw std::length_error("from the source"); }
    bool can_rewind() const override { return true; }
    void rewind() override {}
  };
  WebServer server([](httplib::Server& web) {
    web.set_read_timeout(1);
    web.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("x", "text/plain");
    });
    web.Put("/", [](const httplib::Request&, httplib::Response&) {});
  });
  HttplibTransport transport;
  Thrower thrower;
  HttpRequest get = request_to(server.origin());
  get.sink = &thrower;
  CHECK_THROWS_AS(transport.send(get), std::out_of_range);
  HttpRequest put = request_to(server.origin(), "PUT");
  put.stream = std::make_shared<BadSource>();
  CHECK_THROWS_AS(transport.send(put), std::length_error);
  get.sink = nullptr;
  CHECK(transport.send(get).body == "x");
}

TEST_CASE("a client's signature is right for the bytes that a server receives") {
  sigv4::Message received;
  WebServer server([&](httplib::Server& web) {
    web.Put(".*", [&](const httplib::Request& request, httplib::Response& response) {
      received.method = request.method;
      const std::size_t question = request.target.find('?');
      received.path = request.target.substr(0, question);
      received.query = question == std::string::npos ? "" : request.target.substr(question + 1);
      received.headers = {};
      for (const auto& [name, value] : request.headers) received.headers.add(name, value);
      received.payload_hash = sha256_hex(request.body);
      received.s3_path = true;
      response.set_header("ETag", "\"e\"");
    });
  });
  ClientConfig config;
  config.endpoint_url = server.origin();
  config.environment = std::make_shared<FixedEnvironment>();
  config.transport = std::make_shared<HttplibTransport>();
  S3Client(config).put_object({.bucket = "bucket", .key = "a b/\xc3\xa9(1)+.txt", .body = "text"});
  const auto claim = sigv4::claim_of(received);
  REQUIRE(claim);
  CHECK(claim->access_key == "test");
  CHECK(received.headers.get("x-amz-content-sha256") == received.payload_hash);
  CHECK(sigv4::verify(received, *claim, "test"));
  CHECK_FALSE(sigv4::verify(received, *claim, "other"));
}

TEST_CASE("clients with the same TLS settings share one pool, which ends with them") {
  std::weak_ptr<Transport> pool;
  {
    const auto first = default_transport();
    CHECK(first == default_transport());
    CHECK(first != default_transport({.verify_tls = false}));
    pool = first;
  }
  CHECK(pool.expired());
}

TEST_CASE("a certificate bundle that is not there is a TLS error that names the setting") {
  RawServer server([](int, int socket) { RawServer::read_head(socket); });
  HttplibTransport transport({.ca_bundle = "/nonexistent/bundle.pem"});
  std::string origin = server.origin();
  origin.replace(0, 4, "https");
  try {
    transport.send(request_to(origin));
    FAIL("no error");
  } catch (const TransportError& error) {
    CHECK(error.kind() == Kind::tls);
    CHECK(std::string(error.what()).find("AWS_CA_BUNDLE") != std::string::npos);
  }
}

TEST_CASE("a server is only talked to where its certificate is trusted") {
  const Certificate certificate;
  tests::TemporaryDirectory folder;
  certificate.write(folder / "ca.pem");
  httplib::SSLServer server(certificate.x509, certificate.key);
  REQUIRE(server.is_valid());
  std::atomic<int> requests{0};
  server.Get("/", [&](const httplib::Request&, httplib::Response& response) {
    ++requests;
    response.set_content("secret", "text/plain");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  const HttpRequest request = request_to("https://127.0.0.1:" + std::to_string(port));
  {
    HttplibTransport careful;
    CHECK(kind_of(careful, request) == Kind::tls);
    CHECK(requests == 0);
    HttplibTransport informed({.ca_bundle = (folder / "ca.pem").string()});
    CHECK(informed.send(request).body == "secret");
    CHECK(informed.send(request).body == "secret");
    // The same certificate under another name.
    HttpRequest other = request_to("https://localhost:" + std::to_string(port));
    CHECK(kind_of(informed, other) == Kind::tls);
    HttplibTransport careless({.verify_tls = false});
    CHECK(careless.send(request).body == "secret");
    CHECK(requests == 3);
  }  // connections close here: the server would wait for kept ones
  server.stop();
  thread.join();
}

TEST_CASE("idle connections of origins that are used no more are closed too") {
  const auto closed_by = [](TransportOptions options) {
    std::promise<void> closed;
    RawServer first([&](int, int socket) {
      RawServer::read_head(socket);
      RawServer::write(socket, ok);
      RawServer::read_head(socket);  // until the client closes
      closed.set_value();
    });
    RawServer second([](int, int socket) {
      RawServer::read_head(socket);
      RawServer::write(socket, ok);
      RawServer::read_head(socket);
    });
    HttplibTransport transport(options);
    transport.send(request_to(first.origin()));
    transport.send(request_to(second.origin()));
    return closed.get_future().wait_for(5s) == std::future_status::ready;
  };
  CHECK(closed_by({.idle_time_max = 0ms}));
  CHECK(closed_by({.idle_total_max = 1}));
}

TEST_CASE("a pool that may keep nothing connects anew each time") {
  RawServer server([](int number, int socket) {
    const std::string name = std::to_string(number);
    while (!RawServer::read_head(socket).empty()) {
      RawServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name);
    }
  });
  HttplibTransport transport({.idle_connections_max = 0});
  CHECK(transport.send(request_to(server.origin())).body == "1");
  CHECK(transport.send(request_to(server.origin())).body == "2");
}
