// Batch transform: a model's answers for all the objects below a prefix, without an endpoint.
//   auto transformer = model.transformer({.instance_count = 2, .instance_type = "ml.m5.large",
//                                         .assemble_with = "Line", .accept = "text/csv"});
//   transformer.transform("s3://bucket/rows/", {.content_type = "text/csv", .split_type = "Line"});
//   for (const std::string& uri : transformer.output_uris()) use(session.read_s3_file(sm::S3Uri(uri)));
// https://sagemaker.readthedocs.io/en/v2/api/inference/transformer.html
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/transform_request.hpp>
#include <sagemaker/s3_uri.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/transformer_options.hpp>

namespace sagemaker {

class Transformer {
 public:
  // Nothing is sent before transform(). Throws ConfigError where model_name or instance_type is missing.
  Transformer(Session session, TransformerOptions options)
      : session_(std::move(session)), options_(std::move(options)), output_path_(options_.output_path) {
    if (options_.model_name.empty())
      throw ConfigError("model_name is missing: name a model that exists, or use Model::transformer");
    detail::check_transformer(options_);
  }

  // A transformer of a job that exists, in any state: wait() follows it, transform() starts another one like
  // it. Throws ServiceError where there is none.
  static Transformer attach(const Session& session, const std::string& transform_job_name) {
    Transformer transformer(
        session, detail::transformer_options_of_job(session.describe_transform_job(transform_job_name)));
    transformer.job_name_ = transform_job_name;
    return transformer;
  }

  // Starts a job for all objects whose keys begin with `data` (s3://...), or that a manifest lists, and with
  // `wait` follows it to its end. A local file or folder is uploaded first, to transform-input/JOB in the
  // default bucket. Throws ConfigError for what cannot be sent, ServiceError where the service refuses,
  // UnexpectedStatus with the FailureReason where the job fails, CapacityError where that is for want of
  // instances.
  void transform(const std::string& data, const TransformOptions& options = {}) {
    const bool local = !data.starts_with("s3://");
    if (local && (data.empty() || !std::filesystem::exists(data)))
      throw ConfigError("Invalid S3 URI: " + data + " (nor is it a local file or folder)");
    detail::TransformPlaces places{.job_name = options.job_name, .data = data, .output_path = {}};
    if (places.job_name.empty())
      places.job_name = detail::name_from_base(base_name(), session_.clock().now());
    places.output_path = !options_.output_path.empty()
                             ? options_.output_path
                             : (session_.default_location() / places.job_name).text();
    if (local) places.data = detail::upload_input(session_, data, "transform-input/" + places.job_name);
    session_.print("Creating transform job with name: " + places.job_name);
    session_.sagemaker().create_transform_job(detail::transform_document(options_, options, places));
    job_name_ = places.job_name;
    output_path_ = places.output_path;
    if (options.wait) wait(options.logs);
  }

  // Follows the latest job to its end and prints its progress, with `logs` what the containers write and the
  // service's data log, too. Returns its description.
  json wait(bool logs = true) const {
    return session_.logs_for_transform_job(latest_transform_job(), {.logs = logs});
  }
  // The job stores no output then. One that has ended meanwhile is no error.
  void stop_transform_job(bool wait = true) const {
    session_.stop_transform_job(latest_transform_job());
    if (wait) this->wait();
  }

  // The name of the job that transform() started or attach() found. Throws ConfigError where there is none.
  const std::string& latest_transform_job() const {
    if (job_name_.empty()) throw ConfigError("No transform job available: call transform() first");
    return job_name_;
  }
  json describe() const { return session_.describe_transform_job(latest_transform_job()); }

  // Where the latest job puts its answers, s3://bucket/prefix; before the first one what the options say.
  const std::string& output_path() const { return output_path_; }
  // What the latest job has stored, in the order of the keys: one object NAME.out for each object NAME of the
  // input. Objects below an output path of your own that are older than the job are not the job's.
  std::vector<std::string> output_uris() const {
    const json job = describe();
    const S3Uri folder(detail::text_of(detail::object_of(job, "TransformOutput"), "S3OutputPath"));
    std::string prefix = folder.key();
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    const auto created = detail::time_of(job, "CreationTime").value_or(aws::TimePoint{});
    const auto since = std::chrono::floor<std::chrono::seconds>(created);  // S3 keeps whole seconds
    std::vector<std::string> uris;
    for (const S3Object& object : session_.s3().list_objects({.bucket = folder.bucket(), .prefix = prefix})) {
      if (object.key.ends_with(".out") && object.last_modified.value_or(since) >= since)
        uris.push_back(S3Uri::of({folder.bucket(), object.key}).text());
    }
    return uris;
  }
  // All of it, one object after the other.
  std::string read_output() const {
    std::string text;
    for (const std::string& uri : output_uris()) text += session_.read_s3_file(S3Uri(uri));
    return text;
  }

  void delete_model() const {
    session_.sagemaker().delete_model(detail::object({{"ModelName", options_.model_name}}));
  }
  const TransformerOptions& options() const { return options_; }

 private:
  // The SDK's rule: jobs are called as the image of the model's first container.
  std::string base_name() const {
    if (!options_.base_transform_job_name.empty()) return options_.base_transform_job_name;
    const json model = session_.describe_model(options_.model_name);
    std::string image = detail::text_of(detail::object_of(model, "PrimaryContainer"), "Image");
    const json& containers = detail::array_of(model, "Containers");
    if (image.empty() && !containers.empty()) image = detail::text_of(containers.front(), "Image");
    return image.empty() ? options_.model_name : detail::base_name_from_image(image);
  }

  Session session_;
  TransformerOptions options_;
  std::string output_path_;
  std::string job_name_;
};

}  // namespace sagemaker
