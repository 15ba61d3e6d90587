// C++ script mode end to end: the Estimator packs a script, the image compiles and runs it, the endpoint
// serves it; and every way in which a script can go wrong has the state and the reason that AWS would give.
// Real processes, real libtorch.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

std::string program(const char* name) {
  return std::string(std::getenv("SAGEMAKER_SOURCE_DIR")) + "/tests/emulator/programs/" + name;
}

struct Fixture {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  std::string log;
  sm::Session session{
      {.config = emulator.config(), .output = [this](std::string_view line) { log.append(line) += "\n"; }}};

  sm::EstimatorOptions options(const std::string& entry_point,
                               std::map<std::string, json> hyperparameters = {}) {
    sm::EstimatorOptions options;
    options.entry_point = entry_point;
    options.role = sm::execution_role(session);
    options.instance_count = 1;
    options.instance_type = "ml.c5.xlarge";
    options.hyperparameters = std::move(hyperparameters);
    return options;
  }
  // The text of UnexpectedStatus.
  std::string failure(sm::EstimatorOptions options) {
    sm::Estimator estimator{session, std::move(options)};
    try {
      estimator.fit();
    } catch (const sm::UnexpectedStatus& error) {
      return error.reason();
    }
    return "no failure";
  }
};

}  // namespace

TEST_CASE("a script is trained, deployed, asked and deleted") {
  Fixture local;
  sm::Estimator estimator{local.session, local.options(program("behaves.cpp"), {{"weight", 3.0}})};
  estimator.fit();
  CHECK(local.log.find("behaviour=train rank=0 of 1") != std::string::npos);
  CHECK(estimator.model_data().ends_with("/output/model.tar.gz"));
  auto predictor = estimator.deploy({.initial_instance_count = 1, .instance_type = "ml.m5.large"});
  CHECK(predictor.predict(json{{"instances", {{1.0, 2.0}, {0.5, 0.5}}}}) == json({{9.0}, {3.0}}));
  try {
    predictor.predict(json{{"instances", {{1.0}}}});
    FAIL("accepted");
  } catch (const sm::ServiceError& error) {
    CHECK(error.code() == "ModelError");
    CHECK(error.http_status() == 424);
    CHECK(error.message().find("expected rows of two numbers") != std::string::npos);
  }
  predictor.delete_model();
  predictor.delete_endpoint();
}

TEST_CASE("a script on two hosts sees both, and each has its own log stream") {
  Fixture local;
  sm::EstimatorOptions options = local.options(program("behaves.cpp"));
  options.instance_count = 2;
  sm::Estimator estimator{local.session, std::move(options)};
  estimator.fit();
  CHECK(local.log.find("behaviour=train rank=0 of 2") != std::string::npos);
  CHECK(local.log.find("behaviour=train rank=1 of 2") != std::string::npos);
}

TEST_CASE("a script that fails has the reason in the job") {
  Fixture local;
  const std::string thrown = local.failure(local.options(program("behaves.cpp"), {{"behaviour", "throw"}}));
  CHECK(thrown.starts_with("AlgorithmError: "));
  CHECK(thrown.find("the data is sour") != std::string::npos);
  CHECK(local.failure(local.options(program("behaves.cpp"), {{"behaviour", "exit"}})) ==
        "AlgorithmError: , exit code: 3");
  CHECK(local.failure(local.options(program("behaves.cpp"), {{"behaviour", "kill"}})) ==
        "AlgorithmError: , exit code: 137");
}

TEST_CASE("a stopped script can still save its model") {
  Fixture local;
  sm::Estimator estimator{local.session, local.options(program("behaves.cpp"), {{"behaviour", "wait"}})};
  sm::FitOptions wait_not;
  wait_not.wait = false;
  estimator.fit({}, wait_not);
  const std::string name = estimator.latest_training_job();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto describe = [&] {
    return local.session.sagemaker().describe_training_job({{"TrainingJobName", name}});
  };
  while (describe().at("SecondaryStatus") != "Training") {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::this_thread::sleep_for(
      std::chrono::seconds(1));  // the program has to be up, or SIGTERM ends it before it can react
  local.session.sagemaker().stop_training_job({{"TrainingJobName", name}});
  while (describe().at("TrainingJobStatus") != "Stopped") {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(describe()
            .at("ModelArtifacts")
            .at("S3ModelArtifacts")
            .get<std::string>()
            .ends_with("/output/model.tar.gz"));
}

TEST_CASE("a script that does not compile fails with the compiler's first error") {
  Fixture local;
  sagemaker::tests::TemporaryDirectory folder;
  std::ofstream(folder / "broken.cpp") << "int main() { return undeclared_thing; }\n";
  const std::string reason = local.failure(local.options((folder / "broken.cpp").string()));
  CHECK(reason.starts_with("AlgorithmError: "));
  CHECK(reason.find("broken.cpp:1") != std::string::npos);
  CHECK(reason.find("undeclared_thing") != std::string::npos);
  CHECK(local.log.find("undeclared_thing") != std::string::npos);  // the whole output is in the job's log
}

TEST_CASE("a wrong entry point is refused before anything is sent") {
  Fixture local;
  CHECK_THROWS_WITH_AS(sm::Estimator(local.session, local.options("/nowhere/mnist.cpp")).fit(),
                       doctest::Contains("/nowhere/mnist.cpp"), sm::Error);
}

TEST_CASE("a model that fails to load fails the endpoint, and the log says why") {
  Fixture local;
  sm::EstimatorOptions options = local.options(program("behaves.cpp"));
  options.environment = {{"REFUSE_TO_LOAD", "1"}};
  sm::Estimator estimator{local.session, std::move(options)};
  estimator.fit();
  try {
    estimator.deploy(
        {.initial_instance_count = 1, .instance_type = "ml.m5.large", .endpoint_name = "refuses"});
    FAIL("deployed");
  } catch (const sm::UnexpectedStatus& error) {
    CHECK(error.reason() ==
          "The primary container for production variant AllTraffic did not pass the ping health check. "
          "Please check "
          "CloudWatch logs for this endpoint.");
  }
  std::string messages;
  const json found =
      local.session.logs().call("FilterLogEvents", {{"logGroupName", "/aws/sagemaker/Endpoints/refuses"}});
  for (const json& event : found.at("events")) messages += event.at("message").get<std::string>() + "\n";
  CHECK(messages.find("this model refuses to be loaded") != std::string::npos);
}
