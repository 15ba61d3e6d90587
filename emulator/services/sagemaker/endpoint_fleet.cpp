#include "emulator/services/sagemaker/endpoint_fleet.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/instance_types.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::chrono::milliseconds shutdown_grace{2'000};  // the user waits for the emulator to end

const json& container_of(const json& model) {
  return model.contains("PrimaryContainer") ? model["PrimaryContainer"] : model.at("Containers").at(0);
}

// Keeps the bytes of an object under a second name: the instance can be restarted after the object was
// deleted.
void keep(const store::Objects& objects, const store::ObjectInfo& info, const std::filesystem::path& target) {
  std::filesystem::create_directories(target.parent_path());
  std::error_code error;
  std::filesystem::create_hard_link(objects.blob_path(info), target, error);
  if (error)
    std::filesystem::copy_file(objects.blob_path(info), target,
                               std::filesystem::copy_options::overwrite_existing);
}

// The model's files on this machine: an archive, a folder, or nothing where the model has none. What an
// earlier deployment of the same endpoint kept is used again: so it takes its name when it is complete, and
// not before.
std::filesystem::path model_data(const store::Objects& objects, const json& container,
                                 const std::filesystem::path& root) {
  const json source =
      container.value("ModelDataSource", json::object()).value("S3DataSource", json::object());
  const std::string uri = container.value("ModelDataUrl", source.value("S3Uri", ""));
  if (uri.empty()) return {};
  const bool folder = source.value("CompressionType", "Gzip") == "None";
  const std::filesystem::path target = root / (folder ? "model-files" : "model.tar.gz");
  if (std::filesystem::exists(target)) return target;
  const S3Location location = parse_s3_uri(uri);
  const std::filesystem::path partial = target.string() + ".part";
  std::filesystem::remove_all(partial);
  if (!folder) {
    const auto info = objects.find(location.bucket, location.key);
    if (!info) throw std::runtime_error("Could not find model data at " + uri + ".");
    keep(objects, *info, partial);
    std::filesystem::rename(partial, target);
    return target;
  }
  const auto found = objects_under(objects, location);
  if (found.empty()) throw std::runtime_error("Could not find model data at " + uri + ".");
  for (const store::ObjectInfo& info : found) {
    const std::filesystem::path relative =
        std::filesystem::path(relative_name(info.key, location.key)).lexically_normal();
    if (relative.is_absolute() || relative.string().starts_with(".."))
      throw std::runtime_error("the key " + info.key + " of the model data leaves its folder");
    keep(objects, info, partial / relative);
  }
  std::filesystem::rename(partial, target);
  return target;
}

std::string failure_reason(const runner::ServingInstance& instance, const json& variant, const json& model) {
  const std::string name = variant.at("VariantName");
  if (instance.failure() == runner::ServingInstance::Failure::model_data)
    return "Failed to extract model data archive for container \"primary\" from URL \"" +
           container_of(model).value("ModelDataUrl", "") +
           "\". Please ensure that the object located at the URL is a valid tar.gz archive. (" +
           instance.failure_detail() + ")";
  return "The primary container for production variant " + name +
         " did not pass the ping health check. Please check CloudWatch logs for this endpoint.";
}

}  // namespace

void Deployment::stop(std::chrono::milliseconds time) const {
  // SIGTERM to all at once, then wait for each: an endpoint of ten instances does not stop ten times as
  // slowly.
  std::vector<std::thread> stops;
  for (const LiveVariant& variant : variants)
    for (const auto& instance : variant.instances)
      stops.emplace_back([&instance, time] { instance->stop(time); });
  for (std::thread& stop : stops) stop.join();
}

Deployment::~Deployment() {
  stop(grace);
  variants.clear();
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
}

EndpointFleet::EndpointFleet(Platform& platform, std::function<double()> random)
    : platform_(platform), random_(std::move(random)) {}

EndpointFleet::~EndpointFleet() { shut_down(); }

void EndpointFleet::shut_down() {
  shutting_down_ = true;
  std::map<std::string, std::shared_ptr<Deployment>> serving;
  std::vector<std::thread> stops;
  {
    std::lock_guard lock(mutex_);
    serving.swap(serving_);
    for (const auto& started : started_)
      if (auto deployment = started.lock())
        stops.emplace_back([deployment = std::move(deployment)] { deployment->stop(shutdown_grace); });
  }
  for (std::thread& stop : stops) stop.join();
  tasks_.join();  // they see the flag; what they had begun to stop has just ended
}

