// The Estimator against a real sagemaker-local, with shell scripts for images: what it follows, finds again,
// stops and changes, and what it tells about a job whose host is taken away.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/raw_socket.hpp"
#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

struct Fixture {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  sagemaker::tests::TemporaryDirectory folder;
  std::vector<std::string> lines;                   // what a user would see
  std::function<void(const std::string&)> on_line;  // called with each of them
  sm::Session session{{.config = emulator.config(), .output = [this](std::string_view line) {
                         lines.emplace_back(line);
                         if (on_line) on_line(lines.back());
                       }}};

  sm::EstimatorOptions options(const std::string& script) const {
    static int count = 0;
    const auto path = folder / ("program-" + std::to_string(++count));
    std::ofstream(path) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    sm::EstimatorOptions options;
    options.image_uri = "file://" + path.string();
    options.role = "SageMakerRole";
    options.instance_type = "ml.m5.large";
    options.base_job_name = "job";
    return options;
  }
  bool said(const std::string& text) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  int post(const std::string& path) const {
    const std::string& url = emulator.endpoint_url();
    sagemaker::tests::RawSocket client(std::stoi(url.substr(url.rfind(':') + 1)));
    return client.exchange("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        .status;
  }
};

// Runs until it is stopped, or until somebody puts an object into its checkpoints.
const char* const waits = "trap 'exit 0' TERM\necho running\nwhile :; do sleep 0.05; done\n";

}  // namespace

TEST_CASE("fit shows each host's log under its name, the states, and the seconds that are billed") {
  Fixture local;
  sm::EstimatorOptions options =
      local.options("echo \"here is $(hostname)\"; echo done > /opt/ml/model/result\n");
  options.instance_count = 2;
  options.disable_output_compression = true;
  sm::Estimator estimator(local.session, options);
  estimator.fit();
  CHECK(local.said("[algo-1] here is algo-1"));
  CHECK(local.said("[algo-2] here is algo-2"));
  CHECK(local.said(" Starting - "));
  CHECK(local.said(" Completed - Training job completed"));
  CHECK(local.said("Billable seconds: "));
  CHECK(estimator.model_data().ends_with("/output/model/"));
  const sm::Model model = estimator.create_model();
  CHECK(model.options().model_data == estimator.model_data());
}

TEST_CASE("attach finds jobs that ended, failed or still run; stop ends the latter, which is no failure") {
  Fixture local;
  sm::EstimatorOptions options = local.options("echo one; exit 0\n");
  options.hyperparameters = {{"epochs", 5}};
  sm::Estimator(local.session, options).fit({}, {.logs = false, .job_name = "ended"});
  CHECK(!local.said("one"));
  const sm::Estimator ended = sm::Estimator::attach(local.session, "ended");
  CHECK(local.said("one"));
  CHECK(ended.options().hyperparameters == std::map<std::string, json>{{"epochs", "5"}});
  CHECK(ended.model_data().ends_with("/ended/output/model.tar.gz"));

  const auto fails = local.options("echo 'out of tea' > /opt/ml/output/failure; exit 3\n");
  sm::Estimator failing(local.session, fails);
  std::string reason;
  try {
    failing.fit({}, {.job_name = "failed"});
  } catch (const sm::UnexpectedStatus& error) {
    reason = error.reason();
  }
  CHECK(reason.find("out of tea") != std::string::npos);
  CHECK_THROWS_AS(sm::Estimator::attach(local.session, "failed"), sm::UnexpectedStatus);
  CHECK(sm::Estimator::attach(local.session, "failed", {.wait = false}).describe()["FailureReason"] ==
        reason);

  sm::Estimator(local.session, local.options(waits)).fit({}, {.wait = false, .job_name = "running"});
  const sm::Estimator running = sm::Estimator::attach(local.session, "running", {.wait = false});
  local.on_line = [&](const std::string& line) {
    if (line == "running") running.stop();
  };
  running.wait();
  CHECK(local.said("Job ended with status 'Stopped' rather than 'Completed'"));
  CHECK(running.describe()["TrainingJobStatus"] == "Stopped");
  running.stop();  // once more is no error
}

TEST_CASE("a spot job whose host is taken away goes on in a new log stream, and all of it is shown") {
  Fixture local;
  sm::EstimatorOptions options = local.options(
      "if [ -e /opt/ml/checkpoints/seen ]; then echo second attempt; exit 0; fi\n"
      "trap 'exit 0' TERM\ntouch /opt/ml/checkpoints/seen\necho first attempt\nwhile :; do sleep 0.05; "
      "done\n");
  options.use_spot_instances = true;
  options.max_run = 60;
  options.max_wait = 120;
  options.checkpoint_s3_uri = (local.session.default_location() / "checkpoints").text();
  sm::Estimator estimator(local.session, options);
  local.on_line = [&](const std::string& line) {
    if (line == "first attempt")
      CHECK(local.post("/_local/training-jobs/" + estimator.latest_training_job() + "/interrupt") == 200);
  };
  estimator.fit();
  CHECK(std::count(local.lines.begin(), local.lines.end(), "first attempt") == 1);
  CHECK(std::count(local.lines.begin(), local.lines.end(), "second attempt") == 1);
  CHECK(local.said(" Interrupted - "));
  CHECK(local.said("Managed Spot Training savings: "));
}

