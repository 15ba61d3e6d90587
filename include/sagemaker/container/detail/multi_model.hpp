// A multi-model endpoint: the platform loads, unloads and lists models over HTTP, and invokes each by its
// name. https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/uri.hpp>
#include <sagemaker/container/detail/model_memory.hpp>
#include <sagemaker/container/detail/serving_process.hpp>

namespace sagemaker::container::detail {

// The models that are loaded. Memory is counted by what their tensors hold, so that the same models fit every
// time.
class ModelShelf {
 public:
  using Model = std::shared_ptr<ServedModel>;

  ModelShelf(const Hooks& hooks, const ServingEnvironment& env, ServingMetrics& metrics)
      : hooks_(hooks), env_(env), metrics_(metrics) {}

  // Loads one model at a time, as hooks expect it. 409 where the name is taken, 507 where memory is short.
  HttpResponse load(const std::string& name, const std::string& url) {
    const std::lock_guard one_at_a_time(loading_);
    const std::filesystem::path folder = url;
    if (find(name)) return text_response(409, "the model '" + name + "' is already loaded");
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) {
      return text_response(400, "there is no folder " + url);
    }
    const std::uint64_t files = file_bytes(folder);
    const std::uint64_t expected = files * static_cast<std::uint64_t>(env_.workers);
    if (expected > free_bytes()) return no_room(name);
    try {
      const auto model = std::make_shared<ServedModel>(hooks_, env_, metrics_, folder, name);
      model->load();
      std::uint64_t bytes = 0;
      for (const LoadedModel& loaded : model->workers()) bytes += tensor_bytes(loaded, files);
      if (env_.model_bytes_max != 0 && bytes > free_bytes()) return no_room(name);
      const std::lock_guard lock(mutex_);
      shelf_[name] = {model, url, bytes};
      used_ += bytes;
    } catch (...) {
      const std::exception_ptr reason = std::current_exception();
      const std::string message = "the model '" + name + "' cannot be loaded: " + describe_exception(reason);
      log_error(message);
      return_memory();
      return text_response(is_out_of_memory(reason) ? 507 : 500, message);
    }
    log_line("Model " + name + " loaded from " + url);
    return json_response({{"modelName", name}, {"modelUrl", url}});
  }

  // Answers when the model's requests are answered and its memory is free.
  HttpResponse unload(const std::string& name) {
    Model model;
    std::uint64_t bytes = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto found = shelf_.find(name);
      if (found == shelf_.end()) return not_loaded(name);
      model = std::move(found->second.model);
      bytes = found->second.bytes;
      shelf_.erase(found);
      leaving_.push_back(model);
    }
    while (!let_go(model)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    model.reset();
    return_memory();
    {
      const std::lock_guard lock(mutex_);
      used_ -= bytes;
    }
    log_line("Model " + name + " unloaded");
    return text_response(200, "unloaded");
  }

  // GET /models, a page of a hundred, and GET /models/{name}.
  HttpResponse list(const std::string& after) const {
    constexpr std::size_t page = 100;
    json models = json::array();
    json document = json::object();
    const std::lock_guard lock(mutex_);
    for (auto entry = shelf_.upper_bound(after); entry != shelf_.end(); ++entry) {
      if (models.size() == page) {
        document["nextPageToken"] = models.back()["modelName"];
        break;
      }
      models.push_back({{"modelName", entry->first}, {"modelUrl", entry->second.url}});
    }
    document["models"] = std::move(models);
    return json_response(document);
  }
  HttpResponse describe(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = shelf_.find(name);
    if (found == shelf_.end()) return not_loaded(name);
    return json_response({{"modelName", name}, {"modelUrl", found->second.url}});
  }

  Model find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = shelf_.find(name);
    return found == shelf_.end() ? nullptr : found->second.model;
  }
  // Those that have something to do, also the ones that are about to be unloaded.
  std::vector<Model> busy() const {
    std::vector<Model> models;
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : shelf_) {
      if (entry.model->waiting() > 0) models.push_back(entry.model);
    }
    for (const Model& model : leaving_) {
      if (model->waiting() > 0) models.push_back(model);
    }
    return models;
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return shelf_.size();
  }

  static HttpResponse not_loaded(const std::string& name) {
    return text_response(404, "the model '" + name + "' is not loaded");
  }

 private:
  struct Entry {
    Model model;
    std::string url;
    std::uint64_t bytes = 0;
  };

  static HttpResponse json_response(const json& document) {
    HttpResponse response;
    response.content_type = "application/json";
    response.body = aws::dump_json(document);
    return response;
  }
  static HttpResponse no_room(const std::string& name) {
    return_memory();
    log_line("There is no memory for the model " + name);
    return text_response(507, "there is not enough memory for the model '" + name + "'");
  }
  std::uint64_t free_bytes() const {
    if (env_.model_bytes_max == 0) return available_bytes();
    const std::lock_guard lock(mutex_);
    return env_.model_bytes_max - std::min(env_.model_bytes_max, used_);
  }
  // True once nothing but the list of leaving models and the caller holds the model.
  bool let_go(const Model& model) {
    const std::lock_guard lock(mutex_);
    if (model.use_count() > 2) return false;
    std::erase(leaving_, model);
    return true;
  }

  const Hooks& hooks_;
  const ServingEnvironment& env_;
  ServingMetrics& metrics_;
  std::mutex loading_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> shelf_;
  std::vector<Model> leaving_;
  std::uint64_t used_ = 0;
};

