// Sends data to an endpoint and gets its predictions back.
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/detail/endpoints.hpp>
#include <sagemaker/hosting_options.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/serializers.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/sparse_matrix.hpp>

namespace sagemaker {

struct PredictorOptions {
  std::string endpoint_name = {};
  Serializer serializer = JSONSerializer{};  // for predict(json)
  Deserializer deserializer = JSONDeserializer{};
  std::string component_name = {};  // the inference component that is asked, where the endpoint has several
};

// What one prediction may add. Empty members are left out.
struct PredictOptions {
  std::string target_model = {};               // multi-model endpoints: the archive below the model prefix
  std::string target_variant = {};             // a production variant by name, instead of by weight
  std::string target_container_hostname = {};  // Direct multi-container endpoints
  std::string component_name = {};             // instead of the predictor's own
  std::string inference_id = {};               // appears in captured data
  std::string custom_attributes = {};          // handed to the container
  std::string session_id = {};                 // of a stateful session; "NEW_SESSION" opens one
  std::string enable_explanations = {};        // a JMESPath expression, for endpoints with an explainer
  std::optional<std::chrono::milliseconds> read_timeout = {};  // instead of the client's own
};

// A request body as it is.
struct RawRequest {
  std::string body;
  std::string content_type = "application/octet-stream";
  std::string accept = "*/*";
};

// What update_endpoint changes; everything else stays as it is.
struct EndpointChanges {
  // All variants become one with these; a single model is kept unless another one is named.
  std::optional<int> initial_instance_count = {};
  std::string instance_type = {};
  std::string model_name = {};
  std::optional<int> max_instance_count = {};  // of managed instance scaling
  std::optional<int> min_instance_count = {};
  std::vector<Tag> tags = {};  // empty: those of the present configuration
  std::string kms_key = {};
  std::optional<DataCaptureConfig> data_capture_config = {};
  bool wait = true;  // until the endpoint is InService again
};

// Safe to use from several threads but for update_endpoint() and set_model_names(); copies are cheap.
class Predictor {
 public:
  // `model_names`: what the endpoint is known to serve; found out by delete_model() where it is empty.
  Predictor(Session session, PredictorOptions options, std::vector<std::string> model_names = {})
      : session_(std::move(session)), options_(std::move(options)), model_names_(std::move(model_names)) {
    if (options_.endpoint_name.empty()) throw ConfigError("A predictor needs the name of an endpoint");
  }

  const std::string& endpoint_name() const { return options_.endpoint_name; }
  const std::string& component_name() const { return options_.component_name; }
  const PredictorOptions& options() const { return options_; }
  const Session& session() const { return session_; }
  const std::vector<std::string>& model_names() const { return model_names_; }
  void set_model_names(std::vector<std::string> names) { model_names_ = std::move(names); }

  // Encoded by the predictor's serializer and decoded by its deserializer: JSON unless you chose others.
  // Throws ServiceError, with code ModelError where the model's container answered with an error.
  json predict(const json& data, const PredictOptions& options = {}) const {
    const auto answer = invoke(encoded(data), options);
    return options_.deserializer.deserialize(answer.body, answer.content_type);
  }
  // Numbers in NumPy's format, both ways, without any conversion to text.
  NpyArray predict(const NpyArray& data, const PredictOptions& options = {}) const {
    return NpyArray::decode(invoke({data.encode(), "application/x-npy", "application/x-npy"}, options).body);
  }
  // A sparse matrix as SciPy writes it (application/x-npz), decoded by the predictor's deserializer. A
  // template, so that predict({1, 2}) stays JSON.
  template <std::same_as<SparseMatrix> Matrix>
  json predict(const Matrix& data, const PredictOptions& options = {}) const {
    const auto answer = invoke({data.encode(), "application/x-npz", options_.deserializer.accept}, options);
    return options_.deserializer.deserialize(answer.body, answer.content_type);
  }
  // Bytes both ways. The answer tells its content type and the variant that made it.
  InvokeEndpointOutput predict_raw(RawRequest request, const PredictOptions& options = {}) const {
    return invoke(std::move(request), options);
  }

