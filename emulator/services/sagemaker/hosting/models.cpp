#include "emulator/services/sagemaker/hosting/models.hpp"

#include <set>
#include <vector>

#include "emulator/services/sagemaker/hosting/model_data.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// Of a multi-model container the models lie below a prefix, and may come later.
void require_model_data(Platform& platform, const json& container, bool multi_model) {
  const std::string uri = hosting::model_uri(container);
  if (uri.empty()) return;
  const S3Location location = parse_s3_uri(uri);
  if (multi_model) return;
  const json source =
      container.value("ModelDataSource", json::object()).value("S3DataSource", json::object());
  const bool there = source.value("S3DataType", "S3Object") == "S3Object"
                         ? platform.objects.find(location.bucket, location.key).has_value()
                         : !objects_under(platform.objects, location).empty();
  if (!there) throw validation_fault("Could not find model data at " + uri + ".");
}

void check_data_source(const json& container) {
  if (!container.contains("ModelDataSource")) return;
  const json& source = container["ModelDataSource"].value("S3DataSource", json::object());
  for (const char* member : {"HubAccessConfig", "ManifestS3Uri"})
    if (source.contains(member))
      throw validation_fault(std::string(member) + " is not implemented by sagemaker-local yet.");
  if (source.at("S3DataType") == "S3Prefix" && source.at("CompressionType") == "Gzip")
    throw validation_fault("CompressionType Gzip cannot be used with S3DataType S3Prefix.");
}

void check_container(Platform& platform, const json& container) {
  for (const char* member : {"ModelPackageName", "InferenceSpecificationName", "AdditionalModelDataSources"})
    if (container.contains(member))
      throw validation_fault(std::string(member) + " is not implemented by sagemaker-local yet.");
  if (!container.contains("Image"))
    throw validation_fault("Container definition must contain Image or ModelPackageName.");
  const std::string image = container["Image"];
  if (!platform.images.resolve(image))
    throw validation_fault("ECR image \"" + image + "\" is invalid. " +
                           platform.images.explain_unknown(image));
  if (container.contains("ModelDataUrl") && container.contains("ModelDataSource"))
    throw validation_fault("You can specify either ModelDataUrl or ModelDataSource, not both.");
  const bool multi_model = container.value("Mode", "SingleModel") == "MultiModel";
  if (multi_model && hosting::model_uri(container).empty())
    throw validation_fault("ModelDataUrl is required for a container with Mode MultiModel.");
  check_data_source(container);
  require_model_data(platform, container, multi_model);
}

// Of several containers each has a name of its own.
void check_containers(Platform& platform, const json& input) {
  if (input.contains("Containers") == input.contains("PrimaryContainer"))
    throw validation_fault("You must specify exactly one of PrimaryContainer and Containers.");
  const std::vector<json> containers = hosting::container_definitions(input);
  if (containers.empty()) throw validation_fault("Containers must have at least one container.");
  std::set<std::string> names;
  for (std::size_t index = 0; index < containers.size(); ++index) {
    check_container(platform, containers[index]);
    const std::string name = hosting::container_name(input, index);
    if (!names.insert(name).second)
      throw validation_fault("Container hostnames must be unique: \"" + name + "\".");
  }
  const json execution = input.value("InferenceExecutionConfig", json::object());
  if (execution.value("Mode", "") != "Direct") return;
  for (const json& container : containers)
    if (!container.contains("ContainerHostname"))
      throw validation_fault("ContainerHostname is required for every container when Mode is Direct.");
}

json create(Platform& platform, const json& input) {
  if (!input.contains("ExecutionRoleArn"))
    throw validation_fault("ExecutionRoleArn is required for a model with containers.");
  store::Record model;
  model.name = input.at("ModelName");
  model.arn = platform.arn("model", model.name);
  const auto taken = [&] {
    return validation_fault("Cannot create already existing model \"" + model.arn + "\".");
  };
  if (platform.records.find(model_kind, model.name)) throw taken();
  check_containers(platform, input);
  model.created_ms = platform.now_ms();
  model.document = input;
  model.document.erase("Tags");
  model.document["ModelArn"] = model.arn;
  model.document["CreationTime"] = timestamp(model.created_ms);
  model.document.emplace("EnableNetworkIsolation", false);
  if (model.document.contains("PrimaryContainer"))
    model.document["PrimaryContainer"].emplace("Mode", "SingleModel");
  if (model.document.contains("Containers")) {
    for (json& container : model.document["Containers"]) container.emplace("Mode", "SingleModel");
    if (model.document["Containers"].size() > 1)
      model.document.emplace("InferenceExecutionConfig", json{{"Mode", "Serial"}});
  }
  if (!insert_tagged(platform, model_kind, model, input.value("Tags", json::array()))) throw taken();
  return {{"ModelArn", model.arn}};
}

store::Record find(Platform& platform, const json& input) {
  const std::string name = input.at("ModelName");
  const auto model = platform.records.find(model_kind, name);
  if (!model) throw validation_fault("Could not find model \"" + platform.arn("model", name) + "\".");
  return *model;
}

}  // namespace

void add_model_operations(OperationTable& table, Platform& platform) {
  table["CreateModel"] = [&](const CallContext&, const json& input) { return create(platform, input); };
  table["DescribeModel"] = [&](const CallContext&, const json& input) {
    return find(platform, input).document;
  };
  table["DeleteModel"] = [&](const CallContext&, const json& input) {
    const store::Record model = find(platform, input);
    erase_tagged(platform, model_kind, model);
    return json::object();
  };
  table["ListModels"] = [&](const CallContext&, const json& input) {
    return list_records(platform.records, model_kind, input, "Models", [](const store::Record& model) {
      return json{
          {"ModelName", model.name}, {"ModelArn", model.arn}, {"CreationTime", timestamp(model.created_ms)}};
    });
  };
}

}  // namespace sagemaker::local::services
