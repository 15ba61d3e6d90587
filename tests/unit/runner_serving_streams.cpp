// Goal: answers are handed on while they arrive, whoever stops midway is noticed, and a container that is
// stopped finishes what it has begun. Method: the image of runner_serving.hpp.
#include <atomic>

#include "tests/unit/runner_serving.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

// What arrived of one streamed answer.
struct Received {
  std::atomic<int> status{0};
  std::string content_type;
  Lines pieces;
  std::atomic<bool> wanted{true};

  InvocationResult invoke(Endpoint& endpoint, const std::string& body, std::chrono::milliseconds head = 20s,
                          std::chrono::milliseconds all = 20s) {
    return endpoint.instance->invoke({.content_type = "text/csv",
                                      .accept = "*/*",
                                      .headers = {{"X-Amzn-SageMaker-Custom-Attributes", "c"}},
                                      .body = body,
                                      .on_head =
                                          [this](int code, const aws::Headers& headers) {
                                            content_type = headers.get("Content-Type");
                                            status = code;
                                          },
                                      .on_piece =
                                          [this](std::string_view piece) {
                                            pieces.add(piece);
                                            return wanted.load();
                                          },
                                      .stream_timeout = all},
                                     head);
  }
  std::string text() const {
    std::string all;
    for (const std::string& piece : pieces.all()) all += piece;
    return all;
  }
};

}  // namespace

TEST_CASE("a streamed answer arrives piece by piece while the container still writes it") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    Received received;
    std::thread caller([&] {
      const InvocationResult result = received.invoke(endpoint, "pieces");
      CHECK(result.kind == Kind::answered);
      CHECK(result.status == 200);
      CHECK(result.body.empty());
    });
    CHECK(eventually([&] { return received.status == 200; }));  // before there is any body
    CHECK(received.content_type == "text/pieces");
    for (const char* piece : {"piece-0", "piece-1", "piece-2"}) {
      CHECK(!received.pieces.contains(piece));
      endpoint.order(piece);
      CHECK(eventually([&] { return received.pieces.contains(piece); }));
    }
    caller.join();
    const std::string peer = endpoint.text("peer");
    Received whole;
    CHECK(whole.invoke(endpoint, "chunked").kind == Kind::answered);
    CHECK(whole.text() == "hello chunked world");
    Received sized;
    CHECK(sized.invoke(endpoint, "abc").kind == Kind::answered);
    CHECK(sized.text() == "cba");
    CHECK(endpoint.text("peer") == peer);  // a stream that was read to its end leaves its connection usable
    Received until_close;
    CHECK(until_close.invoke(endpoint, "close").kind == Kind::answered);
    CHECK(until_close.text() == "until the end");
  });
}

TEST_CASE("an error of the container is no stream") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    Received received;
    const InvocationResult result = received.invoke(endpoint, "error");
    CHECK(result.kind == Kind::answered);
    CHECK(result.status == 500);
    CHECK(result.body == "bad input");
    CHECK(received.status == 0);
    CHECK(received.text().empty());
  });
}

TEST_CASE("who wants no more of a stream ends it, however long it is") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.spec.response_bytes_max = 10;  // holds for answers that are collected
    endpoint.start_ready();
    Received received;
    received.wanted = false;
    CHECK(received.invoke(endpoint, "endless").kind == Kind::answered);
    CHECK(received.pieces.all().size() == 1);
    CHECK(endpoint.instance->in_flight() == 0);
    CHECK(endpoint.text("abc") == "cba");
  });
}

TEST_CASE("a stream has a limit to its beginning and one to its end") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    Received silent;
    const InvocationResult late = silent.invoke(endpoint, "slow", 100ms);
    CHECK(late.kind == Kind::timed_out);
    CHECK(late.status == 0);
    Received endless;
    const InvocationResult cut = endless.invoke(endpoint, "endless", 20s, 300ms);
    CHECK(cut.kind == Kind::timed_out);
    CHECK(cut.status == 200);
  });
}

TEST_CASE("an answer that breaks off or is no HTTP is told from none at all") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    Received received;
    const InvocationResult broken = received.invoke(endpoint, "break");
    CHECK(broken.kind == Kind::broken);
    CHECK(broken.status == 200);
    CHECK(received.text() == "the beginning");
    CHECK(endpoint.invoke("break").kind == Kind::broken);
    CHECK(endpoint.invoke("garbage").kind == Kind::broken);
    CHECK(endpoint.invoke("garbage").status == 0);
    CHECK(endpoint.invoke("crash").kind == Kind::unreachable);
  });
}

