// Runs programs over data as SageMaker processing jobs: before training, after it, or instead of it.
//   sm::ScriptProcessor processor{session, {.instance_type = "ml.m5.xlarge"}};
//   auto job = processor.run(
//       "prepare.cpp",
//       {.inputs = {{.source = "s3://bucket/raw", .destination = "/opt/ml/processing/input/raw"}},
//        .outputs = {{.source = "/opt/ml/processing/output", .output_name = "clean"}},
//        .arguments = {"--limit", "100"}});
//   session.download_data("clean", job.output_uri("clean"));
// https://sagemaker.readthedocs.io/en/v2/api/training/processing.html
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/processing_request.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/model.hpp>
#include <sagemaker/processing_options.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/source_archive.hpp>

namespace sagemaker {

// A processing job that exists: a handle, which copies share.
class ProcessingJob {
 public:
  struct Data {
    std::string name;
    std::vector<ProcessingInput> inputs = {};    // with their names, and their places in S3
    std::vector<ProcessingOutput> outputs = {};  //
    std::string output_kms_key = {};
  };
  ProcessingJob(Session session, Data data) : session_(std::move(session)), data_(std::move(data)) {}

  // A job of any state. Throws ServiceError where there is none.
  static ProcessingJob from_processing_name(const Session& session, const std::string& name) {
    return of_description(session, session.describe_processing_job(name));
  }
  // The answer of DescribeProcessingJob.
  static ProcessingJob of_description(const Session& session, const json& job) {
    return {
        session,
        {detail::text_of(job, "ProcessingJobName"), detail::inputs_of_job(job), detail::outputs_of_job(job),
         detail::text_of(detail::object_of(job, "ProcessingOutputConfig"), "KmsKeyId")}};
  }
  // arn:aws:sagemaker:eu-west-1:111122223333:processing-job/my-job
  static ProcessingJob from_processing_arn(const Session& session, const std::string& arn) {
    constexpr std::string_view resource = ":processing-job/";
    const std::size_t found = arn.find(resource);
    if (found == std::string::npos) throw ConfigError("\"" + arn + "\" is no ARN of a processing job");
    return from_processing_name(session, arn.substr(found + resource.size()));
  }

  const std::string& name() const { return data_.name; }
  const std::vector<ProcessingInput>& inputs() const { return data_.inputs; }
  const std::vector<ProcessingOutput>& outputs() const { return data_.outputs; }
  const std::string& output_kms_key() const { return data_.output_kms_key; }
  // Where an output lies: s3://bucket/prefix, and with "/" behind it nothing but that output. Throws
  // ConfigError where the job has none of that name.
  std::string output_uri(std::string_view output_name) const {
    for (const ProcessingOutput& output : data_.outputs) {
      if (output.output_name == output_name) return output.destination;
    }
    throw ConfigError("Processing job " + name() + " has no output \"" + std::string(output_name) + "\"");
  }

  // Follows the job to its end and prints its progress, with `logs` its output, too. Returns its description,
  // in which ExitMessage is what the job itself has to say. Throws UnexpectedStatus with the FailureReason
  // where it failed, CapacityError where that is for want of instances.
  json wait(bool logs = true) const { return session_.logs_for_processing_job(name(), {.logs = logs}); }
  // Prints what the job has written, and goes on until it ends.
  void logs() const { session_.logs_for_processing_job(name()); }
  json describe() const { return session_.describe_processing_job(name()); }
  // A job that has ended meanwhile is no error.
  void stop() const { session_.stop_processing_job(name()); }

 private:
  Session session_;
  Data data_;
};

namespace detail {

// "file:///home/me/x.py" and "/home/me/x.py" are the same. Empty for what lies in S3.
inline std::string local_path_of(const std::string& source) {
  if (source.starts_with("s3://")) return "";
  constexpr std::string_view scheme = "file://";
  return source.starts_with(scheme) ? source.substr(scheme.size()) : source;
}

}  // namespace detail

// Runs the program of an image: its own, or `entrypoint`.
class Processor {
 public:
  // Nothing is sent before run().
  Processor(Session session, ProcessorOptions options)
      : session_(std::move(session)), options_(std::move(options)) {}

  // A processor that would run the job of that name again; the job is its latest_job().
  static Processor attach(const Session& session, const std::string& processing_job_name) {
    const json job = session.describe_processing_job(processing_job_name);
    Processor processor(session, detail::processor_options_of_job(job));
    processor.jobs_.push_back(ProcessingJob::of_description(session, job));
    return processor;
  }

  // Uploads local inputs, starts the job, and with `wait` follows it to its end. Throws ConfigError for what
  // cannot be sent, before anything is uploaded; ServiceError where the service refuses; and what
  // ProcessingJob::wait() throws.
  ProcessingJob run(const ProcessingRunOptions& options = {}) {
    if (!options_.command.empty() || !options.source_dir.empty())
      throw ConfigError("command and source_dir are for sm::ScriptProcessor");
    if (options_.image_uri.empty()) throw ConfigError("image_uri is missing: name a container image");
    return start(options, {options_.image_uri, options_.entrypoint});
  }

  // Throws ConfigError before the first run().
  const ProcessingJob& latest_job() const {
    if (jobs_.empty())
      throw ConfigError("Processor is not associated with a processing job: call run() first");
    return jobs_.back();
  }
  const std::vector<ProcessingJob>& jobs() const { return jobs_; }
  const ProcessorOptions& options() const { return options_; }

