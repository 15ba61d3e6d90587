// Containers as people bring them: a server on port 8080 of all addresses. Several instances of several such
// endpoints at once, against a real sagemaker-local.
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sagemaker::tests::TemporaryDirectory;
using sm::json;

namespace {

const char* const server = R"(
import http.server, os, socketserver, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer(b'')
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if body != b'emulator': return self.answer(os.environ['WORD'].encode())
        try:
            with urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_local/health', timeout=10) as health:
                self.answer(health.read())
        except OSError as error: self.answer(b'"cannot"')
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
Server(('0.0.0.0', 8080), Handler).serve_forever()
)";

struct Platform {
  TemporaryDirectory folder;
  std::filesystem::path log = folder / "log";
  std::filesystem::path images = write_images();
  sm::LocalEmulator emulator{
      {.arguments = {"--durability", "process", "--images", images.string()}, .log_file = log}};
  sm::Session session = emulator.session();

  std::filesystem::path write_images() const {
    std::ofstream(folder / "server.py") << server;
    std::ofstream(folder / "images.json")
        << json{{"own-server",
                 {{"command", {"/usr/bin/python3", "-S", folder / "server.py"}}, {"network", "private"}}}};
    return folder / "images.json";
  }
  // Why not here; empty: containers can have networks of their own.
  std::string missing() const {
    if (!std::filesystem::exists("/usr/bin/python3")) return "no /usr/bin/python3";
    std::ifstream file(log);
    for (std::string line; std::getline(file, line);) {
      if (line.find("or the container's own") != std::string::npos) return "";
    }
    return "containers cannot have networks of their own here";
  }
  sm::Predictor deploy(const char* word, int instances, bool isolated = false) const {
    sm::Model model(
        session, {.image_uri = "own-server", .env = {{"WORD", word}}, .enable_network_isolation = isolated});
    return model.deploy({.initial_instance_count = instances, .instance_type = "ml.m5.large"});
  }
};

std::string text(const sm::Predictor& predictor, const std::string& body) {
  return predictor.predict_raw({.body = body}).body;
}

}  // namespace

TEST_CASE("servers on port 8080 of all addresses are instances of endpoints side by side") {
  const Platform platform;
  if (const std::string missing = platform.missing(); !missing.empty())
    return sagemaker::tests::skip(missing);
  const sm::Predictor first = platform.deploy("first", 3);
  const sm::Predictor second = platform.deploy("second", 1);
  for (int i = 0; i < 30; ++i) {
    CHECK(text(first, "x") == "first");
    CHECK(text(second, "x") == "second");
  }
  CHECK(json::parse(text(first, "emulator")).at("status") == "ok");
  const sm::Predictor isolated = platform.deploy("third", 1, true);
  CHECK(text(isolated, "x") == "third");
  CHECK(text(isolated, "emulator") == "\"cannot\"");
  for (const sm::Predictor* predictor : {&first, &second, &isolated}) predictor->delete_endpoint();
}