std::unique_ptr<runner::ServingInstance> EndpointFleet::start_instance(
    const std::string& endpoint, const json& variant, const json& model,
    const std::filesystem::path& model_data_path, const std::filesystem::path& root, int index) {
  const json& container = container_of(model);
  const std::string image_name = container.at("Image");
  const auto image = platform_.images.resolve(image_name);
  if (!image)
    throw std::runtime_error("ECR image \"" + image_name + "\" is invalid. " +
                             platform_.images.explain_unknown(image_name));
  const std::string id = "i-" + aws::sha256_hex(root.string() + aws::uuid4()).substr(0, 17);
  const std::string group = "/aws/sagemaker/Endpoints/" + endpoint;
  const std::string stream = variant.at("VariantName").get<std::string>() + "/" + id;
  platform_.logs.open_stream(group, stream);
  runner::ServingSpec spec;
  spec.image = *image;
  spec.environment = base_container_environment(platform_);
  const runner::Share share =
      runner::share_of(variant.at("InstanceType").get<std::string>(),
                       variant.at("InitialInstanceCount").get<int>(), runner::this_machine());
  spec.environment["SM_NUM_CPUS"] = std::to_string(share.cpus);
  spec.environment["SM_NUM_GPUS"] = std::to_string(share.gpus);
  spec.environment["OMP_NUM_THREADS"] = std::to_string(share.cpus);
  spec.environment.merge(runner::gpu_environment(share, index, runner::this_machine()));
  const json variables = container.value("Environment", json::object());
  for (const auto& [name, value] : variables.items()) spec.environment[name] = value;
  spec.model_archive = model_data_path;
  spec.root = root / id;
  spec.hostname = "model.aws.local";
  spec.startup_timeout = std::chrono::seconds(
      variant.value("ContainerStartupHealthCheckTimeoutInSeconds",
                    static_cast<std::int64_t>(platform_.limits.runner.startup_timeout.count())));
  spec.on_line = [this, group, stream](std::string_view line) { platform_.logs.write(group, stream, line); };
  return runner::ServingInstance::start(std::move(spec), platform_.sandbox, platform_.addresses,
                                        platform_.limits.runner);
}

EndpointFleet::Outcome EndpointFleet::deploy(const std::string& endpoint, const std::string& endpoint_arn,
                                             const json& deployment) {
  auto live = std::make_shared<Deployment>();
  const std::filesystem::path kept = platform_.work_directory / "endpoints" / endpoint;
  live->root = kept / ("deployment-" + std::to_string(++generation_));
  live->grace = platform_.limits.runner.serving_stop_grace;
  try {
    const json& variants = deployment.at("Config").at("ProductionVariants");
    for (const json& variant : variants) {
      const json& model = deployment.at("Models").at(variant.at("ModelName").get<std::string>());
      const std::string version =
          aws::sha256_hex(model.at("ModelArn").get<std::string>() + model.at("CreationTime").dump());
      const auto data =
          model_data(platform_.objects, container_of(model), kept / ("model-" + version.substr(0, 16)));
      const std::string image = container_of(model).at("Image");
      LiveVariant& one = live->variants.emplace_back();
      one.name = variant.at("VariantName");
      one.weight = variant.value("InitialVariantWeight", 1.0);
      one.image = {{"SpecifiedImage", image},
                   {"ResolvedImage", image},
                   {"ResolutionTime", timestamp(platform_.now_ms())}};
      for (int i = 0; i < variant.at("InitialInstanceCount").get<int>(); ++i)
        one.instances.push_back(start_instance(endpoint, variant, model, data, live->root, i));
    }
    {
      std::lock_guard lock(mutex_);
      std::erase_if(started_, [](const auto& started) { return started.expired(); });
      started_.push_back(live);
    }
    for (std::size_t v = 0; v < live->variants.size(); ++v) {
      for (const auto& instance : live->variants[v].instances) {
        auto state = runner::ServingInstance::State::starting;
        while (state == runner::ServingInstance::State::starting) {
          if (shutting_down_) return {std::move(live), "sagemaker-local was shut down"};
          state = instance->wait_started(std::chrono::milliseconds(100));
        }
        if (state != runner::ServingInstance::State::in_service) {
          spdlog::warn("endpoint {}: {}", endpoint, instance->failure_detail());
          return {std::move(live),
                  failure_reason(*instance, variants[v],
                                 deployment["Models"][variants[v]["ModelName"].get<std::string>()])};
        }
      }
    }
  } catch (const std::exception& error) {
    spdlog::error("{}: {}", endpoint_arn, error.what());
    return {std::move(live), error.what()};
  }
  return {std::move(live), {}};
}

