// See validation.hpp. Sources: the API reference of ProcessingInput, ProcessingS3Input, ProcessingOutput and
// ProcessingS3Output; the developer guide's "How Amazon SageMaker Processing Configures Input and Output".
#include "emulator/services/sagemaker/processing/validation.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "emulator/limits.hpp"
#include "emulator/services/sagemaker/quota.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::string_view processing_folder = "/opt/ml/processing/";

// An input or an output, for messages.
struct Entry {
  const char* kind;  // "ProcessingInput"
  std::string name;

  [[noreturn]] void refuse(const std::string& why) const {
    throw validation_fault("Invalid " + std::string(kind) + " \"" + name + "\": " + why);
  }
  [[noreturn]] void not_here(const std::string& what) const {
    throw validation_fault(what + " (" + kind + " " + name + ") is not implemented by sagemaker-local yet.");
  }
};

class Checker {
 public:
  void check(const Entry& entry) {
    if (entry.name.empty()) entry.refuse("its name must not be empty.");
    if (!names_[entry.kind].insert(entry.name).second)
      throw validation_fault(
          "The names of a processing job's " +
          std::string(std::string_view(entry.kind) == "ProcessingInput" ? "inputs" : "outputs") +
          " must be unique: " + entry.name + ".");
  }

  // Every folder is for one input or one output.
  void check_local_path(const Entry& entry, const json& s3) {
    if (!s3.contains("LocalPath")) entry.refuse("LocalPath is required when AppManaged is false.");
    const std::string path = s3["LocalPath"];
    std::string local = std::filesystem::path(path).lexically_normal().string();
    if (!local.starts_with(processing_folder) || local.size() == processing_folder.size() ||
        local.find('\0') != std::string::npos)
      entry.refuse("LocalPath \"" + path + "\" must begin with " + std::string(processing_folder) + ".");
    while (local.ends_with('/')) local.pop_back();
    const auto [there, is_new] = paths_.emplace(local, entry.name);
    if (!is_new)
      entry.refuse("LocalPath \"" + path + "\" is that of \"" + there->second +
                   "\" too. The local paths of a processing job must be unique.");
  }

 private:
  std::map<std::string_view, std::set<std::string>> names_;  // by kind
  std::map<std::string, std::string> paths_;                 // path -> whose it is
};

void check_s3_input(const Entry& entry, const json& s3) {
  parse_s3_uri(s3.at("S3Uri").get<std::string>());
  if (s3.value("S3InputMode", "File") == "Pipe") entry.not_here("S3InputMode Pipe");
  if (s3.value("S3CompressionType", "None") == "Gzip")
    entry.refuse(
        "S3CompressionType Gzip can only be used when Pipe mode is specified as the S3InputMode. In File "
        "mode, "
        "leave it unset or set it to None.");
}

void check_input(Checker& checker, const json& input) {
  const Entry entry{"ProcessingInput", input.at("InputName")};
  checker.check(entry);
  if (input.contains("DatasetDefinition")) {
    const json& definition = input["DatasetDefinition"];
    for (const char* source : {"AthenaDatasetDefinition", "RedshiftDatasetDefinition"})
      if (definition.contains(source)) entry.not_here(std::string("DatasetDefinition.") + source);
    entry.not_here("DatasetDefinition");
  }
  if (!input.contains("S3Input")) entry.refuse("it must contain S3Input or DatasetDefinition.");
  const json& s3 = input["S3Input"];
  if (input.value("AppManaged", false)) return;  // the job's own program reads it, from wherever it is
  check_s3_input(entry, s3);
  checker.check_local_path(entry, s3);
}

void check_output(Checker& checker, const json& output) {
  const Entry entry{"ProcessingOutput", output.at("OutputName")};
  checker.check(entry);
  if (output.contains("FeatureStoreOutput")) entry.not_here("FeatureStoreOutput");
  if (!output.contains("S3Output")) entry.refuse("it must contain S3Output or FeatureStoreOutput.");
  if (output.value("AppManaged", false)) return;
  parse_s3_uri(output["S3Output"].at("S3Uri").get<std::string>());
  checker.check_local_path(entry, output["S3Output"]);
}

}  // namespace

void check_processing_request(const json& input) {
  const json& cluster = input.at("ProcessingResources").at("ClusterConfig");
  check_quota(cluster.at("InstanceType"), "processing job usage", cluster.at("InstanceCount"),
              RunnerLimits{}.training_instances_max);
  Checker checker;
  for (const json& entry : input.value("ProcessingInputs", json::array())) check_input(checker, entry);
  for (const json& entry :
       input.value("ProcessingOutputConfig", json::object()).value("Outputs", json::array()))
    check_output(checker, entry);
}

}  // namespace sagemaker::local::services
