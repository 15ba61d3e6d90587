#include "emulator/services/sagemaker/hosting/deployment.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace sagemaker::local::services::hosting {
namespace {

json summary_of(const Variant& variant) {
  const VariantPlan& plan = variant.plan();
  json document = {
      {"VariantName", plan.name}, {"CurrentWeight", variant.weight()}, {"DesiredWeight", variant.weight()}};
  if (!plan.deployed_images.empty()) document["DeployedImages"] = plan.deployed_images;
  if (const auto serverless = variant.serverless_plan()) {
    document["CurrentServerlessConfig"] = serverless_document(*serverless);
    document["DesiredServerlessConfig"] = serverless_document(*serverless);
  } else {
    document["CurrentInstanceCount"] = variant.count();
    document["DesiredInstanceCount"] = variant.count();
  }
  for (const char* member : {"RoutingConfig", "ManagedInstanceScaling"})
    if (plan.document.contains(member)) document[member] = plan.document[member];
  return document;
}

}  // namespace

json serverless_document(const ServerlessPlan& plan) {
  json document = {{"MemorySizeInMB", plan.memory_mb}, {"MaxConcurrency", plan.max_concurrency}};
  if (plan.provisioned_concurrency > 0) document["ProvisionedConcurrency"] = plan.provisioned_concurrency;
  return document;
}

int initial_count(const VariantPlan& plan) {
  return plan.serverless ? std::max(1, plan.serverless->provisioned_concurrency) : plan.initial_instances;
}

Deployment::Deployment(Platform& platform, const std::string& endpoint, json document,
                       const std::filesystem::path& kept, std::filesystem::path root)
    : document_(std::move(document)), root_(std::move(root)) {
  const json none = json::array();
  const json& models = document_.at("Models");
  for (const json& variant : config().at("ProductionVariants"))
    production_.push_back(std::make_shared<Variant>(
        platform, plan_variant(platform, endpoint, config(), variant, models, kept), root_ / "production"));
  for (const json& variant : config().value("ShadowProductionVariants", none)) {
    VariantPlan plan = plan_variant(platform, endpoint, config(), variant, models, kept);
    plan.shadow = true;
    shadow_.push_back(std::make_shared<Variant>(platform, std::move(plan), root_ / "shadow"));
  }
}

Deployment::~Deployment() {
  stop(std::chrono::milliseconds(0));
  production_.clear();
  shadow_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::vector<std::shared_ptr<Variant>> Deployment::variants() const {
  std::vector<std::shared_ptr<Variant>> all = production_;
  all.insert(all.end(), shadow_.begin(), shadow_.end());
  return all;
}

std::shared_ptr<Variant> Deployment::find(const std::string& name) const {
  for (const auto& variant : production_)
    if (variant->name() == name) return variant;
  return nullptr;
}

std::string Deployment::start(const Variant::GiveUp& give_up) {
  std::vector<std::pair<Variant*, Variant::Instances>> started;
  for (const auto& variant : variants())
    started.emplace_back(variant.get(), variant->begin(initial_count(variant->plan())));
  std::string failure;
  for (auto& [variant, instances] : started) {
    const std::string reason =
        variant->await(std::move(instances), [&] { return !failure.empty() || give_up(); });
    if (failure.empty()) failure = reason;
  }
  return failure;
}

std::shared_ptr<Variant> Deployment::choose(double random) const {
  double total = 0;
  for (const auto& variant : production_) total += variant->weight();
  if (total <= 0)
    return production_[static_cast<std::size_t>(random * static_cast<double>(production_.size()))];
  double point = random * total;
  for (const auto& variant : production_) {
    point -= variant->weight();
    if (point < 0) return variant;
  }
  return production_.back();
}

json Deployment::summary(const std::vector<std::shared_ptr<Variant>>& variants) {
  json list = json::array();
  for (const auto& variant : variants) list.push_back(summary_of(*variant));
  return list;
}

void Deployment::stop(std::chrono::milliseconds grace) {
  std::vector<std::thread> stops;
  for (const auto& variant : variants())
    stops.emplace_back([&variant = *variant, grace] { variant.stop(grace); });
  for (std::thread& stop : stops) stop.join();
}

}  // namespace sagemaker::local::services::hosting
