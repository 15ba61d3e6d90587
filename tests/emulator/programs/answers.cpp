// A serving container that says what it got: {"container": WORD, "got": "the body", "type": "its content
// type"}. The body "fail" is an error, "lines" an answer in pieces. As a multi-model container it answers
// with the text in a model's file name.txt.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>

#include <sagemaker/aws/httplib.hpp>
#include <sagemaker/aws/json.hpp>

namespace {

using sagemaker::json;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void answer(const httplib::Request& request, httplib::Response& response) {
  if (request.body == "fail") {
    response.status = 500;
    response.set_content("it broke", "text/plain");
  } else if (request.body == "lines") {
    response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
      for (const std::string piece : {"one\ntw", "o\n\nthr", "ee"}) sink.write(piece.data(), piece.size());
      sink.done();
      return true;
    });
  } else {
    const json document{{"container", variable("WORD")},
                        {"got", request.body},
                        {"type", request.get_header_value("Content-Type")}};
    response.set_content(document.dump(), "application/json");
  }
}

class Models {
 public:
  void serve(httplib::Server& server) {
    server.Post("/models", [this](const httplib::Request& request, httplib::Response& response) {
      const json load = json::parse(request.body);
      const std::lock_guard lock(mutex_);
      if (!folders_.emplace(load.at("model_name"), load.at("url")).second) response.status = 409;
    });
    server.Delete(R"(/models/([^/]+))", [this](const httplib::Request& request, httplib::Response&) {
      const std::lock_guard lock(mutex_);
      folders_.erase(request.matches[1]);
    });
    server.Post(R"(/models/([^/]+)/invoke)",
                [this](const httplib::Request& request, httplib::Response& response) {
                  const std::lock_guard lock(mutex_);
                  const auto model = folders_.find(request.matches[1]);
                  if (model == folders_.end()) {
                    response.status = 404;
                    return;
                  }
                  std::ifstream file(model->second + "/name.txt");
                  response.set_content(json(std::string(std::istreambuf_iterator<char>(file), {})).dump(),
                                       "application/json");
                });
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> folders_;
};

}  // namespace

int main() {
  httplib::Server server;
  Models models;
  server.Get("/ping", [](const httplib::Request&, httplib::Response&) {});
  server.Post("/invocations", answer);
  models.serve(server);
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  return server.listen(variable("SAGEMAKER_BIND_TO_HOST"), std::stoi(variable("SAGEMAKER_BIND_TO_PORT"))) ? 0
                                                                                                          : 1;
}
