// What a serving hook can know about its request and say about the answer, beside bodies and types: headers
// such as X-Amzn-SageMaker-Custom-Attributes, the model's folder and device, the answer's status. Hooks get
// it where they take a Context& as their last parameter.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <c10/core/Device.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

class Context {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Context(const std::filesystem::path& model_dir, c10::Device device, const std::string& model_name = "")
      : Context(std::make_shared<const Model>(Model{model_dir, model_name}), device) {}

  const std::filesystem::path& model_dir() const { return model_->dir; }
  c10::Device device() const { return device_; }                  // of this worker's model
  const std::string& model_name() const { return model_->name; }  // of a multi-model endpoint; else empty

  // The request's first header of that name, in any case of letters; empty where there is none, and while a
  // model is loaded.
  std::string request_header(std::string_view name) const;
  std::string custom_attributes() const { return request_header("X-Amzn-SageMaker-Custom-Attributes"); }
  const Headers& request_headers() const { return request_headers_; }

  // The answer's. 200 to 599; an exception from a hook has its own status. Throws std::invalid_argument for a
  // status outside of that and for headers that belong to the server: Content-Length, Transfer-Encoding,
  // Connection and Content-Type, which is what the hook returns.
  void set_status(int status);
  void set_header(std::string name, std::string value);
  void set_custom_attributes(std::string value) {
    set_header("X-Amzn-SageMaker-Custom-Attributes", std::move(value));
  }
  int status() const { return status_; }
  const Headers& headers() const { return headers_; }

  // For the server: contexts of requests to the same model, and what they hold.
  struct Model {
    std::filesystem::path dir;
    std::string name;
  };
  Context(std::shared_ptr<const Model> model, c10::Device device)
      : model_(std::move(model)), device_(device) {}
  void set_device(c10::Device device) { device_ = device; }  // of the worker that takes the request
  void set_request_headers(Headers headers) { request_headers_ = std::move(headers); }

 private:
  std::shared_ptr<const Model> model_;
  c10::Device device_;
  Headers request_headers_, headers_;
  int status_ = 200;
};

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/context.hpp>
#endif