 protected:
  struct Program {
    std::string image;
    std::vector<std::string> entrypoint;
  };

  ProcessingJob start(ProcessingRunOptions run, Program program) {
    detail::name_processing_data(run.inputs, run.outputs);
    detail::ProcessingRequest request(options_, run);
    request.check();
    check_sources(run.inputs);
    request.job_name = run.job_name.empty()
                           ? detail::name_from_base(base_job_name(program.image), session_.clock().now())
                           : run.job_name;
    request.image = std::move(program.image);
    request.entrypoint = std::move(program.entrypoint);
    request.role = options_.role.empty() ? execution_role(session_) : expand_role(session_, options_.role);
    for (ProcessingInput& input : run.inputs) upload(request.job_name, run.kms_key, input);
    for (ProcessingOutput& output : run.outputs) {
      if (output.destination.empty())
        output.destination =
            (session_.default_location() / request.job_name / "output" / output.output_name).text();
    }
    session_.print("Creating processing-job with name: " + request.job_name);
    session_.sagemaker().create_processing_job(request.document());
    jobs_.push_back(
        {session_,
         {request.job_name, std::move(run.inputs), std::move(run.outputs), options_.output_kms_key}});
    const ProcessingJob job = jobs_.back();
    if (run.wait) job.wait(run.logs);
    return job;
  }

  const Session& session() const { return session_; }

 private:
  static void check_sources(const std::vector<ProcessingInput>& inputs) {
    for (const ProcessingInput& input : inputs) {
      const std::string path = detail::local_path_of(input.source);
      if (!path.empty() && !std::filesystem::exists(path))
        throw ConfigError("ProcessingInput " + input.input_name + ": \"" + path +
                          "\" is neither an s3:// URI nor a local file or folder");
    }
  }

  void upload(const std::string& job, const std::string& kms_key, ProcessingInput& input) const {
    const std::string path = detail::local_path_of(input.source);
    if (path.empty()) return;
    const std::string place = job + "/input/" + input.input_name;
    input.source = detail::upload_input(session_, path, place, {.kms_key = kms_key});
  }

  std::string base_job_name(const std::string& image) const {
    return options_.base_job_name.empty() ? detail::base_name_from_image(image) : options_.base_job_name;
  }

  Session session_;
  ProcessorOptions options_;
  std::vector<ProcessingJob> jobs_;
};

// Runs a script, or C++ code, which the sagemaker-cpp image compiles.
class ScriptProcessor : public Processor {
 public:
  using Processor::Processor;

  // `code`: a local file, s3://bucket/prefix/file, or with source_dir a path in there. It lies in
  // /opt/ml/processing/input/code, as the input "code". See Processor::run for the rest.
  ProcessingJob run(const std::string& code, const ProcessingRunOptions& options = {}) {
    if (!this->options().entrypoint.empty())
      throw ConfigError("entrypoint is for sm::Processor: ScriptProcessor makes its own of command and code");
    ProcessingRunOptions run = options;
    const std::string program = add_code(code, run);
    std::vector<std::string> entrypoint = command(program);
    entrypoint.push_back(code_folder + ("/" + program));
    return start(std::move(run), {detail::image_or_default(session(), this->options().image_uri, program),
                                  std::move(entrypoint)});
  }

 private:
  static constexpr const char* code_folder = "/opt/ml/processing/input/code";

  // Returns the program's path in the folder of the code.
  static std::string add_code(const std::string& code, ProcessingRunOptions& run) {
    namespace fs = std::filesystem;
    const std::string path = detail::local_path_of(code);
    std::string source = path.empty() ? code : path;
    std::string program = fs::path(source).filename().string();
    if (!run.source_dir.empty()) {
      const fs::path inside = fs::path(code).lexically_normal();
      const std::string folder = detail::local_path_of(run.source_dir);
      if (code.empty() || path.empty() || inside.is_absolute() || *inside.begin() == ".." ||
          (!folder.empty() && !fs::is_regular_file(fs::path(folder) / inside)))
        throw ConfigError("No file named \"" + code + "\" was found in directory \"" + run.source_dir +
                          "\".");
      source = folder.empty() ? run.source_dir : folder;
      program = inside.generic_string();
    } else if (code.find("://") != std::string::npos && path == code) {
      throw ConfigError("code " + code + " url scheme " + code.substr(0, code.find("://")) +
                        " is not recognized. Please pass a file path or S3 url");
    } else if (!path.empty() && !fs::is_regular_file(path)) {
      throw ConfigError("code " + code +
                        (fs::exists(path) ? " must be a file, not a directory. Please pass a path to a file."
                                          : " wasn't found. Please make sure that the file exists."));
    }
    if (program.empty()) throw ConfigError("code is missing: name the script that the job runs");
    run.inputs.push_back({.source = source, .destination = code_folder, .input_name = "code"});
    return program;
  }

  std::vector<std::string> command(const std::string& program) const {
    if (!options().command.empty()) return options().command;
    if (is_cpp_source(program)) return {};
    if (program.ends_with(".py")) return {"python3"};
    if (program.ends_with(".sh")) return {"/bin/bash"};
    throw ConfigError("command is missing: name what runs \"" + program + "\", for example {\"python3\"}");
  }
};

}  // namespace sagemaker
