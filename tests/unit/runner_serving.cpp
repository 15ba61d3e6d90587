// Goal: an instance of an endpoint comes up, answers, survives crashes and goes away, whatever its program
// does. Method: a small HTTP server in Python as the image, which misbehaves on request.
#include "tests/unit/runner_serving.hpp"

#include "emulator/runner/archive.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;

TEST_CASE("an instance comes up, answers over kept-alive connections and goes away with everything it had") {
  with_endpoint([](Endpoint& endpoint) {
    fs::create_directories(endpoint.directory() / "model");
    std::ofstream(endpoint.directory() / "model/weights") << "from the archive";
    runner::pack_tar_gz(endpoint.directory() / "model", endpoint.directory() / "model.tar.gz");
    endpoint.spec.model_archive = endpoint.directory() / "model.tar.gz";
    endpoint.start_ready();
    const InvocationResult result = endpoint.invoke("abc");
    CHECK(result.kind == Kind::answered);
    CHECK(result.status == 200);
    CHECK(result.body == "cba");
    CHECK(result.headers.get("content-type") == "text/x");
    CHECK(result.headers.get("X-Seen") == "text/csv|*/*|c000b4f9");
    CHECK(endpoint.text("model") == "from the archive");
    CHECK(endpoint.text("chunked") == "hello chunked world");
    CHECK(endpoint.text("peer") == endpoint.text("peer"));
    CHECK(endpoint.text("close") == "until the end");
    CHECK(endpoint.text("") == "");
    const InvocationResult error = endpoint.invoke("error");
    CHECK(error.kind == Kind::answered);
    CHECK(error.status == 500);
    CHECK(error.body == "bad input");
    const std::string big(3'000'000, 'y');
    CHECK(endpoint.text(big) == big);
    CHECK(endpoint.instance->in_flight() == 0);
    endpoint.instance->stop(20s);
    CHECK(endpoint.instance->state() == State::stopped);
    CHECK(endpoint.lines.contains("saying goodbye"));
    CHECK(!process_exists((endpoint.directory() / "server.py").string()));
    CHECK(endpoint.invoke("abc").kind == Kind::refused);
    const std::string address = endpoint.addresses.acquire();  // given back: the first one is free again
    CHECK(address.ends_with(".2"));
  });
}

TEST_CASE("a model may be a folder") {
  with_endpoint([](Endpoint& endpoint) {
    fs::create_directories(endpoint.directory() / "model");
    std::ofstream(endpoint.directory() / "model/weights") << "from the folder";
    endpoint.spec.model_archive = endpoint.directory() / "model";
    endpoint.start_ready();
    CHECK(endpoint.text("model") == "from the folder");
  });
}

TEST_CASE("a slow answer ends at the caller's limit, and others are answered meanwhile") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    std::thread slow([&] { CHECK(endpoint.invoke("slow", 400ms).kind == Kind::timed_out); });
    CHECK(eventually([&] { return endpoint.instance->in_flight() == 1; }));
    CHECK(endpoint.text("abc") == "cba");
    slow.join();
    CHECK(endpoint.text("abc") == "cba");
    CHECK(endpoint.instance->in_flight() == 0);
  });
}

TEST_CASE("an answer larger than allowed is an error of the container") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.spec.response_bytes_max = 4999;
    endpoint.start_ready();
    const InvocationResult result = endpoint.invoke("large");
    CHECK(result.status == 500);
    CHECK(result.body.find("4999") != std::string::npos);
    CHECK(endpoint.text("abc") == "cba");
  });
}

TEST_CASE(
    "a container that dies in service is started again; the invocation that killed it is not repeated") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    const std::string pid = endpoint.text("pid");
    CHECK(endpoint.invoke("crash").kind == Kind::unreachable);
    CHECK(eventually([&] { return endpoint.text("abc") == "cba"; }));
    CHECK(endpoint.instance->state() == State::in_service);
    CHECK(endpoint.lines.contains("ended with exit code 3"));
    CHECK(endpoint.lines.contains("started again"));
  });
}

TEST_CASE("a request on a new connection is sent once, even when no answer comes") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    CHECK(endpoint.text("close") == "until the end");  // uses up the kept-alive connection of the ping
    CHECK(endpoint.invoke("count").kind == Kind::unreachable);
    CHECK(read_text(endpoint.spec.root / "work/count") == "x");
  });
}

