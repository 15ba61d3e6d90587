// The functions of a SageMaker script, in C++. `Hooks` is a plain aggregate: each member takes any callable
// and forgets the type of the model, so that a program is just
//
//   sm::container::run(argc, argv, {.train = train, .save = save, .model_fn = model_fn, .predict_fn =
//   predict_fn});
//
// Names and defaults are those of the SageMaker PyTorch toolkits; what is left out gets the default:
//   save        torch::nn modules: their parameters as model.pt; torch::jit::Module: TorchScript as model.pt
//   model_fn    the counterpart of that: a default-constructed torch::nn module that reads model.pt, where
//   predict_fn takes
//               such a module; else TorchScript from model.pt or the only *.pt or *.pth in the folder
//   predict_fn  model.forward(batch)
//   input_fn, output_fn   the formats of codecs.hpp
//   pre_model_fn, model_warmup_fn   nothing
// Hooks that serve may take a Context (context.hpp) as one more parameter at the end.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <utility>

#include <torch/torch.h>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/context.hpp>
#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

// A model whose type only the hooks know.
using AnyModel = std::shared_ptr<void>;

namespace detail {

// ---- what a callable takes and returns ---------------------------------------------------------

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<R(A...)> {
  using Result = R;
  using Arguments = std::tuple<A...>;
};
template <class R, class... A>
struct Signature<R (*)(A...)> : Signature<R(A...)> {};
template <class R, class... A>
struct Signature<R (*)(A...) noexcept> : Signature<R(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...)> : Signature<R(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) noexcept> : Signature<R(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Signature<R(A...)> {};

template <class F>
concept plain_callable = requires {
  typename Signature<std::decay_t<F>>::Result;
};

// The model's type in parameter I of a hook: Net for Net, Net& and const Net&.
template <class F, std::size_t I>
struct ModelArgument {
  static_assert(plain_callable<F>,
                "a hook that takes the model must be a function or a lambda with plain parameter types");
  using Type = std::remove_cvref_t<std::tuple_element_t<I, typename Signature<std::decay_t<F>>::Arguments>>;
};

// ---- what the toolkit can do with a type of model by itself ------------------------------------

struct ModelType {
  std::type_index index;
  // The module inside, where the model is a torch::nn module holder or a shared_ptr to a module; else null.
  torch::nn::Module* (*module)(void*);
  torch::jit::Module* (*script)(void*);  // the same for TorchScript
  AnyModel (*create)();                  // default-constructed; null where that is not possible
  torch::Tensor (*forward)(void*, const torch::Tensor&);  // null where there is no forward(Tensor) -> Tensor
};

template <class M>
concept module_holder = std::is_base_of_v<torch::detail::ModuleHolderIndicator, M>;  // a private base
template <class M>
concept module_pointer = requires(M& model) {
  { model.get() } -> std::convertible_to<torch::nn::Module*>;
  { *model } -> std::convertible_to<torch::nn::Module&>;
};

template <class M>
constexpr bool model_constructible() {
  if constexpr (module_holder<M>) {
    return std::is_default_constructible_v<typename M::ContainedType>;
  } else if constexpr (module_pointer<M>) {
    return std::is_default_constructible_v<typename M::element_type>;
  } else {
    return false;
  }
}

template <class M>
constexpr bool model_forwards() {
  if constexpr (module_holder<M> || module_pointer<M>) {
    return requires(M & model, torch::Tensor batch) {
      { model->forward(batch) } -> std::convertible_to<torch::Tensor>;
    };
  } else {
    return requires(M & model, torch::Tensor batch) {
      { model.forward(batch) } -> std::convertible_to<torch::Tensor>;
    };
  }
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor forward_script(void* model, const torch::Tensor& batch);

template <class M>
const ModelType* model_type() {
  static const ModelType type = [] {
    ModelType made{std::type_index(typeid(M)), nullptr, nullptr, nullptr, nullptr};
    if constexpr (module_holder<M>) {
      made.module = [](void* model) -> torch::nn::Module* { return static_cast<M*>(model)->ptr().get(); };
    } else if constexpr (module_pointer<M>) {
      made.module = [](void* model) -> torch::nn::Module* { return static_cast<M*>(model)->get(); };
    }
    if constexpr (model_constructible<M>()) {
      made.create = []() -> AnyModel {
        if constexpr (module_holder<M>) {
          return std::make_shared<M>(std::make_shared<typename M::ContainedType>());
        } else {
          return std::make_shared<M>(std::make_shared<typename M::element_type>());
        }
      };
    }
    if constexpr (std::same_as<M, torch::jit::Module>) {
      made.script = [](void* model) { return static_cast<torch::jit::Module*>(model); };
      made.forward = forward_script;
    } else if constexpr (model_forwards<M>()) {
      made.forward = [](void* model, const torch::Tensor& batch) -> torch::Tensor {
        M& typed = *static_cast<M*>(model);
        if constexpr (module_holder<M> || module_pointer<M>) {
          return typed->forward(batch);
        } else {
          return typed.forward(batch);
        }
      };
    }
    return made;
  }();
  return &type;
}

template <class Hook, class F>
concept not_itself = !std::same_as<std::remove_cvref_t<F>, Hook>;

// ---- the optional Context at the end of a hook's parameters -------------------------------------

template <class F, class... Arguments>
inline constexpr bool takes_context = std::is_invocable_v<F&, Arguments..., Context&>;

template <class F, class... Arguments>
decltype(auto) invoke_with(F& hook, Context& context, Arguments&&... arguments) {
  if constexpr (takes_context<F, Arguments...>) {
    return std::invoke(hook, std::forward<Arguments>(arguments)..., context);
  } else {
    return std::invoke(hook, std::forward<Arguments>(arguments)...);
  }
}

}  // namespace detail

// Net train(const TrainingEnvironment&); or void, where train saves the model itself.
struct TrainHook {
  TrainHook() = default;
  template <class F>
  requires detail::not_itself<TrainHook, F> && std::is_invocable_v<F&, const TrainingEnvironment&> TrainHook(
      F hook) {
    using Model = std::remove_cvref_t<std::invoke_result_t<F&, const TrainingEnvironment&>>;
    if constexpr (std::is_void_v<Model>) {
      call = [hook](const TrainingEnvironment& env) -> AnyModel {
        std::invoke(hook, env);
        return nullptr;
      };
    } else {
      model = detail::model_type<Model>();
      call = [hook](const TrainingEnvironment& env) -> AnyModel {
        return std::make_shared<Model>(std::invoke(hook, env));
      };
    }
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<AnyModel(const TrainingEnvironment&)> call;
  const detail::ModelType* model = nullptr;  // null: train returns nothing
};

// void save(const Net&, const std::filesystem::path& model_dir)
struct SaveHook {
  SaveHook() = default;
  template <class F>
  requires detail::not_itself<SaveHook, F> SaveHook(F hook) {
    using Model = typename detail::ModelArgument<F, 0>::Type;
    model = detail::model_type<Model>();
    call = [hook](void* trained, const std::filesystem::path& model_dir) {
      std::invoke(hook, *static_cast<Model*>(trained), model_dir);
    };
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<void(void*, const std::filesystem::path&)> call;
  const detail::ModelType* model = nullptr;
};

// Net model_fn(const std::filesystem::path& model_dir, torch::Device), or without the device, or with a
// Context in its place. Called once for each worker, one after the other.
struct ModelHook {
  ModelHook() = default;
  template <class F>
  requires detail::not_itself<ModelHook, F> &&
      (std::is_invocable_v<F&, const std::filesystem::path&, torch::Device> ||
       std::is_invocable_v<F&, const std::filesystem::path&, Context&> ||
       std::is_invocable_v<F&, const std::filesystem::path&>)ModelHook(F hook) {
    using Path = const std::filesystem::path&;
    if constexpr (std::is_invocable_v<F&, Path, torch::Device>) {
      set([hook](Path model_dir, Context& context) {
        return std::invoke(hook, model_dir, context.device());
      });
    } else if constexpr (std::is_invocable_v<F&, Path, Context&>) {
      set([hook](Path model_dir, Context& context) { return std::invoke(hook, model_dir, context); });
    } else {
      set([hook](Path model_dir, Context&) { return std::invoke(hook, model_dir); });
    }
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<AnyModel(const std::filesystem::path&, Context&)> call;
  const detail::ModelType* model = nullptr;

 private:
  template <class Load>
  void set(Load load) {
    using Model = std::remove_cvref_t<std::invoke_result_t<Load&, const std::filesystem::path&, Context&>>;
    model = detail::model_type<Model>();
    call = [load](const std::filesystem::path& model_dir, Context& context) -> AnyModel {
      return std::make_shared<Model>(load(model_dir, context));
    };
  }
};

// void pre_model_fn(const std::filesystem::path& model_dir): before each model_fn.
using PreModelHook = std::function<void(const std::filesystem::path& model_dir)>;

// void model_warmup_fn(const std::filesystem::path& model_dir, Net&): before the first request.
struct WarmupHook {
  WarmupHook() = default;
  template <class F>
  requires detail::not_itself<WarmupHook, F> WarmupHook(F hook) {
    using Model = typename detail::ModelArgument<F, 1>::Type;
    model = detail::model_type<Model>();
    call = [hook](const std::filesystem::path& model_dir, void* loaded, Context& context) {
      detail::invoke_with(hook, context, model_dir, *static_cast<Model*>(loaded));
    };
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<void(const std::filesystem::path&, void*, Context&)> call;
  const detail::ModelType* model = nullptr;
};

// torch::Tensor predict_fn(const torch::Tensor& batch, Net&). The rows of a batch may come from several
// requests; the answer has one row for each of them. One that takes a Context gets each request alone,
// because headers belong to one request. Called by one thread at a time for each loaded model, without
// gradients.
struct PredictHook {
  PredictHook() = default;
  template <class F>
  requires detail::not_itself<PredictHook, F> PredictHook(F hook) {
    using Model = typename detail::ModelArgument<F, 1>::Type;
    model = detail::model_type<Model>();
    takes_context = detail::takes_context<F, const torch::Tensor&, Model&>;
    call = [hook](const torch::Tensor& batch, void* loaded, Context& context) -> torch::Tensor {
      return detail::invoke_with(hook, context, batch, *static_cast<Model*>(loaded));
    };
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<torch::Tensor(const torch::Tensor&, void*, Context&)> call;
  const detail::ModelType* model = nullptr;
  bool takes_context = false;
};

// torch::Tensor input_fn(const std::string& body, const std::string& content_type). Called from many threads
// at once.
struct InputHook {
  InputHook() = default;
  template <class F>
  requires detail::not_itself<InputHook, F> &&
      (std::is_invocable_v<F&, const std::string&, const std::string&> ||
       std::is_invocable_v<F&, const std::string&, const std::string&, Context&>)InputHook(F hook) {
    takes_context = detail::takes_context<F, const std::string&, const std::string&>;
    call = [hook](const std::string& body, const std::string& content_type,
                  Context& context) -> torch::Tensor {
      return detail::invoke_with(hook, context, body, content_type);
    };
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<torch::Tensor(const std::string&, const std::string&, Context&)> call;
  bool takes_context = false;
};

// An answer that goes out piece by piece, in chunks, as it is made: what output_fn and transform_fn may
// return for InvokeEndpointWithResponseStream. `next` gives the pieces, and nothing after the last one; it is
// called on one thread. What it throws breaks the answer off, so that the client notices.
struct OutputStream {
  std::function<std::optional<std::string>()> next;
  std::string content_type;
};

namespace detail {

struct Answer {
  Output output;
  std::function<std::optional<std::string>()> next;  // a stream, where it is set
};

// What output_fn and transform_fn may return: an Output, an OutputStream, a pair of body and content type, or
// the body alone.
template <class Returned>
Answer to_answer(Returned&& returned, const std::string& content_type) {
  if constexpr (std::convertible_to<Returned, Output>) {
    return {std::forward<Returned>(returned), {}};
  } else if constexpr (std::convertible_to<Returned, OutputStream>) {
    OutputStream stream = std::forward<Returned>(returned);
    return {{"", std::move(stream.content_type)}, std::move(stream.next)};
  } else if constexpr (std::convertible_to<Returned, std::string>) {
    return {{std::forward<Returned>(returned), content_type}, {}};
  } else {
    return {{std::string(std::get<0>(std::forward<Returned>(returned))),
             std::string(std::get<1>(std::forward<Returned>(returned)))},
            {}};
  }
}

}  // namespace detail

// Output output_fn(const torch::Tensor& prediction, const std::string& accept). Called from many threads at
// once.
struct OutputHook {
  OutputHook() = default;
  template <class F>
  requires detail::not_itself<OutputHook, F> &&
      (std::is_invocable_v<F&, const torch::Tensor&, const std::string&> ||
       std::is_invocable_v<F&, const torch::Tensor&, const std::string&, Context&>)OutputHook(F hook) {
    takes_context = detail::takes_context<F, const torch::Tensor&, const std::string&>;
    call = [hook](const torch::Tensor& prediction, const std::string& accept, Context& context) {
      return detail::to_answer(detail::invoke_with(hook, context, prediction, accept), accept);
    };
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<detail::Answer(const torch::Tensor&, const std::string&, Context&)> call;
  bool takes_context = false;
};

// Output transform_fn(Net&, body, content_type, accept): the whole way of one request, in place of input_fn,
// predict_fn and output_fn. Called by one thread at a time for each loaded model; requests are not batched.
struct TransformHook {
  TransformHook() = default;
  template <class F>
  requires detail::not_itself<TransformHook, F> TransformHook(F hook) {
    using Model = typename detail::ModelArgument<F, 0>::Type;
    using Text = const std::string&;
    model = detail::model_type<Model>();
    takes_context = detail::takes_context<F, Model&, Text, Text, Text>;
    call = [hook](void* loaded, Text body, Text content_type, Text accept, Context& context) {
      return detail::to_answer(
          detail::invoke_with(hook, context, *static_cast<Model*>(loaded), body, content_type, accept),
          accept);
    };
  }
  explicit operator bool() const { return static_cast<bool>(call); }

  std::function<detail::Answer(void*, const std::string&, const std::string&, const std::string&, Context&)>
      call;
  const detail::ModelType* model = nullptr;
  bool takes_context = false;
};

struct Hooks {
  TrainHook train = {};
  SaveHook save = {};
  ModelHook model_fn = {};
  PredictHook predict_fn = {};
  InputHook input_fn = {};
  OutputHook output_fn = {};
  TransformHook transform_fn = {};
  PreModelHook pre_model_fn = {};
  WarmupHook model_warmup_fn = {};
};

// Throws std::invalid_argument where hooks contradict each other: train and save, or model_fn and predict_fn
// or transform_fn, name different types of model; or transform_fn is given together with what it replaces.
SAGEMAKER_CONTAINER_FUNCTION void check_hooks(const Hooks& hooks);

namespace detail {

// The default save. Throws std::runtime_error where the type of model has none.
SAGEMAKER_CONTAINER_FUNCTION void save_model(const ModelType& type, void* model,
                                             const std::filesystem::path& model_dir);

// A loaded model and how to call it.
struct LoadedModel {
  AnyModel model;
  const ModelType* type = nullptr;
};

// pre_model_fn, model_fn or its default, in evaluation mode, and model_warmup_fn. Throws what a hook throws,
// or std::runtime_error saying what is missing.
SAGEMAKER_CONTAINER_FUNCTION LoadedModel load_model(const Hooks& hooks, Context& context);

// predict_fn, or its default; neither records gradients.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor predict(const Hooks& hooks, const LoadedModel& loaded,
                                                   const torch::Tensor& batch, Context& context);

}  // namespace detail

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/hooks.hpp>
#endif
