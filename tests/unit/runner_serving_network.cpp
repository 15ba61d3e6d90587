// Goal: programs that listen on port 8080 of all addresses, whatever they are told, serve side by side, each
// on a network of its own, and what a container reaches from there is what it shall reach. Method: the image
// of runner_serving.hpp told to be such a program; real network namespaces where the machine allows them.
#include <atomic>
#include <set>

#include "tests/unit/loopback_servers.hpp"
#include "tests/unit/runner_serving.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using local::images::Network;

namespace {

const Sandbox* sandbox_with_networks() {
  if (find_python().empty()) {
    skip("no python3 in /usr/bin");
    return nullptr;
  }
  const Sandbox* sandbox = isolated_sandbox();
  if (!sandbox || sandbox->private_networks()) return sandbox;
  skip(sandbox->no_network_reason());
  return nullptr;
}

// An instance whose program takes port 8080 of all addresses.
struct HardCoded : Endpoint {
  explicit HardCoded(const Sandbox& sandbox, Network network = Network::own) : Endpoint(sandbox) {
    spec.image.network = network;
    spec.environment["HARD_CODED"] = "0.0.0.0";
  }
};

}  // namespace

TEST_CASE("programs that all take port 8080 serve side by side, die and come back alone") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  std::vector<std::unique_ptr<HardCoded>> endpoints;
  for (int i = 0; i < 4; ++i) {
    auto& endpoint = *endpoints.emplace_back(std::make_unique<HardCoded>(*sandbox));
    fs::create_directories(endpoint.directory() / "model");
    std::ofstream(endpoint.directory() / "model/weights") << "model " << i;
    endpoint.spec.model_archive = endpoint.directory() / "model";
    endpoint.start();
  }
  for (int i = 0; i < 4; ++i) {
    REQUIRE(endpoints[i]->instance->wait_started(30s) == State::in_service);
    CHECK(endpoints[i]->text("model") == "model " + std::to_string(i));
    CHECK(endpoints[i]->text("host") == "127.0.0.1 8080");
    CHECK(endpoints[i]->text("peer") == endpoints[i]->text("peer"));
  }
  CHECK(endpoints[2]->invoke("crash").kind == Kind::unreachable);
  CHECK(endpoints[1]->text("model") == "model 1");
  CHECK(eventually([&] { return endpoints[2]->text("model") == "model 2"; }));
  CHECK(endpoints[2]->instance->restarts() == 1);
  endpoints[0]->instance->stop(20s);
  CHECK(endpoints[0]->lines.contains("saying goodbye"));
  CHECK(!process_exists((endpoints[0]->directory() / "server.py").string()));
  CHECK(endpoints[0]->invoke("model").kind == Kind::refused);
  CHECK(endpoints[3]->text("model") == "model 3");
}

TEST_CASE("a network of its own changes nothing for who invokes: streams, large bodies, many callers") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  HardCoded endpoint(*sandbox);
  endpoint.start_ready();
  std::string streamed;
  const InvocationResult result = endpoint.instance->invoke({.body = "chunked",
                                                             .on_piece =
                                                                 [&](std::string_view piece) {
                                                                   streamed += piece;
                                                                   return true;
                                                                 }},
                                                            20s);
  CHECK(result.kind == Kind::answered);
  CHECK(streamed == "hello chunked world");
  const std::string big(3'000'000, 'y');
  CHECK(endpoint.text(big) == big);
  CHECK(endpoint.invoke("slow", 100ms).kind == Kind::timed_out);
  std::atomic<int> good{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 32; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 10; ++i) {
        const std::string body = "request-" + std::to_string(caller) + "-" + std::to_string(i);
        if (endpoint.text(body) == std::string(body.rbegin(), body.rend())) ++good;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 320);
}

TEST_CASE("a program that listens on port 8080 whatever it is told is found out once for all of its image") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  HardCoded first(*sandbox, Network::automatic);
  // On this address alone: on all of them it would stand in the way of other tests while it is looked at.
  first.spec.environment["HARD_CODED"] = "127.0.0.1";
  first.start_ready();
  CHECK(first.text("host") == "127.0.0.1 8080");
  CHECK(first.text("abc") == "cba");
  CHECK(first.instance->restarts() == 0);
  CHECK(first.lines.contains("sagemaker-local: the container's program listens on port 8080"));
  ServingSpec again = first.spec;
  again.root = first.directory() / "again";
  Lines lines;
  again.on_line = [&](std::string_view line) { lines.add(line); };
  const auto second = ServingInstance::start(again, *sandbox, first.addresses, first.limits);
  REQUIRE(second->wait_started(30s) == State::in_service);
  CHECK(lines.contains("whatever it is told"));
  CHECK(!lines.contains("started again"));
}

TEST_CASE("a program that finds its port taken gets a network of its own") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  Endpoint endpoint(*sandbox);
  endpoint.spec.image.network = Network::automatic;
  std::ofstream(endpoint.directory() / "start.py") << R"(