void EndpointFleet::publish(const std::string& name, std::shared_ptr<Deployment> deployment) {
  std::shared_ptr<Deployment> replaced;
  {
    std::lock_guard lock(mutex_);
    replaced = std::exchange(serving_[name], std::move(deployment));
  }
  if (!replaced) return;
  tasks_.run([this, replaced = std::move(replaced)] {
    // Whoever chose an instance before the switch gets its answer. Stopped here and not by the last of them:
    // its client would wait for the end of the container too.
    const auto deadline = std::chrono::steady_clock::now() + platform_.limits.runner.invocation_timeout;
    while (replaced.use_count() > 1 && !shutting_down_ && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    replaced->stop(shutting_down_ ? shutdown_grace : replaced->grace);
  });
}

void EndpointFleet::bring_up(const std::string& name, const std::string& arn, const json& deployment) {
  tasks_.run([this, name, arn, deployment] {
    Outcome outcome = deploy(name, arn, deployment);
    if (shutting_down_) {
      outcome.deployment->grace = {};
      return;  // the record keeps its state: the next start brings the endpoint up
    }
    const bool serves = outcome.failure_reason.empty();
    if (serves) publish(name, outcome.deployment);
    platform_.records.update(endpoint_kind, name, [&](store::Record& endpoint) {
      const bool had_fleet = endpoint.status == "Updating";
      endpoint.status = serves || had_fleet ? "InService" : "Failed";
      endpoint.modified_ms = platform_.now_ms();
      json& document = endpoint.document;
      document["EndpointStatus"] = endpoint.status;
      document["LastModifiedTime"] = timestamp(endpoint.modified_ms);
      document.erase("FailureReason");
      if (!serves) document["FailureReason"] = outcome.failure_reason;
      if (!serves) return;
      document["_deployment"] = deployment;
      document["EndpointConfigName"] = deployment.at("Config").at("EndpointConfigName");
      document["ProductionVariants"] = json::array();
      for (const LiveVariant& variant : outcome.deployment->variants)
        document["ProductionVariants"].push_back({{"VariantName", variant.name},
                                                  {"DeployedImages", json::array({variant.image})},
                                                  {"CurrentWeight", variant.weight},
                                                  {"DesiredWeight", variant.weight},
                                                  {"CurrentInstanceCount", variant.instances.size()},
                                                  {"DesiredInstanceCount", variant.instances.size()}});
    });
  });
}

void EndpointFleet::create(const store::Record& endpoint) {
  std::error_code ignored;
  std::filesystem::remove_all(platform_.work_directory / "endpoints" / endpoint.name, ignored);
  bring_up(endpoint.name, endpoint.arn, endpoint.document.at("_deployment"));
}

void EndpointFleet::update(const store::Record& endpoint, const json& deployment) {
  bring_up(endpoint.name, endpoint.arn, deployment);
}

void EndpointFleet::remove(const std::string& endpoint) {
  tasks_.run([this, endpoint] {
    std::shared_ptr<Deployment> stopped;
    {
      std::lock_guard lock(mutex_);
      if (const auto found = serving_.find(endpoint); found != serving_.end()) {
        stopped = std::move(found->second);
        serving_.erase(found);
      }
    }
    if (stopped) stopped->stop(shutting_down_ ? shutdown_grace : stopped->grace);
    stopped.reset();
    std::error_code ignored;
    std::filesystem::remove_all(platform_.work_directory / "endpoints" / endpoint, ignored);
    platform_.records.erase(endpoint_kind, endpoint);
  });
}

void EndpointFleet::recover() {
  for (const store::Record& left : platform_.records.with_status(endpoint_kind, {"Deleting"}))
    remove(left.name);
  for (const store::Record& left : platform_.records.with_status(
           endpoint_kind, {"Creating", "InService", "Updating", "SystemUpdating"})) {
    std::error_code ignored;  // an endpoint that was only just created has no folder yet
    for (const auto& entry :
         std::filesystem::directory_iterator(platform_.work_directory / "endpoints" / left.name, ignored))
      if (entry.path().filename().string().starts_with("deployment-"))
        std::filesystem::remove_all(entry.path(), ignored);
    platform_.records.update(endpoint_kind, left.name, [&](store::Record& endpoint) {
      endpoint.status = "SystemUpdating";
      endpoint.modified_ms = platform_.now_ms();
      endpoint.document["EndpointStatus"] = endpoint.status;
      endpoint.document["LastModifiedTime"] = timestamp(endpoint.modified_ms);
    });
    spdlog::info("endpoint {} is started again", left.name);
    // Where it is missing the endpoint fails, and the emulator starts.
    bring_up(left.name, left.arn, left.document.value("_deployment", json::object()));
  }
}

std::shared_ptr<const Deployment> EndpointFleet::serving(const std::string& endpoint) const {
  std::lock_guard lock(mutex_);
  const auto found = serving_.find(endpoint);
  return found == serving_.end() ? nullptr : found->second;
}

EndpointFleet::Choice EndpointFleet::choose(const Deployment& deployment, const std::string& target_variant,
                                            const std::string& endpoint) const {
  const auto in_service = [](const LiveVariant& variant) {
    runner::ServingInstance* best = nullptr;
    for (const auto& instance : variant.instances)
      if (instance->state() == runner::ServingInstance::State::in_service &&
          (!best || instance->in_flight() < best->in_flight()))
        best = instance.get();
    return best;
  };
  if (!target_variant.empty()) {
    for (const LiveVariant& variant : deployment.variants)
      if (variant.name == target_variant) return {&variant, in_service(variant)};
    throw ServiceFault("ValidationError", 400,
                       "Variant " + target_variant + " not found for endpoint " + endpoint + ".");
  }
  double total = 0;
  for (const LiveVariant& variant : deployment.variants) total += variant.weight;
  double point = random_() * total;
  for (const LiveVariant& variant : deployment.variants) {
    point -= variant.weight;
    if (point < 0) return {&variant, in_service(variant)};
  }
  return {&deployment.variants.front(), in_service(deployment.variants.front())};
}

}  // namespace sagemaker::local::services
