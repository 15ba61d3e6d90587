#include "emulator/options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/iam/principal.hpp"

#ifndef SAGEMAKER_VERSION
#error "SAGEMAKER_VERSION comes from CMake"
#endif

namespace sagemaker::local {
namespace {

std::filesystem::path default_data_directory() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data)
    return std::filesystem::path(data) / "sagemaker-local";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::filesystem::path(home) / ".local" / "share" / "sagemaker-local";
  return {};
}

bool is_account(const std::string& id) {
  return id.size() == 12 && id.find_first_not_of("0123456789") == std::string::npos;
}

// The ARN that an entry of the credentials file gives its key; empty: none. Throws std::invalid_argument.
std::string arn_of_entry(const json& entry) {
  const std::string arn = entry.value("arn", ""), account = entry.value("account", "");
  if (!account.empty() && !is_account(account)) throw std::invalid_argument("an account is 12 digits");
  if (arn.empty()) return account.empty() ? arn : "arn:aws:iam::" + account + ":root";
  const services::Principal principal = services::principal_of_arn(arn);
  if (!account.empty() && principal.account() != account)
    throw std::invalid_argument("the account is not that of the ARN " + arn);
  return principal.arn;
}

// {"ACCESS_KEY": "secret", "ANOTHER": {"secret": ..., "account": ..., "arn": ...}, ...}; what is here already
// is replaced. The secrets never appear in a message.
void read_credentials(const std::string& path, Options& options) {
  constexpr const char* expected =
      "{\"ACCESS_KEY_ID\": \"secret access key\", \"ACCESS_KEY_ID\": {\"secret\": ..., \"arn\": ...}, ...}";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  json document;
  try {
    document = aws::parse_json(text);
  } catch (const aws::JsonError&) {
    throw std::runtime_error(path + " is not JSON; expected " + expected);
  }
  if (!document.is_object() || document.empty())
    throw std::runtime_error(path + " must hold a JSON object " + expected);
  for (const auto& [key, entry] : document.items()) {
    const json secret = entry.is_object() ? entry.value("secret", json()) : entry;
    if (!secret.is_string() || secret.get<std::string>().empty())
      throw std::runtime_error(path + ": the secret of " + key + " is not a string");
    options.credentials[key] = secret;
    if (!entry.is_object()) continue;
    try {
      if (std::string arn = arn_of_entry(entry); !arn.empty()) options.identities[key] = std::move(arn);
    } catch (const json::exception&) {
      throw std::runtime_error(path + ": the arn and the account of " + key + " must be texts");
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(path + ": " + key + ": " + error.what());
    }
  }
}

// "30", "30:2", "0.5:1:0.2".
void read_spot_interruptions(const std::string& text, services::TrainingSettings::Spot& spot) {
  double after_s = 0, away_s = 1;
  int end = 0;
  const char* const begin = text.c_str();
  const int read = std::sscanf(begin, "%lf%n:%9d%n:%lf%n", &after_s, &end, &spot.times, &end, &away_s, &end);
  if (read < 1 || begin[end] != '\0' || !(after_s >= 0.001 && after_s < 1e6) || spot.times < 1 ||
      !(away_s >= 0 && away_s < 1e6))
    throw std::runtime_error("--spot-interruptions: \"" + text + "\" is not SECONDS[:TIMES[:SECONDS]]");
  const auto milliseconds = [](double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000.0));
  };
  spot.after = milliseconds(after_s);
  spot.away = milliseconds(away_s);
}

}  // namespace

LongPollOptions LongPollOptions::parse(const std::string& text) {
  constexpr int seconds_max = 55;
  LongPollOptions options;
  const auto colon = text.find(':');
  const std::string who = text.substr(0, colon);
  if (who == "off" && colon == std::string::npos) {
    options.who = Who::nobody;
    return options;
  }
  if (who != "auto" && who != "all") throw std::invalid_argument("expected auto, off, all or all:SECONDS");
  options.who = who == "all" ? Who::everybody : Who::sdk;
  if (colon == std::string::npos) return options;
  int seconds = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 1 || seconds > seconds_max)
    throw std::invalid_argument("the seconds must be a number from 1 to " + std::to_string(seconds_max));
  options.longest = std::chrono::seconds(seconds);
  return options;
}

