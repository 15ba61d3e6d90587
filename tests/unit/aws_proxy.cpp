// Requests through proxies, over loopback: plain ones in absolute form, encrypted ones through CONNECT; and
// which requests go around a proxy.
#include <atomic>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <httplib.h>

#include "tests/support/support.hpp"
#include "tests/unit/credentials_support.hpp"
#include "tests/unit/loopback_servers.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::RawServer;

namespace {

HttpRequest request_to(const std::string& origin) {
  HttpRequest request;
  request.method = "GET";
  request.origin = origin;
  request.target = "/a%20b?x=%2F";
  request.headers = {{"Host", parse_uri(origin).authority()}};
  request.connect_timeout = 5s;
  request.read_timeout = 5s;
  return request;
}

HttplibTransport through(const std::string& http, const std::string& https = "",
                         const std::string& exempt = "") {
  TransportOptions options;
  options.proxies = {http, https, exempt};
  return HttplibTransport(options);
}

// Carries bytes between two sockets until one side ends.
void relay(int left, int right) {
  const auto copy = [](int from, int to) {
    char buffer[4096];
    while (true) {
      const ssize_t count = ::recv(from, buffer, sizeof buffer, 0);
      if (count <= 0 || ::send(to, buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL) != count) break;
    }
    ::shutdown(to, SHUT_WR);
  };
  std::thread back(copy, right, left);
  copy(left, right);
  back.join();
}

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

}  // namespace

TEST_CASE("proxies come from the variables that other tools read too") {
  FixedEnvironment environment;
  CHECK(ProxySettings::from_environment(environment).empty());
  environment.variables = {
      {"HTTP_PROXY", "http://up:1"}, {"HTTPS_PROXY", "http://up:2"}, {"NO_PROXY", "a,b"}};
  CHECK(ProxySettings::from_environment(environment) == ProxySettings{"http://up:1", "http://up:2", "a,b"});
  environment.variables["http_proxy"] = "http://low:1";
  CHECK(ProxySettings::from_environment(environment).http == "http://low:1");
  environment.variables.erase("http_proxy");
  environment.variables["REQUEST_METHOD"] = "GET";  // a CGI program: HTTP_PROXY is its caller's
  CHECK(ProxySettings::from_environment(environment).http.empty());
  CHECK(ProxySettings::from_environment(environment).https == "http://up:2");
}

TEST_CASE("proxy URLs: with and without scheme, port, user") {
  const Proxy full = parse_proxy("http://me%40corp:p%3Aw@proxy.corp:3128");
  CHECK(full.host == "proxy.corp");
  CHECK(full.port == 3128);
  CHECK(full.user == "me@corp");
  CHECK(full.password == "p:w");
  CHECK(parse_proxy("proxy.corp:8080").port == 8080);
  CHECK(parse_proxy("proxy.corp").port == 80);
  CHECK(parse_proxy("http://[::1]:8080/").host == "::1");
  CHECK_THROWS_AS(parse_proxy("https://proxy.corp"), ConfigError);
  CHECK_THROWS_AS(parse_proxy("socks5://proxy.corp"), ConfigError);
  CHECK_THROWS_AS(parse_proxy("http://"), ConfigError);
  try {
    parse_proxy("https://me:secret@proxy");
    FAIL("no error");
  } catch (const ConfigError& error) {
    CHECK(std::string(error.what()).find("secret") == std::string::npos);
  }
}

TEST_CASE("which requests go through the proxy") {
  const ProxySettings settings{"http://plain:1", "http://tls:2", "corp.com, .internal,exact:8443 ,10.1.2.3"};
  const auto host = [&](const std::string& origin) {
    const auto proxy = proxy_for(settings, origin);
    return proxy ? proxy->host : "direct";
  };
  CHECK(host("http://example.com") == "plain");
  CHECK(host("https://example.com") == "tls");
  for (const char* origin : {"http://corp.com", "https://a.corp.com", "http://x.internal", "https://internal",
                             "https://exact:8443", "http://10.1.2.3", "http://localhost:1",
                             "http://127.0.0.1:1", "http://[::1]:1", "http://bucket.localhost"}) {
    CHECK(host(origin) == "direct");
  }
  for (const char* origin : {"https://notcorp.com", "https://exact", "https://corp.com.evil.org"}) {
    CHECK(host(origin) == "tls");
  }
  CHECK_FALSE(proxy_for({"http://plain:1", "", "*"}, "http://example.com"));
  CHECK_FALSE(proxy_for({"http://plain:1", "", ""}, "https://example.com"));
}

