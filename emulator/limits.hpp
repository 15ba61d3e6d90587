// Every limit of the emulator in one place: its value, AWS's value where AWS has one, and the reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sagemaker::local {

struct HttpLimits {
  std::size_t threads = 64;  // requests served at once; each costs a stack, hardly any memory when idle
  std::size_t connections_max =
      1024;  // open at once; more are refused with 503 rather than queued without end
  std::size_t header_line_bytes_max = 8 * 1024;       // S3: 8 KB of headers in a PUT; also the request line
  std::size_t header_block_bytes_max = 64 * 1024;     // all header lines together
  std::size_t header_count_max = 100;                 // more is an attack or a bug: 431
  std::chrono::milliseconds header_deadline{10'000};  // the whole header block, however slowly it drips
  std::chrono::milliseconds keep_alive{
      60'000};  // idle connections; AWS front ends close after about a minute
  std::chrono::milliseconds body_idle_timeout{
      30'000};  // no byte of the body for so long: 408 (S3: RequestTimeout, 20 s+)
  std::size_t body_rate_min =
      1024;  // bytes a second, averaged after the first idle timeout: a slower body is cut off
  std::chrono::milliseconds write_timeout{30'000};  // a client that does not read its response
};

struct WireLimits {
  std::size_t json_bytes_max =
      4 * 1024 * 1024;                        // control plane documents; AWS answers 413 somewhere above 1 MB
  std::size_t metrics_bytes_max = 1'048'576;  // PutMetricData, as it comes over the wire
  int json_depth_max = 128;                   // nlohmann::json recurses when it copies and dumps
  std::size_t xml_bytes_max =
      20 * 1024 * 1024;  // S3's own limit for multi-delete and complete-multipart documents
  std::uint64_t invocation_bytes_max = 25 * 1024 * 1024;  // InvokeEndpoint, request and response: 25 MB today
  std::chrono::seconds signature_skew_max{900};           // SigV4: 15 minutes
  std::chrono::seconds presign_expires_max{604'800};      // SigV4: a week
};

struct S3Limits {                             // all of them are S3's own
  std::uint64_t put_bytes_max = 5ull << 30;   // one PutObject, UploadPart or CopyObject
  std::uint64_t part_bytes_min = 5ull << 20;  // every part but the last
  std::int64_t part_number_max = 10'000;
  std::size_t key_bytes_max = 1024;
  std::size_t metadata_bytes_max = 2048;      // names and values of x-amz-meta-*
  std::int64_t page_max = 1000;               // keys, parts, uploads in one answer
  std::size_t delete_keys_max = 1000;         // keys in one DeleteObjects
  std::size_t chunk_header_bytes_max = 1024;  // aws-chunked: the line before a chunk
  std::size_t trailer_bytes_max = 16 * 1024;  // aws-chunked: everything behind the last chunk
  std::size_t trailer_count_max = 100;
};

struct RunnerLimits {
  std::chrono::seconds training_stop_grace{120};  // docker stop -t 120: SIGTERM, then SIGKILL
  std::chrono::seconds serving_stop_grace{30};    // hosting: SIGKILL 30 s after SIGTERM
  std::chrono::milliseconds ping_timeout{2'000};  // GET /ping, one attempt
  // GET /ping while in service; AWS pings all the time and does not say how often. A container that fails so
  // often in a row is taken out and started again.
  std::chrono::milliseconds health_check_interval{5'000};
  int health_check_failures = 3;
  std::chrono::seconds invocation_timeout{60};         // POST /invocations
  std::uint64_t async_payload_bytes_max = 1ull << 30;  // InvokeEndpointAsync: 1 GB, in and out
  std::chrono::seconds startup_timeout{
      240};  // /ping must pass within 4 minutes (ContainerStartupHealthCheckTimeout)
  std::size_t failure_reason_chars_max = 1024;  // FailureReason
  std::size_t log_line_bytes_max =
      256 * 1024;  // CloudWatch: one event at most 256 KB (1 MB since 2025); longer lines are cut
  // Processes and threads of one host of a training job; AWS has no limit of its own, a machine that is
  // shared needs one. Memory and file sizes are limited by the instance type and VolumeSizeInGB.
  std::uint64_t container_processes_max = 4096;
  // Instances of one training job, instances of one endpoint and copies of one inference component: each has
  // a loopback address, of which there are 253. AWS's quotas are lower.
  std::int64_t training_instances_max = 250;
  std::int64_t endpoint_instances_max = 250;
  std::int64_t transform_instances_max = 100;  // of one transform job: AWS's own maximum
  std::uint64_t archive_bytes_max = 64ull << 30;  // unpacked size of one model or source archive
  std::uint64_t archive_entries_max = 1'000'000;  // entries of one archive
  std::uint64_t archive_ratio_max = 2'000;  // unpacked over packed size, beyond the first 256 MiB: a bomb
};

struct ServerlessLimits {
  std::chrono::seconds startup_timeout{180};  // the model must be there and /ping pass within 3 minutes
  std::uint64_t payload_bytes_max = 4 * 1024 * 1024;  // request and response: 4 MB
  // An environment without a request for so long ends; AWS does not say when its own do.
  std::chrono::milliseconds idle{600'000};
};

struct Limits {
  std::size_t long_polls_max = 256;  // answers held back for news at once; each has a thread that sleeps
  HttpLimits http;
  WireLimits wire;
  S3Limits s3;
  RunnerLimits runner;
  ServerlessLimits serverless;
  int invocation_metrics_s =
      60;  // resolution of endpoints' metrics: AWS's; 1 where alarms do not wait so long
};

}  // namespace sagemaker::local
