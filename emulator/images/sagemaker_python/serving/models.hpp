// The models of a server: one, or those that the platform loads and unloads on a multi-model endpoint, each
// with Python processes of its own, so that unloading one gives all of its memory back.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "emulator/images/sagemaker_python/serving/code.hpp"
#include "emulator/images/sagemaker_python/serving/worker_pool.hpp"

namespace sagemaker::local::images {

struct ServedModel {
  std::string url;  // as the platform gave it
  std::unique_ptr<WorkerRecipe> recipe;
  std::unique_ptr<WorkerPool> workers;
};

class Models {
 public:
  Models(const ServingSettings& settings, const container::Variables& variables)
      : settings_(settings), variables_(variables) {}

  // Starts the workers of a model and returns; WorkerPool::wait_started tells how it went. `on_hopeless` as
  // there.
  std::shared_ptr<ServedModel> start(const ServingCode& code, const std::filesystem::path& model_dir,
                                     const std::string& name, std::function<void()> on_hopeless = {});

  // ---- of a multi-model endpoint

  // The status and the text of the answer: 200; 409 where it is loaded or being loaded; 507 where memory is
  // short.
  std::pair<int, std::string> load(const std::string& name, const std::string& url);
  // False: it is not loaded. Its memory is free afterwards, unless requests still use it.
  bool unload(const std::string& name);
  std::shared_ptr<ServedModel> find(const std::string& name) const;
  // Names and URLs of up to `count` models behind `after`, in name order.
  std::vector<std::pair<std::string, std::string>> list(const std::string& after, std::size_t count) const;

 private:
  const ServingSettings& settings_;
  const container::Variables& variables_;
  std::mutex fetching_;                                         // code that all models share is fetched once
  mutable std::mutex mutex_;                                    // of what follows
  std::map<std::string, std::shared_ptr<ServedModel>> models_;  // null: being loaded
  std::size_t started_ = 0;
};

}  // namespace sagemaker::local::images
