#include "emulator/emulator.hpp"

#include <random>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "emulator/data_directory.hpp"
#include "emulator/http/server.hpp"
#include "emulator/http/tls.hpp"
#include "emulator/images/catalog.hpp"
#include "emulator/runner/leftovers.hpp"
#include "emulator/services/autoscaling/scaler.hpp"
#include "emulator/services/iam/operations.hpp"
#include "emulator/services/logs/operations.hpp"
#include "emulator/services/metrics/alarms.hpp"
#include "emulator/services/metrics/metrics.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/services/sagemaker/hosting/local_operations.hpp"
#include "emulator/services/sagemaker/operations.hpp"
#include "emulator/services/sagemaker/processing/operations.hpp"
#include "emulator/services/sagemaker/training/local_operations.hpp"
#include "emulator/services/sagemaker/transform/operations.hpp"
#include "emulator/services/sagemaker/tuning/operations.hpp"
#include "emulator/services/sts/operations.hpp"
#include "emulator/wire/pipeline.hpp"
#include "emulator/wire/validation.hpp"

namespace sagemaker::local {
namespace {

std::filesystem::path own_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::filesystem::path cache_directory(const std::filesystem::path& data) {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::filesystem::path(cache) / "sagemaker-local";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::filesystem::path(home) / ".cache" / "sagemaker-local";
  return data / "cache";
}

// Uniform in [0, 1), one generator a thread.
double random_fraction() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

// As it stands in a URL: an IPv6 address in brackets.
std::string url_host(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

bool is_any_address(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

// Null without TLS.
std::shared_ptr<const http::Tls> make_tls(const Options& options, const std::filesystem::path& directory) {
  switch (options.tls.kind) {
    case TlsOptions::Kind::off:
      return nullptr;
    case TlsOptions::Kind::given:
      return std::make_shared<const http::Tls>(options.tls.certificate_file, options.tls.key_file);
    case TlsOptions::Kind::self_made:
      break;
  }
  http::CertificateAuthority::Options authority;
  authority.directory = directory;
  authority.any_host = is_any_address(options.host);
  if (!authority.any_host) authority.hosts.push_back(options.host);
  return std::make_shared<const http::Tls>(
      std::make_unique<http::CertificateAuthority>(std::move(authority)));
}

std::string record_schema() {
  return std::string(store::Records::schema()) + std::string(store::Objects::schema()) +
         std::string(store::BucketSettings::schema());
}

std::map<std::string, services::Principal> named_identities(const Options& options) {
  std::map<std::string, services::Principal> named;
  for (const auto& [key, arn] : options.identities) named.emplace(key, services::principal_of_arn(arn));
  return named;
}

}  // namespace

struct Emulator::Parts {
  Options options;
  std::shared_ptr<aws::Clock> clock = aws::system_clock();
  DataDirectory data;
  store::Database database;
  store::Database log_database;
  store::Database metric_database;
  store::Records records;
  store::Objects objects;
  store::BucketSettings bucket_settings;
  store::Logs logs;
  store::Metrics stored_metrics;
  runner::Sandbox sandbox;
  images::Catalog catalog;
  runner::AddressPool addresses;
  services::LogWriter log_writer;
  services::Metrics metrics;
  services::Alarms alarms;
  services::Changes changes;
  services::Platform platform;
  services::Capacity capacity;
  services::TrainingExecutor training;
  services::JobExecutor transform;
  services::JobExecutor processing;
  services::JobExecutor tuning;  // after training: its jobs create training jobs
  services::hosting::Fleet fleet;
  services::autoscaling::Scaler scaler;
  services::runtime::Service runtime;
  services::s3::Service s3;
  services::TemporaryCredentials temporary_credentials;
  services::Callers callers;
  wire::Pipeline pipeline;
  http::Server server;
  int port = 0;

  explicit Parts(const Options& given)
      : options(given),
        data(options.data_directory),
        database(data.records_file(), record_schema(), options.durability),
        // A log line or a metric may be lost with the power; a record may not.
        log_database(data.logs_file(), store::Logs::schema(), store::Durability::process),
        metric_database(data.metrics_file(), store::Metrics::schema(), store::Durability::process),
        records(database),
        objects(database, data.objects(), options.durability),
        bucket_settings(database),
        logs(log_database),
        stored_metrics(metric_database),
        sandbox(options.sandbox),
        catalog({.programs = own_directory(),
                 .cache = cache_directory(data.path()),
                 .mapping_file = options.images_file,
                 .python = options.python,
                 .isolated = sandbox.isolated()}),
        log_writer(logs, clock),
        metrics(stored_metrics, clock),
        alarms(metrics, records, clock, {options.account, options.region, options.alarm_minute_s}),
        changes(options.limits.long_polls_max),
        platform{records,   objects,        log_writer, metrics,         changes,        catalog,     sandbox,
                 addresses, options.limits, clock,      options.account, options.region, data.work(), {}},
        capacity(options.capacity),
        training(platform, capacity, options.training),
        transform(platform, capacity, services::transform_jobs(platform, capacity)),
        processing(platform, capacity, services::processing_jobs(platform, capacity)),
        tuning(platform, capacity, services::tuning_jobs(platform, training)),
        fleet(platform, random_fraction),
        scaler({records, alarms, clock, options.account, options.region,
                services::autoscaling::sagemaker_dimensions(platform, fleet)}),
        runtime(platform, fleet),
        s3(objects, bucket_settings, clock, options.limits.s3),
        temporary_credentials(records, clock),
        callers(named_identities(options), temporary_credentials),
        pipeline(
            options, platform, runtime, s3, [this](const std::string& key) { return temporary_key(key); },
            {{"sagemaker", wire::checked(wire::Model::sagemaker,
                                         services::sagemaker_operations(
                                             platform, {training, transform, processing, tuning}, fleet))},
             {"monitoring", wire::checked(wire::Model::metrics, monitoring_operations())},
             {"application-autoscaling",
              wire::checked(wire::Model::autoscaling, services::autoscaling::autoscaling_operations(scaler))},
             {"logs", wire::checked(wire::Model::logs, services::logs_operations(logs, clock))},
             {"sts", wire::checked(wire::Model::sts,
                                   services::sts_operations(temporary_credentials, callers, records, clock))},
             {"iam", wire::checked(wire::Model::iam, services::iam_operations(iam()))}},
            local_operations()),
        server(
            options.limits.http, [this](http::Request& request) { return pipeline.handle(request); },
            make_tls(options, data.tls())) {
    options.data_directory = data.path();
    sandbox.hide(data.path());  // what is stored is a job's to see only where a channel shows it
    port = server.bind(options.host, options.port);
    // Containers share the host's network and find the emulator like any client, with credentials of its own.
    const std::string address = options.host == "0.0.0.0" ? "127.0.0.1"
                                : options.host == "::"    ? "[::1]"
                                                          : url_host(options.host);
    const auto& [key, secret] = *options.credentials.begin();
    platform.container_environment = {{"AWS_ENDPOINT_URL", "http://" + address + ":" + std::to_string(port)},
                                      {"AWS_ACCESS_KEY_ID", key},
                                      {"AWS_SECRET_ACCESS_KEY", secret}};
    records.observe([this](std::string_view kind, std::string_view name) {
      changes.notify(kind, name);
      runtime.record_changed(kind, name);
    });
    fleet.watch_alarms([this](const std::string& name) { return alarms.in_alarm(name); });
    for (const pid_t left : runner::end_leftovers(data.work()))
      spdlog::info("ended process {}, a sandbox that an emulator of this data directory has left", left);
    training.recover();
    transform.recover();
    processing.recover();
    tuning.recover();  // what its training jobs go on with, it finds under way
    fleet.recover();
    runtime.recover();
    scaler.start();
  }
  ~Parts() {  // both change records, which the rest hears of; the last requests may have begun something
    scaler.stop();
    fleet.shut_down();
  }

  OperationTable monitoring_operations() {
    OperationTable table = services::metrics_operations(metrics);
    services::add_alarm_operations(table, alarms);
    return table;
  }

  LocalOperations local_operations() {
    LocalOperations table;
    table["GET /_local/capacity"] = [this](const std::vector<std::string>&, const json&) {
      return json{{"Instances", capacity.total()}, {"InUse", capacity.in_use()}};
    };
    services::add_training_local_operations(table, platform, training);
    runtime.add_local_operations(table);
    services::add_hosting_local_operations(table, fleet);
    table["POST /_local/autoscaling/evaluate"] = [this](const std::vector<std::string>&, const json&) {
      scaler.evaluate();
      return json::object();
    };
    return table;
  }

  services::Iam iam() {
    return {records, clock, [this](const CallContext& context) { return callers.caller_of(context); },
            [this](const std::string& name) { return callers.user(name); }};
  }

  std::optional<wire::Authenticator::Key> temporary_key(const std::string& access_key) const {
    const auto found = temporary_credentials.find(access_key);
    if (!found) return std::nullopt;
    const aws::Credentials& credentials = found->credentials;
    return wire::Authenticator::Key{credentials.secret_access_key, found->principal.account(),
                                    credentials.session_token, credentials.expiration};
  }
};

Emulator::Emulator(const Options& options) : parts_(std::make_unique<Parts>(options)) {
  if (parts_->sandbox.isolated())
    spdlog::info("{}", parts_->sandbox.description());
  else
    spdlog::warn("{}", parts_->sandbox.description());
  if (const auto ca_file = parts_->options.ca_file(); !ca_file.empty())
    spdlog::info("HTTPS: clients trust {} (AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS)",
                 ca_file.string());
  if (!options.authenticate) spdlog::warn("--auth off: requests are accepted without a valid signature");
}

Emulator::~Emulator() = default;

std::string Emulator::url() const {
  const std::string scheme = parts_->options.tls.kind == TlsOptions::Kind::off ? "http://" : "https://";
  return scheme + url_host(parts_->options.host) + ":" + std::to_string(parts_->port);
}

void Emulator::serve() { parts_->server.serve(); }

void Emulator::stop() {
  parts_->scaler.stop();
  parts_->changes.close();  // answers that wait for news are given now
  parts_->server.stop();
  // Jobs and containers end while the last requests are answered: some of those wait for them.
  parts_->runtime.stop();
  parts_->tuning.interrupt();  // first: the ends of its training jobs are none of their own
  parts_->training.jobs().interrupt();
  parts_->transform.interrupt();
  parts_->processing.interrupt();
  parts_->fleet.shut_down();
}

}  // namespace sagemaker::local
