// Our own clients over HTTPS against a sagemaker-local that made its certificates itself.
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/sagemaker.hpp>
#include <sagemaker/clients/sts.hpp>
#include <sagemaker/local.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

sm::LocalEmulatorOptions over_tls() { return {.arguments = {"--durability", "process"}, .tls = true}; }

}  // namespace

TEST_CASE("a session over HTTPS does what one over HTTP does, also after a restart and a crash") {
  sm::LocalEmulator emulator(over_tls());
  CHECK(emulator.endpoint_url().starts_with("https://127.0.0.1:"));
  const sm::Session session = emulator.session();
  CHECK(session.is_local());
  const std::string text(300'000, 't');
  session.s3().create_bucket("over-https");
  session.upload_string(text, "s3://over-https/folder/object");
  const auto read = [&session] {
    return session.s3().get_object({.bucket = "over-https", .key = "folder/object"}).body;
  };
  CHECK(read() == text);
  CHECK(session.sagemaker().call("ListTrainingJobs", json::object()).at("TrainingJobSummaries").empty());
  emulator.restart();
  CHECK(read() == text);
  emulator.kill();
  emulator.restart();
  CHECK(read() == text);
}

TEST_CASE("a client that does not know the authority is refused by its own check, with a hint") {
  sm::LocalEmulator emulator(over_tls());
  sm::ClientConfig config = emulator.config();
  config.ca_bundle.clear();
  config.max_attempts = 1;
  try {
    sm::StsClient(config).get_caller_identity();
    FAIL("it was trusted");
  } catch (const sm::Error& error) {
    CHECK(std::string(error.what()).find("certificate") != std::string::npos);
  }
}

TEST_CASE("the keys are for their owner only") {
  sm::LocalEmulator emulator(over_tls());
  for (const char* name : {"ca.key", "server.key"}) {
    struct stat status {};
    REQUIRE(::stat((emulator.data_dir() / "tls" / name).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
}

TEST_CASE("options of TLS that do not fit are refused before anything is served") {
  const auto start = [](std::vector<std::string> arguments) -> std::string {
    try {
      sm::LocalEmulator emulator({.arguments = std::move(arguments)});
    } catch (const sm::Error& error) {
      return error.what();
    }
    return "";
  };
  sm::tests::TemporaryDirectory folder;
  std::ofstream(folder / "junk.pem") << "junk";
  const std::string junk = folder / "junk.pem";
  CHECK(start({"--tls-cert", junk}).find("--tls-key") != std::string::npos);
  CHECK(start({"--tls-key", junk}).find("--tls-cert") != std::string::npos);
  CHECK(start({"--tls-cert", junk, "--tls-key", junk}).find("holds no certificate") != std::string::npos);
  CHECK(start({"--tls-cert", "/nowhere.pem", "--tls-key", junk}).find("/nowhere.pem") != std::string::npos);
}
