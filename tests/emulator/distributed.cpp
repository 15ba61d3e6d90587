// Jobs on several hosts that talk to each other, in their sandboxes: who fails is the job's reason and takes
// the others along, a stop reaches all of them at one step, two jobs do not meet, and samples/02_distributed
// tells its story on real MNIST.
#include <chrono>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/emulator/sample_run.hpp"
#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;
using Steady = std::chrono::steady_clock;

namespace {

struct Fixture {
  std::string sandbox = "auto";
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process", "--sandbox", sandbox}}};
  std::string log;
  sm::Session session{
      {.config = emulator.config(), .output = [this](std::string_view line) { log.append(line) += "\n"; }}};

  sm::Estimator job(int hosts, std::map<std::string, json> hyperparameters) {
    sm::EstimatorOptions options;
    options.image_uri = "file://" HOST_PROGRAM;
    options.role = sm::execution_role(session);
    options.instance_count = hosts;
    options.instance_type = "ml.m5.large";
    options.hyperparameters = std::move(hyperparameters);
    return {session, std::move(options)};
  }
  // The reason why the job failed, and that it did so in good time.
  std::string failure(int hosts, std::map<std::string, json> hyperparameters) {
    sm::Estimator estimator = job(hosts, std::move(hyperparameters));
    const auto start = Steady::now();
    try {
      estimator.fit();
    } catch (const sm::UnexpectedStatus& error) {
      CHECK(Steady::now() - start <
            std::chrono::seconds(40));  // hosts wait a minute for one that says nothing
      return error.reason();
    }
    return "no failure";
  }
  bool says(const std::string& text) const { return log.find(text) != std::string::npos; }

  void wait_for_line(const std::string& job, const std::string& text) {
    session.logs().follow({.group = "/aws/sagemaker/TrainingJobs", .stream_prefix = job + "/"},
                          {.until = [&](const sm::LogEvent& event) { return event.message == text; }},
                          [](const sm::LogEvent&) {});
  }
};

}  // namespace

TEST_CASE("a host that fails is the reason of the job, and the others end with it") {
  Fixture local;
  const std::string thrown = local.failure(2, {{"mode", "leave"}, {"how", "throw"}});
  CHECK(thrown.starts_with("AlgorithmError: "));
  CHECK(thrown.find("the data is sour") != std::string::npos);
  // One that cannot say anything itself is told by its exit code; the others name it in the log.
  for (const auto& [how, code] : {std::pair{"exit", "3"}, {"kill", "137"}}) {
    CAPTURE(how);
    local.log.clear();
    CHECK(local.failure(3, {{"mode", "leave"}, {"how", how}}) ==
          "AlgorithmError: , exit code: " + std::string(code));
    CHECK(local.says("has lost algo-3 in the average of gradients"));
  }
}

TEST_CASE("without a sandbox, where the hosts' names mean nothing") {
  Fixture local{"none"};
  CHECK(local.failure(3, {{"mode", "collectives"}}) == "no failure");
  CHECK(local.says("gathered=1,10,2,10,3,10"));
  CHECK(local.failure(3, {{"mode", "leave"}, {"how", "kill"}}) == "AlgorithmError: , exit code: 137");
  CHECK(local.says("has lost algo-3 in the average of gradients"));
}

TEST_CASE("a stop ends the loops of all hosts after the same step") {
  Fixture local;
  sm::Estimator estimator = local.job(2, {{"mode", "loop"}});
  sm::FitOptions wait_not;
  wait_not.wait = false;
  estimator.fit({}, wait_not);
  local.wait_for_line(estimator.latest_training_job(), "steps");
  estimator.stop();
  CHECK(estimator.wait().at("TrainingJobStatus") == "Stopped");
  CHECK(local.says("[algo-1] same number of steps: 1"));
  CHECK(local.says("[algo-2] same number of steps: 1"));
}

TEST_CASE("two jobs at once do not meet") {
  Fixture local;
  sm::Estimator first = local.job(2, {{"mode", "collectives"}});
  sm::Estimator second = local.job(2, {{"mode", "collectives"}});
  sm::FitOptions wait_not;
  wait_not.wait = false;
  wait_not.job_name = "first";
  first.fit({}, wait_not);
  wait_not.job_name = "second";
  second.fit({}, wait_not);
  CHECK(first.wait().at("TrainingJobStatus") == "Completed");
  CHECK(second.wait().at("TrainingJobStatus") == "Completed");
  CHECK(local.says("gathered=1,10,2,10"));
}

TEST_CASE("samples/02_distributed: one, two and four instances learn the same from MNIST") {
  if (!sagemaker::tests::data_file("mnist")) return sagemaker::tests::skip("MNIST is not here");
  const sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  const sagemaker::tests::SampleRun run =
      sagemaker::tests::run_sample(SAMPLE_PROGRAM " --images 2048 --epochs 1", &emulator);
  const std::string& text = run.text;
  CAPTURE(text);
  CHECK(run.status == 0);
  CHECK(text.find("rank 0 of 1 on algo-1: 2048 of 2048 images, 64 of 64 in a batch") != std::string::npos);
  CHECK(text.find("rank 1 of 2 on algo-2: 1024 of 2048 images, 32 of 64 in a batch") != std::string::npos);
  CHECK(text.find("rank 3 of 4 on algo-4: 512 of 2048 images, 16 of 64 in a batch") != std::string::npos);
  CHECK(text.find("the models are the same") != std::string::npos);
}
