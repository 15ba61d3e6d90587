#include "emulator/services/sagemaker/hosting/model_cache.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/json.hpp>

#include "emulator/runner/archive.hpp"
#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/hosting/model_error.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/waiting.hpp"

namespace sagemaker::local::services::hosting {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Kind = runner::InvocationResult::Kind;
using std::chrono::microseconds;

constexpr std::chrono::seconds load_timeout{360};  // AWS goes on loading for so long
constexpr std::chrono::seconds unload_timeout{60};
constexpr int already_loaded = 409, no_room = 507;

microseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<microseconds>(Clock::now() - start);
}

}  // namespace

struct ModelCache::Model {
  enum class State { loading, loaded, failed };
  std::string handle;
  State state = State::loading;
  int leases = 0;
  std::uint64_t asked = 0;  // when it was last asked for, in requests
  ModelLoad load;
  std::optional<ServiceFault> fault;  // of a failed one
};

class ModelCache::Implementation {
 public:
  Implementation(Platform& platform, const ContainerPlan& plan, runner::ServingInstance& container,
                 std::string endpoint, fs::path folder)
      : platform_(platform),
        plan_(plan),
        container_(container),
        endpoint_(std::move(endpoint)),
        folder_(std::move(folder)),
        restarts_(container.restarts()) {}