TEST_CASE("a body may be pulled while it is sent; who pulls may stop the invocation") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    std::string rest = "abcdefg";
    const auto pull = [&rest](char* target, std::size_t size) {
      const std::size_t count = rest.copy(target, std::min<std::size_t>(size, 3));
      rest.erase(0, count);
      return count;
    };
    const InvocationResult result =
        endpoint.instance->invoke({.content_type = "text/csv",
                                   .accept = "*/*",
                                   .headers = {{"X-Amzn-SageMaker-Custom-Attributes", "c"}},
                                   .pull = pull},
                                  20s);
    CHECK(result.kind == Kind::answered);
    CHECK(result.body == "gfedcba");
    CHECK(result.headers.get("X-Seen") == "text/csv|*/*|c");
    const auto fails = [](char*, std::size_t) -> std::size_t { throw std::runtime_error("no more"); };
    CHECK_THROWS_WITH_AS(endpoint.instance->invoke({.pull = fails}, 20s), "no more", std::runtime_error);
    CHECK(endpoint.instance->in_flight() == 0);
    CHECK(endpoint.text("abc") == "cba");
  });
}

TEST_CASE("an invocation may use another method and another path") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    CHECK(endpoint.instance->invoke({.body = "path", .target = "/models/abc/invoke"}, 20s).body ==
          "/models/abc/invoke");
    CHECK(endpoint.instance->invoke({.method = "DELETE", .target = "/models/abc"}, 20s).body ==
          "deleted /models/abc");
  });
}

TEST_CASE("the state's changes are told in their order, with their reason") {
  with_endpoint([](Endpoint& endpoint) {
    Lines states;
    endpoint.spec.on_state = [&](State state) {
      states.add(state == State::in_service   ? "in service"
                 : state == State::restarting ? "restarting"
                 : state == State::stopped    ? "stopped"
                                              : "other");
    };
    endpoint.start_ready();
    CHECK(endpoint.instance->ready());
    CHECK(endpoint.instance->restarts() == 0);
    endpoint.invoke("crash");
    CHECK(eventually([&] { return states.all().size() == 3; }));
    CHECK(endpoint.instance->ready());
    CHECK(endpoint.instance->restarts() == 1);
    CHECK(endpoint.instance->last_exit().find("exit code 3") != std::string::npos);
    endpoint.instance->stop(10s);
    CHECK(!endpoint.instance->ready());
    CHECK(states.all() == std::vector<std::string>{"in service", "restarting", "in service", "stopped"});
  });
}

TEST_CASE("a model may be one file; a container of many models finds an empty folder for them") {
  with_endpoint([](Endpoint& endpoint) {
    SUBCASE("one file") {
      std::ofstream(endpoint.directory() / "0123abcd") << "not packed";
      endpoint.spec.model_archive = endpoint.directory() / "0123abcd";
      endpoint.spec.model_is_plain = true;
      endpoint.spec.model_file = "weights";
      endpoint.start_ready();
      CHECK(endpoint.text("model") == "not packed");
    }
    SUBCASE("many models") {
      endpoint.spec.multi_model = true;
      endpoint.start_ready();
      fs::create_directories(endpoint.spec.root / "ml/models/abc/model");
      CHECK(endpoint.text("models") == "abc");
    }
  });
}

TEST_CASE("a container that is stopped finishes the invocation that it has begun, and gets no other") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    Received received;
    std::thread caller([&] { CHECK(received.invoke(endpoint, "pieces").kind == Kind::answered); });
    CHECK(eventually([&] { return received.status == 200; }));
    std::thread stopper([&] { endpoint.instance->stop(20s); });
    CHECK(eventually([&] { return !endpoint.instance->ready(); }));
    CHECK(endpoint.invoke("abc").kind == Kind::refused);
    for (const char* piece : {"piece-0", "piece-1", "piece-2"}) endpoint.order(piece);
    caller.join();
    stopper.join();
    CHECK(received.text() == "piece-0piece-1piece-2");
    CHECK(endpoint.lines.contains("saying goodbye"));
    CHECK(endpoint.instance->state() == State::stopped);
  });
}
