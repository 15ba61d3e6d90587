// Requests a second, p50 and p99 of the serving toolkit at 1, 8 and 32 connections, for an MLP of MNIST's
// size and a small CNN, JSON and NPY: straight to the serving program with batching on and off, through the
// emulator (InvokeEndpoint, signed), and beside gunicorn with torch (gunicorn_app.py: 2 workers with threads,
// one thread of torch each, preloaded) where /usr/bin/python3 has both. All under the same load (load.hpp),
// in one run. TorchServe needs a Java runtime and is not compared here.
#include <cstdlib>
#include <optional>
#include <sstream>

#include <signal.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/sigv4.hpp>

#include "tests/bench/load.hpp"
#include "tests/bench/serving.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;

constexpr double seconds_each = 1.5;
constexpr int connections[] = {1, 8, 32};

std::string http_request(const Request& request) {
  return "POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Type: " + request.content_type +
         "\r\nAccept: " + request.content_type +
         "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

// InvokeEndpoint as a client signs it; the same bytes each time.
std::string signed_request(const sm::LocalEmulator& emulator, const std::string& endpoint,
                           const Request& request) {
  const std::string host = emulator.endpoint_url().substr(7);
  sm::aws::sigv4::Message message;
  message.method = "POST";
  message.path = "/endpoints/" + endpoint + "/invocations";
  message.headers = {
      {"Host", host}, {"Content-Type", request.content_type}, {"Accept", request.content_type}};
  message.payload_hash = sm::aws::sha256_hex(request.body);
  sm::aws::sigv4::sign(message, {"test", "test", "", std::nullopt}, {"us-east-1", "sagemaker"},
                       std::chrono::system_clock::now());
  std::string bytes = "POST " + message.path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : message.headers) bytes += name + ": " + value + "\r\n";
  return bytes + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

// gunicorn with gunicorn_app.py; not running where something is missing.
class Gunicorn {
 public:
  Gunicorn() : port_(free_port()) {
    if (std::system("/usr/bin/python3 -c 'import gunicorn, numpy, torch' >/dev/null 2>&1") != 0) return;
    process_ = std::make_unique<sm::detail::ChildProcess>(
        sm::detail::ChildProcess::Options{{"/usr/bin/env",
                                           "OMP_NUM_THREADS=1",
                                           "OPENBLAS_NUM_THREADS=1",
                                           "PYTHONDONTWRITEBYTECODE=1",
                                           "/usr/bin/python3",
                                           "-m",
                                           "gunicorn",
                                           "--workers",
                                           "2",
                                           "--worker-class",
                                           "gthread",
                                           "--threads",
                                           "32",
                                           "--preload",
                                           "--keep-alive",
                                           "120",
                                           "--bind",
                                           "127.0.0.1:" + std::to_string(port_),
                                           "--chdir",
                                           SAGEMAKER_BENCH_FOLDER,
                                           "gunicorn_app:application"},
                                          folder_.path() / "output",
                                          folder_.path() / "errors"});
    httplib::Client client("127.0.0.1", port_);
    for (int tries = 0; process_->running(); ++tries) {
      const auto answer = client.Get("/ping");
      if (answer && answer->status == 200) return;
      if (tries > 600) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    process_.reset();
  }
  bool running() const { return process_ != nullptr; }
  int port() const { return port_; }

 private:
  sm::detail::TemporaryFolder folder_;
  int port_;
  std::unique_ptr<sm::detail::ChildProcess> process_;
};

struct Ways {
  int straight = 0, unbatched = 0, emulator = 0;
  std::optional<int> gunicorn;
};

void measure_one(const std::string& network, const std::string& endpoint, const sm::LocalEmulator& emulator,
                 const Request& request, const Ways& ways, double forward_ms) {
  const std::string kind = request.content_type == "application/json" ? "JSON" : "NPY";
  for (const int clients : connections) {
    const std::string title = network + ", " + kind + ", " + std::to_string(clients) + " connections";
    const auto load = [&](int port, const std::string& bytes) {
      return LoadGenerator(port, clients, bytes).run(seconds_each);
    };
    LoadResult peer;
    if (ways.gunicorn) peer = load(*ways.gunicorn, http_request(request));
    const auto line = [&](const std::string& way, const LoadResult& result, double wanted) {
      Measurement rate{title + way, "req/s", result.per_second, {}, {}};
      if (ways.gunicorn) {
        rate.floor = {"gunicorn and torch", peer.per_second};
        rate.budget = {wanted, Judged::ratio, Better::higher};
      }
      print(rate);
      print({"  p50", "ms", result.p50_ms, {"bare forward pass", forward_ms}});
      print(
          {"  p99", "ms", result.p99_ms, ways.gunicorn ? Floor{"gunicorn and torch", peer.p99_ms} : Floor{}});
    };
    const bool judged = network == "MLP" && clients == 32;
    line("", load(ways.straight, http_request(request)), !judged ? 0 : kind == "JSON" ? 5 : 8);
    line(", no batches", load(ways.unbatched, http_request(request)), 0);
    line(", emulator", load(ways.emulator, signed_request(emulator, endpoint, request)), 0);
  }
}

void measure_network(const std::string& network, const std::string& name) {
  ::setenv("BENCH_MODEL", name.c_str(), 1);
  const double forward_ms = forward_pass().p50;
  const Direct straight;
  const Direct unbatched({"SAGEMAKER_BATCH_ROWS_MAX=1"});
  const sm::LocalEmulator emulator;
  const sm::Session session = emulator.session();
  create_endpoint_ms(session, name, {{"BENCH_MODEL", name}});
  const Gunicorn gunicorn;
  if (!gunicorn.running())
    std::printf("gunicorn or torch is not there for /usr/bin/python3: no comparison\n");
  const std::string url = emulator.endpoint_url();
  Ways ways{straight.port(), unbatched.port(), std::atoi(url.c_str() + url.rfind(':') + 1), {}};
  if (gunicorn.running()) ways.gunicorn = gunicorn.port();
  measure_one(network, name, emulator, json_row(), ways, forward_ms);
  measure_one(network, name, emulator, npy_row(), ways, forward_ms);
}

void measure() {
  measure_network("MLP", "mlp");
  measure_network("CNN", "cnn");
}
}  // namespace

int main() { return run("bench_serving_stacks", measure); }
