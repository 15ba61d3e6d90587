#include "emulator/options.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include <sagemaker/aws/json.hpp>

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

// {"ACCESS_KEY": "secret", ...}; the secrets never appear in a message.
std::map<std::string, std::string> read_credentials(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  json document;
  try {
    document = aws::parse_json(text);
  } catch (const aws::JsonError&) {
    throw std::runtime_error(path + " is not JSON; expected {\"ACCESS_KEY_ID\": \"secret access key\", ...}");
  }
  std::map<std::string, std::string> credentials;
  if (!document.is_object() || document.empty())
    throw std::runtime_error(path +
                             " must hold a JSON object {\"ACCESS_KEY_ID\": \"secret access key\", ...}");
  for (const auto& [key, secret] : document.items()) {
    if (!secret.is_string() || secret.get<std::string>().empty())
      throw std::runtime_error(path + ": the secret of " + key + " is not a string");
    credentials[key] = secret;
  }
  return credentials;
}

}  // namespace

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
        return id.size() == 12 && id.find_first_not_of("0123456789") == std::string::npos
                   ? std::string()
                   : std::string("an account is 12 digits");
      });
  app.add_option("--auth", auth, "Verify signatures (on) or accept every request (off)")
      ->capture_default_str()
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--credentials", credentials_file,
                 "JSON file {\"ACCESS_KEY_ID\": \"secret\"} of further identities, beside test/test");
  app.add_option("--images", options.images_file, "JSON file that maps image names to commands")
      ->check(CLI::ExistingFile);
  app.add_option("--sandbox", sandbox, "How jobs are separated: auto, bubblewrap or none")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "bubblewrap", "none"}));
  app.add_option("--durability", durability, "full: survives power loss; process: survives kill -9, faster")
      ->capture_default_str()
      ->check(CLI::IsMember({"full", "process"}));
  app.add_option("--log-level", options.log_level, "debug shows every request")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  try {
    app.parse(argc, argv);
    if (!credentials_file.empty()) options.credentials.merge(read_credentials(credentials_file));
    if (options.data_directory.empty())
      throw std::runtime_error("HOME is not set: name a folder with --data-dir");
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "sagemaker-local: %s\n", error.what());
    std::exit(2);
  }
  options.authenticate = auth == "on";
  options.sandbox = sandbox == "auto"         ? runner::Sandbox::Mode::detect
                    : sandbox == "bubblewrap" ? runner::Sandbox::Mode::bubblewrap
                                              : runner::Sandbox::Mode::none;
  options.durability = durability == "full" ? store::Durability::full : store::Durability::process;
  return options;
}

}  // namespace sagemaker::local
