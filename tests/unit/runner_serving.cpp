// Goal: an instance of an endpoint comes up, answers, survives crashes and goes away, whatever its program
// does. Method: a small HTTP server in Python as the image, which misbehaves on request.
#include <archive.h>

#include "emulator/runner/archive.hpp"
#include "emulator/runner/serving_instance.hpp"
#include "tests/unit/runner_support.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using runner::Invocation;
using runner::InvocationResult;
using runner::ServingInstance;
using runner::ServingSpec;
using State = ServingInstance::State;
using Kind = InvocationResult::Kind;

namespace {

const char* const server_text = R"(
import http.server, os, signal, socketserver, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if os.path.exists('hold-ping'): time.sleep(1000)
        self.answer(503 if os.path.exists('refuse-ping') else 200, b'')
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        command = body[:40].decode('latin-1').strip()
        if command == 'crash': os._exit(3)
        if command == 'slow': time.sleep(1000)
        if command == 'pid': return self.answer(200, str(os.getpid()).encode())
        if command == 'peer': return self.answer(200, str(self.client_address[1]).encode())
        if command == 'error': return self.answer(500, b'bad input')
        if command == 'large': return self.answer(200, b'x' * 5000)
        if command == 'count':
            with open('count', 'a') as file: file.write('x')
            self.close_connection = True
            return
        if command == 'chunked':
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            for part in (b'hello ', b'chunked', b' world'):
                self.wfile.write(b'%x\r\n%s\r\n' % (len(part), part))
            return self.wfile.write(b'0\r\n\r\n')
        if command == 'close':
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'until the end')
            self.close_connection = True
            return
        if command == 'model':
            with open(os.environ['SM_MODEL_DIR'] + '/weights') as file: return self.answer(200, file.read().encode())
        seen = '|'.join(self.headers[name] for name in ('Content-Type', 'Accept', 'X-Amzn-SageMaker-Custom-Attributes'))
        self.answer(200, body[::-1], {'Content-Type': 'text/x', 'X-Seen': seen})
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
if sys.argv[1] != 'serve': sys.exit(9)
if os.path.exists('exit-at-start'): print('no weights'); sys.exit(7)
def end(*arguments):
    print('saying goodbye', flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print('starting', flush=True)
address = (os.environ['SAGEMAKER_BIND_TO_HOST'], int(os.environ['SAGEMAKER_BIND_TO_PORT']))
Server(address, Handler).serve_forever()
)";

std::string find_python() {
  for (const char* path : {"/usr/bin/python3", "/usr/local/bin/python3"}) {
    if (fs::exists(path)) return path;
  }
  return "";
}

class Endpoint {
 public:
  explicit Endpoint(const Sandbox& sandbox) : sandbox_(sandbox) {
    spec.image = {
        .name = "test",
        .command = {find_python(), "-u", "-S", write_script(directory_ / "server.py", server_text)}};
    spec.root = directory_ / "instance";
    spec.hostname = "model-1";
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.startup_timeout = std::chrono::seconds(20);
    spec.on_line = [this](std::string_view line) { lines.add(line); };
    fs::create_directories(spec.root / "work");
  }

  ServingInstance& start() {
    instance = ServingInstance::start(spec, sandbox_, addresses, limits);
    return *instance;
  }
  void start_ready() {
    const State state = start().wait_started(30s);
    CAPTURE(instance->failure_detail());
    REQUIRE(state == State::in_service);
  }
  InvocationResult invoke(const std::string& body, std::chrono::milliseconds timeout = 20s) {
    return instance->invoke({.content_type = "text/csv",
                             .accept = "*/*",
                             .headers = {{"X-Amzn-SageMaker-Custom-Attributes", "c000b4f9"}},
                             .body = body},
                            timeout);
  }
  std::string text(const std::string& body) { return invoke(body).body; }
  void order(const char* misbehaviour) { std::ofstream(spec.root / "work" / misbehaviour) << "x"; }

  const fs::path& directory() const { return directory_.path(); }
  ServingSpec spec;
  RunnerLimits limits;
  Lines lines;
  runner::AddressPool addresses;

 private:
  const Sandbox& sandbox_;
  TemporaryDirectory directory_;

 public:
  std::unique_ptr<ServingInstance> instance;
};

// Runs a check in both kinds of sandbox where there is a Python.
void with_endpoint(const std::function<void(Endpoint&)>& check) {
  if (find_python().empty()) return skip("no python3 in /usr/bin");
  in_both_sandboxes([&](const Sandbox& sandbox) {
    Endpoint endpoint(sandbox);
    check(endpoint);
  });
}

}  // namespace

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
    CHECK(endpoint.invoke("abc").kind == Kind::unreachable);
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
  CHECK(endpoint.invoke("abc").kind == Kind::unreachable);
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
