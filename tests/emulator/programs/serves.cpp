// A serving container without a model: answers every invocation with WORD and a number of its own, or ends
// itself.
#include <csignal>
#include <cstdlib>
#include <random>
#include <string>

#include <unistd.h>

#include <sagemaker/aws/httplib.hpp>

namespace {

httplib::Server server;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int main() {
  const std::string answer = variable("WORD") + " " + std::to_string(std::random_device{}());
  server.Get("/ping", [](const httplib::Request&, httplib::Response&) {});
  server.Post("/invocations", [&](const httplib::Request& request, httplib::Response& response) {
    if (request.body == "die") ::kill(::getpid(), SIGKILL);
    response.set_content(answer, "text/plain");
  });
  server.new_task_queue = [] { return new httplib::ThreadPool(40); };  // a kept-alive connection holds a thread
  server.set_keep_alive_max_count(1'000'000'000);
  server.set_keep_alive_timeout(60);
  server.set_tcp_nodelay(true);
  std::signal(SIGTERM, [](int) { std::_Exit(0); });  // the platform waits for what is under way before
  return server.listen(variable("SAGEMAKER_BIND_TO_HOST"), std::stoi(variable("SAGEMAKER_BIND_TO_PORT"))) ? 0 : 1;
}
