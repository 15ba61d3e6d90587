// An endpoint configuration while it runs: its production and shadow variants with their instances. An update
// of an endpoint makes a second one and moves the requests over.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/hosting/variant.hpp"

namespace sagemaker::local::services::hosting {

class Deployment {
 public:
  // `document`: {"Config": the configuration, "Models": {name: model}}, as they were when the endpoint was
  // created or updated; counts and weights in it are those wanted now. `kept`: where model files are kept,
  // over all deployments of the endpoint; `root`: of this one, removed with it. Throws std::runtime_error in
  // AWS's words where a model's data or image is gone.
  Deployment(Platform& platform, const std::string& endpoint, json document,
             const std::filesystem::path& kept, std::filesystem::path root);
  ~Deployment();  // kills what still runs
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;

  const json& document() const { return document_; }
  const json& config() const { return document_.at("Config"); }
  const std::vector<std::shared_ptr<Variant>>& production() const { return production_; }
  const std::vector<std::shared_ptr<Variant>>& shadow() const { return shadow_; }
  std::vector<std::shared_ptr<Variant>> variants() const;           // all of them
  std::shared_ptr<Variant> find(const std::string& variant) const;  // a production variant; null: none

  // Starts the instances that each variant begins with and waits until all serve. The answer is why they do
  // not, in AWS's words; empty: they do.
  std::string start(const Variant::GiveUp& give_up);
  // A production variant by weight; `random` in [0, 1).
  std::shared_ptr<Variant> choose(double random) const;

  // As DescribeEndpoint tells it: ProductionVariants, or ShadowProductionVariants.
  static json summary(const std::vector<std::shared_ptr<Variant>>& variants);

  // Ends all instances at once and returns when they are gone; thread-safe, the shortest grace counts.
  void stop(std::chrono::milliseconds grace);

 private:
  const json document_;
  const std::filesystem::path root_;
  std::vector<std::shared_ptr<Variant>> production_, shadow_;
};

// ServerlessConfig, as endpoints and their configurations have it.
json serverless_document(const ServerlessPlan& plan);

// How many instances a variant begins with: of a serverless one those that are provisioned, one at least,
// with which its container proves itself.
int initial_count(const VariantPlan& plan);

}  // namespace sagemaker::local::services::hosting
