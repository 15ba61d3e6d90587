// What one instance of a transform job does: its share of the objects, one after the other or several at a
// time, each to a file of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/stop_signal.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/transform/data_log.hpp"
#include "emulator/services/sagemaker/transform/data_processing.hpp"
#include "emulator/services/sagemaker/transform/input_objects.hpp"
#include "emulator/services/sagemaker/transform/model_client.hpp"
#include "emulator/services/sagemaker/transform/object_transform.hpp"

namespace sagemaker::local::services::transform {

// What all instances of a job share. Everything it refers to must outlive them.
struct JobSite {
  Platform& platform;
  const json& request;  // the job's document
  const std::vector<InputObject>& objects;
  const DataProcessing* processing;  // null: none
  std::filesystem::path staging;     // where the outputs are kept until the job has ended
  const runner::StopSignal& stop;
};

// Where the output of the object with this index is kept.
std::filesystem::path staged_output(const std::filesystem::path& staging, std::size_t index);

class InstanceWork {
 public:
  // `share`: indices of the site's objects.
  InstanceWork(const JobSite& site, hosting::Instance& instance, std::vector<std::size_t> share);

  // Returns when every object is done, or soon after the stop signal. Never throws.
  void run();

  // ---- after run() ----

  // The objects whose output is there, whole.
  const std::vector<std::size_t>& transformed() const { return transformed_; }
  bool data_failed() const { return data_failed_; }
  bool algorithm_failed() const { return algorithm_failed_; }
  // What this machine could not do, a full disk for example; empty: nothing.
  const std::string& trouble() const { return trouble_; }

 private:
  void work_off(const std::vector<std::size_t>& objects, int at_once, const ObjectSettings& settings);
  void transform(std::size_t index, const ObjectSettings& settings);
  void transform_one(std::size_t index, const ObjectSettings& settings);
  bool over() const { return site_.stop.requested() || broken_; }
  void break_off(const std::string& trouble);

  const JobSite& site_;
  const std::vector<std::size_t> share_;
  const bool gzip_;
  ModelClient client_;
  DataLog log_;
  std::atomic<bool> data_failed_{false}, algorithm_failed_{false}, broken_{false};
  std::mutex mutex_;  // of the two below
  std::vector<std::size_t> transformed_;
  std::string trouble_;
};

}  // namespace sagemaker::local::services::transform