  // The answer while it is being made, in the pieces that the container writes, or in lines:
  //   for (const std::string& line : predictor.predict_stream<sm::LineIterator>(data)) ...
  // Throws as predict() where no answer begins; reading it throws ModelStreamError and InternalStreamFailure
  // where it breaks off.
  template <class Iterator = ByteIterator>
  Iterator predict_stream(const json& data, const PredictOptions& options = {}) const {
    return predict_stream_raw<Iterator>(encoded(data), options);
  }
  template <class Iterator = ByteIterator>
  Iterator predict_stream_raw(RawRequest request, const PredictOptions& options = {}) const {
    return Iterator(
        session_.runtime().invoke_endpoint_with_response_stream(input(std::move(request), options)).body);
  }

  // Gives the endpoint a new configuration, made from the present one, while it goes on serving. Throws
  // ConfigError where a variant's options are incomplete, UnexpectedStatus where the update fails.
  void update_endpoint(const EndpointChanges& changes) {
    const json endpoint = session_.describe_endpoint(endpoint_name());
    const std::string config = detail::text_of(endpoint, "EndpointConfigName");
    detail::ConfigChanges copy{.new_name = detail::name_from_base(config, session_.clock().now()),
                               .tags = detail::tag_documents(changes.tags),
                               .kms_key = changes.kms_key,
                               .components = !component_name().empty()};
    if (changes.initial_instance_count || !changes.instance_type.empty() || !changes.model_name.empty())
      copy.variants.push_back(changed_variant(changes, config));
    if (changes.data_capture_config)
      copy.data_capture = detail::capture_document(session_, *changes.data_capture_config);
    detail::copy_endpoint_config(session_, config, copy);
    detail::update_endpoint(session_, {endpoint_name(), copy.new_name, changes.wait});
    if (!changes.model_name.empty()) model_names_ = {changes.model_name};
  }

  void enable_data_capture() const { update_data_capture_config({.enable_capture = true}); }
  void disable_data_capture() const { update_data_capture_config({.enable_capture = false}); }
  // Updates the endpoint and waits until it is InService again.
  void update_data_capture_config(const DataCaptureConfig& config) const {
    const json endpoint = session_.describe_endpoint(endpoint_name());
    const std::string name = detail::name_from_base(endpoint_name(), session_.clock().now());
    detail::copy_endpoint_config(
        session_, detail::text_of(endpoint, "EndpointConfigName"),
        {.new_name = name, .data_capture = detail::capture_document(session_, config)});
    detail::update_endpoint(session_, {endpoint_name(), name});
  }

  // Deletes the endpoint, and first its configuration unless told otherwise.
  void delete_endpoint(bool delete_endpoint_config = true) const {
    if (delete_endpoint_config) {
      const json endpoint = session_.describe_endpoint(endpoint_name());
      const std::string config = detail::text_of(endpoint, "EndpointConfigName");
      session_.sagemaker().delete_endpoint_config(detail::object({{"EndpointConfigName", config}}));
    }
    session_.print("Deleting endpoint with name: " + endpoint_name());
    session_.sagemaker().delete_endpoint(detail::object({{"EndpointName", endpoint_name()}}));
  }

  // Deletes the inference component where the predictor is one's, else the endpoint and its configuration.
  void delete_predictor(bool wait = false) const {
    if (component_name().empty()) return delete_endpoint();
    session_.sagemaker().delete_inference_component(
        detail::object({{"InferenceComponentName", component_name()}}));
    if (wait) session_.sagemaker().wait_for_inference_component_deleted(component_name());
  }

