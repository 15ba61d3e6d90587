// The models that one multi-model container has loaded: fetched and loaded when they are first asked for,
// unloaded when the container has no more room, those first that were asked for the longest ago.
// https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "emulator/runner/serving_instance.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"

namespace sagemaker::local::services::hosting {

// What it took until a model could be asked: CloudWatch's ModelLoadingWaitTime and its parts.
struct ModelLoad {
  bool cached = true;  // ModelCacheHit
  std::chrono::microseconds waited{0}, download{0}, load{0}, unload{0};
};

class ModelCache {
 public:
  // `endpoint`: its name, for messages; `folder`: /opt/ml/models of the container, on this machine.
  // `container` must outlive this.
  ModelCache(Platform& platform, const ContainerPlan& plan, runner::ServingInstance& container,
             std::string endpoint, std::filesystem::path folder);
  ~ModelCache();  // waits for loads that are under way
  ModelCache(const ModelCache&) = delete;
  ModelCache& operator=(const ModelCache&) = delete;

  struct Model;

  // A model that stays loaded while this lives.
  class Lease {
   public:
    Lease() = default;
    Lease(ModelCache& cache, std::shared_ptr<Model> model, std::string handle, ModelLoad load)
        : cache_(&cache), model_(std::move(model)), handle_(std::move(handle)), load_(load) {}
    Lease(Lease&& other) noexcept
        : cache_(std::exchange(other.cache_, nullptr)),
          model_(std::move(other.model_)),
          handle_(std::move(other.handle_)),
          load_(other.load_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (cache_) cache_->release(model_);
    }
    const std::string& handle() const { return handle_; }  // POST /models/{handle}/invoke
    const ModelLoad& load() const { return load_; }

   private:
    ModelCache* cache_ = nullptr;
    std::shared_ptr<Model> model_;
    std::string handle_;
    ModelLoad load_;
  };

  // `target`: TargetModel, the archive's key below the model's prefix. Waits while the model is loaded, which
  // goes on where the wait was too long. Throws ServiceFault: ValidationError where there is no such object,
  // ModelNotReadyException after `timeout`, ModelError with what the container said.
  Lease use(const std::string& target, std::chrono::milliseconds timeout);

  std::size_t loaded() const;  // LoadedModelCount
  // Whether it is loaded already: of several instances the one that has it is asked first.
  bool has(const std::string& target) const;

 private:
  class Implementation;
  friend class Lease;
  void release(const std::shared_ptr<Model>& model) noexcept;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::services::hosting
