#include "emulator/services/sagemaker/training/local_operations.hpp"

#include "emulator/services/sagemaker/prices.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

store::Record find(const Platform& platform, const std::string& name) {
  const auto job = platform.records.find(training_job_kind, name);
  if (!job) throw ServiceFault("NotFound", 404, "There is no training job " + name + ".");
  return *job;
}

struct Group {
  std::string instance_type;
  int count = 0;
};

std::vector<Group> groups_of(const json& resources) {
  if (!resources.contains("InstanceGroups"))
    return {{resources.at("InstanceType"), resources.at("InstanceCount")}};
  std::vector<Group> groups;
  for (const json& group : resources["InstanceGroups"])
    groups.push_back({group.at("InstanceType"), group.at("InstanceCount")});
  return groups;
}

// What the job would have cost on AWS. No estimate where a type is not in the table of prices.
json cost(const store::Record& job, std::int64_t now_ms) {
  const bool spot = job.document.value("EnableManagedSpotTraining", false);
  const double hours = static_cast<double>(training_state::held_ms(job, now_ms)) / 3'600'000.0;
  double instance_hours = 0, dollars = 0;
  bool known = true;
  for (const Group& group : groups_of(job.document.at("ResourceConfig"))) {
    instance_hours += hours * group.count;
    const auto price = training_price_per_hour(group.instance_type);
    known = known && price.has_value();
    dollars += price.value_or(0.0) * hours * group.count * (spot ? spot_price_ratio : 1.0);
  }
  json result = {{"InstanceHours", instance_hours}, {"EstimatedCostUSD", nullptr}};
  if (known) result["EstimatedCostUSD"] = dollars;
  return result;
}

json look(const Platform& platform, const store::Record& job) {
  json result = cost(job, platform.now_ms());
  result["TrainingJobName"] = job.name;
  result["TrainingJobStatus"] = job.status;
  result["Retries"] = job.document.value("_notes", json::object()).value("retries", 0);
  return result;
}

json take_instances(TrainingExecutor& executor, const store::Record& job, JobControl::Cause cause) {
  if (!executor.jobs().take_instances(job.name, cause))
    throw ServiceFault("Conflict", 409,
                       "The training job " + job.name + " holds no instances now: it is " +
                           job.document.at("SecondaryStatus").get<std::string>() + ".");
  return {{"TrainingJobName", job.name}};
}

}  // namespace

void add_training_local_operations(LocalOperations& table, Platform& platform, TrainingExecutor& executor) {
  table["GET /_local/training-jobs/*"] = [&platform](const auto& names, const json&) {
    return look(platform, find(platform, names.at(0)));
  };
  table["POST /_local/training-jobs/*/interrupt"] = [&platform, &executor](const auto& names, const json&) {
    const store::Record job = find(platform, names.at(0));
    if (!job.document.value("EnableManagedSpotTraining", false))
      throw ServiceFault("Conflict", 409,
                         "The training job " + job.name + " does not use managed spot training.");
    return take_instances(executor, job, JobControl::Cause::reclaimed);
  };
  table["POST /_local/training-jobs/*/break-down"] = [&platform, &executor](const auto& names, const json&) {
    return take_instances(executor, find(platform, names.at(0)), JobControl::Cause::breakdown);
  };
}

}  // namespace sagemaker::local::services
