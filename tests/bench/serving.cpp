// CreateEndpoint to InService, and InvokeEndpoint through the emulator. Floors: the serving program started
// by hand until /ping answers; the bare forward pass of the same model in a program without any HTTP. The
// same request sent straight to the serving program shows how much of the difference is the emulator's and
// how much the container's.
#include "tests/bench/serving.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;

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
  print({"InvokeEndpoint, " + kind + " row, p50",
         "ms",
         through.p50,
         {"bare forward pass", bare.p50},
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
  print({"CreateEndpoint to InService",
         "ms",
         create_endpoint_ms(session, endpoint),
         {"the program started by hand until /ping", ready_ms},
         {1000, Judged::excess}});
  measure_requests(session, endpoint, npy_row());
  measure_requests(session, endpoint, json_row());
  session.sagemaker().delete_endpoint({{"EndpointName", endpoint}});
}
}  // namespace

int main() { return run("bench_serving", measure); }
