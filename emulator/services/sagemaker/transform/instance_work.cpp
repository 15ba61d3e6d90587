#include "emulator/services/sagemaker/transform/instance_work.hpp"

#include <algorithm>
#include <cstdint>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::services::transform {
namespace {

constexpr std::uint64_t megabyte = 1ull << 20;
constexpr std::uint64_t single_records_large = 64 * 1024;  // bytes of an object that holds many records

ModelClient::Settings settings_for(const JobSite& site) {
  ModelClient::Settings settings;
  settings.content_type = site.request.at("TransformInput").value("ContentType", "");
  settings.accept = site.request.at("TransformOutput").value("Accept", "");
  settings.client = client_settings(site.request);
  settings.restart_timeout = site.platform.limits.runner.startup_timeout;
  return settings;
}

// "2022-08-26T13:05:00Z": when the job began, which is the time of all of its inferences.
std::string start_time(const json& job) {
  const double seconds = job.value("TransformStartTime", job.at("CreationTime").get<double>());
  const auto time = aws::from_epoch_ms(static_cast<std::int64_t>(seconds * 1000.0));
  return aws::format_iso8601(time).substr(0, 19) + "Z";
}

ObjectSettings object_settings(const JobSite& site, const Parameters& parameters) {
  ObjectSettings settings;
  settings.split = split_of(site.request);
  settings.strategy = parameters.strategy;
  settings.assemble = assembly_of(site.request);
  settings.payload_bytes_max = static_cast<std::size_t>(parameters.payload_mb) * megabyte;
  settings.content_type = site.request.at("TransformInput").value("ContentType", "");
  settings.accept = site.request.at("TransformOutput").value("Accept", "");
  settings.processing = site.processing;
  if (site.request.value("DataCaptureConfig", json::object()).value("GenerateInferenceId", false)) {
    settings.inference_id = [time = start_time(site.request)] { return std::pair(aws::uuid4(), time); };
  }
  return settings;
}

// Whether several requests for this one object keep the instance busy; otherwise several objects do.
bool is_large(const InputObject& object, const ObjectSettings& settings, bool gzip) {
  if (settings.split == Split::none || settings.payload_bytes_max == 0) return false;
  if (settings.strategy == Strategy::single_record) return object.bytes > single_records_large;
  return object.bytes > 2 * std::uint64_t{settings.payload_bytes_max} / (gzip ? 8 : 1);
}

}  // namespace

std::filesystem::path staged_output(const std::filesystem::path& staging, std::size_t index) {
  return staging / std::to_string(index);
}

InstanceWork::InstanceWork(const JobSite& site, hosting::Instance& instance, std::vector<std::size_t> share)
    : site_(site),
      share_(std::move(share)),
      gzip_(site.request.at("TransformInput").value("CompressionType", "None") == "Gzip"),
      client_(instance, settings_for(site), site.stop),
      log_(site.platform, instance.log_group(), instance.log_stream() + "/data-log") {}

void InstanceWork::run() {
  try {
    const Parameters parameters =
        effective_parameters(requested_parameters(site_.request), client_.ask_parameters());
    log_.say(parameters.text());
    ObjectSettings settings = object_settings(site_, parameters);
    std::vector<std::size_t> large, small;
    for (const std::size_t index : share_)
      (is_large(site_.objects[index], settings, gzip_) ? large : small).push_back(index);
    settings.concurrent_requests = parameters.concurrent_transforms;
    work_off(large, 1, settings);
    settings.concurrent_requests = 1;
    work_off(small, parameters.concurrent_transforms, settings);
  } catch (const std::exception& error) {
    break_off(error.what());
  }
}

void InstanceWork::work_off(const std::vector<std::size_t>& objects, int at_once,
                            const ObjectSettings& settings) {
  std::atomic<std::size_t> next{0};
  const auto lane = [&] {
    try {
      for (std::size_t place = next++; place < objects.size() && !over(); place = next++)
        transform(objects[place], settings);
    } catch (const std::exception& error) {  // not even the log could be written
      break_off(error.what());
    }
  };
  std::vector<std::jthread> others;
  const std::size_t lanes = std::min(static_cast<std::size_t>(at_once), objects.size());
  try {
    while (others.size() + 1 < lanes) others.emplace_back(lane);
  } catch (const std::system_error& error) {  // fewer threads do the same work
    spdlog::warn("a transform job sends fewer requests at once: {}", error.what());
  }
  lane();
}

void InstanceWork::transform(std::size_t index, const ObjectSettings& settings) {
  const InputObject& object = site_.objects[index];
  try {
    transform_one(index, settings);
    const std::lock_guard lock(mutex_);
    transformed_.push_back(index);
    return;
  } catch (const TransformStopped&) {
  } catch (const AlgorithmFailure& failure) {
    algorithm_failed_ = true;
    log_.say(object.location, failure.what());
  } catch (const TransformFailure& failure) {
    data_failed_ = true;
    log_.say(object.location, failure.what());
  } catch (const std::system_error& error) {
    break_off(error.what());
  } catch (const store::DatabaseError& error) {
    break_off(error.what());
  } catch (const std::bad_alloc&) {
    break_off("there is not enough memory");
  } catch (const std::exception& error) {  // no such object any more, not gzip
    data_failed_ = true;
    log_.say(object.location, std::string("ClientError: ") + error.what());
  }
  std::error_code ignored;
  std::filesystem::remove(staged_output(site_.staging, index), ignored);
}

void InstanceWork::transform_one(std::size_t index, const ObjectSettings& settings) {
  const InputObject& object = site_.objects[index];
  const runner::UniqueFd file = open_object(site_.platform.objects, object.location);
  const auto input = runner::byte_source(file, gzip_, object.location.uri());
  const SendRequest send = [this](const RequestBody& body,
                                  const std::function<bool(std::string_view)>& on_piece) {
    return client_.send(body, on_piece);
  };
  transform_object(settings, *input, staged_output(site_.staging, index), send, [this] { return over(); });
}

// The rest of the job cannot succeed either.
void InstanceWork::break_off(const std::string& trouble) {
  const std::lock_guard lock(mutex_);
  if (trouble_.empty()) trouble_ = trouble;
  broken_ = true;
}

}  // namespace sagemaker::local::services::transform
