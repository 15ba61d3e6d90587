// One object of a transform job through the model: it is read and unpacked on its way, cut into records,
// sent in batches, several at a time, and the answers are written behind each other in the order of the
// records. What is held in memory does not grow with the object.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "emulator/runner/training/byte_source.hpp"
#include "emulator/services/sagemaker/transform/data_processing.hpp"
#include "emulator/services/sagemaker/transform/record_format.hpp"

namespace sagemaker::local::services::transform {

// What holds for all objects of a job, after the container's say (/execution-parameters) and the defaults.
struct ObjectSettings {
  Split split = Split::none;
  Strategy strategy = Strategy::multi_record;
  Assembly assemble = Assembly::none;
  std::size_t payload_bytes_max = 6u << 20;  // of one request; 0: the object is streamed as one request
  int concurrent_requests = 1;               // to one instance
  std::string content_type;                  // "text/csv"; for what depends on it
  std::string accept;                        // of the answers; empty: the same
  const DataProcessing* processing = nullptr;
  // Two columns or members behind every record of the output; empty: none. See BatchInferenceId.
  std::function<std::pair<std::string, std::string>()> inference_id = {};
};

// The bytes of a request: a whole batch, or a stream that is pulled while it is sent.
struct RequestBody {
  std::string_view bytes;
  // Where set: up to `size` bytes into `target`; 0: the end. May be called once only from the beginning, so a
  // streamed request is not repeated.
  std::function<std::size_t(char* target, std::size_t size)> pull = {};
};

// Sends one request to the model, with the retries that the job allows, and returns the answer's body.
// Called from several threads at a time. Throws TransformFailure. `on_piece`, where set, gets the body as it
// comes instead. It should end soon once the job is stopped: what is in flight is waited for.
using SendRequest = std::function<std::string(const RequestBody& body,
                                              const std::function<bool(std::string_view)>& on_piece)>;

// The object cannot be transformed: why, as the data log of the job says it behind the object's name
// ("ClientError: 400"). No output is kept for it; the other objects go on.
class TransformFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
struct TransformStopped {};

// Writes the whole output to `target`, a file that is made here. Throws TransformFailure, TransformStopped as
// soon as `stopped` says so (asked often), std::system_error for this machine's disk.
void transform_object(const ObjectSettings& settings, runner::ByteSource& input,
                      const std::filesystem::path& target, const SendRequest& send,
                      const std::function<bool()>& stopped);

}  // namespace sagemaker::local::services::transform
