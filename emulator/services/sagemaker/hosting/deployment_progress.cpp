#include "emulator/services/sagemaker/hosting/deployment_progress.hpp"

#include <memory>
#include <vector>

namespace sagemaker::local::services::hosting {
namespace {

json pending_variants(const json& variants, std::int64_t now_ms) {
  json pending = json::array();
  for (const json& variant : variants) {
    json one = {{"VariantName", variant.at("VariantName")},
                {"DesiredWeight", variant.value("InitialVariantWeight", 1.0)},
                {"CurrentWeight", 0.0},
                {"VariantStatus", variant_status("Creating", "", now_ms)}};
    if (variant.contains("InitialInstanceCount")) {
      one["CurrentInstanceCount"] = 0;
      one["DesiredInstanceCount"] = variant["InitialInstanceCount"];
    }
    if (variant.contains("ServerlessConfig")) one["DesiredServerlessConfig"] = variant["ServerlessConfig"];
    for (const char* member : {"InstanceType", "ManagedInstanceScaling", "RoutingConfig"})
      if (variant.contains(member)) one[member] = variant[member];
    pending.push_back(one);
  }
  return pending;
}

json variants_at(const std::vector<std::shared_ptr<Variant>>& variants, const RolloutStage& stage,
                 std::int64_t now_ms) {
  json list = Deployment::summary(variants);
  for (std::size_t index = 0; index < variants.size(); ++index) {
    const VariantPlan& plan = variants[index]->plan();
    json& one = list[index];
    one["CurrentWeight"] = variants[index]->weight() * stage.share;
    if (!plan.instance_type.empty()) {
      one["InstanceType"] = plan.instance_type;
      one["DesiredInstanceCount"] = initial_count(plan);
    }
    one["VariantStatus"] = variant_status(stage.status, stage.message, now_ms);
  }
  return list;
}

}  // namespace

json variant_status(const std::string& status, const std::string& message, std::int64_t now_ms) {
  json one = {{"Status", status}, {"StartTime", timestamp(now_ms)}};
  if (!message.empty()) one["StatusMessage"] = message.substr(0, 1024);
  return json::array({one});
}

json pending_deployment(const json& config, std::int64_t now_ms) {
  json pending = {{"EndpointConfigName", config.at("EndpointConfigName")},
                  {"ProductionVariants", pending_variants(config.at("ProductionVariants"), now_ms)},
                  {"StartTime", timestamp(now_ms)}};
  if (config.contains("ShadowProductionVariants"))
    pending["ShadowProductionVariants"] = pending_variants(config["ShadowProductionVariants"], now_ms);
  return pending;
}

void note_stage(json& document, const RolloutStage& stage, const Deployment& next, const Deployment* before,
                std::int64_t now_ms) {
  if (document.contains("PendingDeploymentSummary")) {
    json& pending = document["PendingDeploymentSummary"];
    pending["ProductionVariants"] = variants_at(next.production(), stage, now_ms);
    if (!next.shadow().empty())
      pending["ShadowProductionVariants"] = variants_at(next.shadow(), stage, now_ms);
  }
  if (before == nullptr) return;
  json list = Deployment::summary(before->production());
  for (json& variant : list) {
    variant["CurrentWeight"] = variant["CurrentWeight"].get<double>() * (1.0 - stage.share);
    if (stage.committed) variant["VariantStatus"] = variant_status("Deleting", "", now_ms);
  }
  document["ProductionVariants"] = std::move(list);
}

}  // namespace sagemaker::local::services::hosting
