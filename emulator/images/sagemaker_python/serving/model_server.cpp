// See model_server.hpp.
#include "emulator/images/sagemaker_python/serving/model_server.hpp"

#include <utility>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/uri.hpp>
#include <sagemaker/container/detail/execution_parameters.hpp>

namespace sagemaker::local::images {
namespace {

constexpr std::size_t page_models = 100;
constexpr std::uint64_t document_bytes_max = 64 * 1024;

http::Response text_response(int status, const std::string& text) {
  http::Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain");
  response.body = text.empty() ? "" : text + "\n";
  return response;
}

http::Response json_response(const json& document) {
  http::Response response;
  response.headers.set("Content-Type", "application/json");
  response.body = aws::dump_json(document);
  return response;
}

http::Response not_allowed(const http::Request& request, const char* allowed) {
  http::Response response = text_response(405, request.path + " takes " + allowed);
  response.headers.set("Allow", allowed);
  return response;
}

// What the server itself decides about an answer is not the script's.
bool is_own_header(const std::string& name) {
  for (const char* const own : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive"}) {
    if (aws::iequals(name, own)) return true;
  }
  return false;
}

bool is_field_text(const std::string& text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
}

}  // namespace

// Counts an invocation from its beginning to the end of its answer.
class ModelServer::InFlight {
 public:
  explicit InFlight(ModelServer& server) : server_(server) {
    const std::lock_guard lock(server_.mutex_);
    admitted_ = !server_.draining_;
    if (admitted_) ++server_.in_flight_;
  }
  ~InFlight() {
    const std::lock_guard lock(server_.mutex_);
    if (admitted_ && --server_.in_flight_ == 0) server_.none_in_flight_.notify_all();
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  bool admitted() const { return admitted_; }

 private:
  ModelServer& server_;
  bool admitted_ = false;
};

void ModelServer::set_model(std::shared_ptr<ServedModel> model) {
  const std::lock_guard lock(mutex_);
  model_ = std::move(model);
}

void ModelServer::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  none_in_flight_.wait_for(lock, patience, [this] { return in_flight_ == 0; });
}

http::Response ModelServer::answer(http::Request& request) {
  if (request.path == "/ping")
    return request.method == "GET" || request.method == "HEAD" ? ping() : not_allowed(request, "GET");
  if (request.path == "/execution-parameters")
    return request.method == "GET" ? execution_parameters() : not_allowed(request, "GET");
  if (request.path == "/invocations" && !settings_.multi_model) {
    if (request.method != "POST") return not_allowed(request, "POST");
    std::shared_ptr<ServedModel> model;
    {
      const std::lock_guard lock(mutex_);
      model = model_;
    }
    if (!model) return text_response(503, "The model is still being loaded");
    return invoke(request, model);
  }
  if (settings_.multi_model && (request.path == "/models" || request.path.starts_with("/models/")))
    return models(request, request.path.substr(7));
  return text_response(404, "There is nothing at " + request.path);
}

http::Response ModelServer::ping() const {
  const std::lock_guard lock(mutex_);
  const bool ready = settings_.multi_model || (model_ && model_->workers->healthy());
  return text_response(ready && !draining_ ? 200 : 503, "");
}

http::Response ModelServer::execution_parameters() const {
  http::Response response;
  response.headers.set("Content-Type", "application/json");
  response.body =
      container::detail::execution_parameters(settings_.environment, settings_.workers * settings_.batch_max);
  return response;
}

http::Response ModelServer::invoke(http::Request& request, const std::shared_ptr<ServedModel>& model) {
  const auto in_flight = std::make_shared<InFlight>(*this);
  if (!in_flight->admitted()) return text_response(503, "The server is being stopped");
  const std::string body = http::read_all(*request.body, settings_.environment.payload_bytes_max);
  PythonAnswer answer = model->workers->call(request.headers, body);
  http::Response response;
  response.status = answer.status;
  if (response.status < 200 || response.status > 599)
    return text_response(500, "The script set the status " + std::to_string(answer.status));
  for (const aws::Header& header : answer.headers) {
    if (!is_own_header(header.name) && is_field_text(header.name + header.value))
      response.headers.add(header.name, header.value);
  }
  if (answer.stream) {
    // The closure keeps the model and the count to the end of the stream.
    const std::shared_ptr<AnswerStream> stream = std::move(answer.stream);
    response.body =
        http::StreamBody{[in_flight, model, stream](const std::function<bool(std::string_view)>& write) {
          stream->copy_to(write);
        }};
  } else {
    response.body = std::move(answer.body);
  }
  return response;
}

// ---- multi-model

http::Response ModelServer::models(http::Request& request, const std::string& rest) {
  if (rest.empty() || rest == "/") {
    if (request.method == "POST") return load_model(request);
    return request.method == "GET" ? list_models(request) : not_allowed(request, "GET, POST");
  }
  const auto slash = rest.find('/', 1);
  const std::string name = aws::uri_decode(rest.substr(1, slash - 1)).value_or("");
  const std::string action = slash == std::string::npos ? "" : rest.substr(slash);
  if (action != "" && action != "/invoke") return text_response(404, "There is nothing at " + request.path);
  if (request.method == "DELETE" && action.empty()) {
    return models_.unload(name) ? text_response(200, "")
                                : text_response(404, "Model " + name + " is not loaded");
  }
  const std::shared_ptr<ServedModel> model = models_.find(name);
  if (!model) return text_response(404, "Model " + name + " is not loaded");
  if (action == "/invoke")
    return request.method == "POST" ? invoke(request, model) : not_allowed(request, "POST");
  if (request.method != "GET") return not_allowed(request, "GET, DELETE");
  return json_response({{"modelName", name}, {"modelUrl", model->url}});
}

http::Response ModelServer::load_model(http::Request& request) {
  json document;
  try {
    document = aws::parse_json(http::read_all(*request.body, document_bytes_max));
  } catch (const aws::JsonError& error) {
    return text_response(400, error.what());
  }
  const std::string name =
      document.is_object()
          ? document.value("model_name", json()).is_string() ? document["model_name"].get<std::string>() : ""
          : "";
  const json url = document.is_object() ? document.value("url", json()) : json();
  if (name.empty() || !url.is_string())
    return text_response(400, "The body must be {\"model_name\": \"...\", \"url\": \"folder of the model\"}");
  const auto [status, text] = models_.load(name, url.get<std::string>());
  return text_response(status, text);
}

http::Response ModelServer::list_models(const http::Request& request) const {
  std::string after;
  for (const auto& [name, value] : aws::parse_query(request.query)) {
    if (name == "next_page_token") after = value;
  }
  const auto listed = models_.list(after, page_models + 1);
  json document{{"models", json::array()}};
  for (std::size_t i = 0; i < listed.size() && i < page_models; ++i)
    document["models"].push_back({{"modelName", listed[i].first}, {"modelUrl", listed[i].second}});
  if (listed.size() > page_models) document["nextPageToken"] = listed[page_models - 1].first;
  return json_response(document);
}

}  // namespace sagemaker::local::images
