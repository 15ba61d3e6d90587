// The serving program of model.cpp without the emulator, one request for it, and the bare forward pass of its
// network: what the benchmarks of serving share.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.hpp"

namespace sagemaker::bench {

struct Latency {
  double p50 = 0, p99 = 0;
};

inline Latency forward_pass() {
  FILE* const output = ::popen((model_program() + " forward").c_str(), "r");
  if (output == nullptr) throw std::runtime_error("cannot run bench_model");
  Latency result;
  const bool read = std::fscanf(output, "%lf %lf", &result.p50, &result.p99) == 2;
  if (::pclose(output) != 0 || !read) throw std::runtime_error("bench_model forward failed");
  return result;
}

inline int free_port() {
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
inline Request npy_row() {
  return {"application/x-npy", NpyArray(std::vector<float>(784, 0.5F), {1, 784}).encode()};
}
inline Request json_row() {
  std::vector<double> pixels;
  for (int pixel = 0; pixel < 784; ++pixel) pixels.push_back(pixel / 784.0);
  return {"application/json", json{{"instances", {pixels}}}.dump()};
}

// The serving program without the emulator.
class Direct {
 public:
  // `variables`: NAME=VALUE each.
  explicit Direct(const std::vector<std::string>& variables = {})
      : port_(free_port()), client_("127.0.0.1", port_) {
    const auto start = Steady::now();
    std::vector<std::string> command{"/usr/bin/env", "SAGEMAKER_BIND_TO_HOST=127.0.0.1",
                                     "SAGEMAKER_BIND_TO_PORT=" + std::to_string(port_),
                                     "SAGEMAKER_BASE_DIR=" + folder_.path().string()};
    command.insert(command.end(), variables.begin(), variables.end());
    command.insert(command.end(), {model_program(), "serve"});
    process_ = std::make_unique<sagemaker::detail::ChildProcess>(sagemaker::detail::ChildProcess::Options{
        command, folder_.path() / "output", folder_.path() / "errors"});
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
    while (true) {
      const auto answer = client_.Get("/ping");
      if (answer && answer->status == 200) break;
      if (!process_->running() || ms_since(start) > 30'000) {
        throw std::runtime_error("bench_model serve is not ready: " +
                                 sagemaker::detail::file_tail(folder_.path() / "errors"));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ready_ms_ = ms_since(start);
  }
  int port() const { return port_; }
  double ready_ms() const { return ready_ms_; }
  void invoke(const Request& request) {
    const auto answer = client_.Post("/invocations", request.body, request.content_type);
    if (!answer || answer->status != 200) throw std::runtime_error("bench_model did not predict");
  }

 private:
  sagemaker::detail::TemporaryFolder folder_;
  int port_;
  httplib::Client client_;
  std::unique_ptr<sagemaker::detail::ChildProcess> process_;
  double ready_ms_ = 0;
};

// Milliseconds from CreateEndpoint to InService.
inline double create_endpoint_ms(const Session& session, const std::string& name,
                                 const json& environment = json::object()) {
  session.sagemaker().create_model(
      {{"ModelName", name},
       {"ExecutionRoleArn", role_arn()},
       {"PrimaryContainer", {{"Image", "file://" + model_program()}, {"Environment", environment}}}});
  const json variant{{"VariantName", "AllTraffic"},
                     {"ModelName", name},
                     {"InitialInstanceCount", 1},
                     {"InstanceType", "ml.m5.large"}};
  session.sagemaker().create_endpoint_config(
      {{"EndpointConfigName", name}, {"ProductionVariants", json::array({variant})}});
  const auto start = Steady::now();
  session.sagemaker().create_endpoint({{"EndpointName", name}, {"EndpointConfigName", name}});
  using std::chrono::milliseconds;
  session.sagemaker().wait_for_endpoint_in_service(
      name,
      {.poll_interval = milliseconds(5), .first_interval = milliseconds(5), .timeout = milliseconds(60'000)});
  return ms_since(start);
}

}  // namespace sagemaker::bench
