// The HTTP of a serving program, byte by byte over real connections: framing, limits, clients that are slow,
// wrong or many, and that the model keeps nobody waiting who does not need it.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <sagemaker/aws/json.hpp>

#include "tests/support/raw_socket.hpp"
#include "tests/toolkit/endpoint.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

std::string post(const std::string& body, const std::string& more = "") {
  return "POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string chunked_head =
    "POST /invocations HTTP/1.1\r\nHost: model\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("requests are understood however their bytes arrive") {
  Endpoint endpoint;
  endpoint.serve();
  RawSocket socket(endpoint.port);

  CHECK(socket.exchange(post("[1]")).body == "[2.0]");
  for (const char byte : post("[1.5]")) REQUIRE(socket.send(std::string(1, byte)));
  CHECK(socket.receive().body == "[3.0]");
  CHECK(socket.exchange(chunked_head + "2;a=b\r\n[1\r\n3\r\n,2]\r\n0\r\nX: y\r\n\r\n").body == "[2.0, 4.0]");

  // Several at once: answered one after the other, in their order.
  std::string all;
  for (int i = 0; i < 200; ++i) all += post("[" + std::to_string(i) + "]");
  REQUIRE(socket.send(all));
  for (int i = 0; i < 200; ++i) CHECK(socket.receive().body == "[" + std::to_string(2 * i) + ".0]");

  CHECK(socket.exchange("GET http://model/ping?x=1 HTTP/1.1\r\n\r\n").status == 200);
  const RawResponse head = socket.exchange("HEAD /ping HTTP/1.1\r\n\r\n");
  CHECK(head.status == 200);
  CHECK(socket.exchange("GET /invocations HTTP/1.1\r\n\r\n").status == 405);
  CHECK(socket.exchange("DELETE /ping HTTP/1.1\r\n\r\n").status == 405);
  CHECK(socket.exchange("POST /other HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]").status == 404);

  CHECK(socket.send("POST /invocations HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  CHECK(socket.receive().status == 100);
  CHECK(socket.exchange("[4]").body == "[8.0]");

  const RawResponse last = socket.exchange(post("[1]", "Connection: close\r\n"));
  CHECK(last.body == "[2.0]");
  CHECK(last.closes());
  CHECK(socket.closed_within(std::chrono::seconds(5)));
}

TEST_CASE("a client that has finished sending still gets its answers") {
  Endpoint endpoint;
  endpoint.serve();
  RawSocket socket(endpoint.port);
  REQUIRE(socket.send(post("[1]") + post("[2]")));
  socket.finish_sending();
  CHECK(socket.receive().body == "[2.0]");
  CHECK(socket.receive().body == "[4.0]");
  CHECK(socket.closed_within(std::chrono::seconds(5)));

  RawSocket old(endpoint.port);
  const RawResponse answer = old.exchange("POST /invocations HTTP/1.0\r\nContent-Length: 3\r\n\r\n[1]");
  CHECK(answer.body == "[2.0]");
  CHECK(old.closed_within(std::chrono::seconds(5)));
}

TEST_CASE("what is no request is refused with its reason, and the connection ends") {
  Endpoint endpoint("", {{"SAGEMAKER_MAX_PAYLOAD_IN_MB", "1"}});
  endpoint.serve();
  const std::string post_line = "POST /invocations HTTP/1.1\r\n";
  std::string many_headers = post_line;
  for (int i = 0; i < 200; ++i) many_headers += "H" + std::to_string(i) + ": x\r\n";
  const struct {
    std::string request;
    int status;
  } cases[] = {
      {"hello\r\n\r\n", 400},
      {"GET /ping\r\n\r\n", 400},
      {"GET /ping HTTP/2.0\r\n\r\n", 505},
      {"GET ping HTTP/1.1\r\n\r\n", 400},
      {"G@T /ping HTTP/1.1\r\n\r\n", 400},
      {"GET /ping HTTP/1.1\r\nNo colon\r\n\r\n", 400},
      {"GET /ping HTTP/1.1\r\nName : x\r\n\r\n", 400},
      {"GET /ping HTTP/1.1\r\nName: a\r\n folded\r\n\r\n", 400},
      {std::string("GET /ping HTTP/1.1\r\nName: a\0b\r\n\r\n", 35), 400},
      {"GET /" + std::string(10'000, 'x') + " HTTP/1.1\r\n\r\n", 414},
      {"GET /ping HTTP/1.1\r\nName: " + std::string(70'000, 'x') + "\r\n\r\n", 431},
      {many_headers + "\r\n", 431},
      {post_line + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n[1]", 400},
      {post_line + "Content-Length: -3\r\n\r\n[1]", 400},
      {post_line + "Content-Length: 3x\r\n\r\n[1]", 400},
      {post_line + "Content-Length:\r\n\r\n", 400},
      {post_line + "Content-Length: 99999999999999999999999\r\n\r\n", 413},
      {post_line + "Content-Length: 1048577\r\n\r\n", 413},
      {post_line + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {post_line + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {post_line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {chunked_head + "x\r\n", 400},
      {chunked_head + "3\r\n[1]x\r\n", 400},
      {chunked_head + "3\n[1]\n0\n\n", 400},
      {chunked_head + "FFFFFFFFFFFFFFFFF\r\n", 413},
      {chunked_head + "100001\r\n", 413},
      {chunked_head + std::string(5000, '0'), 400},
      {chunked_head + "0\r\n" + std::string(5000, 'x'), 400},
  };
  for (const auto& each : cases) {
    CAPTURE(each.request.substr(0, 80));
    RawSocket socket(endpoint.port);
    socket.send(each.request);
    const RawResponse response = socket.receive();
    CHECK(response.status == each.status);
    CHECK(response.closes());
    CHECK_FALSE(response.body.empty());
    socket.finish_sending();
    CHECK(socket.closed_within(std::chrono::seconds(5)));
  }
  CHECK(endpoint.post({"[1]"}).status == 200);
}

TEST_CASE("a large body goes through, and one over the limit is refused while it comes") {
  Endpoint endpoint;
  endpoint.serve();
  const std::string large = "[" + std::string(99 << 20, ' ') + "1]";
  CHECK(endpoint.post({large}).body == "[2.0]");
  const httplib::Response refused = endpoint.post({large + std::string(2 << 20, ' ')});
  CHECK(refused.status == 413);
  CHECK(refused.body == "the request is larger than 104857600 bytes\n");
}

TEST_CASE("a large answer waits for a slow client, which holds up nobody") {
  Endpoint endpoint;
  endpoint.serve();
  RawSocket slow(endpoint.port, 4096);
  std::string numbers(4 << 20, '1');
  for (std::size_t i = 1; i < numbers.size(); i += 2) numbers[i] = ',';
  const std::string body = "[" + numbers + "1]";
  std::thread sending([&] { slow.send(post(body)); });
  for (int i = 0; i < 20; ++i) CHECK(endpoint.post({"[1]"}).body == "[2.0]");
  sending.join();
  const RawResponse answer = slow.receive();
  CHECK(answer.complete);
  CHECK(answer.body.size() ==
        (numbers.size() / 2 + 1) * 5);  // "2.0, " each, and two brackets for the last ", "
}

TEST_CASE("clients that vanish leave nothing behind") {
  Endpoint endpoint("count");
  endpoint.serve();
  for (int i = 0; i < 50; ++i) {
    RawSocket(endpoint.port).send("POST /invocations HTTP/1.1\r\nContent-Length: 100\r\n\r\n[1");
    RawSocket(endpoint.port).send(post("[[1, 1]]"));
    RawSocket gone(endpoint.port);
    gone.send(post("[[1, 1]]"));
    gone.reset();
  }
  CHECK(endpoint.post({"[[1, 2]]"}).status == 200);
  for (int tries = 0;; ++tries) {
    const auto metrics = endpoint.client().Get("/metrics");
    REQUIRE(metrics);
    if (metrics->body.find("sagemaker_connections 1\n") != std::string::npos) break;
    REQUIRE(tries < 1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

TEST_CASE("a busy model delays neither pings nor bad requests") {
  Endpoint endpoint("count", {{"SAGEMAKER_SERVER_LOOPS", "1"}});
  endpoint.serve();
  for (int i = 0; i < 50; ++i) CHECK(endpoint.post({"[[1, 2]]"}).status == 200);  // a model known to be fast
  std::thread held([&] { CHECK(endpoint.post({"[[-1, 0]]"}).status == 200); });
  REQUIRE(endpoint.process->wait_for("predict_fn: 1 rows\nwaiting"));
  RawSocket socket(endpoint.port);
  CHECK(socket.exchange("GET /ping HTTP/1.1\r\n\r\n").status == 200);
  CHECK(socket.exchange(post("[[1, 2], [3]]")).status == 400);
  CHECK(socket.exchange("GET /execution-parameters HTTP/1.1\r\n\r\n").status == 200);
  write_text(endpoint.base / "release", "");
  held.join();
  CHECK(endpoint.post({"[[1, 2]]"}).status == 200);
}

TEST_CASE("a thousand connections at once are served") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t count = files.rlim_max < 1300 ? files.rlim_max - 300 : 1000;
  Endpoint endpoint;
  endpoint.serve();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (std::size_t i = 0; i < count; ++i) sockets.push_back(std::make_unique<RawSocket>(endpoint.port));
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < count; ++i) REQUIRE(sockets[i]->send(post("[[" + std::to_string(i) + "]]")));
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(sockets[i]->receive().body == "[[" + std::to_string(2 * i) + ".0]]");
    }
  }
  CHECK(endpoint.post({"[1]"}).status == 200);
}

TEST_CASE("what batch transform and Prometheus ask is answered") {
  Endpoint endpoint("", {{"SAGEMAKER_MODEL_SERVER_WORKERS", "2"}});
  endpoint.serve();
  CHECK(endpoint.post({"[[1]]"}).status == 200);
  CHECK(endpoint.post({"["}).status == 400);
  const auto parameters = endpoint.client().Get("/execution-parameters");
  REQUIRE(parameters);
  const json document = json::parse(parameters->body);
  CHECK(document["BatchStrategy"] == "MULTI_RECORD");
  CHECK(document["MaxPayloadInMB"] == 6);
  CHECK(document["MaxConcurrentTransforms"].get<int>() * 6 <= 100);
  const auto metrics = endpoint.client().Get("/metrics");
  REQUIRE(metrics);
  CHECK(metrics->get_header_value("Content-Type").starts_with("text/plain; version=0.0.4"));
  for (const char* const line :
       {"sagemaker_invocations_total{code=\"2xx\"} 1\n", "sagemaker_invocations_total{code=\"4xx\"} 1\n",
        "sagemaker_batch_rows_count 1\n", "sagemaker_batch_rows_bucket{le=\"1\"} 1\n",
        "sagemaker_models_loaded 1\n", "sagemaker_invocation_duration_seconds_count 2\n"}) {
    CAPTURE(line);
    CHECK(metrics->body.find(line) != std::string::npos);
  }
}
