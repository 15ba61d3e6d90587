// See models.hpp.
#include "emulator/images/sagemaker_python/serving/models.hpp"

#include <system_error>

#include "emulator/images/sagemaker_python/log.hpp"

namespace sagemaker::local::images {

std::shared_ptr<ServedModel> Models::start(const ServingCode& code, const std::filesystem::path& model_dir,
                                           const std::string& name, std::function<void()> on_hopeless) {
  auto model = std::make_shared<ServedModel>();
  model->recipe = std::make_unique<WorkerRecipe>(settings_, variables_, code, model_dir, name);
  std::size_t first_gpu = 0;
  {
    const std::lock_guard lock(mutex_);
    first_gpu = std::exchange(started_, started_ + settings_.workers);
  }
  WorkerPool::Options options;
  options.name = settings_.multi_model ? "Model " + name : name;
  options.workers = settings_.workers;
  // The toolkit has no batches on multi-model endpoints either.
  options.batch_max = settings_.multi_model ? 1 : settings_.batch_max;
  options.batch_delay = settings_.batch_delay;
  options.timeout = settings_.timeout;
  options.start_timeout = settings_.start_timeout;
  options.spec_of = [recipe = model->recipe.get(), first_gpu](std::size_t index) {
    return recipe->worker(first_gpu + index);
  };
  options.on_hopeless = std::move(on_hopeless);
  model->workers = std::make_unique<WorkerPool>(std::move(options));
  return model;
}

std::pair<int, std::string> Models::load(const std::string& name, const std::string& url) {
  {
    const std::lock_guard lock(mutex_);
    if (!models_.emplace(name, nullptr).second) return {409, "Model " + name + " is already loaded"};
  }
  std::shared_ptr<ServedModel> model;
  Loaded loaded;
  try {
    std::error_code ignored;
    std::filesystem::path folder = url;
    // Where there is no sandbox /opt/ml lies elsewhere.
    if (url.starts_with("/opt/ml/") && !std::filesystem::exists(folder, ignored))
      folder = settings_.environment.base_dir / url.substr(8);
    if (!std::filesystem::is_directory(folder, ignored))
      throw std::runtime_error("there is no folder " + folder.string());
    ServingCode code;
    {
      const std::lock_guard lock(fetching_);
      code = find_serving_code(variables_, settings_.environment.base_dir, folder);
    }
    model = start(code, folder, name);
    model->url = url;
    loaded = model->workers->wait_started();
  } catch (const std::exception& error) {
    loaded = {.message = error.what()};
  }
  const std::lock_guard lock(mutex_);
  if (loaded.ok) {
    models_[name] = model;
    return {200, ""};
  }
  models_.erase(name);
  log_line(log_error, "Model " + name + " cannot be loaded: " + loaded.message);
  return {loaded.status, "Model " + name + " cannot be loaded: " + loaded.message};
}

bool Models::unload(const std::string& name) {
  std::shared_ptr<ServedModel> model;  // ends its workers, without the lock, before this returns
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end() || !found->second) return false;
  model.swap(found->second);
  models_.erase(found);
  return true;
}

std::shared_ptr<ServedModel> Models::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : found->second;
}

std::vector<std::pair<std::string, std::string>> Models::list(const std::string& after,
                                                              std::size_t count) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string>> listed;
  for (auto model = models_.upper_bound(after); model != models_.end() && listed.size() < count; ++model) {
    if (model->second) listed.emplace_back(model->first, model->second->url);
  }
  return listed;
}

}  // namespace sagemaker::local::images
