// The serving contract with real processes: /ping, /invocations, every codec, bad requests, batching, and the
// end.
#include <algorithm>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <signal.h>

#include <sagemaker/aws/json.hpp>

#include "tests/toolkit/endpoint.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

TEST_CASE("an endpoint answers in every format, and says what is wrong with a request") {
  Endpoint endpoint;
  endpoint.serve();
  httplib::Client client = endpoint.client();

  const auto ping = client.Get("/ping");
  REQUIRE(ping);
  CHECK(ping->status == 200);
  CHECK(ping->body.empty());

  CHECK(endpoint.post({R"({"instances": [[1, 2], [3, 4.5]]})"}).body == "[[2.0, 4.0], [6.0, 9.0]]");
  CHECK(endpoint.post({R"({"inputs": [[1, 2]]})"}).body == "[[2.0, 4.0]]");
  CHECK(endpoint.post({"[0.5, 1]"}).body == "[1.0, 2.0]");
  CHECK(endpoint.post({"1,2\n3,4\n", "text/csv", "text/csv"}).body == "2.0,4.0\n6.0,8.0\n");
  CHECK(endpoint.post({"1,2\n", "text/csv; label_size=0", "*/*"}).body == "[[2.0, 4.0]]");
  const httplib::Response array =
      endpoint.post({npy("(1, 2)", {1, 2}), "application/x-npy", "application/x-npy"});
  CHECK(array.get_header_value("Content-Type") == "application/x-npy");
  CHECK(array.body == npy("(1, 2)", {2, 4}));
  CHECK(endpoint.post({"[1]", "application/json", "image/png, text/csv;q=0.5"}).body == "2.0\n");

  const httplib::Response ragged = endpoint.post({"[[1, 2], [3]]"});
  CHECK(ragged.status == 400);
  CHECK(ragged.body.find("do not form a tensor") != std::string::npos);
  CHECK(endpoint.post({"1,x\n", "text/csv"}).status == 400);
  CHECK(endpoint.post({npy("(2, 2)", {1, 2}), "application/x-npy"}).status == 400);
  CHECK(endpoint.post({"hello", "text/plain"}).status == 415);
  CHECK(endpoint.post({"[1]", "application/json", "image/png"}).status == 406);
  CHECK(endpoint.post({""}).status == 400);
  const auto missing = client.Get("/nothing");
  REQUIRE(missing);
  CHECK(missing->status == 404);
  CHECK(endpoint.post({"[1]"}).status == 200);  // none of this hurt the server
}

TEST_CASE("bodies are taken as they are, whatever the headers of the request say") {
  Endpoint endpoint;
  endpoint.serve();
  httplib::Client client = endpoint.client();
  const auto ask = [&](const httplib::Headers& headers, const char* type) {
    const auto result = client.Post("/invocations", headers, "[1]", type);
    REQUIRE(result);
    return *result;
  };
  CHECK(ask({{"Content-Encoding", "gzip"}}, "application/json").body == "[2.0]");
  const httplib::Response plain = ask({{"Accept-Encoding", "gzip"}}, "application/json");
  CHECK(plain.body == "[2.0]");
  CHECK_FALSE(plain.has_header("Content-Encoding"));
  const httplib::Response whole = ask({{"Range", "bytes=0-0"}}, "application/json");
  CHECK(whole.status == 200);
  CHECK(whole.body == "[2.0]");
  CHECK(ask({}, "multipart/form-data; boundary=x").status == 415);
  CHECK(ask({}, "application/x-www-form-urlencoded").status == 415);
  CHECK(ask({}, "application/json").status == 200);  // the connection is still in step
}

TEST_CASE("a body over the limit is refused, with and without a length") {
  Endpoint endpoint("", {{"SAGEMAKER_MAX_PAYLOAD_IN_MB", "1"}});
  endpoint.serve();
  const std::string large(2 << 20, ' ');
  CHECK(endpoint.post({large + "[1]"}).status == 413);
  httplib::Client client = endpoint.client();
  const auto chunked = client.Post(
      "/invocations",
      [&](std::size_t offset, httplib::DataSink& sink) {
        if (offset >= large.size()) {
          sink.done();
          return true;
        }
        return sink.write(large.data(), 1 << 16);
      },
      "application/json");
  CHECK((!chunked || chunked->status == 413));
  CHECK(endpoint.post({"[1]"}).status == 200);
}

