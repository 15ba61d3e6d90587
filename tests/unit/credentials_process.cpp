// credential_process: how its command line is taken apart, what it may print, and programs that really run.
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::CredentialMachine;
using Words = std::vector<std::string>;

namespace {

CredentialMachine with_process(ProcessOutput output, const std::string& command = "get-keys") {
  CredentialMachine machine;
  machine.config("[default]\ncredential_process = " + command + "\n");
  machine.runner->result = std::move(output);
  return machine;
}

std::string error_for(ProcessOutput output) {
  const std::string start = "Error when retrieving credentials from custom-process: ";
  const std::string error = with_process(std::move(output)).error();
  CHECK(error.starts_with(start));
  return error.substr(std::min(start.size(), error.size()));
}

// A script on disk, run by the real runner.
std::string run_script(const std::string& script, const std::string& arguments = "") {
  const tests::TemporaryDirectory folder;
  const auto path = folder / "with space.sh";
  {
    std::ofstream file(path);
    file << "#!/bin/sh\n" << script;
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  CredentialMachine machine;
  machine.config("[default]\ncredential_process = \"" + path.string() + "\" " + arguments + "\n");
  ClientConfig config = machine.client();
  config.process_runner = nullptr;
  try {
    return resolve_config(config, tests::sagemaker_service).credentials->load()->access_key_id;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a command line is split as a shell splits it") {
  CHECK(split_command("a b  c") == Words{"a", "b", "c"});
  CHECK(split_command("  'a b' \"c d\"e\\ f ") == Words{"a b", "c de f"});
  CHECK(split_command("a '' \"\"") == Words{"a", "", ""});
  CHECK(split_command(R"("say \"hi\" \x \\" '\n')") == Words{R"(say "hi" \x \)", R"(\n)"});
  CHECK(split_command("$HOME `x` $(y) > z # c") == Words{"$HOME", "`x`", "$(y)", ">", "z", "#", "c"});
  CHECK(split_command("") == Words{});
  CHECK_FALSE(split_command("'open"));
  CHECK_FALSE(split_command("\"open"));
  CHECK_FALSE(split_command("end\\"));
}

TEST_CASE("a process gives credentials that last, or that expire and are asked for again") {
  CredentialMachine machine = with_process(
      {0, R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T"})", "a warning\n"},
      "get-keys --for 'my team'");
  const auto lasting = machine.provider();
  CHECK(lasting->load()->session_token == "T");
  machine.clock->sleep_for(std::chrono::hours(1000));
  CHECK(lasting->load()->access_key_id == "A");
  CHECK(machine.runner->commands == std::vector<Words>{{"get-keys", "--for", "my team"}});

  CredentialMachine expiring = with_process(
      {0, R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"2013-05-24T01:00:00+00:00"})",
       ""});
  const auto provider = expiring.provider();
  CHECK(provider->load()->access_key_id == "A");
  CHECK(provider->load()->session_token.empty());
  CHECK(expiring.runner->commands.size() == 1);
  expiring.clock->sleep_for(55min);
  expiring.runner->result.output =
      R"({"Version":1,"AccessKeyId":"B","SecretAccessKey":"S","Expiration":"2013-05-24T02:00:00Z"})";
  CHECK(provider->load()->access_key_id == "B");
}

TEST_CASE("what a process may do wrong") {
  CHECK(error_for({3, "", "no such team\n"}) == "no such team\n");
  CHECK(error_for({3, "ignored", ""}) == "the process exited with status 3");
  CHECK(error_for({0, "", ""}).starts_with("the process did not print a JSON document"));
  CHECK(error_for({0, "[1]", ""}) == "the process did not print a JSON object");
  CHECK(
      error_for({0, R"({"AccessKeyId":"A"})", ""}) ==
      "Unsupported version '<Version key not provided>' for credential process provider, supported versions: "
      "1");
  CHECK(error_for({0, R"({"Version":2})", ""}) ==
        "Unsupported version '2' for credential process provider, supported versions: 1");
  CHECK(error_for({0, R"({"Version":1,"SecretAccessKey":"S"})", ""}) ==
        "Missing required key in response: 'AccessKeyId'");
  CHECK(error_for({0, R"({"Version":1,"AccessKeyId":"A"})", ""}) ==
        "Missing required key in response: 'SecretAccessKey'");
  CHECK(error_for({0, R"({"Version":1,"AccessKeyId":5,"SecretAccessKey":"S"})", ""}) ==
        "The key 'AccessKeyId' in the response is no text");
  CHECK(error_for({0, R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"})", ""}) ==
        "The Expiration in the response is no ISO 8601 time: soon");
}

TEST_CASE("a secret in a damaged document is not repeated") {
  CHECK(error_for({0, R"({"Version":1,"SecretAccessKey":"wJalrXUtnFEMI)", ""}).find("wJalr") ==
        std::string::npos);
}

TEST_CASE("a command that cannot be used") {
  CHECK(with_process({}, "'open").error() ==
        "Error when retrieving credentials from custom-process: No closing quotation in credential_process: "
        "'open");
  CHECK(with_process({}, "''").runner->commands.empty());
}

TEST_CASE("a program really runs, without a shell between") {
  const std::string print = R"(echo "{\"Version\":1,\"AccessKeyId\":\"$1-$#\",\"SecretAccessKey\":\"s\"}")"
                            "\n";
  CHECK(run_script(print, "'$HOME;x'") == "$HOME;x-1");
  CHECK(run_script("echo noise >&2\n" + print, "a b") == "a-2");
  // More than a pipe holds, on both streams.
  CHECK(run_script("i=0; while [ $i -lt 3000 ]; do echo "
                   "'noise noise noise noise noise noise noise noise noise' >&2; i=$((i+1)); done\n" +
                       print,
                   "c") == "c-1");
  CHECK(run_script("echo 'cannot log in' >&2; exit 2\n") ==
        "Error when retrieving credentials from custom-process: cannot log in\n");
  CHECK(run_script("kill -9 $$\n") ==
        "Error when retrieving credentials from custom-process: the process exited with status 137");
}

TEST_CASE("a program that is not there is named") {
  CredentialMachine machine;
  machine.config("[default]\ncredential_process = /nonexistent/get-keys\n");
  ClientConfig config = machine.client();
  config.process_runner = nullptr;
  try {
    resolve_config(config, tests::sagemaker_service).credentials->load();
    FAIL("no error");
  } catch (const CredentialRetrievalError& error) {
    CHECK(std::string(error.what()) ==
          "Error when retrieving credentials from custom-process: /nonexistent/get-keys: No such file or "
          "directory");
  }
}
