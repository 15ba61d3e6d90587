// Bodies of hooks.hpp: the defaults for models that the toolkit knows.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <vector>

#include <cxxabi.h>
#include <torch/script.h>

#include <sagemaker/container/hooks.hpp>

namespace sagemaker::container::detail {

SAGEMAKER_CONTAINER_FUNCTION std::string type_name(const std::type_index& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 && name ? name.get() : type.name();
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor forward_script(void* model, const torch::Tensor& batch) {
  const torch::jit::IValue answer = static_cast<torch::jit::Module*>(model)->forward({batch});
  if (!answer.isTensor()) {
    throw std::runtime_error("the model's forward returns " + answer.tagKind() +
                             ", not a tensor; write a predict_fn");
  }
  return answer.toTensor();
}

inline constexpr const char* default_model_file = "model.pt";

SAGEMAKER_CONTAINER_FUNCTION void save_model(const ModelType& type, void* model,
                                             const std::filesystem::path& model_dir) {
  const std::string file = (model_dir / default_model_file).string();
  if (type.module != nullptr) {
    torch::serialize::OutputArchive archive;
    type.module(model)->save(archive);
    archive.save_to(file);
  } else if (type.script != nullptr) {
    type.script(model)->save(file);
  } else {
    throw std::runtime_error("there is no save hook, and the toolkit cannot save a " + type_name(type.index) +
                             " by itself");
  }
}

// model.pt, else the only *.pt or *.pth.
SAGEMAKER_CONTAINER_FUNCTION std::filesystem::path find_model_file(const std::filesystem::path& model_dir) {
  if (std::filesystem::exists(model_dir / default_model_file)) return model_dir / default_model_file;
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(model_dir, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".pt" || extension == ".pth") found.push_back(entry.path());
  }
  if (found.size() == 1) return found.front();
  throw std::runtime_error(found.empty()
                               ? "there is no model in " + model_dir.string() + ": model.pt expected"
                               : "there are several *.pt and *.pth files in " + model_dir.string() +
                                     " and none is model.pt; write a model_fn");
}

SAGEMAKER_CONTAINER_FUNCTION LoadedModel load_default(const ModelType* wanted,
                                                      const std::filesystem::path& model_dir,
                                                      torch::Device device) {
  const ModelType* const script = model_type<torch::jit::Module>();
  if (wanted != nullptr && wanted->module != nullptr && wanted->create != nullptr) {
    LoadedModel loaded{wanted->create(), wanted};
    torch::serialize::InputArchive archive;
    archive.load_from(find_model_file(model_dir).string(), device);
    torch::nn::Module& module = *wanted->module(loaded.model.get());
    module.to(device);
    module.load(archive);
    return loaded;
  }
  if (wanted != nullptr && wanted->index != script->index) {
    throw std::runtime_error("there is no model_fn, and the toolkit cannot load a " +
                             type_name(wanted->index) + " by itself");
  }
  return {std::make_shared<torch::jit::Module>(torch::jit::load(find_model_file(model_dir).string(), device)),
          script};
}

SAGEMAKER_CONTAINER_FUNCTION void require_same_model(const ModelType* first, const ModelType* second,
                                                     const std::string& what) {
  if (first == nullptr || second == nullptr || first->index == second->index) return;
  throw std::invalid_argument("the hooks do not fit together: " + what + ", but the types are " +
                              type_name(first->index) + " and " + type_name(second->index));
}

SAGEMAKER_CONTAINER_FUNCTION LoadedModel load_model(const Hooks& hooks, Context& context) {
  const ModelType* const wanted = hooks.transform_fn ? hooks.transform_fn.model : hooks.predict_fn.model;
  const std::filesystem::path& model_dir = context.model_dir();
  if (hooks.pre_model_fn) hooks.pre_model_fn(model_dir);
  LoadedModel loaded = hooks.model_fn
                           ? LoadedModel{hooks.model_fn.call(model_dir, context), hooks.model_fn.model}
                           : load_default(wanted, model_dir, context.device());
  if (loaded.type->module != nullptr && loaded.type->module(loaded.model.get()) == nullptr) {
    throw std::runtime_error("model_fn returned an empty " + type_name(loaded.type->index));
  }
  if (loaded.type->module != nullptr) loaded.type->module(loaded.model.get())->eval();
  if (loaded.type->script != nullptr) loaded.type->script(loaded.model.get())->eval();
  if (!hooks.predict_fn && !hooks.transform_fn && loaded.type->forward == nullptr) {
    throw std::runtime_error("there is no predict_fn, and " + type_name(loaded.type->index) +
                             " has no forward that takes and returns a tensor");
  }
  if (hooks.model_warmup_fn) {
    require_same_model(hooks.model_warmup_fn.model, loaded.type,
                       "model_warmup_fn must take the model that is loaded");
    const torch::NoGradGuard no_grad;
    hooks.model_warmup_fn.call(model_dir, loaded.model.get(), context);
  }
  return loaded;
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor predict(const Hooks& hooks, const LoadedModel& loaded,
                                                   const torch::Tensor& batch, Context& context) {
  if (hooks.predict_fn) {
    const torch::NoGradGuard no_grad;
    return hooks.predict_fn.call(batch, loaded.model.get(), context);
  }
  const c10::InferenceMode inference;
  return loaded.type->forward(loaded.model.get(), batch);
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION void check_hooks(const Hooks& hooks) {
  if (hooks.transform_fn && (hooks.input_fn || hooks.predict_fn || hooks.output_fn)) {
    throw std::invalid_argument(
        "transform_fn replaces input_fn, predict_fn and output_fn: give either it or them, not both");
  }
  if (hooks.train && hooks.save && hooks.train.model == nullptr) {
    throw std::invalid_argument("the hooks do not fit together: save takes a model, but train returns none");
  }
  detail::require_same_model(hooks.train.model, hooks.save.model, "save must take what train returns");
  detail::require_same_model(hooks.model_fn.model, hooks.predict_fn.model,
                             "predict_fn must take what model_fn returns");
  detail::require_same_model(hooks.model_fn.model, hooks.transform_fn.model,
                             "transform_fn must take what model_fn returns");
  detail::require_same_model(hooks.model_fn.model, hooks.model_warmup_fn.model,
                             "model_warmup_fn must take what model_fn returns");
}

}  // namespace sagemaker::container
