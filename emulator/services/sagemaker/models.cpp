#include "emulator/services/sagemaker/models.hpp"

#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

void require_model_data(Platform& platform, const json& container) {
  std::string uri;
  bool there = true;
  if (container.contains("ModelDataUrl")) {
    uri = container["ModelDataUrl"];
    const S3Location location = parse_s3_uri(uri);
    there = platform.objects.find(location.bucket, location.key).has_value();
  } else if (container.contains("ModelDataSource")) {
    const json& source = container["ModelDataSource"].at("S3DataSource");
    uri = source.at("S3Uri");
    const S3Location location = parse_s3_uri(uri);
    there = source.at("S3DataType") == "S3Object"
                ? platform.objects.find(location.bucket, location.key).has_value()
                : !objects_under(platform.objects, location).empty();
  }
  if (!there) throw validation_fault("Could not find model data at " + uri + ".");
}

void check_container(Platform& platform, const json& container) {
  for (const char* member :
       {"ModelPackageName", "InferenceSpecificationName", "MultiModelConfig", "AdditionalModelDataSources"})
    if (container.contains(member))
      throw validation_fault(std::string(member) + " is not implemented by sagemaker-local yet.");
  if (container.value("Mode", "SingleModel") != "SingleModel")
    throw validation_fault("Mode MultiModel is not implemented by sagemaker-local yet.");
  if (!container.contains("Image"))
    throw validation_fault("Container definition must contain Image or ModelPackageName.");
  const std::string image = container["Image"];
  if (!platform.images.resolve(image))
    throw validation_fault("ECR image \"" + image + "\" is invalid. " +
                           platform.images.explain_unknown(image));
  if (container.contains("ModelDataUrl") && container.contains("ModelDataSource"))
    throw validation_fault("You can specify either ModelDataUrl or ModelDataSource, not both.");
  require_model_data(platform, container);
}

json create(Platform& platform, const json& input) {
  if (input.contains("Containers") && input["Containers"].size() != 1)
    throw validation_fault("A model with several Containers is not implemented by sagemaker-local yet.");
  if (input.contains("Containers") == input.contains("PrimaryContainer"))
    throw validation_fault("You must specify exactly one of PrimaryContainer and Containers.");
  if (!input.contains("ExecutionRoleArn"))
    throw validation_fault("ExecutionRoleArn is required for a model with containers.");
  store::Record model;
  model.name = input.at("ModelName");
  model.arn = platform.arn("model", model.name);
  const auto taken = [&] {
    return validation_fault("Cannot create already existing model \"" + model.arn + "\".");
  };
  if (platform.records.find(model_kind, model.name)) throw taken();
  check_container(platform,
                  input.contains("Containers") ? input["Containers"][0] : input["PrimaryContainer"]);
  model.created_ms = platform.now_ms();
  model.document = input;
  model.document.erase("Tags");
  model.document["ModelArn"] = model.arn;
  model.document["CreationTime"] = timestamp(model.created_ms);
  model.document.emplace("EnableNetworkIsolation", false);
  if (model.document.contains("PrimaryContainer"))
    model.document["PrimaryContainer"].emplace("Mode", "SingleModel");
  if (!platform.records.insert(model_kind, model)) throw taken();
  set_tags(platform, model.arn, input.value("Tags", json::array()));
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
    platform.records.erase(model_kind, model.name);
    erase_tags(platform, model.arn);
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