Options parse_options(int argc, char** argv) {
  Options options;
  options.data_directory = default_data_directory();
  std::string auth = "on", sandbox = "auto", durability = "full", credentials_file;
  CLI::App app{
      "sagemaker-local: Amazon SageMaker on this machine. It speaks the AWS protocols and really runs jobs "
      "and endpoints."};
  app.set_version_flag("--version", std::string("sagemaker-local ") + SAGEMAKER_VERSION);
  CLI::App* serve = app.add_subcommand("serve", "Serve until SIGTERM or SIGINT (the default)");
  app.require_subcommand(0, 1);
  serve->fallthrough();
  app.add_option("--host", options.host, "Address to listen on")->capture_default_str();
  app.add_option("--port", options.port, "Port to listen on; 0 picks a free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  app.add_option("--data-dir", options.data_directory,
                 "Where everything is kept; restarting on it finds it again")
      ->capture_default_str();
  app.add_option("--region", options.region, "The region that this emulator is")->capture_default_str();
  app.add_option("--account", options.account, "The account that everything belongs to")
      ->capture_default_str()
      ->check([](const std::string& id) {
        return is_account(id) ? std::string() : std::string("an account is 12 digits");
      });
  app.add_option("--auth", auth, "Verify signatures (on) or accept every request (off)")
      ->capture_default_str()
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option(
      "--credentials", credentials_file,
      "JSON file of further identities, beside test/test: {\"ACCESS_KEY_ID\": \"secret\"}, or for one "
      "with a name {\"ACCESS_KEY_ID\": {\"secret\": ..., \"arn\": \"arn:aws:iam::...:user/NAME\"}}");
  app.add_option("--images", options.images_file, "JSON file that maps image names to commands")
      ->check(CLI::ExistingFile);
  app.add_option(
         "--python", options.python,
         "The interpreter of Python scripts, as of a virtual environment with torch; python3 on the PATH "
         "where it is not given")
      ->check([](const std::string& file) {
        return ::access(file.c_str(), X_OK) == 0 && !std::filesystem::is_directory(file)
                   ? std::string()
                   : file + " is not an executable file";
      });
  app.add_option("--sandbox", sandbox, "How jobs are separated: auto, bubblewrap or none")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "bubblewrap", "none"}));
  app.add_option("--durability", durability, "full: survives power loss; process: survives kill -9, faster")
      ->capture_default_str()
      ->check(CLI::IsMember({"full", "process"}));
  // Twice as many as processors, but enough for the examples on a small machine.
  options.capacity = std::max(8, 2 * static_cast<int>(std::thread::hardware_concurrency()));
  app.add_option("--capacity", options.capacity,
                 "Instances of jobs that run at once; further jobs are Pending")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  auto& invocation_timeout = options.limits.runner.invocation_timeout;
  std::int64_t timeout_s = invocation_timeout.count();
  app.add_option("--invocation-timeout", timeout_s, "Seconds within which a container answers an invocation")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  std::uint64_t payload_mb = options.limits.wire.invocation_bytes_max >> 20;
  app.add_option("--invocation-payload", payload_mb,
                 "MB that the request and the answer of an invocation may have")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  std::string spot;
  app.add_option(
      "--spot-interruptions", spot,
      "Take the instances of managed spot jobs away: SECONDS of training[:TIMES[:SECONDS until there "
      "are instances again]]");
  app.add_option("--autoscaling-period", options.alarm_minute_s,
                 "Seconds that stand for a minute in alarms and scaling policies, for those who do not wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 60));
  double serverless_idle_s = std::chrono::duration<double>(options.limits.serverless.idle).count();
  app.add_option("--serverless-idle", serverless_idle_s,
                 "Seconds after which an idle environment of a serverless endpoint ends")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1e6));
  bool tls = false;
  app.add_flag(
      "--tls", tls,
      "Speak HTTPS too, on the same port, with certificates of its own; clients trust DATA-DIR/tls/ca.pem");
  CLI::Option* certificate =
      app.add_option("--tls-cert", options.tls.certificate_file,
                     "Speak HTTPS with this certificate (PEM, with those between it and its root)")
          ->check(CLI::ExistingFile);
  certificate->needs(
      app.add_option("--tls-key", options.tls.key_file, "The private key of --tls-cert (PEM, no passphrase)")
          ->check(CLI::ExistingFile)
          ->needs(certificate));
  app.add_option(
         "--long-poll",
         "Whose Describe requests wait until a job or an endpoint is done: auto (those of the SageMaker "
         "Python SDK), off, all; auto:SECONDS and all:SECONDS say for how long at most (50)")
      ->default_str("auto")
      ->each([&](const std::string& text) {
        try {
          options.long_poll = LongPollOptions::parse(text);
        } catch (const std::invalid_argument& error) {
          throw CLI::ValidationError("--long-poll", error.what());
        }
      });
  app.add_option("--log-level", options.log_level, "debug shows every request")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  try {
    app.parse(argc, argv);
    if (!spot.empty()) read_spot_interruptions(spot, options.training.spot);
    if (!credentials_file.empty()) read_credentials(credentials_file, options);
    if (options.data_directory.empty())
      throw std::runtime_error("HOME is not set: name a folder with --data-dir");
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "sagemaker-local: %s\n", error.what());
    std::exit(2);
  }
  invocation_timeout = std::chrono::seconds(timeout_s);
  options.limits.wire.invocation_bytes_max = payload_mb << 20;
  if (!options.python.empty()) options.python = std::filesystem::absolute(options.python);
  options.authenticate = auth == "on";
  if (options.alarm_minute_s < 60) options.limits.invocation_metrics_s = 1;
  options.limits.serverless.idle =
      std::chrono::milliseconds(static_cast<std::int64_t>(serverless_idle_s * 1000.0));
  options.tls.kind = !options.tls.certificate_file.empty() ? TlsOptions::Kind::given
                     : tls                                 ? TlsOptions::Kind::self_made
                                                           : TlsOptions::Kind::off;
  options.sandbox = sandbox == "auto"         ? runner::Sandbox::Mode::detect
                    : sandbox == "bubblewrap" ? runner::Sandbox::Mode::bubblewrap
                                              : runner::Sandbox::Mode::none;
  options.durability = durability == "full" ? store::Durability::full : store::Durability::process;
  return options;
}

}  // namespace sagemaker::local
