// What a training program does with every way in which it can end, as real processes under a folder of their
// own.
#include <doctest/doctest.h>
#include <signal.h>

#include <sagemaker/aws/json.hpp>

#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

struct Job {
  TemporaryDirectory base;
  Process::Variables variables;

  explicit Job(json hyperparameters = json::object()) {
    write_text(base / "input/config/hyperparameters.json", hyperparameters.dump());
    variables = {{"SAGEMAKER_BASE_DIR", base.path().string()}, {"OMP_NUM_THREADS", "1"}};
  }
  Process start(const std::string& command = "train") {
    return Process({CONTRACT_PROGRAM, command}, variables, base / "log");
  }
  int run(const std::string& command = "train") { return start(command).wait(); }
  std::string failure() const { return read_text(base / "output/failure"); }
  std::string log() const { return read_text(base / "log"); }
  bool has(const char* file) const { return std::filesystem::exists(base / file); }
};

}  // namespace

TEST_CASE("training that succeeds leaves a model, a success file and exit code 0") {
  Job job;
  CHECK(job.run() == 0);
  CHECK(job.has("model/model.pt"));
  CHECK(job.has("output/success"));
  CHECK(job.has("output/data"));
  CHECK_FALSE(job.has("output/failure"));
  CHECK(job.log() == "training: succeed\n");
}

TEST_CASE("an exception is the job's failure, in the form of the training toolkit") {
  Job job(json{{"behaviour", "\"throw\""}});
  CHECK(job.run() == 1);
  CHECK(job.failure() ==
        "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"std::runtime_error: the data is \"sour\"\"\n"
        "Command \"" CONTRACT_PROGRAM " train\"\n");
  CHECK(job.log().find("the data is \"sour\"") != std::string::npos);
  CHECK_FALSE(job.has("output/success"));
}

TEST_CASE("an error of libtorch is reported without its stack trace") {
  Job job(json{{"behaviour", "throw in torch"}});
  CHECK(job.run() == 1);
  CHECK(job.failure().find("2x3") != std::string::npos);
  CHECK(job.failure().find("frame #") == std::string::npos);
}

TEST_CASE("a failure file that the program wrote itself stays") {
  Job job(json{{"behaviour", "throw"}});
  write_text(job.base / "output/failure", "my own words");
  CHECK(job.run() == 1);
  CHECK(job.failure() == "my own words");
}

TEST_CASE("an exception in another thread still becomes the failure") {
  Job job(json{{"behaviour", "throw in a thread"}});
  CHECK(job.run() == 128 + SIGABRT);
  CHECK(job.failure().find("std::logic_error: lost in a thread") != std::string::npos);
}

TEST_CASE("exit codes and signals of the program are its own, without a failure file") {
  Job exits(json{{"behaviour", "exit"}});
  CHECK(exits.run() == 3);
  CHECK_FALSE(exits.has("output/failure"));
  Job killed(json{{"behaviour", "kill"}});
  CHECK(killed.run() == 128 + SIGKILL);
  CHECK_FALSE(killed.has("output/failure"));
}

TEST_CASE("a configuration file that cannot be read is the failure") {
  Job job;
  write_text(job.base / "input/config/hyperparameters.json", "{\"epochs\": ");
  CHECK(job.run() == 1);
  CHECK(job.failure().find("hyperparameters.json cannot be read") != std::string::npos);
}

TEST_CASE("a program that asks for the stop saves what it has") {
  Job job(json{{"behaviour", "ask"}, {"factor", "4"}});
  Process process = job.start();
  REQUIRE(process.wait_for("training: ask"));
  process.signal(SIGTERM);
  CHECK(process.wait() == 0);
  CHECK(job.has("model/model.pt"));
}

TEST_CASE("a program that ignores the stop ends by itself before the platform kills it") {
  Job job(json{{"behaviour", "ignore"}});
  job.variables["SAGEMAKER_TRAINING_STOP_GRACE"] = "1";
  Process process = job.start();
  REQUIRE(process.wait_for("training: ignore"));
  process.signal(SIGTERM);
  CHECK(process.wait() == 128 + SIGTERM);
}

TEST_CASE("the variables of the training toolkit are there for code that reads them") {
  Job job(json{{"behaviour", "variables"}, {"factor", "\"2.5\""}});
  std::filesystem::create_directories(job.base / "input/data/training");
  write_text(job.base / "input/config/resourceconfig.json",
             R"({"current_host":"algo-2","hosts":["algo-1","algo-2"]})");
  CHECK(job.run() == 0);
  CHECK(job.log() == "training: variables\nSM_MODEL_DIR=" + (job.base / "model").string() +
                         "\nSM_CHANNEL_TRAINING=" + (job.base / "input/data/training").string() +
                         "\nSM_HP_FACTOR=2.5\nSM_CURRENT_HOST=algo-2\n");
}

TEST_CASE("hooks that do not fit together are refused before any training") {
  Job job;
  job.variables["HOOKS"] = "mismatch";
  CHECK(job.run() == 1);
  CHECK(job.failure().find("save must take what train returns") != std::string::npos);
  CHECK(job.log().find("training:") == std::string::npos);
  Job none;
  none.variables["HOOKS"] = "none";
  CHECK(none.run() == 1);
  CHECK(none.failure().find("has no train hook") != std::string::npos);
}

TEST_CASE("any other command than train and serve shows the usage") {
  Job job;
  CHECK(job.run("bash") == 2);
  CHECK(job.log().find("train | serve") != std::string::npos);
}