TEST_CASE("a plain request asks the proxy for the whole URL, with the user's name where there is one") {
  std::string head;
  RawServer proxy([&](int, int socket) {
    head = RawServer::read_head(socket);
    RawServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  std::string url = proxy.origin();
  HttplibTransport transport = through(url.insert(7, "me:pw@"));
  CHECK(transport.send(request_to("http://service.example")).body == "ok");
  CHECK(head.starts_with("GET http://service.example"));
  CHECK(head.find("/a%20b?x=%2F HTTP/1.1\r\n") != std::string::npos);
  CHECK(head.find("Host: service.example\r\n") != std::string::npos);
  CHECK(head.find("Proxy-Authorization: Basic bWU6cHc=\r\n") != std::string::npos);
}

TEST_CASE("what goes to this machine, and what must not be seen by a proxy, goes around it") {
  std::atomic<int> seen{0};
  RawServer proxy([&](int, int) { ++seen; });
  tests::WebServer server([](httplib::Server& web) {
    web.Get("/a b", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("direct", "text/plain");
    });
  });
  HttplibTransport transport = through(proxy.origin());
  CHECK(transport.send(request_to(server.origin())).body == "direct");
  HttpRequest metadata = request_to("http://169.254.169.254.invalid");
  metadata.direct = true;
  CHECK_THROWS_AS(transport.send(metadata), TransportError);
  CHECK(seen == 0);
}

TEST_CASE("an encrypted request goes through CONNECT, and only the proxy hears the proxy's password") {
  const tests::Certificate certificate("DNS:service.example");
  const tests::TemporaryDirectory folder;
  certificate.write(folder / "ca.pem");
  httplib::SSLServer server(certificate.x509, certificate.key);
  server.Get("/a b", [](const httplib::Request& request, httplib::Response& response) {
    const bool leaked = request.has_header("Proxy-Authorization");
    response.set_content((leaked ? "leaked to " : "secret for ") + request.get_header_value("Host"),
                         "text/plain");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  std::string connect;
  {
    RawServer proxy([&](int, int socket) {
      connect = RawServer::read_head(socket);
      const int upstream = connect_to(port);
      RawServer::write(socket, "HTTP/1.1 200 Connection established\r\n\r\n");
      relay(socket, upstream);
      ::close(upstream);
    });
    TransportOptions options;
    std::string url = proxy.origin();
    options.proxies.https = url.insert(7, "me:pw@");
    options.ca_bundle = (folder / "ca.pem").string();
    HttplibTransport transport(options);
    CHECK(transport.send(request_to("https://service.example")).body == "secret for service.example");
    CHECK(transport.send(request_to("https://service.example")).body == "secret for service.example");
    CHECK(proxy.connections() == 1);
    CHECK(connect.starts_with("CONNECT service.example:443 HTTP/1.1\r\n"));
    CHECK(connect.find("Proxy-Authorization: Basic bWU6cHc=\r\n") != std::string::npos);
  }
  server.stop();
  thread.join();
}

TEST_CASE("a proxy that refuses is an error of the connection") {
  RawServer proxy([](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  HttplibTransport transport = through("", proxy.origin());
  CHECK_THROWS_AS(transport.send(request_to("https://service.example")), TransportError);
}

TEST_CASE("a client takes its proxies from its environment, and refuses one that it cannot use") {
  FixedEnvironment variables;
  variables.variables = {{"AWS_REGION", "us-east-1"}, {"HTTPS_PROXY", "https://me:pw@proxy.corp"}};
  ClientConfig config;
  config.environment = std::make_shared<FixedEnvironment>(variables);
  CHECK_THROWS_WITH_AS(
      resolve_config(config, tests::sagemaker_service),
      "The proxy https://proxy.corp cannot be used: only proxies with an http:// URL are supported",
      ConfigError);
  std::atomic<int> seen{0};
  RawServer proxy([&](int, int socket) {
    ++seen;
    RawServer::read_head(socket);
    RawServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  variables.variables = {{"AWS_REGION", "us-east-1"}, {"HTTP_PROXY", proxy.origin()}};
  config.environment = std::make_shared<FixedEnvironment>(variables);
  const ResolvedConfig resolved = resolve_config(config, tests::sagemaker_service);
  CHECK(resolved.transport->send(request_to("http://service.example")).status == 200);
  CHECK(seen == 1);
}
