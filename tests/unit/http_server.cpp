// The server over real sockets: requests arrive raw, every kind of response goes out whole, and it ends
// cleanly.
#include "tests/support/http_server.hpp"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>

#include <sagemaker/aws/time.hpp>

#include "tests/support/raw_socket.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

http::Response say_path(http::Request& request) { return text_response(request.method + " " + request.path); }

// A file with known content, opened anew for each response; knows whether the server closed what it got.
class SampleFile {
 public:
  explicit SampleFile(std::size_t size) {
    content_.reserve(size);
    for (std::size_t i = 0; i < size; ++i) content_ += static_cast<char>('a' + i * 7 % 23);
    std::ofstream(folder_ / "file", std::ios::binary) << content_;
  }
  const std::string& content() const { return content_; }
  http::FileBody open(std::uint64_t offset, std::uint64_t length) {
    const int descriptor = ::open((folder_ / "file").c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(descriptor >= 0);
    return {descriptor, offset, length};
  }
  // How many descriptors of this process refer to the file.
  int open_descriptors() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) == folder_ / "file") ++count;
    }
    return count;
  }

 private:
  TemporaryDirectory folder_;
  std::string content_;
};

template <typename Condition>
bool becomes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  return condition();
}

}  // namespace

TEST_CASE("a request reaches the handler as it was sent") {
  http::Request seen;
  std::string body;
  RunningServer server({}, [&](http::Request& request) {
    seen = request;
    body = http::read_all(*request.body, 1'000);
    return text_response("ok");
  });
  // The beginning of a gzip stream: it must be neither inflated nor refused.
  const std::string gzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcbH\xcd\xc9\xc9\x07\x00", 17);
  RawSocket client(server.port());
  const auto response = client.exchange(
      "PUT /b/k%20x/%C3%A9%2B..%2f?a=%zz&b?c HTTP/1.1\r\nHost: localhost\r\nREMOTE_ADDR: 6.6.6.6\r\n"
      "x-amz-copy-source: /b/a%2Fb%0D%0Ax\r\nRange: bytes=junk\r\nContent-Encoding: gzip\r\nContent-Length: "
      "17\r\n\r\n" +
      gzip);
  CHECK(response.status == 200);
  CHECK(seen.method == "PUT");
  CHECK(seen.target == "/b/k%20x/%C3%A9%2B..%2f?a=%zz&b?c");
  CHECK(seen.path == "/b/k%20x/%C3%A9%2B..%2f");
  CHECK(seen.query == "a=%zz&b?c");
  CHECK(seen.headers.get("x-amz-copy-source") == "/b/a%2Fb%0D%0Ax");
  CHECK(seen.headers.get("content-encoding") == "gzip");
  CHECK(seen.headers.get("remote_addr") == "6.6.6.6");
  CHECK(seen.remote_address == "127.0.0.1");
  CHECK(body == gzip);
}

TEST_CASE("a response carries its status, its headers, a date and the server's name") {
  RunningServer server({}, [](http::Request&) {
    http::Response response = text_response("gone", 404);
    response.headers.add("x-amz-request-id", "1");
    response.headers.add("Content-Length", "999");  // the server knows better
    response.headers.add("Transfer-Encoding", "gzip");
    return response;
  });
  RawSocket client(server.port());
  const auto response = client.exchange(get("/"));
  CHECK(response.status == 404);
  CHECK(response.reason == "Not Found");
  CHECK(response.body == "gone");
  CHECK(response.headers.get("Content-Type") == "text/plain");
  CHECK(response.headers.get("X-Amz-Request-Id") == "1");
  CHECK(response.headers.count("Content-Length") == 1);
  CHECK_FALSE(response.headers.contains("Transfer-Encoding"));
  CHECK(response.headers.get("Server") == "sagemaker-local");
  CHECK(aws::parse_http_date(response.headers.get("Date")));
}

TEST_CASE("one connection serves many requests, also pipelined ones, in order") {
  RunningServer server({}, say_path);
  RawSocket client(server.port());
  const auto path = [](int i) { return std::string("/p").append(std::to_string(i)); };
  for (int i = 0; i < 50; ++i) CHECK(client.exchange(get(path(i))).body == "GET " + path(i));
  std::string all;
  for (int i = 0; i < 500; ++i) all += get(path(i));
  CHECK(client.send(all));
  for (int i = 0; i < 500; ++i) REQUIRE(client.receive().body == "GET " + path(i));
}

TEST_CASE("a request may arrive byte by byte") {
  RunningServer server({}, say_path);
  RawSocket client(server.port());
  for (const char c : get("/slowly")) REQUIRE(client.send({&c, 1}));
  CHECK(client.receive().body == "GET /slowly");
}

TEST_CASE("the client decides when the connection ends") {
  RunningServer server({}, say_path);
  SUBCASE("Connection: close") {
    RawSocket client(server.port());
    const auto response = client.exchange(get("/", "Connection: close\r\n"));
    CHECK(response.closes());
    CHECK(client.closed_within(2s));
  }
  SUBCASE("HTTP/1.0") {
    RawSocket client(server.port());
    CHECK(client.exchange("GET /old HTTP/1.0\r\n\r\n").body == "GET /old");
    CHECK(client.closed_within(2s));
  }
  SUBCASE("HTTP/1.0 with keep-alive") {
    RawSocket client(server.port());
    const std::string request = "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    CHECK(client.exchange(request).headers.get("Connection") == "keep-alive");
    CHECK(client.exchange(request).status == 200);
  }
  SUBCASE("a client that stops sending still gets its answer") {
    RawSocket client(server.port());
    client.send(get("/half"));
    client.finish_sending();
    CHECK(client.receive().body == "GET /half");
    CHECK(client.closed_within(2s));
  }
}

TEST_CASE("responses without a body") {
  RunningServer server({}, [](http::Request& request) {
    http::Response response;
    if (request.path == "/object") {
      response.head_length = 12'345;
    } else if (request.path == "/text") {
      response = text_response("not sent for HEAD");
    } else {
      response.status = std::stoi(request.path.substr(1));
      response.body = std::string("must not be sent");
    }
    return response;
  });
  RawSocket client(server.port());
  const auto head = client.exchange("HEAD /object HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head.status == 200);
  CHECK(head.headers.get("Content-Length") == "12345");
  CHECK(client.exchange("HEAD /text HTTP/1.1\r\nHost: h\r\n\r\n").headers.get("Content-Length") == "17");
  for (const int status : {204, 304}) {
    const auto response = client.exchange(get(status == 204 ? "/204" : "/304"));
    CHECK(response.status == status);
    CHECK_FALSE(response.headers.contains("Content-Length"));
  }
  CHECK(client.exchange(get("/200")).body == "must not be sent");  // and the connection is still in step
  CHECK(client.exchange(get("/101")).status == 500);
}

TEST_CASE("a part of a file is sent and its descriptor closed") {
  SampleFile file(3'000'000);
  std::atomic<std::uint64_t> offset{0}, length{3'000'000};
  RunningServer server({}, [&](http::Request&) {
    http::Response response;
    response.body = file.open(offset, length);
    return response;
  });
  {
    RawSocket client(server.port());
    const auto whole = client.exchange(get("/"));
    CHECK(whole.body == file.content());
    CHECK(whole.headers.get("Content-Length") == "3000000");
    offset = 1'234'567;
    length = 1'000;
    CHECK(client.exchange(get("/")).body == file.content().substr(1'234'567, 1'000));
    length = 0;
    CHECK(client.exchange(get("/")).body.empty());
    CHECK(client.exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").headers.get("Content-Length") == "0");
    offset = 2'999'990;
    length = 100;  // the file is shorter than announced: the client must notice
    const auto cut = client.exchange(get("/"));
    CHECK_FALSE(cut.complete);
    CHECK(cut.body == file.content().substr(2'999'990));
  }
  offset = 0;
  length = 3'000'000;
  {
    RawSocket vanishing(server.port(), 4'096);
    vanishing.send(get("/"));
    CHECK(vanishing.readable_within(5s));
    vanishing.reset();
  }
  CHECK(becomes_true([&] { return file.open_descriptors() == 0; }));
}

TEST_CASE("a body is streamed while it is made") {
  RunningServer server({}, [](http::Request& request) {
    http::Response response;
    const std::string path = request.path;
    response.body = http::StreamBody{[path](const std::function<bool(std::string_view)>& write) {
      if (path == "/fails-at-once") throw std::runtime_error("secret-reason");
      for (int i = 0; i < 100; ++i) {
        write("piece " + std::to_string(i) + ";");
        write("");
      }
      if (path == "/fails-late") throw std::runtime_error("secret-reason");
    }};
    return response;
  });
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "piece " + std::to_string(i) + ";";
  RawSocket client(server.port());
  const auto chunked = client.exchange(get("/"));
  CHECK(chunked.headers.get("Transfer-Encoding") == "chunked");
  CHECK(chunked.complete);
  CHECK(chunked.body == expected);
  CHECK(client.exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200);
  const auto failed = client.exchange(get("/fails-at-once"));
  CHECK(failed.status == 500);
  CHECK(failed.body.find("secret") == std::string::npos);
  const auto late = client.exchange(get("/fails-late"));
  CHECK(late.status == 200);
  CHECK_FALSE(late.complete);
  CHECK(client.closed_within(2s));

  RawSocket old(server.port());
  const auto plain = old.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK_FALSE(plain.headers.contains("Transfer-Encoding"));
  CHECK(plain.closes());
  CHECK(plain.body == expected);
}

TEST_CASE("a stream learns that its client went away") {
  std::promise<void> noticed;
  RunningServer server({}, [&](http::Request&) {
    http::Response response;
    response.body = http::StreamBody{[&](const std::function<bool(std::string_view)>& write) {
      while (write(std::string(65'536, 'x'))) {
      }
      noticed.set_value();
    }};
    return response;
  });
  RawSocket client(server.port());
  client.send(get("/"));
  CHECK(client.readable_within(5s));
  client.reset();
  CHECK(noticed.get_future().wait_for(5s) == std::future_status::ready);
}

TEST_CASE("header values cannot end their line") {
  RunningServer server({}, [](http::Request&) {
    http::Response response = text_response("ok");
    response.headers.add("x-amz-meta-evil", "a\r\nSet-Cookie: b\r\n\r\n<html>");
    response.headers.add("bad name\r\nX-Other: c", "d");
    return response;
  });
  RawSocket client(server.port());
  const auto response = client.exchange(get("/"));
  CHECK(response.headers.get("x-amz-meta-evil") == "a  Set-Cookie: b    <html>");
  CHECK_FALSE(response.headers.contains("Set-Cookie"));
  CHECK_FALSE(response.headers.contains("X-Other"));
  CHECK(response.body == "ok");
}

TEST_CASE("a handler that throws answers 500 and tells nothing") {
  RunningServer server({}, [](http::Request& request) -> http::Response {
    if (request.path == "/body") throw http::BodyError(413, "too large");
    if (request.path == "/odd") throw 42;
    throw std::runtime_error("password=secret\r\nX-Leak: yes");
  });
  RawSocket client(server.port());
  const auto response = client.exchange(get("/"));
  CHECK(response.status == 500);
  CHECK(response.body.find("secret") == std::string::npos);
  for (const aws::Header& header : response.headers) CHECK(header.value.find("secret") == std::string::npos);
  CHECK(client.exchange(get("/odd")).status == 500);
  CHECK(client.exchange(get("/body")).status == 413);
  CHECK(client.exchange(get("/")).status == 500);  // the connection goes on
}

TEST_CASE("two servers cannot share a port") {
  RunningServer first({}, say_path);
  http::Server second({}, say_path);
  try {
    second.bind("127.0.0.1", first.port());
    FAIL("bound twice");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()).find(std::to_string(first.port())) != std::string::npos);
    CHECK(std::string(error.what()).find("another program listens there") != std::string::npos);
  }
  CHECK_THROWS_AS(second.bind("host.invalid", 0), std::runtime_error);
}

TEST_CASE("a port is free again when its server has ended") {
  int port = 0;
  {
    RunningServer server({}, say_path);
    port = server.port();
    RawSocket client(port);
    CHECK(client.exchange(get("/")).status == 200);
  }
  CHECK_THROWS_AS(RawSocket{port}, std::runtime_error);
  http::Server next({}, say_path);
  CHECK(next.bind("127.0.0.1", port) == port);
}

TEST_CASE("stop lets running requests finish and closes what is idle") {
  std::promise<void> entered, released;
  auto release = released.get_future().share();
  RunningServer server({}, [&](http::Request& request) {
    if (request.path == "/slow") {
      entered.set_value();
      release.wait();
    }
    return text_response("done");
  });
  RawSocket idle(server.port()), fresh(server.port()), busy(server.port());
  CHECK(idle.exchange(get("/")).status == 200);
  busy.send(get("/slow"));
  REQUIRE(entered.get_future().wait_for(5s) == std::future_status::ready);
  server.server().stop();
  CHECK(idle.closed_within(2s));
  CHECK(fresh.closed_within(2s));
  released.set_value();
  const auto response = busy.receive();
  CHECK(response.body == "done");
  CHECK(response.closes());
  server.stop();
}

TEST_CASE("stop cuts off clients that keep a request open") {
  RunningServer server({}, [](http::Request& request) {
    return text_response(std::to_string(http::read_all(*request.body, 1'000).size()));
  });
  RawSocket client(server.port());
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive().status == 100);  // the handler waits for the body
  const auto begin = std::chrono::steady_clock::now();
  server.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(client.closed_within(2s));
}

TEST_CASE("a server can be stopped before it serves, from a handler, and twice") {
  {
    http::Server never({}, say_path);
    never.bind("127.0.0.1", 0);
    never.stop();
    never.serve();
    never.stop();
  }
  http::Server* self = nullptr;
  RunningServer server({}, [&](http::Request&) {
    self->stop();
    return text_response("bye");
  });
  self = &server.server();
  RawSocket client(server.port());
  CHECK(client.exchange(get("/")).body == "bye");
  server.stop();
}

TEST_CASE("requests run at the same time") {
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  HttpLimits limits;
  limits.threads = 8;
  RunningServer server(limits, [&](http::Request&) {
    std::unique_lock lock(mutex);
    ++here;
    all_here.notify_all();
    const bool together = all_here.wait_for(lock, 5s, [&] { return here == 8; });
    return text_response(together ? "together" : "alone");
  });
  std::vector<RawSocket> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server.port()).send(get("/"));
  for (RawSocket& client : clients) CHECK(client.receive().body == "together");
}
