// What hooks can do beside predicting: contexts, statuses and headers, answers in pieces, warm-up, several
// workers; and how a serving program ends. Real processes, real HTTP.
#include <string>
#include <thread>
#include <vector>

#include "tests/support/raw_socket.hpp"
#include "tests/toolkit/endpoint.hpp"

using namespace sagemaker::tests;

namespace {

std::string post(const std::string& body, const std::string& more = "") {
  return "POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("hooks see the headers of their own request and set those of its answer") {
  Endpoint endpoint("context");
  endpoint.serve();
  const std::string log = endpoint.process->output();
  CHECK(log.find("pre_model_fn\nmodel_fn: model on cpu\nmodel_warmup_fn: 3\n") != std::string::npos);
  CHECK(log.find("model_warmup_fn") < log.find("Model loaded"));

  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      RawSocket socket(endpoint.port);
      for (int round = 0; round < 20; ++round) {
        const std::string mine = std::to_string(i) + "/" + std::to_string(round);
        const RawResponse answer =
            socket.exchange(post("[[" + std::to_string(i) + "]]",
                                 "X-Amzn-SageMaker-Custom-Attributes: " + mine + "\r\n" +
                                     "Accept: " + (i % 2 == 0 ? "text/csv" : "application/json") + "\r\n"));
        CHECK(answer.headers.get("X-Seen") == mine);
        CHECK(answer.body ==
              (i % 2 == 0 ? std::to_string(3 * i) + ".0\n" : "[[" + std::to_string(3 * i) + ".0]]"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  RawSocket socket(endpoint.port);
  const RawResponse refused = socket.exchange(post("[1]", "X-Amzn-SageMaker-Inference-Id: refused\r\n"));
  CHECK(refused.status == 422);
  CHECK(refused.body == "this inference is refused\n");
}

TEST_CASE("a predict_fn with a context gets each request alone") {
  Endpoint endpoint("alone");
  endpoint.serve();
  std::vector<std::thread> threads;
  for (int i = 1; i <= 8; ++i) {
    threads.emplace_back([&, i] {
      RawSocket socket(endpoint.port);
      std::string rows = "[1]";
      for (int row = 1; row < i; ++row) rows += ", [1]";
      const std::string mine = "request " + std::to_string(i);
      for (int round = 0; round < 20; ++round) {
        const RawResponse answer =
            socket.exchange(post("[" + rows + "]", "X-Amzn-SageMaker-Custom-Attributes: " + mine + "\r\n"));
        CHECK(answer.headers.get("X-Rows") == std::to_string(i));
        CHECK(answer.headers.get("X-Amzn-SageMaker-Custom-Attributes") == mine + "!");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("an answer in pieces goes out while it is made") {
  Endpoint endpoint("stream");
  endpoint.serve();
  RawSocket socket(endpoint.port);
  const RawResponse whole = socket.exchange(post("4"));
  CHECK(whole.status == 201);
  CHECK(whole.headers.get("Transfer-Encoding") == "chunked");
  CHECK(whole.headers.get("Content-Type") == "text/count");
  CHECK(whole.headers.get("X-Amzn-SageMaker-Custom-Attributes") == "counting");
  CHECK(whole.body == "1 2 3 4 ");
  CHECK(whole.complete);

  REQUIRE(socket.send(post("7")));
  std::string begun;
  while (begun.find("5 \r\n") == std::string::npos) {
    const std::string more = socket.receive_all(nullptr, std::chrono::milliseconds(20));
    begun += more;
  }
  CHECK(begun.find("6 ") == std::string::npos);
  CHECK(endpoint.post({"[2]"}).status == 201);  // others are served meanwhile
  write_text(endpoint.base / "release", "");
  const std::string rest = socket.receive_all(nullptr, std::chrono::milliseconds(500));
  CHECK(rest == "2\r\n6 \r\n2\r\n7 \r\n0\r\n\r\n");

  CHECK(socket.exchange(post("-1")).status == 500);  // before the first piece: an answer of its own
  CHECK(socket.exchange(post("0")).status == 500);
  const RawResponse broken = socket.exchange(post("20"));
  CHECK(broken.status == 201);
  CHECK_FALSE(broken.complete);
  CHECK(endpoint.process->output().find("the answer broke off: std::runtime_error: thirteen") !=
        std::string::npos);

  RawSocket old(endpoint.port);
  old.send("POST /invocations HTTP/1.0\r\nContent-Length: 1\r\n\r\n3");
  const RawResponse plain = old.receive();
  CHECK_FALSE(plain.headers.contains("Transfer-Encoding"));
  CHECK(plain.body == "1 2 3 ");
}

TEST_CASE("each worker has a model of its own, and they work side by side") {
  Endpoint endpoint("count", {{"SAGEMAKER_MODEL_SERVER_WORKERS", "2"}});
  endpoint.serve();
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { CHECK(endpoint.post({"[[-1, 0]]"}).status == 200); });
    // The second one is in its model while the first one still is.
    const std::string log = i == 0 ? "waiting" : "waiting\npredict_fn: 1 rows\nwaiting";
    for (int tries = 0; tries < 5000; ++tries) {
      const std::string output = endpoint.process->output();
      std::string calls;
      for (std::size_t at = 0; at < output.size(); at = output.find('\n', at) + 1) {
        const std::string line = output.substr(at, output.find('\n', at) - at);
        if (line == "waiting" || line.starts_with("predict_fn")) calls += line + "\n";
      }
      if (calls.find(log) != std::string::npos) break;
      REQUIRE(tries < 4999);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  write_text(endpoint.base / "release", "");
  for (std::thread& thread : threads) thread.join();
  CHECK(endpoint.process->output().find("with 2 workers") != std::string::npos);
}

TEST_CASE("with a delay requests wait for each other although the model is idle") {
  Endpoint endpoint("count", {{"SAGEMAKER_TS_MAX_BATCH_DELAY", "30000"}, {"SAGEMAKER_TS_BATCH_SIZE", "3"}});
  endpoint.serve();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] { CHECK(endpoint.post({"[[1, 1]]"}).body == "[[2.0, 3.0]]"); });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a delay that is over lets a request go alone, and batches of one row are no batches") {
  Endpoint endpoint("count", {{"SAGEMAKER_BATCH_DELAY_MS", "50"}});
  endpoint.serve();
  const auto start = std::chrono::steady_clock::now();
  CHECK(endpoint.post({"[[1, 1]]"}).body == "[[2.0, 1.0]]");
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(50));
}

TEST_CASE("a model that takes long gets the threads of its worker, one that does not has one") {
  Endpoint endpoint("threads", {{"SM_NUM_CPUS", "6"}, {"SAGEMAKER_MODEL_SERVER_WORKERS", "2"}});
  endpoint.serve();
  const auto after = [&](const std::string& ms, int requests) {
    std::string answer;
    for (int i = 0; i < requests; ++i) answer = endpoint.post({"[[" + ms + "]]"}).body;
    return answer;
  };
  CHECK(after("0", 10) == "[[1.0]]");
  CHECK(after("50", 5) == "[[3.0]]");
  CHECK(after("0", 100) == "[[1.0]]");
}

TEST_CASE("a model that crashes ends the process by its signal") {
  Endpoint endpoint("crash");
  endpoint.serve();
  CHECK(endpoint.post({"[[1]]"}).status == 200);
  RawSocket socket(endpoint.port);
  CHECK(socket.exchange(post("[[-4]]")).status == 0);
  CHECK(endpoint.process->wait() == 128 + SIGSEGV);
}

TEST_CASE("during a drain no connection is taken and answers say that theirs ends") {
  Endpoint endpoint("count");
  endpoint.serve();
  RawSocket idle(endpoint.port);
  CHECK(idle.exchange("GET /ping HTTP/1.1\r\n\r\n").status == 200);
  RawSocket held(endpoint.port);
  REQUIRE(held.send(post("[[-1, 5]]")));
  REQUIRE(endpoint.process->wait_for("waiting"));
  endpoint.process->signal(SIGTERM);
  for (int tries = 0;; ++tries) {
    REQUIRE(tries < 2000);
    try {
      RawSocket late(endpoint.port);
    } catch (const std::runtime_error&) {
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const RawResponse ping = idle.exchange("GET /ping HTTP/1.1\r\n\r\n");
  CHECK(ping.status == 200);
  CHECK(ping.closes());
  write_text(endpoint.base / "release", "");
  const RawResponse answer = held.receive();
  CHECK(answer.body == "[[4.0, 1.0]]");
  CHECK(answer.closes());
  CHECK(endpoint.process->wait() == 0);
}