TEST_CASE("a request on a kept-alive connection that the container has read is not repeated either") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    CHECK(endpoint.text("peer") == endpoint.text("peer"));
    CHECK(endpoint.invoke("count").kind == Kind::unreachable);
    CHECK(read_text(endpoint.spec.root / "work/count") == "x");
  });
}

TEST_CASE("a program that ends again and again at its start fails early, with its last words") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.order("exit-at-start");
    endpoint.spec.startup_timeout = std::chrono::seconds(240);
    CHECK(endpoint.start().wait_started(30s) == State::failed);
    CHECK(endpoint.instance->failure() == ServingInstance::Failure::ping_health_check);
    CHECK(endpoint.instance->failure_detail().find("exit code 7") != std::string::npos);
    CHECK(endpoint.instance->failure_detail().find("no weights") != std::string::npos);
  });
}

TEST_CASE("a ping that never passes fails at the limit, and the container is gone") {
  with_endpoint([](Endpoint& endpoint) {
    const char* how = "";
    SUBCASE("refused") { how = "refuse-ping"; }
    SUBCASE("no answer") { how = "hold-ping"; }
    endpoint.order(how);
    endpoint.spec.startup_timeout = std::chrono::seconds(1);
    CHECK(endpoint.start().wait_started(30s) == State::failed);
    CHECK(endpoint.instance->failure() == ServingInstance::Failure::ping_health_check);
    CHECK(endpoint.instance->failure_detail().find("/ping") != std::string::npos);
    CHECK(!process_exists((endpoint.directory() / "server.py").string()));
  });
}

TEST_CASE("what cannot be unpacked or executed fails without a container") {
  Endpoint endpoint(plain_sandbox());
  SUBCASE("no archive") {
    std::ofstream(endpoint.directory() / "model.tar.gz") << "this is no archive";
    endpoint.spec.model_archive = endpoint.directory() / "model.tar.gz";
    CHECK(endpoint.start().wait_started(30s) == State::failed);
    CHECK(endpoint.instance->failure() == ServingInstance::Failure::model_data);
    CHECK(endpoint.instance->failure_detail().find("model.tar.gz") != std::string::npos);
  }
  SUBCASE("no program") {
    endpoint.spec.image.command = {"/nowhere/server"};
    CHECK(endpoint.start().wait_started(30s) == State::failed);
    CHECK(endpoint.instance->failure() == ServingInstance::Failure::ping_health_check);
    CHECK(endpoint.instance->failure_detail().find("/nowhere/server") != std::string::npos);
  }
  CHECK(endpoint.lines.all().empty());
  CHECK(endpoint.invoke("abc").kind == Kind::refused);
}

TEST_CASE("an instance can be stopped and destroyed at any time") {
  with_endpoint([](Endpoint& endpoint) {
    SUBCASE("at once") { endpoint.start().stop(0ms); }
    SUBCASE("while it waits for a ping") {
      endpoint.order("refuse-ping");
      endpoint.start();
      CHECK(eventually([&] { return endpoint.lines.contains("starting"); }));
      endpoint.instance->stop(10s);
      CHECK(endpoint.lines.contains("saying goodbye"));
    }
    SUBCASE("while it waits to start again") {
      endpoint.order("exit-at-start");
      endpoint.start();
      CHECK(eventually([&] { return endpoint.lines.contains("started again"); }));
      endpoint.instance->stop(10s);
    }
    CHECK(endpoint.instance->state() == State::stopped);
    endpoint.instance.reset();
    CHECK(!process_exists((endpoint.directory() / "server.py").string()));
  });
}

TEST_CASE("many callers are served at once") {
  with_endpoint([](Endpoint& endpoint) {
    endpoint.start_ready();
    std::atomic<int> good{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 8; ++caller) {
      callers.emplace_back([&, caller] {
        for (int i = 0; i < 25; ++i) {
          const std::string body = "request-" + std::to_string(caller) + "-" + std::to_string(i);
          if (endpoint.text(body) == std::string(body.rbegin(), body.rend())) ++good;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(good == 200);
  });
}