TEST_CASE("requests that wait are one call of predict_fn, and only the bad one fails") {
  Endpoint endpoint("count");
  endpoint.serve();
  std::vector<std::thread> threads;
  std::vector<httplib::Response> answers(9);
  const auto ask = [&](std::size_t i, const std::string& body) {
    threads.emplace_back([&, i, body] { answers[i] = endpoint.post({body}); });
  };
  ask(8, "[[-1, 0]]");  // holds the model until the others wait
  REQUIRE(endpoint.process->wait_for("predict_fn: 1 rows"));
  for (std::size_t i = 0; i < 7; ++i) ask(i, "[[" + std::to_string(i) + ", 1]]");
  ask(7, "[[-2, 0]]");
  const auto count = [&](const std::string& line) {
    const std::string log = endpoint.process->output();
    int found = 0;
    for (auto at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++found;
    return found;
  };
  for (int tries = 0; count("input_fn\n") < 9 && tries < 10'000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // from input_fn into the queue
  write_text(endpoint.base / "release", "");
  for (std::thread& thread : threads) thread.join();

  CHECK(answers[8].body == "[[-1.0, 1.0]]");
  CHECK(answers[7].status == 500);
  CHECK(answers[7].body.find("minus two is not welcome") != std::string::npos);
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(answers[i].status == 200);
    CHECK(json::parse(answers[i].body)[0][0] == static_cast<double>(i) + 1.0);
  }
  CHECK(endpoint.process->output().find("predict_fn: 8 rows") != std::string::npos);

  SUBCASE("without a bad one, all share the call") {
    std::filesystem::remove(endpoint.base / "release");
    threads.clear();
    ask(8, "[[-1, 0]]");
    for (int tries = 0; count("input_fn\n") < 10 && tries < 10'000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (std::size_t i = 0; i < 8; ++i) ask(i, "[[1, 1], [2, 2]]");
    for (int tries = 0; count("input_fn\n") < 18 && tries < 10'000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    write_text(endpoint.base / "release", "");
    for (std::thread& thread : threads) thread.join();
    int shared = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const json rows = json::parse(answers[i].body);
      CHECK(rows[0][0] == 2.0);
      CHECK(rows[1][0] == 4.0);
      shared = std::max(shared, rows[0][1].get<int>());
    }
    CHECK(shared == 16);
  }
}

TEST_CASE("what predict_fn throws is the answer") {
  Endpoint endpoint("count");
  endpoint.serve();
  CHECK(endpoint.post({"[[-3, 0]]"}).status == 422);
  const httplib::Response failed = endpoint.post({"[[-2, 0]]"});
  CHECK(failed.status == 500);
  CHECK(failed.body == "std::runtime_error: minus two is not welcome\n");
  CHECK(endpoint.process->output().find("minus two is not welcome") != std::string::npos);
}

TEST_CASE("a model that takes too long is answered for") {
  Endpoint endpoint("count", {{"SAGEMAKER_MODEL_SERVER_TIMEOUT", "1"}});
  endpoint.serve();
  const httplib::Response late = endpoint.post({"[[-1, 0]]"});
  CHECK(late.status == 504);
  write_text(endpoint.base / "release", "");
  CHECK(endpoint.post({"[[1, 0]]"}).body == "[[1.0, 1.0]]");
}

TEST_CASE("TorchScript is served without any hook") {
  Endpoint endpoint("script");
  endpoint.serve();
  CHECK(endpoint.post({"[[1, 2]]"}).body == "[[2.0, 4.0]]");
}

TEST_CASE("transform_fn does the whole work of a request") {
  Endpoint endpoint("transform");
  endpoint.serve();
  const httplib::Response loud = endpoint.post({"hello", "text/plain", "a/b"});
  CHECK(loud.body == "hello! text/plain a/b 1.000000");
  CHECK(loud.get_header_value("Content-Type") == "text/loud");
  CHECK(endpoint.post({"fail", "text/plain"}).status == 500);
}

TEST_CASE("a model that does not load ends the process with the reason") {
  Endpoint endpoint("refuse");
  endpoint.start();
  CHECK(endpoint.process->wait() == 1);
  CHECK(endpoint.process->output().find("cannot be loaded: std::runtime_error: no model is good enough in") !=
        std::string::npos);
  Endpoint empty;
  std::filesystem::remove(empty.base / "model/model.pt");
  empty.start();
  CHECK(empty.process->wait() == 1);
  CHECK(empty.process->output().find("model.pt") != std::string::npos);
}

TEST_CASE("hooks that exclude each other end the process with the reason") {
  Endpoint endpoint("refuse");
  endpoint.variables["HOOKS"] = "both";
  endpoint.start();
  CHECK(endpoint.process->wait() == 1);
  CHECK(endpoint.process->output().find("transform_fn replaces") != std::string::npos);
}

TEST_CASE("a port that is taken ends the process with the reason") {
  Endpoint first("transform");
  first.serve();
  Endpoint second("transform", {{"SAGEMAKER_BIND_TO_PORT", std::to_string(first.port)}});
  second.start();
  CHECK(second.process->wait() == 1);
  CHECK(second.process->output().find("cannot listen on 127.0.0.1:" + std::to_string(first.port)) !=
        std::string::npos);
}

TEST_CASE("SIGTERM lets the request in flight end, then the process exits with 0") {
  Endpoint endpoint("count");
  endpoint.serve();
  httplib::Client idle = endpoint.client();  // keeps its connection open
  REQUIRE(idle.Get("/ping"));
  httplib::Response answer;
  std::thread thread([&] { answer = endpoint.post({"[[-1, 5]]"}); });
  const bool busy = endpoint.process->wait_for("predict_fn: 1 rows");
  endpoint.process->signal(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  write_text(endpoint.base / "release", "");
  thread.join();
  CHECK(busy);
  CHECK(answer.status == 200);
  CHECK(answer.body == "[[4.0, 1.0]]");
  CHECK(endpoint.process->wait() == 0);
}