import os, sys
if os.environ['SAGEMAKER_BIND_TO_HOST'] != '127.0.0.1': sys.exit('OSError: [Errno 98] Address already in use')
os.execv(sys.executable, [sys.executable, '-S', sys.argv[1], 'serve'])
)";
  endpoint.spec.image.command = {find_python(), "-S", endpoint.directory() / "start.py",
                                 endpoint.directory() / "server.py"};
  endpoint.start_ready();
  CHECK(endpoint.text("abc") == "cba");
  CHECK(endpoint.text("host") == "127.0.0.1 8080");
}

TEST_CASE("a program that listens where it is told stays on the machine's network") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  Endpoint endpoint(*sandbox);
  endpoint.spec.image.network = Network::automatic;
  endpoint.start_ready();
  CHECK(endpoint.text("host").starts_with("127.7"));
  CHECK(!endpoint.lines.contains("network"));
}

TEST_CASE("from its own network a container reaches the emulator, and from an isolated one nothing") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  const std::string large(2'000'000, 'z');
  const WebServer server([&](httplib::Server& web) {
    web.Get("/hello", [](const httplib::Request&, httplib::Response& answer) {
      answer.set_content("from the emulator", "text/plain");
    });
    web.Get("/large", [&](const httplib::Request&, httplib::Response& answer) {
      answer.set_content(large, "text/plain");
    });
  });
  HardCoded endpoint(*sandbox);
  endpoint.spec.environment["AWS_ENDPOINT_URL"] = server.origin();
  SUBCASE("own") {
    endpoint.start_ready();
    CHECK(endpoint.text("fetch /hello") == "from the emulator");
    CHECK(endpoint.text("fetch /large") == large);
    std::atomic<int> good{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 8; ++caller)
      callers.emplace_back([&] { good += endpoint.text("fetch /large") == large ? 1 : 0; });
    for (std::thread& caller : callers) caller.join();
    CHECK(good == 8);
    CHECK(endpoint.invoke("crash").kind == Kind::unreachable);
    CHECK(eventually([&] { return endpoint.text("fetch /hello") == "from the emulator"; }));
  }
  SUBCASE("isolated") {
    endpoint.spec.image.network = Network::host;  // the model's wish goes before the image's
    endpoint.spec.isolated_network = true;
    endpoint.start_ready();
    CHECK(endpoint.text("fetch /hello").starts_with("cannot: "));
    CHECK(endpoint.text("abc") == "cba");
  }
}

TEST_CASE("where the emulator cannot be reached from a container's own network the log says so") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  HardCoded endpoint(*sandbox);
  endpoint.spec.environment["AWS_ENDPOINT_URL"] = "http://emulator.example:8580";
  endpoint.start_ready();
  CHECK(endpoint.lines.contains("emulator.example is not an address in figures"));
}

TEST_CASE("an instance on a network of its own can be stopped at any time") {
  const Sandbox* sandbox = sandbox_with_networks();
  if (!sandbox) return;
  HardCoded endpoint(*sandbox);
  SUBCASE("at once") { endpoint.start().stop(0ms); }
  SUBCASE("before it answers") {
    endpoint.order("refuse-ping");
    endpoint.start();
    CHECK(eventually([&] { return endpoint.lines.contains("starting"); }));
    endpoint.instance->stop(10s);
    CHECK(endpoint.lines.contains("saying goodbye"));
  }
  SUBCASE("in a crash loop") {
    endpoint.order("exit-at-start");
    endpoint.start();
    CHECK(eventually([&] { return endpoint.lines.contains("started again"); }));
    endpoint.instance->stop(10s);
  }
  CHECK(endpoint.instance->state() == State::stopped);
  CHECK(!process_exists((endpoint.directory() / "server.py").string()));
}

TEST_CASE("without networks for containers it is said what to do") {
  if (find_python().empty()) return skip("no python3 in /usr/bin");
  CHECK(plain_sandbox().description().find("8080") != std::string::npos);
  SUBCASE("a port that another one has") {
    Endpoint endpoint(plain_sandbox());
    endpoint.spec.image.network = Network::automatic;
    std::ofstream(endpoint.directory() / "server.py")
        << "import sys\nsys.exit('OSError: [Errno 98] Address already in use')\n";
    CHECK(endpoint.start().wait_started(30s) == State::failed);
    const std::string detail = endpoint.instance->failure_detail();
    CHECK(detail.find("Address already in use") != std::string::npos);
    CHECK(detail.find("SAGEMAKER_BIND_TO_PORT") != std::string::npos);
    CHECK(detail.find("the sandbox is switched off") != std::string::npos);
  }
  SUBCASE("a network that was asked for") {
    Endpoint endpoint(plain_sandbox());
    endpoint.spec.image.network = Network::own;
    endpoint.start_ready();
    CHECK(endpoint.text("abc") == "cba");
    CHECK(endpoint.lines.contains("shares the machine's network"));
  }
}
