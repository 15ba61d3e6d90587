#include "emulator/services/runtime/async_work.hpp"

#include <optional>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/mman.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/store/file.hpp"

namespace sagemaker::local::services::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// The bytes of an object, read by whoever uses them: a gigabyte does not have to fit into memory.
class MappedObject {
 public:
  // Throws std::system_error where the object is gone.
  MappedObject(const store::Objects& objects, const store::ObjectInfo& info) : size_(info.size) {
    if (size_ == 0) return;
    const store::File file = store::File::open_to_read(objects.blob_path(info));
    memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    ::madvise(memory_, size_, MADV_SEQUENTIAL);
  }
  ~MappedObject() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
  }
  MappedObject(const MappedObject&) = delete;
  MappedObject& operator=(const MappedObject&) = delete;
  std::string_view bytes() const { return {static_cast<const char*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  std::size_t size_;
};

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

json object_metadata(const std::string& content_type, const json& output_config) {
  json metadata = {{"ContentType", content_type}};
  if (const std::string key = output_config.value("KmsKeyId", ""); !key.empty())
    metadata.update({{"ServerSideEncryption", "aws:kms"}, {"SSEKMSKeyId", key}});
  return metadata;
}

bool is_served(const hosting::Fleet& fleet, const std::string& endpoint) {
  const auto live = fleet.find(endpoint);
  return live && live->current();
}

void put_object(Platform& platform, const std::string& uri, std::unique_ptr<store::BlobWriter> blob,
                json metadata) {
  const S3Location target = parse_s3_uri(uri);
  store::ObjectInfo info;
  info.key = target.key;
  info.size = blob->size();
  info.etag = blob->md5_hex();
  info.modified_ms = platform.now_ms();
  info.metadata = std::move(metadata);
  platform.objects.put(target.bucket, info, std::move(blob));
}

}  // namespace

// The answer on its way to S3, and its beginning for a notification.
class AsyncWork::Output {
 public:
  Output(store::Objects& objects, std::uint64_t bytes_max)
      : blob(objects.new_blob()), bytes_max_(bytes_max) {}
  bool take(std::string_view piece) {
    too_large = blob->size() + piece.size() > bytes_max_;
    if (too_large) return false;
    blob->append(piece);
    const std::size_t room = AsyncOutcome::response_bytes_max - beginning.size();
    if (piece.size() > room) complete = false;
    beginning += piece.substr(0, room);
    return true;
  }
  std::unique_ptr<store::BlobWriter> blob;
  std::string beginning;
  bool complete = true;  // `beginning` is all of it
  bool too_large = false;
  std::string content_type = "application/octet-stream";

 private:
  const std::uint64_t bytes_max_;
};

AsyncWork::End AsyncWork::run(const store::Record& record, const std::function<bool()>& is_last) {
  const AsyncJob job(record);
  Platform& platform = gateway_.platform();
  if (job.expires_ms() <= platform.now_ms()) {
    expire(record);
    return End::done;
  }
  count(job, "TimeInBacklog", "Milliseconds", static_cast<double>(platform.now_ms() - job.received_ms()));
  const std::string uri = job.text("InputLocation");
  if (uri.empty()) {
    const std::string body = aws::base64_decode(job.text("Body")).value_or(std::string());
    return invoke(job, body, job.text("ContentType"), is_last);
  }
  const Clock::time_point start = Clock::now();
  const S3Location source = parse_s3_uri(uri);
  std::optional<MappedObject> input;
  std::string content_type = job.text("ContentType");
  try {
    const auto info = platform.objects.find(source.bucket, source.key);
    if (info && info->size > platform.limits.runner.async_payload_bytes_max) {
      fail(job, "The object " + uri + " is larger than the maximum payload size of 1 GB.",
           "RequestDownloadFailures");
      return End::done;
    }
    if (info) input.emplace(platform.objects, *info);
    if (info && content_type.empty()) content_type = info->metadata.value("ContentType", "");
  } catch (const std::system_error&) {
    // Deleted since it was found.
  }
  if (!input) {
    fail(job, "Could not find the input data at " + uri + ".", "RequestDownloadFailures");
    return End::done;
  }
  count(job, "RequestDownloadLatency", "Microseconds", microseconds_since(start));
  return invoke(job, input->bytes(), content_type, is_last);
}