TEST_CASE("a warm pool is seen and kept for longer") {
  Fixture local;
  sm::EstimatorOptions options = local.options("exit 0\n");
  options.keep_alive_period_in_seconds = 300;
  sm::Estimator estimator(local.session, options);
  estimator.fit();
  const auto pool = estimator.warm_pool_status();
  REQUIRE(pool);
  CHECK(pool->status == "Available");
  estimator.update({.keep_alive_period_in_seconds = 600});
  CHECK(estimator.describe()["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600);
}

TEST_CASE("the metrics of a job are read back over time") {
  Fixture local;
  sm::Estimator estimator(local.session, local.options("exit 0\n"));
  estimator.fit();
  const double start = estimator.describe()["TrainingStartTime"].get<double>();
  const json dimensions =
      json::array({{{"Name", "TrainingJobName"}, {"Value", estimator.latest_training_job()}}});
  json data = json::array();
  for (int minute = 0; minute < 3; ++minute) {
    data.push_back({{"MetricName", "score"},
                    {"Dimensions", dimensions},
                    {"Timestamp", start + 60 * minute},
                    {"Value", 0.5 * minute}});
  }
  local.session.metrics().put_metric_data(
      {{"Namespace", "/aws/sagemaker/TrainingJobs"}, {"MetricData", data}});
  sm::TrainingJobAnalytics analytics(
      local.session, estimator.latest_training_job(),
      {.metric_names = {"score"}, .end_time = sm::aws::from_epoch_seconds(start + 240)});
  CHECK(analytics.csv() ==
        ",timestamp,metric_name,value\n0,0.0,score,0.0\n1,60.0,score,0.5\n2,120.0,score,1.0\n");
}

TEST_CASE("a file system is refused by the emulator, in words that name what is missing") {
  Fixture local;
  sm::Estimator estimator(local.session, local.options("exit 0\n"));
  try {
    estimator.fit({{"data", sm::FileSystemInput{"fs-0123456789abcdef0", "EFS", "/data"}}});
    FAIL("accepted");
  } catch (const sm::ServiceError& error) {
    CHECK(error.code() == "ValidationException");
    CHECK(error.message().find("FileSystemDataSource") != std::string::npos);
    CHECK(error.message().find("not implemented by sagemaker-local") != std::string::npos);
  }
}

TEST_CASE("a cluster of groups is trained on, described and found again") {
  Fixture local;
  sm::EstimatorOptions options = local.options("echo here is $(hostname)\n");
  options.instance_type = "";
  options.instance_groups = {{"workers", "ml.c5.xlarge", 2}, {"readers", "ml.m5.large"}};
  sm::Estimator estimator(local.session, options);
  estimator.fit();
  for (const char* host : {"algo-1", "algo-2", "algo-3"})
    CHECK(local.said("[" + std::string(host) + "] here is " + host));
  const auto found = sm::Estimator::attach(local.session, estimator.latest_training_job(), {.wait = false});
  REQUIRE(found.options().instance_groups.size() == 2);
  CHECK(found.options().instance_groups[0].instance_group_name == "workers");
  CHECK(found.options().instance_groups[0].instance_count == 2);
  CHECK(found.options().instance_type.empty());
}

TEST_CASE(
    "PyTorch runs a Python script with its dependencies, also from the channel of a job without a network") {
  if (std::system("python3 -c pass >/dev/null 2>&1") != 0)
    return sagemaker::tests::skip("there is no python3");
  Fixture local;
  std::filesystem::create_directories(local.folder / "helpers");
  std::ofstream(local.folder / "helpers/__init__.py") << "word = 'helped'\n";
  std::ofstream(local.folder / "train.py") << "import os, sys, helpers\n"
                                              "print(helpers.word, sys.argv[1:], os.environ['SM_HP_NAME'])\n"
                                              "open(os.environ['SM_MODEL_DIR'] + '/model.pt', 'w').close()\n";
  sm::EstimatorOptions options = local.options("");
  options.image_uri = "";
  options.entry_point = (local.folder / "train.py").string();
  options.dependencies = {(local.folder / "helpers").string()};
  options.framework_version = "2.4";
  options.py_version = "py311";
  options.hyperparameters = {{"name", "text"}};
  for (const bool isolated : {false, true}) {
    local.lines.clear();
    options.enable_network_isolation = isolated;
    sm::PyTorch estimator(local.session, options);
    estimator.fit();
    CHECK(local.said("helped ['--name', 'text'] text"));
    CHECK(estimator.describe()["AlgorithmSpecification"]["TrainingImage"] ==
          "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.4-cpu-py311");
    CHECK(estimator.model_data().ends_with("/output/model.tar.gz"));
    sm::Estimator again = sm::Estimator::attach(local.session, estimator.latest_training_job());
    local.lines.clear();
    again.fit();  // the sources that lie in S3
    CHECK(local.said("helped ['--name', 'text'] text"));
  }
}
