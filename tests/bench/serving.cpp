// CreateEndpoint to InService, and InvokeEndpoint through the emulator. Floors: the serving program started by hand
// until /ping answers; the bare forward pass of the same model in a program without any HTTP. The same request sent
// straight to the serving program shows how much of the difference is the emulator's and how much the container's.
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;

struct Latency {
  double p50 = 0, p99 = 0;
};

template <class Call>
Latency latency(Call call) {
  std::vector<double> samples;
  for (int request = 0; request < 3500; ++request) {
    const auto start = Steady::now();
    call();
    if (request >= 500) samples.push_back(ms_since(start));
  }
  return {percentile(samples, 0.5), percentile(samples, 0.99)};
}

Latency forward_pass() {
  FILE* const output = ::popen((model_program() + " forward").c_str(), "r");
  if (output == nullptr) throw std::runtime_error("cannot run bench_model");
  Latency result;
  const bool read = std::fscanf(output, "%lf %lf", &result.p50, &result.p99) == 2;
  if (::pclose(output) != 0 || !read) throw std::runtime_error("bench_model forward failed");
  return result;
}

int free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(descriptor);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

// One row as NumPy writes it and as JSON.
struct Request {
  std::string content_type, body;
};
Request npy_row() { return {"application/x-npy", sm::NpyArray(std::vector<float>(784, 0.5F), {1, 784}).encode()}; }
Request json_row() {
  std::vector<double> pixels;
  for (int pixel = 0; pixel < 784; ++pixel) pixels.push_back(pixel / 784.0);
  return {"application/json", sm::json{{"instances", {pixels}}}.dump()};
}

// The serving program without the emulator.
class Direct {
 public:
  Direct() : port_(free_port()), client_("127.0.0.1", port_) {
    const auto start = Steady::now();
    process_ = std::make_unique<sm::detail::ChildProcess>(sm::detail::ChildProcess::Options{
        {"/usr/bin/env", "SAGEMAKER_BIND_TO_HOST=127.0.0.1", "SAGEMAKER_BIND_TO_PORT=" + std::to_string(port_),
         "SAGEMAKER_BASE_DIR=" + folder_.path().string(), model_program(), "serve"},
        folder_.path() / "output", folder_.path() / "errors"});
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
    while (true) {
      const auto answer = client_.Get("/ping");
      if (answer && answer->status == 200) break;
      if (!process_->running() || ms_since(start) > 30'000) {
        throw std::runtime_error("bench_model serve is not ready: " +
                                 sm::detail::file_tail(folder_.path() / "errors"));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ready_ms_ = ms_since(start);
  }
  double ready_ms() const { return ready_ms_; }
  void invoke(const Request& request) {
    const auto answer = client_.Post("/invocations", request.body, request.content_type);
    if (!answer || answer->status != 200) throw std::runtime_error("bench_model did not predict");
  }

 private:
  sm::detail::TemporaryFolder folder_;
  int port_;
  httplib::Client client_;
  std::unique_ptr<sm::detail::ChildProcess> process_;
  double ready_ms_ = 0;
};

// Milliseconds from CreateEndpoint to InService.
double create_endpoint_ms(const sm::Session& session, const std::string& name) {
  session.sagemaker().create_model({{"ModelName", name},
                                    {"ExecutionRoleArn", role_arn()},
                                    {"PrimaryContainer", {{"Image", "file://" + model_program()}}}});
  const sm::json variant{{"VariantName", "AllTraffic"},
                         {"ModelName", name},
                         {"InitialInstanceCount", 1},
                         {"InstanceType", "ml.m5.large"}};
  session.sagemaker().create_endpoint_config(
      {{"EndpointConfigName", name}, {"ProductionVariants", sm::json::array({variant})}});
  const auto start = Steady::now();
  session.sagemaker().create_endpoint({{"EndpointName", name}, {"EndpointConfigName", name}});
  using std::chrono::milliseconds;
  session.sagemaker().wait_for_endpoint_in_service(
      name, {.poll_interval = milliseconds(5), .first_interval = milliseconds(5), .timeout = milliseconds(60'000)});
  return ms_since(start);
}

void measure_requests(const sm::Session& session, const std::string& endpoint, const Request& request) {
  const Latency bare = forward_pass();
  const Latency through = latency([&] {
    session.runtime().invoke_endpoint(
        {.endpoint_name = endpoint, .body = request.body, .content_type = request.content_type});
  });
  Latency straight;
  {
    Direct direct;
    straight = latency([&] { direct.invoke(request); });
  }
  const std::string kind = request.content_type.substr(request.content_type.find('/') + 1);
  print({"InvokeEndpoint, " + kind + " row, p50", "ms", through.p50, {"bare forward pass", bare.p50},
         {0.3, Judged::excess}});
  print({"InvokeEndpoint, " + kind + " row, p99", "ms", through.p99, {"bare forward pass", bare.p99}});
  print({"  of it straight to the container, p50", "ms", straight.p50, {"bare forward pass", bare.p50}});
}

void measure() {
  double ready_ms = 0;
  {
    const Direct direct;
    ready_ms = direct.ready_ms();
  }
  const sm::LocalEmulator emulator;
  const sm::Session session = emulator.session();
  const std::string endpoint = "bench";
  print({"CreateEndpoint to InService", "ms", create_endpoint_ms(session, endpoint),
         {"the program started by hand until /ping", ready_ms}, {1000, Judged::excess}});
  measure_requests(session, endpoint, npy_row());
  measure_requests(session, endpoint, json_row());
  session.sagemaker().delete_endpoint({{"EndpointName", endpoint}});
}
}  // namespace

int main() { return run("bench_serving", measure); }