AsyncWork::End AsyncWork::invoke(const AsyncJob& job, std::string_view body, const std::string& content_type,
                                 const std::function<bool()>& is_last) {
  InvokeRequest call = job.call();
  call.content_type = content_type;
  call.body = body;
  const std::uint64_t bytes_max = gateway_.platform().limits.runner.async_payload_bytes_max;
  Output output(gateway_.platform().objects, bytes_max);
  ForwardOptions options;
  options.timeout = options.stream_timeout = job.timeout();
  options.on_response = [&](const InvokeResponse& head) { output.content_type = head.content_type; };
  options.on_piece = [&](std::string_view piece) { return output.take(piece); };
  ForwardResult result;
  using Kind = runner::InvocationResult::Kind;
  try {
    gateway_.invoke_accepted(call, options, result);
  } catch (const ServiceFault& fault) {
    const bool misfit = fault.code() == "ValidationError" && is_served(gateway_.fleet(), job.endpoint());
    if (result.answer.kind == Kind::refused && !misfit) return End::not_begun;
    const bool interrupted = result.answer.kind == Kind::unreachable || result.answer.kind == Kind::broken;
    if (interrupted && !is_last()) return End::interrupted;
    fail(job, fault.message(), "InvocationFailures");
    return End::done;
  }
  if (output.too_large)
    fail(job, "The response of the container is larger than " + std::to_string(bytes_max) + " bytes.",
         "InvocationFailures");
  else
    succeed(job, output);
  return End::done;
}

void AsyncWork::succeed(const AsyncJob& job, Output& output) {
  if (!wanted(job)) return;
  const std::string uri = job.text("OutputLocation");
  const Clock::time_point start = Clock::now();
  if (!uri.empty()) {
    try {
      put_object(gateway_.platform(), uri, std::move(output.blob),
                 object_metadata(output.content_type, job.output_config()));
    } catch (const std::exception& error) {
      spdlog::warn("the output of an asynchronous request cannot be put to {}: {}", uri, error.what());
      return fail(job, "Could not upload the response to " + uri + ".", "ResponseUploadFailures");
    }
    count(job, "ResponseUploadLatency", "Microseconds", microseconds_since(start));
  }
  AsyncOutcome outcome;
  outcome.completed = true;
  outcome.content_type = output.content_type;
  outcome.response = std::move(output.beginning);
  outcome.response_complete = output.complete;
  count(job, "InvocationsProcessed", "None", 1);
  finish(job, outcome);
}

void AsyncWork::expire(const store::Record& record) {
  fail(AsyncJob(record), "The request has expired: it was in the queue for longer than RequestTTLSeconds.",
       "ExpiredRequests");
}

void AsyncWork::fail(const AsyncJob& job, const std::string& reason, const char* metric) {
  if (!wanted(job)) return;
  const std::string uri = job.text("FailureLocation");
  if (!uri.empty()) {
    try {
      auto blob = gateway_.platform().objects.new_blob();
      blob->append(reason);
      put_object(gateway_.platform(), uri, std::move(blob),
                 object_metadata("text/plain", job.output_config()));
    } catch (const std::exception& error) {
      spdlog::warn("the failure of an asynchronous request cannot be put to {}: {}", uri, error.what());
    }
  }
  AsyncOutcome outcome;
  outcome.failure_reason = reason;
  count(job, metric, "None", 1);
  finish(job, outcome);
}

void AsyncWork::finish(const AsyncJob& job, const AsyncOutcome& outcome) {
  Platform& platform = gateway_.platform();
  notifications_.publish(job, outcome);
  count(job, "TotalProcessingTime", "Milliseconds",
        static_cast<double>(platform.now_ms() - job.received_ms()));
  platform.records.erase(async_invocation_kind, job.id());
}

// Deleted together with its endpoint: then nothing of it is published.
bool AsyncWork::wanted(const AsyncJob& job) const {
  return gateway_.platform().records.find(async_invocation_kind, job.id()).has_value();
}

void AsyncWork::count(const AsyncJob& job, const char* metric, const char* unit, double value) {
  metrics_.put(job.endpoint(), job.text("Variant"), metric, unit, value);
}

}  // namespace sagemaker::local::services::runtime