class MultiModelServer : public ServingProcess {
 public:
  MultiModelServer(const Hooks& hooks, const ServingEnvironment& env)
      : ServingProcess(env), shelf_(hooks, env, metrics_) {}

  bool handle(Exchanges& ready) override {
    for (auto& exchange : ready) route(std::move(exchange));
    bool more = false;
    const auto busy = shelf_.busy();
    for (const auto& model : busy) {
      // The others go on on another thread.
      if (busy.size() > 1 && model->slow()) server_.wake();
      more = model->serve(server_) || more;
    }
    return more;
  }

  std::chrono::milliseconds next_call() override {
    std::optional<Batcher::Clock::time_point> first;
    if (env_.batch_delay.count() == 0) return until(first);
    for (const auto& model : shelf_.busy()) {
      const auto due = model->due();
      if (due && (!first || *due < *first)) first = due;
    }
    return until(first);
  }

 protected:
  void load() override { log_line("Model loaded: none yet, serving several on " + env_.device().str()); }
  std::size_t models() const override { return shelf_.size(); }
  std::size_t waiting() const override {
    std::size_t all = 0;
    for (const auto& model : shelf_.busy()) all += model->waiting();
    return all;
  }

 private:
  static constexpr std::chrono::minutes management_timeout{10};

  void route(std::shared_ptr<Exchange> exchange) {
    const HttpRequest& request = exchange->request();
    std::string_view path = request.path;
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (path == "/models") return all_models(std::move(exchange));
    constexpr std::string_view prefix = "/models/", suffix = "/invoke";
    if (!path.starts_with(prefix)) return answer_other(*exchange);
    path.remove_prefix(prefix.size());
    const bool invoked = path.ends_with(suffix);
    if (invoked) path.remove_suffix(suffix.size());
    if (path.empty() || path.find('/') != std::string_view::npos) return answer_other(*exchange);
    const std::string name = aws::uri_decode(path).value_or(std::string(path));
    if (!invoked) return one_model(std::move(exchange), name);
    if (request.method != "POST") return not_allowed(*exchange);
    const auto model = shelf_.find(name);
    if (!model) {
      exchange->answer(ModelShelf::not_loaded(name));
    } else {
      model->receive(std::move(exchange));
    }
  }

  void all_models(std::shared_ptr<Exchange> exchange) {
    const HttpRequest& request = exchange->request();
    if (request.method == "GET") {
      std::string after;
      for (const auto& [name, value] : aws::parse_query(request.query)) {
        if (name == "next_page_token") after = value;
      }
      exchange->answer(shelf_.list(after));
    } else if (request.method == "POST") {
      std::string name, url;
      try {
        const json document = aws::parse_json(request.body);
        name = document.at("model_name").get<std::string>();
        url = document.at("url").get<std::string>();
      } catch (const std::exception& error) {
        exchange->answer(text_response(400, std::string("model_name and url are expected: ") + error.what()));
        return;
      }
      apart(std::move(exchange), [this, name, url] { return shelf_.load(name, url); });
    } else {
      not_allowed(*exchange);
    }
  }

  void one_model(std::shared_ptr<Exchange> exchange, const std::string& name) {
    const std::string& method = exchange->request().method;
    if (method == "GET") {
      exchange->answer(shelf_.describe(name));
    } else if (method == "DELETE") {
      apart(std::move(exchange), [this, name] { return shelf_.unload(name); });
    } else {
      not_allowed(*exchange);
    }
  }

  static void not_allowed(Exchange& exchange) {
    exchange.answer(text_response(405, "the method is not allowed here"));
  }

  // What may take long has a thread of its own.
  template <class Work>
  static void apart(std::shared_ptr<Exchange> exchange, Work work) {
    exchange->set_deadline(HttpClock::now() + management_timeout);
    try {
      std::thread([exchange, work] { exchange->answer(work()); }).detach();
    } catch (const std::system_error&) {
      exchange->answer(text_response(507, "the system gives no more threads"));
    }
  }

  ModelShelf shelf_;
};

}  // namespace sagemaker::container::detail
