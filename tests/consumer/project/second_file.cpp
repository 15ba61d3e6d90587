// A second file with the same headers: whatever is not inline in them would be defined twice. And the ways in
// which users write their calls, leaving out what they do not need: none of them may cause a warning.
#include <sagemaker/sagemaker.hpp>

namespace sm = sagemaker;

std::string name_in_the_second_file(const sm::Session& session) { return session.default_bucket(); }

// Compiled, not called: most of it talks to AWS.
void calls_with_few_members() {
  const sm::SageMakerClient client({.region = "eu-central-1"});
  client.wait_for_training_job("job", {.timeout = std::chrono::seconds(1)});
  const sm::S3Client s3({.endpoint_url = "http://127.0.0.1:4566"});
  s3.put_object({.bucket = "bucket", .key = "key", .body = "text"});
  s3.get_object({.bucket = "bucket", .key = "key"});
  s3.list_objects_v2({.bucket = "bucket", .prefix = "key"});
  s3.delete_objects({.bucket = "bucket", .keys = {"key"}});
  const sm::SageMakerRuntimeClient runtime({.profile = "work"});
  runtime.invoke_endpoint({.endpoint_name = "endpoint", .body = "text"});
  runtime.invoke_endpoint_async({.endpoint_name = "endpoint", .input_location = "s3://bucket/key"});

  const sm::Session session({.region = "eu-central-1"});
  sm::Estimator estimator{session, {.entry_point = "mnist.cpp", .instance_type = "ml.c5.xlarge"}};
  estimator.fit({{"training", sm::TrainingInput{.s3_data = "s3://bucket/data"}}}, {.wait = false});
  const auto deployed = estimator.deploy({.initial_instance_count = 1, .instance_type = "ml.m5.large"});
  deployed.predict(sm::json{{"instances", {1, 2}}}, {.inference_id = "id"});
  const sm::Predictor predictor{session, {.endpoint_name = "endpoint"}};
  predictor.predict({1, 2}, {.target_model = "a.tar.gz"});
  for (const std::string& piece : predictor.predict_stream({{"prompt", "a"}})) std::puts(piece.c_str());
  sm::Model model{session, {.image_uri = "image", .model_data = "s3://bucket/model.tar.gz"}};
  model.deploy({.serverless_inference_config = sm::ServerlessInferenceConfig{}});
  sm::AsyncPredictor later =
      model.deploy({.instance_type = "ml.m5.large", .async_inference_config = sm::AsyncInferenceConfig{}});
  later.predict_async({{"x", 1}}, {.inference_id = "id"}).get_result({.max_attempts = 1});
  later.predict_at("s3://bucket/input");
  later.update_endpoint({.initial_instance_count = 2, .instance_type = "ml.m5.large"});
  sm::PipelineModel(session, {model, model}).deploy({.instance_type = "ml.m5.large"});
  sm::MultiDataModel(session, {.name = "many", .model_data_prefix = "s3://bucket/models/"}, model)
      .add_model("s3://bucket/model.tar.gz");
  sm::PyTorchModel(session, {.framework_version = "2.4", .py_version = "py311"});
  const sm::LocalEmulator emulator({.region = "eu-central-1"});
}
