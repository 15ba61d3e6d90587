// Goal: a container in service that no longer is well is taken out and started again, and one that only works
// hard is left alone. Method: the image of runner_serving.hpp, and health checks every few milliseconds.
#include <atomic>

#include "tests/unit/runner_serving.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

void check_often(Endpoint& endpoint) {
  endpoint.limits.health_check_interval = 5ms;
  endpoint.limits.ping_timeout = 1s;
}

// Holds every ping while a request is under way, then without one.
void work_hard(Endpoint& endpoint) {
  check_often(endpoint);
  endpoint.limits.ping_timeout = 20ms;
  endpoint.start_ready();
  Lines pieces;
  std::thread caller([&] {
    const InvocationResult result = endpoint.instance->invoke({.body = "pieces",
                                                               .on_piece =
                                                                   [&](std::string_view piece) {
                                                                     pieces.add(piece);
                                                                     return true;
                                                                   }},
                                                              20s);
    CHECK(result.kind == Kind::answered);
  });
  CHECK(eventually([&] { return endpoint.instance->in_flight() == 1; }));
  endpoint.order("hold-ping");
  const auto pings = [&] { return read_text(endpoint.spec.root / "work/held").size(); };
  CHECK(eventually([&] { return pings() > 6; }));
  CHECK(endpoint.instance->state() == State::in_service);
  for (const char* piece : {"piece-0", "piece-1", "piece-2"}) endpoint.order(piece);
  caller.join();
  CHECK(endpoint.instance->restarts() == 0);
  CHECK(eventually([&] { return endpoint.instance->restarts() > 0; }));  // nothing excuses it any more
  fs::remove(endpoint.spec.root / "work/hold-ping");
  endpoint.instance->stop(0ms);
}

}  // namespace

TEST_CASE("a container whose ping fails in service is started again, and serves when it passes") {
  with_endpoint([](Endpoint& endpoint) {
    check_often(endpoint);
    endpoint.start_ready();
    const std::string pid = endpoint.text("pid");
    endpoint.order("refuse-ping");
    CHECK(eventually([&] { return endpoint.instance->state() == State::restarting; }));
    CHECK(!endpoint.instance->ready());
    CHECK(endpoint.invoke("abc").kind == Kind::refused);
    CHECK(endpoint.instance->last_exit().find("3 times in a row") != std::string::npos);
    fs::remove(endpoint.spec.root / "work/refuse-ping");
    CHECK(eventually([&] { return endpoint.instance->state() == State::in_service; }));
    CHECK(endpoint.text("abc") == "cba");
  });
}

TEST_CASE("a container that hangs is started again") {
  with_endpoint([](Endpoint& endpoint) {
    check_often(endpoint);
    endpoint.limits.ping_timeout = 100ms;
    endpoint.start_ready();
    endpoint.order("hold-ping");
    CHECK(eventually([&] { return endpoint.instance->state() == State::restarting; }));
    fs::remove(endpoint.spec.root / "work/hold-ping");
    CHECK(eventually([&] { return endpoint.text("abc") == "cba"; }));
  });
}

TEST_CASE("a container that answers no ping while it works is left alone") {
  with_endpoint([](Endpoint& endpoint) { work_hard(endpoint); });
}

TEST_CASE("a container may work as long as its request may take, however long others usually take") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.limits.invocation_timeout = 0s;
    work_hard(endpoint);
  });
}

TEST_CASE("a container that ends again and again in service is started again later and later, for ever") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    endpoint.order("exit-at-start");
    CHECK(endpoint.invoke("crash").kind == Kind::unreachable);
    CHECK(eventually([&] { return endpoint.instance->restarts() >= 3; }));
    CHECK(endpoint.instance->state() == State::restarting);
    CHECK(endpoint.lines.contains("started again in 100 ms"));
    CHECK(endpoint.lines.contains("started again in 400 ms"));
    CHECK(endpoint.instance->last_exit().find("exit code 7") != std::string::npos);
    fs::remove(endpoint.spec.root / "work/exit-at-start");
    CHECK(eventually([&] { return endpoint.text("abc") == "cba"; }));
  });
}

TEST_CASE("a flood of log lines neither stops answers nor is lost") {
  with_endpoint([](Endpoint& endpoint) {
    std::atomic<int> lines{0};
    endpoint.spec.on_line = [&](std::string_view) { ++lines; };
    endpoint.start_ready();
    std::thread flooder([&] { CHECK(endpoint.text("flood") == "flooded"); });
    for (int i = 0; i < 20; ++i) CHECK(endpoint.text("abc") == "cba");
    flooder.join();
    CHECK(eventually([&] { return lines >= 200'000; }));
  });
}