  // Deletes the models that the endpoint serves. Works before and after delete_endpoint() where deploy() made
  // this predictor; one made from a name alone has to ask the endpoint, which must then still be there. Where
  // one cannot be deleted, the others are all the same, and then Error names those that are left.
  void delete_model() const {
    const std::vector<std::string> names = model_names_.empty() ? models_of_endpoint() : model_names_;
    std::string failed, reason;
    std::exception_ptr failure;
    for (const std::string& name : names) {
      try {
        session_.sagemaker().delete_model(detail::object({{"ModelName", name}}));
      } catch (const ServiceError& error) {
        failed += (failed.empty() ? "" : ", ") + name;
        if (!failure) reason = error.what();
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure && names.size() == 1) std::rethrow_exception(failure);
    if (failure) {
      throw Error("One or more models cannot be deleted, please retry. Failed models: " + failed + " (" +
                  reason + ")");
    }
  }

  // The inference components of the endpoint: summaries of ListInferenceComponents.
  std::vector<json> list_related_models() const {
    std::vector<json> components;
    for (const json& component : session_.sagemaker().items(
             "ListInferenceComponents", detail::object({{"EndpointNameEquals", endpoint_name()}})))
      components.push_back(component);
    return components;
  }

 private:
  RawRequest encoded(const json& data) const {
    return {options_.serializer.serialize(data), options_.serializer.content_type,
            options_.deserializer.accept};
  }

  InvokeEndpointInput input(RawRequest request, const PredictOptions& options) const {
    InvokeEndpointInput input;
    input.endpoint_name = options_.endpoint_name;
    input.body = std::move(request.body);
    input.content_type = std::move(request.content_type);
    input.accept = std::move(request.accept);
    input.target_model = options.target_model;
    input.target_variant = options.target_variant;
    input.target_container_hostname = options.target_container_hostname;
    input.inference_component_name =
        options.component_name.empty() ? options_.component_name : options.component_name;
    input.inference_id = options.inference_id;
    input.custom_attributes = options.custom_attributes;
    input.session_id = options.session_id;
    input.enable_explanations = options.enable_explanations;
    input.read_timeout = options.read_timeout;
    return input;
  }
  InvokeEndpointOutput invoke(RawRequest request, const PredictOptions& options) const {
    return session_.runtime().invoke_endpoint(input(std::move(request), options));
  }

  json changed_variant(const EndpointChanges& changes, const std::string& config) const {
    if (!changes.initial_instance_count || changes.instance_type.empty()) {
      throw ConfigError(
          "Missing initial_instance_count and/or instance_type: a new variant needs both of them");
    }
    std::string model = changes.model_name;
    if (model.empty()) {
      const std::vector<std::string> models = models_of_config(config);
      std::string all;
      for (const std::string& name : models) all += (all.empty() ? "" : ", ") + name;
      if (models.size() > 1) {
        throw ConfigError(
            "Unable to choose a default model for a new EndpointConfig because the endpoint has multiple "
            "models: " +
            all);
      }
      if (models.size() == 1 && component_name().empty()) model = models.front();
    }
    json variant = detail::variant_document(model, {.initial_instance_count = *changes.initial_instance_count,
                                                    .instance_type = changes.instance_type});
    json scaling = json::object();
    detail::set_if(scaling, "MaxInstanceCount", changes.max_instance_count);
    detail::set_if(scaling, "MinInstanceCount", changes.min_instance_count);
    if (!scaling.empty()) variant["ManagedInstanceScaling"] = std::move(scaling);
    return variant;
  }

  std::vector<std::string> models_of_config(const std::string& config) const {
    const json description = session_.describe_endpoint_config(config);
    std::vector<std::string> names;
    for (const json& variant : detail::array_of(description, "ProductionVariants")) {
      if (std::string name = detail::text_of(variant, "ModelName"); !name.empty())
        names.push_back(std::move(name));
    }
    return names;
  }
  std::vector<std::string> models_of_endpoint() const {
    if (!component_name().empty()) {
      const json component = session_.sagemaker().describe_inference_component(
          detail::object({{"InferenceComponentName", component_name()}}));
      return {detail::text_of(detail::object_of(component, "Specification"), "ModelName")};
    }
    const json endpoint = session_.describe_endpoint(endpoint_name());
    return models_of_config(detail::text_of(endpoint, "EndpointConfigName"));
  }

  Session session_;
  PredictorOptions options_;
  std::vector<std::string> model_names_;
};

}  // namespace sagemaker