  ~Implementation() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    tasks_.join();
  }

  Lease use(ModelCache& cache, std::string_view target, std::chrono::milliseconds timeout) {
    while (target.starts_with('/')) target.remove_prefix(1);
    const std::string key(target);
    const Clock::time_point start = Clock::now();
    const Clock::time_point deadline = start + timeout;
    std::unique_lock lock(mutex_);
    forget_after_restart();
    std::shared_ptr<Model> model = models_[key];
    bool cached = true;
    if (!model) {
      cached = false;
      model = models_[key] = std::make_shared<Model>();
      model->handle = aws::sha256_hex(plan_.model_uri + "\n" + key).substr(0, 32);
      try {
        begin_load(key, model);
      } catch (...) {  // no thread can be had: the next request tries again
        models_.erase(key);
        throw;
      }
    }
    ++model->leases;
    model->asked = ++clock_;
    {
      const Waiting waiting;  // keeps no thread from those who want something else
      if (!changed_.wait_until(lock, deadline, [&] { return model->state != State::loading; })) {
        --model->leases;
        throw ServiceFault("ModelNotReadyException", 429,
                           "Model " + key + " of endpoint " + endpoint_ +
                               " is not ready to be invoked: it is still being loaded.");
      }
    }
    if (model->state == State::failed) {
      --model->leases;
      throw *model->fault;
    }
    ModelLoad load = model->load;
    if (cached) load = {};
    load.cached = cached;
    load.waited = cached ? microseconds(0) : since(start);
    return Lease(cache, model, model->handle, load);
  }

  // Also of a model of a container that has ended meanwhile, which is in no list any more.
  void release(const std::shared_ptr<Model>& given) noexcept {
    const std::lock_guard lock(mutex_);
    if (--given->leases > 0 || plan_.cache_models || closing_) return;
    for (auto& [key, model] : models_)
      if (model == given) return begin_unload(key, given);
  }

  std::size_t loaded() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& [key, model] : models_) count += model->state == State::loaded ? 1 : 0;
    return count;
  }

  bool has(std::string_view target) const {
    while (target.starts_with('/')) target.remove_prefix(1);
    const std::lock_guard lock(mutex_);
    const auto found = models_.find(target);
    return found != models_.end() && found->second->state == State::loaded;
  }

 private:
  using State = Model::State;
  using Models = std::map<std::string, std::shared_ptr<Model>, std::less<>>;

  // With the mutex held. A container that was started again has no models.
  void forget_after_restart() {
    const int restarts = container_.restarts();
    if (restarts == restarts_) return;
    restarts_ = restarts;
    std::erase_if(models_, [](const auto& entry) { return entry.second->state == State::loaded; });
  }

  void begin_load(const std::string& key, const std::shared_ptr<Model>& model) {
    tasks_.run([this, key, model] {
      std::optional<ServiceFault> fault;
      int restarts = 0;
      try {
        wait_for_unload(*model);
        download(key, *model);
        restarts = container_.restarts();
        load(*model);
      } catch (const ServiceFault& thrown) {
        fault = thrown;
      } catch (const std::exception& error) {
        fault = ServiceFault("InternalFailure", 500, "Model " + key + " cannot be loaded: " + error.what());
      }
      const std::lock_guard lock(mutex_);
      // A container that was started again in between has nothing of what the one before it has loaded.
      if (!fault && container_.restarts() != restarts)
        fault = model_error(platform_, log_group(), plan_.name, 0,
                            "The container ended while it loaded the model.");
      model->fault = fault;
      model->state = fault ? State::failed : State::loaded;
      if (fault) models_.erase(key);  // the next request tries again
      changed_.notify_all();
    });
  }

  void begin_unload(const std::string& key, std::shared_ptr<Model> model) {
    unloading_.insert(model->handle);
    try {
      tasks_.run([this, model] { unload(*model); });
    } catch (const std::exception&) {  // no thread can be had: it stays, and may have to make room later
      unloading_.erase(model->handle);
      return;
    }
    models_.erase(key);
  }

  fs::path files_of(const Model& model) const { return folder_ / model.handle / "model"; }

  void download(const std::string& key, Model& model) {
    const Clock::time_point start = Clock::now();
    S3Location location = parse_s3_uri(plan_.model_uri);
    if (!location.key.empty() && !location.key.ends_with('/')) location.key += '/';
    location.key += key;
    const auto object = platform_.objects.find(location.bucket, location.key);
    if (!object)
      throw ServiceFault("ValidationError", 400,
                         "Failed to download model data(bucket: " + location.bucket +
                             ", key: " + location.key +
                             "). Please ensure that there is an object located at the URL and that the role "
                             "passed to CreateModel has permissions to download the model.");
    const fs::path files = files_of(model);
    fs::remove_all(files.parent_path());
    fs::create_directories(files);
    try {
      runner::unpack_tar_gz(platform_.objects.blob_path(*object), files, platform_.limits.runner,
                            [this] { return is_closing(); });
    } catch (const std::exception& error) {
      std::error_code ignored;
      fs::remove_all(files.parent_path(), ignored);
      throw ServiceFault("ValidationError", 400,
                         "Failed to extract model data archive " + location.uri() +
                             ". Please ensure that the object is a valid tar.gz archive. (" + error.what() +
                             ")");
    }
    model.load.download = since(start);
  }

  runner::InvocationResult call(const std::string& method, const std::string& target, const std::string& body,
                                std::chrono::milliseconds timeout) {
    runner::Invocation invocation;
    invocation.method = method;
    invocation.target = target;
    invocation.content_type = "application/json";
    invocation.body = body;
    return container_.invoke(invocation, timeout);
  }

  std::string log_group() const { return "/aws/sagemaker/Endpoints/" + endpoint_; }

  void load(Model& model) {
    const Clock::time_point start = Clock::now();
    const std::string body = aws::dump_json(
        {{"model_name", model.handle}, {"url", (container_folder() / model.handle / "model").string()}});
    for (;;) {
      const auto answer = call("POST", "/models", body, load_timeout);
      if (answer.kind == Kind::timed_out) throw model_timeout(platform_, log_group(), plan_.name);
      if (answer.kind != Kind::answered)
        throw model_error(platform_, log_group(), plan_.name, 0,
                          "The container closed the connection without an answer.");
      if (answer.status == no_room && make_room(model)) continue;
      const bool good = answer.status >= 200 && answer.status < 300;
      if (good || answer.status == already_loaded) break;
      std::error_code ignored;
      fs::remove_all(folder_ / model.handle, ignored);
      throw model_error(platform_, log_group(), plan_.name, answer.status, answer.body);
    }
    model.load.load = since(start) - model.load.unload;
  }

  // Unloads the model that was asked for the longest ago; false where all are in use.
  bool make_room(Model& for_model) {
    const Clock::time_point start = Clock::now();
    std::shared_ptr<Model> oldest;
    {
      const std::lock_guard lock(mutex_);
      auto found = models_.end();
      for (auto entry = models_.begin(); entry != models_.end(); ++entry) {
        const Model& model = *entry->second;
        if (model.state != State::loaded || model.leases > 0) continue;
        if (found == models_.end() || model.asked < found->second->asked) found = entry;
      }
      if (found == models_.end()) return false;
      oldest = found->second;
      unloading_.insert(oldest->handle);
      models_.erase(found);
    }
    unload(*oldest);
    for_model.load.unload += since(start);
    return true;
  }

  // The container knows a model by its handle only: what leaves must be gone before it can come again.
  void wait_for_unload(const Model& model) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return unloading_.count(model.handle) == 0; });
  }

  void unload(const Model& model) {
    call("DELETE", "/models/" + model.handle, "", unload_timeout);
    std::error_code ignored;
    fs::remove_all(folder_ / model.handle, ignored);
    const std::lock_guard lock(mutex_);
    unloading_.erase(model.handle);
    changed_.notify_all();
  }

  // As the container sees it.
  fs::path container_folder() const {
    return platform_.sandbox.isolated() ? fs::path("/opt/ml/models") : fs::absolute(folder_);
  }

  bool is_closing() const {
    const std::lock_guard lock(mutex_);
    return closing_;
  }

  Platform& platform_;
  const ContainerPlan plan_;
  runner::ServingInstance& container_;
  const std::string endpoint_;
  const fs::path folder_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Models models_;                    // by target, those that are loaded or on their way
  std::set<std::string> unloading_;  // by handle
  std::uint64_t clock_ = 0;
  int restarts_;
  bool closing_ = false;
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

ModelCache::ModelCache(Platform& platform, const ContainerPlan& plan, runner::ServingInstance& container,
                       std::string endpoint, fs::path folder)
    : implementation_(std::make_unique<Implementation>(platform, plan, container, std::move(endpoint),
                                                       std::move(folder))) {}
ModelCache::~ModelCache() = default;

ModelCache::Lease ModelCache::use(const std::string& target, std::chrono::milliseconds timeout) {
  return implementation_->use(*this, target, timeout);
}
void ModelCache::release(const std::shared_ptr<Model>& model) noexcept { implementation_->release(model); }
std::size_t ModelCache::loaded() const { return implementation_->loaded(); }
bool ModelCache::has(const std::string& target) const { return implementation_->has(target); }

}  // namespace sagemaker::local::services::hosting
