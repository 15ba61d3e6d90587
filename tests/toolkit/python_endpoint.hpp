// A model folder with Python code in it, and the sagemaker-python image serving it on a port of its own.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <httplib.h>

#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

namespace sagemaker::tests {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Whether the interpreter of these tests has a package; says so where it has not.
inline bool has_package(const std::string& name) {
  if (std::system(("/usr/bin/python3 -c 'import " + name + "' 2> /dev/null").c_str()) == 0) return true;
  skip("/usr/bin/python3 has no " + name + " (Debian: python3-" + name + ")");
  return false;
}

struct PythonEndpoint {
  using Texts = std::map<std::string, std::string>;

  TemporaryDirectory base;
  Process::Variables variables;
  std::optional<Process> process;
  int port = 0;

  // `files`: below the model's folder, "code/inference.py" above all.
  explicit PythonEndpoint(const Texts& files, Process::Variables more = {}) : variables(std::move(more)) {
    variables.insert({{"SAGEMAKER_BASE_DIR", (base / "ml").string()},
                      {"SAGEMAKER_BIND_TO_HOST", "127.0.0.1"},
                      {"SAGEMAKER_BIND_TO_PORT", "0"},
                      {"SAGEMAKER_MODEL_SERVER_WORKERS", "1"},
                      {"SAGEMAKER_PYTHON", "/usr/bin/python3"},
                      {"SAGEMAKER_PYTHON_CACHE", (base / "cache").string()},
                      {"HOME", (base / "home").string()},
                      {"PIP_NO_INDEX", "1"}});
    std::filesystem::create_directories(base / "home");
    std::filesystem::create_directories(base / "ml/model");
    for (const auto& [name, text] : files) write_text(base.path() / "ml/model" / name, text);
  }

  void start() {
    process.emplace(std::vector<std::string>{PYTHON_IMAGE_PROGRAM, "serve"}, variables, base / "log");
  }
  void serve() {
    start();
    REQUIRE_MESSAGE(process->wait_for("Ready to serve"), process->output());
    const std::string log = process->output(), marker = "Listening on http://127.0.0.1:";
    port = std::atoi(log.c_str() + log.find(marker) + marker.size());
  }
  // What it says when it does not come up.
  std::string refusal() {
    start();
    CHECK(process->wait() == 1);
    return process->output();
  }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", port);
    made.set_tcp_nodelay(true);
    made.set_read_timeout(60);
    return made;
  }
  struct Body {
    std::string text;
    std::string type = "application/json";
    httplib::Headers headers = {};
    std::string path = "/invocations";
  };
  httplib::Response post(const Body& body) const {
    httplib::Client connection = client();
    const auto result = connection.Post(body.path.c_str(), body.headers, body.text, body.type.c_str());
    REQUIRE(result);
    return *result;
  }
  httplib::Response get(const std::string& path) const {
    httplib::Client connection = client();
    const auto result = connection.Get(path.c_str());
    REQUIRE(result);
    return *result;
  }
};

}  // namespace sagemaker::tests
