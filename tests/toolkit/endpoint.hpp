// A serving program of the toolkit as a process of its own on a free port: what the tests of the serving
// contract talk to.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <httplib.h>
#include <signal.h>

#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

namespace sagemaker::tests {

// A trained model, and the program serving it on a port of its own.
struct Endpoint {
  TemporaryDirectory base;
  Process::Variables variables;
  std::optional<Process> process;
  int port = 0;

  explicit Endpoint(const std::string& hooks = "", Process::Variables more = {})
      : variables(std::move(more)) {
    variables.insert({{"SAGEMAKER_BASE_DIR", base.path().string()},
                      {"SAGEMAKER_BIND_TO_HOST", "127.0.0.1"},
                      {"SAGEMAKER_BIND_TO_PORT", "0"},
                      {"OMP_NUM_THREADS", "1"},
                      {"RELEASE", (base / "release").string()},
                      {"HOOKS", hooks}});
    if (hooks == "threads") variables.erase("OMP_NUM_THREADS");  // which would decide
    if (hooks.empty() || hooks == "count" || hooks == "script") {
      REQUIRE(Process({CONTRACT_PROGRAM, "train"}, variables, base / "training.log").wait() == 0);
    }
  }
  void serve() {
    start();
    REQUIRE(process->wait_for("Model loaded"));
    const std::string log = process->output();
    const std::string marker = "Listening on http://127.0.0.1:";
    const auto at = log.find(marker);
    REQUIRE(at != std::string::npos);
    port = std::atoi(log.c_str() + at + marker.size());
  }
  void start() {
    process.emplace(std::vector<std::string>{CONTRACT_PROGRAM, "serve"}, variables, base / "log");
  }
  httplib::Client client() const {
    httplib::Client made("127.0.0.1", port);
    made.set_keep_alive(true);
    made.set_tcp_nodelay(true);
    made.set_read_timeout(60);
    return made;
  }
  struct Body {
    std::string text;
    std::string type = "application/json";
    std::string accept = "application/json";
  };
  httplib::Response post(const Body& body) const {
    httplib::Client connection = client();
    const auto result =
        connection.Post("/invocations", {{"Accept", body.accept}}, body.text, body.type.c_str());
    REQUIRE(result);
    return *result;
  }
};

// The smallest NPY: float32, C order.
inline std::string npy(const std::string& shape, const std::vector<float>& values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
  header.append(117 - header.size(), ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header +
         std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

}  // namespace sagemaker::tests
