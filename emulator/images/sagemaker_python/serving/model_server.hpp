// The HTTP of a serving container over its Python workers: /ping, /invocations and /execution-parameters, and
// /models on a multi-model endpoint. The contracts:
// https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
// https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "emulator/http/message.hpp"
#include "emulator/images/sagemaker_python/serving/models.hpp"

namespace sagemaker::local::images {

class ModelServer {
 public:
  ModelServer(const ServingSettings& settings, Models& models) : settings_(settings), models_(models) {}

  // The model of /invocations, once it can be asked.
  void set_model(std::shared_ptr<ServedModel> model);
  http::Response answer(http::Request& request);
  // From now on invocations are refused; waits until those that run have ended, for `patience` at most.
  void drain(std::chrono::milliseconds patience);

 private:
  class InFlight;

  http::Response ping() const;
  http::Response execution_parameters() const;
  http::Response invoke(http::Request& request, const std::shared_ptr<ServedModel>& model);
  http::Response models(http::Request& request, const std::string& rest);
  http::Response load_model(http::Request& request);
  http::Response list_models(const http::Request& request) const;

  const ServingSettings& settings_;
  Models& models_;
  mutable std::mutex mutex_;
  std::condition_variable none_in_flight_;
  std::shared_ptr<ServedModel> model_;
  bool draining_ = false;
  std::size_t in_flight_ = 0;
};

}  // namespace sagemaker::local::images
