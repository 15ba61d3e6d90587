// Predictions that take their time: requests wait in the endpoint's queue, and answers are written to S3. The
// SageMaker Python SDK's AsyncPredictor.
//   sm::AsyncPredictor predictor = model.deploy({.instance_type = "ml.m5.large",
//                                                .async_inference_config = sm::AsyncInferenceConfig{}});
//   sm::json answer = predictor.predict(data);                       // waits
//   sm::AsyncInferenceResponse later = predictor.predict_async(data);  // does not
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker {

// How long an answer is waited for: max_attempts looks with `delay` between two. An endpoint on this machine
// is asked more often in the same time.
struct WaiterConfig {
  int max_attempts = 60;
  std::chrono::milliseconds delay = std::chrono::seconds(15);
};

// The base of what goes wrong with asynchronous predictions.
class AsyncInferenceError : public Error {
 public:
  using Error::Error;
};
// There is no answer yet.
class ObjectNotExistedError : public AsyncInferenceError {
 public:
  using AsyncInferenceError::AsyncInferenceError;
};
// No answer came in the time of the WaiterConfig. It may still come.
class PollingTimeoutError : public AsyncInferenceError {
 public:
  using AsyncInferenceError::AsyncInferenceError;
};
// The model's container answered with an error.
class AsyncInferenceModelError : public AsyncInferenceError {
 public:
  explicit AsyncInferenceModelError(std::string answer)
      : AsyncInferenceError("Model returned error: " + answer), answer_(std::move(answer)) {}
  const std::string& answer() const { return answer_; }  // the object at the failure path

 private:
  std::string answer_;
};

// What one asynchronous prediction may add. Empty members are left out.
struct AsyncPredictOptions {
  std::string input_path = {};  // s3://bucket/key where data is uploaded; empty: a place of its own
  std::string inference_id = {};
  std::string custom_attributes = {};
  std::string content_type = {};  // empty: the serializer's, where data is uploaded
  std::string accept = {};        // empty: the deserializer's
  std::string filename = {};      // of the output
  std::string s3_output_path_extension = {};
  std::optional<int> request_ttl_seconds = {};         // 60 to 21,600
  std::optional<int> invocation_timeout_seconds = {};  // 1 to 3,600
  WaiterConfig waiter_config = {};                     // of predict()
};

// An answer as it lies in S3.
struct AsyncOutput {
  std::string body;
  std::string content_type;
};

namespace detail {

// Finds the answer of one prediction, or its failure.
class AsyncAnswer {
 public:
  AsyncAnswer(Session session, std::string output_path, std::string failure_path)
      : session_(std::move(session)),
        output_path_(std::move(output_path)),
        failure_path_(std::move(failure_path)) {}

  const std::string& output_path() const { return output_path_; }
  const std::string& failure_path() const { return failure_path_; }

  // Nothing where neither is there yet. Throws AsyncInferenceModelError for a failure.
  std::optional<AsyncOutput> look() const {
    if (auto output = fetch(output_path_)) return output;
    if (failure_path_.empty()) return std::nullopt;
    if (const auto failure = fetch(failure_path_)) throw AsyncInferenceModelError(failure->body);
    return std::nullopt;
  }
  AsyncOutput now() const {
    if (auto output = look()) return *output;
    throw ObjectNotExistedError("Object not exist at " + output_path_ + ". Inference could still be running");
  }
  AsyncOutput wait(const WaiterConfig& config) const {
    const auto limit = config.delay * config.max_attempts;
    const auto start = session_.clock().steady();
    const auto longest =
        session_.is_local() ? std::min(config.delay, session_.poll().endpoint) : config.delay;
    PollPace pace(session_.poll().first.value_or(longest), longest);
    while (true) {
      if (auto output = look()) return *output;
      const auto waited = session_.clock().steady() - start;
      if (waited >= limit) break;
      session_.clock().sleep_for(
          std::min(pace.next(), std::chrono::ceil<std::chrono::milliseconds>(limit - waited)));
    }
    throw PollingTimeoutError(
        "No result at " + output_path_ + " after polling for " +
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count()) +
        " seconds. Inference could still be running");
  }

 private:
  // S3 answers 403 to callers that may not list the bucket; that stays an error.
  std::optional<AsyncOutput> fetch(const std::string& uri) const {
    const S3Uri place(uri);
    try {
      GetObjectOutput object = session_.s3().get_object({.bucket = place.bucket(), .key = place.key()});
      return AsyncOutput{std::move(object.body), std::move(object.info.content_type)};
    } catch (const ServiceError& error) {
      if (error.code() == "NoSuchKey") return std::nullopt;
      throw;
    }
  }

  Session session_;
  std::string output_path_;
  std::string failure_path_;
};

}  // namespace detail

// An answer that may not be there yet. Used by one thread.
class AsyncInferenceResponse {
 public:
  AsyncInferenceResponse(Session session, Deserializer deserializer, InvokeEndpointAsyncOutput places)
      : answer_(std::move(session), std::move(places.output_location), std::move(places.failure_location)),
        deserializer_(std::move(deserializer)),
        inference_id_(std::move(places.inference_id)) {}

  const std::string& output_path() const { return answer_.output_path(); }
  const std::string& failure_path() const { return answer_.failure_path(); }
  const std::string& inference_id() const { return inference_id_; }

