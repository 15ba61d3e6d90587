// A container for batch transform: the answer to each line is twice its first number, a line of its own. The
// line "fail" makes the whole request one that the client is to blame for; "wait" is never answered.
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <string>

#include <sagemaker/aws/httplib.hpp>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

[[noreturn]] void wait_for_ever() {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (true) never.wait(lock);
}

void answer(const httplib::Request& request, httplib::Response& response) {
  std::istringstream lines(request.body);
  std::string answers;
  for (std::string line; std::getline(lines, line);) {
    if (line == "wait") wait_for_ever();
    if (line == "fail") {
      response.status = 400;
      response.set_content("cannot double this", "text/plain");
      return;
    }
    answers += std::to_string(2 * std::atoi(line.c_str())) + "\n";
  }
  std::printf("doubled for %s\n", variable("WHOM").c_str());
  std::fflush(stdout);
  response.set_content(answers, request.get_header_value("Accept"));
}

}  // namespace

int main() {
  httplib::Server server;
  server.Get("/ping", [](const httplib::Request&, httplib::Response&) {});
  server.Post("/invocations", answer);
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  return server.listen(variable("SAGEMAKER_BIND_TO_HOST"), std::stoi(variable("SAGEMAKER_BIND_TO_PORT"))) ? 0
                                                                                                          : 1;
}
