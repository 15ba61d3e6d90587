// What a transform job stores when it has ended: its outputs, and the manifests of its data capture.
#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/transform/input_objects.hpp"

namespace sagemaker::local::services::transform {

// Throws std::runtime_error where the bucket of S3OutputPath, or of the data capture, is not there.
void require_output_buckets(const store::Objects& objects, const json& job);

// This one output cannot be an object; others can.
class InvalidKey : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Outputs {
 public:
  // Both must outlive this.
  Outputs(Platform& platform, const json& job) : platform_(platform), job_(job) {}

  // The file of a transformed object becomes "<S3OutputPath>/<relative name>.out", and is taken away: now, or
  // with others at the next flush(). Throws InvalidKey, and what flush() throws.
  void publish(const InputObject& input, const std::filesystem::path& file);
  // Stores what waits, all or none. Throws std::runtime_error where no output can be stored,
  // std::system_error and store::DatabaseError for this machine's disk.
  void flush();
  // DataCaptureConfig: where the inputs and the outputs published so far lie, below the hour in which the job
  // began. https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
  void publish_capture(const std::filesystem::path& scratch);
  // Deletes what was published, where nobody has replaced it meanwhile: a job that is stopped stores nothing.
  void withdraw() noexcept;

 private:
  void put(const std::string& bucket, const std::vector<store::Objects::NewFile>& files);
  void put_manifest(const std::string& side, const std::vector<S3Location>& objects,
                    const std::filesystem::path& scratch);

  struct Published {
    std::string bucket;
    store::ObjectInfo info;
  };
  Platform& platform_;
  const json& job_;
  std::vector<store::Objects::NewFile> waiting_;
  std::vector<S3Location> waiting_inputs_;
  std::vector<Published> published_;
  std::vector<S3Location> inputs_, outputs_;
};

}  // namespace sagemaker::local::services::transform