  // The answer, decoded by the predictor's deserializer. Throws ObjectNotExistedError where it is not there
  // yet, or waits as told and then throws PollingTimeoutError; throws AsyncInferenceModelError where the
  // model failed.
  json get_result() { return decode(get_raw_result()); }
  json get_result(const WaiterConfig& waiter) { return decode(get_raw_result(waiter)); }
  // The same as the bytes that they are.
  const AsyncOutput& get_raw_result() {
    if (!output_) output_ = answer_.now();
    return *output_;
  }
  const AsyncOutput& get_raw_result(const WaiterConfig& waiter) {
    if (!output_) output_ = answer_.wait(waiter);
    return *output_;
  }

 private:
  json decode(const AsyncOutput& output) const {
    return deserializer_.deserialize(output.body, output.content_type);
  }

  detail::AsyncAnswer answer_;
  Deserializer deserializer_;
  std::string inference_id_;
  std::optional<AsyncOutput> output_;
};

class AsyncPredictor {
 public:
  // Inputs are uploaded to async-endpoint-inputs/{name}-{time}/ in the default bucket; `name` is the model's
  // where nothing else is said.
  AsyncPredictor(Predictor predictor,  // NOLINT(google-explicit-constructor): what deploy() returns is one
                 std::string name = {})
      : predictor_(std::move(predictor)), name_(std::move(name)) {
    if (name_.empty())
      name_ = predictor_.model_names().empty() ? endpoint_name() : predictor_.model_names().front();
  }

  const Predictor& predictor() const { return predictor_; }
  const std::string& endpoint_name() const { return predictor_.endpoint_name(); }

  // Uploads the data, has it answered and waits for the answer. Throws AsyncInferenceModelError where the
  // model failed, PollingTimeoutError where no answer came in time.
  json predict(const json& data, const AsyncPredictOptions& options = {}) const {
    return predict_async(data, options).get_result(options.waiter_config);
  }
  // The same of an input that lies in S3 already.
  json predict_at(const std::string& input_path, const AsyncPredictOptions& options = {}) const {
    return predict_async_at(input_path, options).get_result(options.waiter_config);
  }
  // Numbers in NumPy's format, both ways.
  NpyArray predict(const NpyArray& data, const AsyncPredictOptions& options = {}) const {
    AsyncPredictOptions chosen = options;
    if (chosen.accept.empty()) chosen.accept = "application/x-npy";
    AsyncInferenceResponse response = predict_async_raw({data.encode(), "application/x-npy"}, chosen);
    return NpyArray::decode(response.get_raw_result(options.waiter_config).body);
  }

  // The same without waiting.
  AsyncInferenceResponse predict_async(const json& data, const AsyncPredictOptions& options = {}) const {
    const Serializer& serializer = predictor_.options().serializer;
    return predict_async_raw({serializer.serialize(data), serializer.content_type}, options);
  }
  AsyncInferenceResponse predict_async_at(const std::string& input_path,
                                          const AsyncPredictOptions& options = {}) const {
    if (input_path.empty()) {
      throw ConfigError("Please provide input data or input Amazon S3 location to use async prediction");
    }
    return submit(input_path, options);
  }
  AsyncInferenceResponse predict_async_raw(RawRequest request,
                                           const AsyncPredictOptions& options = {}) const {
    const S3Uri target = options.input_path.empty() ? input_place() : S3Uri(options.input_path);
    AsyncPredictOptions chosen = options;
    if (chosen.content_type.empty()) chosen.content_type = request.content_type;
    predictor_.session().s3().put_object({.bucket = target.bucket(),
                                          .key = target.key(),
                                          .body = std::move(request.body),
                                          .content_type = chosen.content_type});
    return submit(target.text(), chosen);
  }

  void update_endpoint(const EndpointChanges& changes) { predictor_.update_endpoint(changes); }
  void delete_endpoint(bool delete_endpoint_config = true) const {
    predictor_.delete_endpoint(delete_endpoint_config);
  }
  void delete_model() const { predictor_.delete_model(); }
  void enable_data_capture() const { predictor_.enable_data_capture(); }
  void disable_data_capture() const { predictor_.disable_data_capture(); }
  void update_data_capture_config(const DataCaptureConfig& config) const {
    predictor_.update_data_capture_config(config);
  }

 private:
  S3Uri input_place() const {
    const Session& session = predictor_.session();
    const aws::TimePoint now = session.clock().now();
    std::string time = detail::name_from_base("", now);  // "-2026-11-21-07-00-00-123"
    return session.default_location() / "async-endpoint-inputs" / detail::short_name_from_base(name_, now) /
           (time.substr(1) + "-" + aws::uuid4());
  }

  AsyncInferenceResponse submit(const std::string& input, const AsyncPredictOptions& options) const {
    InvokeEndpointAsyncInput request;
    request.endpoint_name = endpoint_name();
    request.input_location = input;
    request.content_type = options.content_type;
    request.accept = options.accept.empty() ? predictor_.options().deserializer.accept : options.accept;
    request.inference_id = options.inference_id;
    request.custom_attributes = options.custom_attributes;
    request.filename = options.filename;
    request.s3_output_path_extension = options.s3_output_path_extension;
    request.request_ttl_seconds = options.request_ttl_seconds;
    request.invocation_timeout_seconds = options.invocation_timeout_seconds;
    return {predictor_.session(), predictor_.options().deserializer,
            predictor_.session().runtime().invoke_endpoint_async(request)};
  }

  Predictor predictor_;
  std::string name_;
};

}  // namespace sagemaker
