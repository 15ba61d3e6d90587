// Sends data to an endpoint and gets its predictions back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/serializers.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker {

struct PredictorOptions {
  std::string endpoint_name = {};
  Serializer serializer = JSONSerializer{};  // for predict(json)
  Deserializer deserializer = JSONDeserializer{};
};

// What one prediction may add. Empty members are left out.
struct PredictOptions {
  std::string target_model = {};       // multi-model endpoints: the archive below the model prefix
  std::string target_variant = {};     // a production variant by name, instead of by weight
  std::string inference_id = {};       // appears in captured data
  std::string custom_attributes = {};  // handed to the container
};

// A request body as it is.
struct RawRequest {
  std::string body;
  std::string content_type = "application/octet-stream";
  std::string accept = "*/*";
};

// Safe to use from several threads; copies are cheap.
class Predictor {
 public:
  // `model_names`: what the endpoint is known to serve; found out by delete_model() where it is empty.
  Predictor(Session session, PredictorOptions options, std::vector<std::string> model_names = {})
      : session_(std::move(session)), options_(std::move(options)), model_names_(std::move(model_names)) {
    if (options_.endpoint_name.empty()) throw ConfigError("A predictor needs the name of an endpoint");
  }

  const std::string& endpoint_name() const { return options_.endpoint_name; }

  // Encoded by the predictor's serializer and decoded by its deserializer: JSON unless you chose others.
  // Throws ServiceError, with code ModelError where the model's container answered with an error.
  json predict(const json& data, const PredictOptions& options = {}) const {
    const auto answer = invoke(
        {options_.serializer.serialize(data), options_.serializer.content_type, options_.deserializer.accept},
        options);
    return options_.deserializer.deserialize(answer.body);
  }
  // Numbers in NumPy's format, both ways, without any conversion to text.
  NpyArray predict(const NpyArray& data, const PredictOptions& options = {}) const {
    return NpyArray::decode(invoke({data.encode(), "application/x-npy", "application/x-npy"}, options).body);
  }
  // Bytes both ways. The answer tells its content type and the variant that made it.
  InvokeEndpointOutput predict_raw(RawRequest request, const PredictOptions& options = {}) const {
    return invoke(std::move(request), options);
  }

  // Deletes the endpoint, and first its configuration unless told otherwise.
  void delete_endpoint(bool delete_endpoint_config = true) const {
    if (delete_endpoint_config) {
      const json endpoint = session_.describe_endpoint(endpoint_name());
      const std::string config = detail::text_of(endpoint, "EndpointConfigName");
      session_.sagemaker().delete_endpoint_config(detail::object({{"EndpointConfigName", config}}));
    }
    session_.sagemaker().delete_endpoint(detail::object({{"EndpointName", endpoint_name()}}));
  }

  // Deletes the models that the endpoint serves. Works before and after delete_endpoint() where deploy() made
  // this predictor; one made from a name alone has to ask the endpoint, which must then still be there.
  void delete_model() const {
    for (const std::string& name : model_names_.empty() ? models_of_endpoint() : model_names_) {
      session_.sagemaker().delete_model(detail::object({{"ModelName", name}}));
    }
  }

 private:
  InvokeEndpointOutput invoke(RawRequest request, const PredictOptions& options) const {
    InvokeEndpointInput input;
    input.endpoint_name = options_.endpoint_name;
    input.body = std::move(request.body);
    input.content_type = std::move(request.content_type);
    input.accept = std::move(request.accept);
    input.target_model = options.target_model;
    input.target_variant = options.target_variant;
    input.inference_id = options.inference_id;
    input.custom_attributes = options.custom_attributes;
    return session_.runtime().invoke_endpoint(std::move(input));
  }

  std::vector<std::string> models_of_endpoint() const {
    const json endpoint = session_.describe_endpoint(endpoint_name());
    const json config = session_.describe_endpoint_config(detail::text_of(endpoint, "EndpointConfigName"));
    std::vector<std::string> names;
    for (const json& variant : detail::array_of(config, "ProductionVariants")) {
      names.push_back(detail::text_of(variant, "ModelName"));
    }
    return names;
  }

  Session session_;
  PredictorOptions options_;
  std::vector<std::string> model_names_;
};

}  // namespace sagemaker
