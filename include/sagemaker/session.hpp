// What the other classes of the high-level API share: the clients, the account, the default bucket, moving
// data to and from S3, and waiting for jobs with their logs. A Session is a handle: copies share everything,
// from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/clients/autoscaling.hpp>
#include <sagemaker/clients/iam.hpp>
#include <sagemaker/clients/logs.hpp>
#include <sagemaker/clients/metrics.hpp>
#include <sagemaker/clients/runtime.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/s3_transfer.hpp>
#include <sagemaker/clients/sagemaker.hpp>
#include <sagemaker/clients/sts.hpp>
#include <sagemaker/detail/console.hpp>
#include <sagemaker/detail/default_bucket.hpp>
#include <sagemaker/detail/endpoint_progress.hpp>
#include <sagemaker/detail/job_kinds.hpp>
#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/detail/tuning_progress.hpp>
#include <sagemaker/job_logs.hpp>
#include <sagemaker/s3_uri.hpp>

namespace sagemaker {

// How often a waiting program looks. Against AWS these are the intervals of the SageMaker Python SDK, since
// AWS throttles eager callers. An endpoint on this machine answers for nothing: there the first look comes
// after 50 ms and the pause grows to a quarter of a second.
struct PollIntervals {
  std::chrono::milliseconds training_with_logs{10'000};
  std::chrono::milliseconds training{5'000};
  std::chrono::milliseconds endpoint{30'000};
  std::optional<std::chrono::milliseconds> first =
      {};  // where it is set, pauses grow from it to the values above

  static PollIntervals aws() { return {}; }
  static PollIntervals local() {
    using std::chrono::milliseconds;
    return {milliseconds(250), milliseconds(250), milliseconds(250), milliseconds(50)};
  }
};

struct SessionOptions {
  std::string region = {};                 // empty: AWS_REGION, then the profile
  std::string profile = {};                // empty: AWS_PROFILE
  std::string endpoint_url = {};           // empty: AWS_ENDPOINT_URL, then the profile, then AWS
  std::string default_bucket = {};         // empty: sagemaker-{region}-{account}
  std::string default_bucket_prefix = {};  // goes before all keys that the library chooses
  ClientConfig config = {};                // everything else about clients; the three above win over it
  std::optional<PollIntervals> poll = {};  // empty: local() for an endpoint on this machine, else aws()
  std::function<void(std::string_view line)> output = {};  // progress and job logs; empty: standard output
};

// Where upload_data puts things, and how.
struct UploadOptions {
  std::string bucket = {};   // empty: the default bucket
  std::string kms_key = {};  // server-side encryption with this key
};

struct LogsOptions {
  bool wait = true;  // until the job ends; else only what is there now
  bool logs = true;  // the job's own output; else its progress lines alone
  std::chrono::milliseconds timeout{
      std::chrono::hours(24 * 29)};  // then WaitTimeout; a job runs 28 days at most
};

struct EndpointWaitOptions {
  bool logs = false;  // print what the endpoint's containers write meanwhile
  std::chrono::milliseconds timeout{std::chrono::hours(24)};  // then WaitTimeout
};

class Session {
 public:
  explicit Session(SessionOptions options = {}) : state_(std::make_shared<State>(std::move(options))) {}

  // Clients of the services, made at their first use.
  const SageMakerClient& sagemaker() const { return lazily(state_->sagemaker); }
  // Its read timeout is 80 seconds unless another one was set, as in the SDK: a model may take a minute.
  const SageMakerRuntimeClient& runtime() const {
    return lazily(state_->runtime, [this] {
      ClientConfig config = state_->config;
      if (config.read_timeout == ClientConfig{}.read_timeout) config.read_timeout = std::chrono::seconds(80);
      return config;
    });
  }
  const S3Client& s3() const { return lazily(state_->s3); }
  const LogsClient& logs() const { return lazily(state_->logs); }
  const MetricsClient& metrics() const { return lazily(state_->metrics); }
  const StsClient& sts() const { return lazily(state_->sts); }
  const IamClient& iam() const { return lazily(state_->iam); }
  const ApplicationAutoScalingClient& autoscaling() const { return lazily(state_->autoscaling); }

  const std::string& region() const { return sagemaker().region(); }
  // The account of the credentials, from STS; asked for once.
  std::string account_id() const { return caller_identity().account; }
  CallerIdentity caller_identity() const {
    const std::lock_guard lock(state_->identity_mutex);
    if (!state_->identity) state_->identity = sts().get_caller_identity();
    return *state_->identity;
  }
  // "aws", "aws-cn": the second field of ARNs.
  std::string partition() const { return aws::partition_of(region()); }

  // The bucket that the library uses where none is named; made when it is missing. Rules of the SDK: the name
  // given in the options, else sagemaker-{region}-{account}, which must then belong to that account.
  std::string default_bucket() const;
  const std::string& default_bucket_prefix() const { return state_->options.default_bucket_prefix; }
  // s3://{default bucket}/{default prefix}
  S3Uri default_location() const { return S3Uri::of({default_bucket()}) / default_bucket_prefix(); }

  // Uploads a file to {prefix}/{file name}, or a folder with all below it to {prefix}/.... Returns the URI to
  // train on: that of the file, or the prefix. Throws ConfigError where the path does not exist.
  std::string upload_data(const std::filesystem::path& path, std::string_view key_prefix = "data",
                          const UploadOptions& options = {}) const;
  // Stores a text as one object and returns its URI.
  std::string upload_string(std::string body, const S3Uri& target, std::string_view kms_key = "") const;
  // Downloads an object, and all objects below a prefix, into a folder. "data" is the object "data" and what
  // is below "data/", never "data-labels/1": the SDK refuses such keys, for they lead out of the folder.
  // Returns the files, in the order of their keys. A file appears under its name when it is complete. Keys
  // that lead out of the folder are refused.
  std::vector<std::filesystem::path> download_data(const std::filesystem::path& folder,
                                                   const S3Uri& source) const;
  std::string read_s3_file(const S3Uri& object) const;
  // The keys of all objects whose key begins with the URI's.
  std::vector<std::string> list_s3_files(const S3Uri& prefix) const;

  json describe_training_job(const std::string& name) const {
    return describe_job(detail::training_jobs, name);
  }
  json describe_model(const std::string& name) const {
    return sagemaker().describe_model(detail::object({{"ModelName", name}}));
  }
  json describe_endpoint(const std::string& name) const {
    return sagemaker().describe_endpoint(detail::object({{"EndpointName", name}}));
  }
  json describe_endpoint_config(const std::string& name) const {
    return sagemaker().describe_endpoint_config(detail::object({{"EndpointConfigName", name}}));
  }
  json describe_transform_job(const std::string& name) const {
    return describe_job(detail::transform_jobs, name);
  }
  json describe_processing_job(const std::string& name) const {
    return describe_job(detail::processing_jobs, name);
  }
  json describe_tuning_job(const std::string& name) const { return describe_job(detail::tuning_jobs, name); }
  // A job that has ended meanwhile is no error.
  void stop_training_job(const std::string& name) const { stop_job(detail::training_jobs, name); }
  void stop_transform_job(const std::string& name) const { stop_job(detail::transform_jobs, name); }
  void stop_processing_job(const std::string& name) const { stop_job(detail::processing_jobs, name); }
  void stop_tuning_job(const std::string& name) const { stop_job(detail::tuning_jobs, name); }

  // Returns the description of a job that is Completed or Stopped; throws UnexpectedStatus or CapacityError
  // for one that Failed. Prints nothing.
  json wait_for_training_job(const std::string& name) const {
    return sagemaker().wait_for_training_job(name, wait_options(poll().training));
  }
  json wait_for_transform_job(const std::string& name) const {
    return sagemaker().wait_for_transform_job(name, wait_options(poll().training));
  }
  json wait_for_processing_job(const std::string& name) const {
    return sagemaker().wait_for_processing_job(name, wait_options(poll().training));
  }
  json wait_for_tuning_job(const std::string& name) const {
    return sagemaker().wait_for_hyper_parameter_tuning_job(name, wait_options(poll().training));
  }
  // Prints an endpoint's progress, and returns its description when it is InService; throws UnexpectedStatus
  // where it ends anywhere else. On a terminal the line at the bottom tells status, instances and time.
  json wait_for_endpoint(const std::string& name, const EndpointWaitOptions& options = {}) const;
  // The same of an inference component.
  json wait_for_inference_component(const std::string& name) const;
  // Prints a training job's progress and its output, as it comes, and the seconds that are billed. Lines of
  // several hosts begin with the host's name. Returns and throws as wait_for_training_job. A job that was
  // stopped is only mentioned. A program that is interrupted meanwhile (Ctrl-C) leaves the job running.
  json logs_for_job(const std::string& name, const LogsOptions& options = {}) const {
    return follow_job(detail::training_jobs, name, options);
  }
  // The same of a transform job, its data log included, and of a processing job, with its exit message.
  json logs_for_transform_job(const std::string& name, const LogsOptions& options = {}) const {
    return follow_job(detail::transform_jobs, name, options);
  }
  json logs_for_processing_job(const std::string& name, const LogsOptions& options = {}) const {
    return follow_job(detail::processing_jobs, name, options);
  }
  // Prints each training job of a tuning job when it ends, with its objective, and the best one at the end;
  // without `logs` the status alone. On a terminal a table at the bottom shows the training jobs that run,
  // the best one so far and how the objective went. Returns and throws as wait_for_tuning_job.
  json follow_tuning_job(const std::string& name, const LogsOptions& options = {}) const;

  PollIntervals poll() const {
    if (state_->options.poll) return *state_->options.poll;
    return is_local() ? PollIntervals::local() : PollIntervals::aws();
  }
  // Whether the endpoint is on this machine: an emulator.
  bool is_local() const { return aws::is_loopback(sagemaker().service().config().endpoint.host); }
  aws::Clock& clock() const { return *sagemaker().service().config().clock; }
  const SessionOptions& options() const { return state_->options; }
  // Prints one line where progress goes.
  void print(std::string_view line) const { state_->console.line(line); }

 private:
  template <class Client>
  struct Lazy {
    std::once_flag once;
    std::optional<Client> client;
  };

  struct State {
    explicit State(SessionOptions given)
        : options(std::move(given)), config(options.config), console(options.output) {
      if (!options.region.empty()) config.region = options.region;
      if (!options.profile.empty()) config.profile = options.profile;
      if (!options.endpoint_url.empty()) config.endpoint_url = options.endpoint_url;
      if (!config.credentials_cache) config.credentials_cache = std::make_shared<aws::CredentialsCache>();
    }
    const SessionOptions options;
    ClientConfig config;
    Lazy<SageMakerClient> sagemaker;
    Lazy<SageMakerRuntimeClient> runtime;
    Lazy<S3Client> s3;
    Lazy<LogsClient> logs;
    Lazy<MetricsClient> metrics;
    Lazy<StsClient> sts;
    Lazy<IamClient> iam;
    Lazy<ApplicationAutoScalingClient> autoscaling;
    std::mutex identity_mutex;
    std::optional<CallerIdentity> identity;
    std::mutex bucket_mutex;
    std::string bucket;  // the default bucket, once it is known to be there
    detail::Console console;
  };

  template <class Client>
  const Client& lazily(Lazy<Client>& lazy) const {
    return lazily(lazy, [this] { return state_->config; });
  }
  template <class Client, class Configure>
  static const Client& lazily(Lazy<Client>& lazy, Configure&& configure) {
    std::call_once(lazy.once, [&] { lazy.client.emplace(configure()); });
    return *lazy.client;
  }

  // AWS keeps the values of a training job by the minute, an emulator by the second.
  std::chrono::seconds metric_period() const { return std::chrono::seconds(is_local() ? 1 : 60); }

  WaitOptions wait_options(std::chrono::milliseconds interval) const {
    WaitOptions options;
    options.poll_interval = interval;
    options.first_interval = poll().first.value_or(interval);
    options.timeout = LogsOptions{}.timeout;  // a job may take longer than a waiter's day
    return options;
  }

  // The owner that S3 shall insist on: ours for a bucket that the library made, nobody for one that the user
  // named.
  std::string expected_owner(const std::string& bucket) const {
    const bool own =
        state_->options.default_bucket.empty() && bucket == "sagemaker-" + region() + "-" + account_id();
    return own ? account_id() : "";
  }
  aws::Headers upload_headers(const S3Uri& target, const std::string& kms_key) const;
  std::function<void(const S3Progress&)> transfer_progress(const char* what) const;
  void pause(std::chrono::milliseconds duration, const std::function<std::string()>& what,
             std::chrono::steady_clock::time_point start) const;
  json describe_job(const detail::JobKind& kind, const std::string& name) const {
    return sagemaker().call(kind.describe, detail::object({{kind.name_member, name}}));
  }
  void stop_job(const detail::JobKind& kind, const std::string& name) const;
  json follow_job(const detail::JobKind& kind, const std::string& name, const LogsOptions& options) const;
  bool read_values(detail::TuningProgress& progress) const;
  void print_summary(const detail::JobKind& kind, const std::string& name, const json& description) const;

  std::shared_ptr<State> state_;
};

// ---- the default bucket and data ---------------------------------------------------------------

inline std::string Session::default_bucket() const {
  const std::lock_guard lock(state_->bucket_mutex);
  if (!state_->bucket.empty()) return state_->bucket;
  const bool own = state_->options.default_bucket.empty();
  const std::string owner = own ? account_id() : "";
  const std::string name = own ? "sagemaker-" + region() + "-" + owner : state_->options.default_bucket;
  detail::ensure_bucket(s3(), {name, owner});
  return state_->bucket = name;
}

inline std::string Session::upload_data(const std::filesystem::path& path, std::string_view key_prefix,
                                        const UploadOptions& options) const {
  const S3Uri target =
      (options.bucket.empty() ? default_location() : S3Uri::of({options.bucket})) / key_prefix;
  const bool folder = std::filesystem::is_directory(path);
  S3Upload upload{.from = path, .to = folder ? target : target / path.filename().string()};
  upload.headers = upload_headers(target, options.kms_key);
  upload.options.progress = transfer_progress("Uploading ");
  if (s3().upload(upload).objects == 0) {
    throw ConfigError("Cannot upload \"" + path.string() + "\": the folder holds no files");
  }
  return upload.to.text();
}

inline std::string Session::upload_string(std::string body, const S3Uri& target,
                                          std::string_view kms_key) const {
  s3().put_object({.bucket = target.bucket(),
                   .key = target.key(),
                   .body = std::move(body),
                   .headers = upload_headers(target, std::string(kms_key))});
  return target.text();
}

inline std::vector<std::filesystem::path> Session::download_data(const std::filesystem::path& folder,
                                                                 const S3Uri& source) const {
  std::map<std::string, std::filesystem::path> files;
  S3Download download{.from = source, .to = folder, .scope = S3Scope::path};
  download.options.progress = transfer_progress("Downloading ");
  download.options.on_object = [&](const S3TransferredObject& object) {
    files.emplace(object.uri.key(), object.file);
  };
  s3().download(download);
  std::vector<std::filesystem::path> in_order;
  for (auto& [key, file] : files) in_order.push_back(std::move(file));
  return in_order;
}

inline std::string Session::read_s3_file(const S3Uri& object) const {
  return s3().get_object({.bucket = object.bucket(), .key = object.key()}).body;
}

inline std::vector<std::string> Session::list_s3_files(const S3Uri& prefix) const {
  std::vector<std::string> keys;
  for (const S3Object& object : s3().list_objects({.bucket = prefix.bucket(), .prefix = prefix.key()})) {
    keys.push_back(object.key);
  }
  return keys;
}

inline aws::Headers Session::upload_headers(const S3Uri& target, const std::string& kms_key) const {
  aws::Headers headers;
  const std::string owner = expected_owner(target.bucket());
  if (!owner.empty()) headers.set("x-amz-expected-bucket-owner", owner);
  if (!kms_key.empty()) {
    headers.set("x-amz-server-side-encryption", "aws:kms");
    headers.set("x-amz-server-side-encryption-aws-kms-key-id", kms_key);
  }
  return headers;
}

// The line at the bottom of a terminal while data moves; nothing elsewhere.
inline std::function<void(const S3Progress&)> Session::transfer_progress(const char* what) const {
  if (!state_->console.live()) return {};
  return [state = state_, what](const S3Progress& progress) {
    if (progress.finished) return state->console.clear();
    state->console.show(what + s3_progress_text(progress),
                        std::chrono::floor<std::chrono::seconds>(progress.elapsed));
  };
}

// ---- waiting -----------------------------------------------------------------------------------

// A pause between two looks; on a terminal the line at the bottom is kept up to date meanwhile.
inline void Session::pause(std::chrono::milliseconds duration, const std::function<std::string()>& what,
                           std::chrono::steady_clock::time_point start) const {
  std::chrono::milliseconds left = duration;
  while (left.count() > 0) {
    std::chrono::milliseconds part = left;
    if (state_->console.live()) {
      state_->console.show(what(), std::chrono::floor<std::chrono::seconds>(clock().steady() - start));
      part = std::min(left, std::chrono::milliseconds(1'000));
    }
    clock().sleep_for(part);
    left -= part;
  }
}

inline json Session::wait_for_endpoint(const std::string& name, const EndpointWaitOptions& options) const {
  const auto start = clock().steady();
  const auto longest = poll().endpoint;
  detail::PollPace pace(poll().first.value_or(longest), longest);
  detail::EndpointProgress progress(state_->console, name);
  const detail::ConsoleLine line(state_->console);
  std::optional<detail::EndpointLog> log;
  if (options.logs) log.emplace(logs(), name);
  while (true) {
    const json description = describe_endpoint(name);
    bool news = progress.update(description, clock().now());
    if (log) {
      news = log->poll(description, [&](const std::string& host, const std::string& text) {
        if (host.empty()) return print(text);
        state_->console.host_line(host, text);
      }) || news;
    }
    if (!progress.pending()) return progress.result(description);
    if (clock().steady() - start >= options.timeout) {
      throw WaitTimeout("Gave up waiting for Endpoint " + name + " after " +
                        std::to_string(options.timeout.count() / 1000) +
                        " seconds; it was not stopped and goes on");
    }
    if (news) pace.something_happened();
    pause(
        pace.next(), [&] { return progress.live_status(); }, start);
  }
}

inline json Session::wait_for_inference_component(const std::string& name) const {
  WaitOptions options = wait_options(poll().endpoint);
  const auto start = clock().steady();
  std::string shown;
  options.on_poll = [&](const json& description) {
    const std::string status = detail::text_of(description, "InferenceComponentStatus");
    if (status != std::exchange(shown, status))
      print(detail::format_utc(clock().now()) + " " + status + " - Inference component " + name);
    state_->console.show("Inference component " + name + ": " + status,
                         std::chrono::floor<std::chrono::seconds>(clock().steady() - start));
  };
  const detail::ConsoleLine line(state_->console);
  return sagemaker().wait_for_inference_component_in_service(name, options);
}

inline void Session::stop_job(const detail::JobKind& kind, const std::string& name) const {
  try {
    sagemaker().call(kind.stop, detail::object({{kind.name_member, name}}));
  } catch (const ServiceError& error) {
    // "The request was rejected because the training job is in status Stopped."
    if (error.code() != "ValidationException" || error.message().find("is in status") == std::string::npos)
      throw;
  }
}

inline json Session::follow_job(const detail::JobKind& kind, const std::string& name,
                                const LogsOptions& options) const {
  const auto start = clock().steady();
  const PollIntervals intervals = poll();
  const auto longest = options.logs ? intervals.training_with_logs : intervals.training;
  const auto first = intervals.first.value_or(longest);
  detail::PollPace pace(first, longest);
  detail::JobProgress progress(state_->console, kind);
  const detail::ConsoleLine line(state_->console);

  json description = describe_job(kind, name);
  const int hosts = detail::instance_count_of(description);
  JobLogTail tail(logs(), {.group = kind.log_group, .job_name = name, .host_count = hosts});
  const auto read_log = [&] {
    return options.logs && tail.poll([&](const LogLine& entry) {
      if (hosts > 1) return state_->console.host_line(entry.host, entry.text);
      print(entry.text);
    });
  };
  const auto ended = [&] {
    const std::string status = detail::text_of(description, kind.status_member);
    return status == "Completed" || status == "Failed" || status == "Stopped";
  };

  const auto live_status = [&] {
    return detail::live_status(description, progress.status(), clock().now(), kind);
  };

  const bool over = ended();
  while (true) {
    const std::string before = progress.status();
    if (!ended()) progress.update(description);
    const bool news = read_log() || progress.status() != before;
    if (!options.wait || ended()) break;
    if (clock().steady() - start >= options.timeout) {
      throw WaitTimeout(std::string("Gave up waiting for ") + kind.title + name +
                        "; it was not stopped and goes on");
    }
    if (news) pace.something_happened();
    pause(pace.next(), live_status, start);
    description = describe_job(kind, name);
  }
  if (options.wait && options.logs && !over) {
    pause(first, live_status, start);  // the last lines may take a moment to arrive
    read_log();
  }
  progress.update(description);
  if (ended()) print_summary(kind, name, description);
  return description;
}

inline json Session::follow_tuning_job(const std::string& name, const LogsOptions& options) const {
  const auto start = clock().steady();
  const auto longest = poll().training;
  detail::PollPace pace(poll().first.value_or(longest), longest);
  detail::JobProgress status(state_->console, detail::tuning_jobs);
  detail::TuningProgress progress(state_->console, name);
  const detail::ConsoleLine line(state_->console);
  bool metrics_there = true;
  while (true) {
    const json description = describe_job(detail::tuning_jobs, name);
    const std::string state = detail::text_of(description, "HyperParameterTuningJobStatus");
    const bool over = state == "Completed" || state == "Failed" || state == "Stopped";
    if (!over) status.update(description);
    if (options.logs && progress.wants_jobs(description)) {
      progress.update(sagemaker().pages("ListTrainingJobsForHyperParameterTuningJob",
                                        detail::TuningProgress::newest_first(name)));
      pace.something_happened();
    }
    if (options.logs && metrics_there && state_->console.live()) metrics_there = read_values(progress);
    if (!options.wait || over) {
      status.update(description);
      if (options.logs) progress.summary();
      if (over) print_summary(detail::tuning_jobs, name, description);
      return description;
    }
    if (clock().steady() - start >= options.timeout)
      throw WaitTimeout("Gave up waiting for HyperParameterTuning job " + name +
                        "; it was not stopped and goes on");
    if (!options.logs || !state_->console.live()) {
      pause(
          pace.next(), [&] { return status.status(); }, start);
      continue;
    }
    for (auto left = pace.next(); left.count() > 0;) {
      const auto part = std::min(left, std::chrono::milliseconds(1'000));
      state_->console.show_lines(
          progress.table(std::chrono::floor<std::chrono::seconds>(clock().steady() - start)));
      clock().sleep_for(part);
      left -= part;
    }
  }
}

// The table does without values where CloudWatch does not give them. False where it cannot be reached at all,
// as from a network that has SageMaker alone: asking again would take as long again.
inline bool Session::read_values(detail::TuningProgress& progress) const {
  for (const std::string& job : progress.shown_running()) {
    try {
      progress.set_latest(
          job, metrics().get_metric_statistics(progress.values_so_far(job, clock().now(), metric_period())));
    } catch (const ServiceError&) {
    } catch (const Error&) {
      return false;
    }
  }
  return true;
}

inline void Session::print_summary(const detail::JobKind& kind, const std::string& name,
                                   const json& description) const {
  const std::string status = detail::text_of(description, kind.status_member);
  const std::string message = detail::text_of(description, "ExitMessage");
  if (!message.empty()) print("Exit message: " + message);
  if (status == "Failed") {
    std::string reason = detail::text_of(description, "FailureReason");
    if (reason.empty()) reason = "(No reason provided)";
    throw_unexpected_status({kind.title + name, status, std::move(reason)});
  }
  if (status == "Stopped") {
    print(
        "Job ended with status 'Stopped' rather than 'Completed'. This could mean the job timed out or "
        "stopped early "
        "for some other reason: Consider checking whether it completed as you expect.");
  }
  const int training = detail::number_of(description, "TrainingTimeInSeconds", -1);
  const int billable = detail::number_of(description, "BillableTimeInSeconds", -1);
  const int hosts = detail::instance_count_of(description);
  if (training >= 0) print("Training seconds: " + std::to_string(training * hosts));
  if (billable >= 0) print("Billable seconds: " + std::to_string(billable * hosts));
  if (detail::truth_of(description, "EnableManagedSpotTraining") && training > 0 && billable >= 0) {
    std::array<char, 32> saving{};
    std::snprintf(saving.data(), saving.size(), "%.1f%%",
                  (1.0 - static_cast<double>(billable) / training) * 100);
    print(std::string("Managed Spot Training savings: ") + saving.data());
  }
}

namespace detail {

// Uploads what a job is to read, and returns the URI of its S3Prefix. A folder's ends in "/", unlike in the
// SDK: ".../data" would stand for what is below ".../data2", too.
inline std::string upload_input(const Session& session, const std::filesystem::path& path,
                                std::string_view key_prefix, const UploadOptions& options = {}) {
  const std::string uri = session.upload_data(path, key_prefix, options);
  return std::filesystem::is_directory(path) ? uri + "/" : uri;
}

}  // namespace detail

}  // namespace sagemaker
