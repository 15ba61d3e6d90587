// Python script mode end to end: an Estimator with AWS's own image name packs a script, the machine's Python
// runs it. Real HTTP, real processes. What needs PyTorch is skipped where no Python of this machine has it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

const std::string pytorch = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5.1-cpu-py311";

// Where the PATH has a program; empty: nowhere.
std::string found_on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::filesystem::path found = std::filesystem::path(rest.substr(0, rest.find(':'))) / program;
    if (std::filesystem::exists(found)) return found.string();
    rest.remove_prefix(std::min(rest.size(), rest.find(':') + 1));
  }
  return "";
}

// An interpreter that can import torch; empty: none.
std::string python_with_torch() {
  for (const std::string& python : {found_on_path("python3"), std::string("/usr/bin/python3")}) {
    if (!python.empty() && std::system((python + " -c 'import torch' 2>/dev/null").c_str()) == 0)
      return python;
  }
  return "";
}

struct Fixture {
  sagemaker::tests::TemporaryDirectory folder;
  sm::LocalEmulator emulator;
  std::string log;
  sm::Session session;

  explicit Fixture(std::vector<std::string> arguments = {})
      : emulator({.arguments = with_durability(std::move(arguments))}),
        session({.config = emulator.config(),
                 .output = [this](std::string_view line) { log.append(line) += "\n"; }}) {}

  static std::vector<std::string> with_durability(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--durability", "process"});
    return arguments;
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }
  sm::Estimator estimator(const std::string& entry_point, std::map<std::string, json> hyperparameters = {},
                          int instances = 1) {
    sm::EstimatorOptions options;
    options.entry_point = entry_point;
    options.source_dir = folder.path().string();
    options.image_uri = pytorch;
    options.role = sm::execution_role(session);
    options.instance_count = instances;
    options.instance_type = "ml.c5.xlarge";
    options.hyperparameters = std::move(hyperparameters);
    return {session, std::move(options)};
  }
  bool logged(const std::string& text) const { return log.find(text) != std::string::npos; }
  std::string failure(sm::Estimator estimator) {
    try {
      estimator.fit();
    } catch (const sm::UnexpectedStatus& error) {
      return error.reason();
    }
    return "no failure";
  }
};

}  // namespace

TEST_CASE("a Python script trains: arguments, channels, model, requirements and log") {
  Fixture local;
  local.write(
      "train.py",
      "import argparse, os\n"
      "parser = argparse.ArgumentParser()\n"
      "parser.add_argument('--learning-rate', type=float)\n"
      "parser.add_argument('--name')\n"
      "parser.add_argument('--model-dir', default=os.environ['SM_MODEL_DIR'])\n"
      "parser.add_argument('--training', default=os.environ['SM_CHANNEL_TRAINING'])\n"
      "given = parser.parse_args()\n"
      "print('rate', given.learning_rate, given.name, os.getcwd(), sorted(os.listdir(given.training)))\n"
      "print('master', os.environ['MASTER_ADDR'], os.environ['NCCL_SOCKET_IFNAME'])\n"
      "open(given.model_dir + '/model.txt', 'w').write('weights')\n");
  local.write("requirements.txt", "# nothing beyond the standard library\n");
  local.session.s3().create_bucket({.bucket = "data"});
  local.session.s3().put_object({.bucket = "data", .key = "in/part.csv", .body = "1,2\n"});
  sm::Estimator estimator = local.estimator("train.py", {{"learning-rate", 1e-5}, {"name", "two words"}});
  estimator.fit({{"training", "s3://data/in"}});
  CHECK(local.logged("rate 1e-05 two words "));
  CHECK(local.logged("/code ['part.csv']"));
  CHECK(local.logged("master "));
  CHECK(estimator.model_data().ends_with("/output/model.tar.gz"));
}

TEST_CASE("a Python script trains without a sandbox too") {
  Fixture local({"--sandbox", "none"});
  local.write(
      "train.py",
      "import os\nprint('base', os.path.isdir(os.environ['SAGEMAKER_BASE_DIR'] + '/input/config'), "
      "os.environ['PIP_USER'])\nopen(os.environ['SM_MODEL_DIR'] + '/model.txt', 'w').write('weights')\n");
  sm::Estimator estimator = local.estimator("train.py");
  estimator.fit();
  CHECK(local.logged("base True 1"));
  CHECK(estimator.model_data().ends_with("/output/model.tar.gz"));
}

TEST_CASE("a shell script and a program without an extension run with the same image") {
  Fixture local;
  local.write("train.sh", "echo \"shell $*\"\n");
  std::filesystem::copy_file("/bin/echo", local.folder / "program");
  local.estimator("train.sh", {{"epochs", 2}}).fit();
  CHECK(local.logged("shell --epochs 2"));
  local.estimator("program", {{"text", "from a program"}}).fit();
  CHECK(local.logged("--text from a program"));
}

TEST_CASE("a script that fails, and one that misses a module, have the reason in the job") {
  Fixture local;
  local.write("sour.py", "raise ValueError('the data is sour')\n");
  const std::string sour = local.failure(local.estimator("sour.py", {{"epochs", 1}}));
  CHECK(sour.starts_with(
      "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"raise ValueError('the "
      "data is sour')\n ValueError: the data is sour\"\nCommand \""));
  CHECK(sour.find(" sour.py --epochs 1\"") != std::string::npos);
  local.write("module.py", "import absent_framework\n");
  const std::string module = local.failure(local.estimator("module.py"));
  CHECK(module.find("No module named 'absent_framework'") != std::string::npos);
  CHECK(module.find("is not installed for") != std::string::npos);
}

TEST_CASE("a stopped script can still save its model") {
  Fixture local;
  local.write("train.py",
              "import os, signal, sys, time\n"
              "def stop(*_):\n"
              "  open(os.environ['SM_MODEL_DIR'] + '/model.txt', 'w').write('early')\n  sys.exit(0)\n"
              "signal.signal(signal.SIGTERM, stop)\nprint('ready to be stopped')\ntime.sleep(60)\n");
  sm::Estimator estimator = local.estimator("train.py");
  sm::FitOptions wait_not;
  wait_not.wait = false;
  estimator.fit({}, wait_not);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto said = [&] {
    try {
      return local.session.logs()
                 .call("FilterLogEvents", {{"logGroupName", "/aws/sagemaker/TrainingJobs"}})
                 .dump()
                 .find("\"ready to be stopped") != std::string::npos;
    } catch (const sm::ServiceError&) {  // there is no log group before the first line
      return false;
    }
  };
  while (!said()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  estimator.stop();
  while (estimator.describe().at("TrainingJobStatus") != "Stopped") {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(estimator.model_data().ends_with("/output/model.tar.gz"));
}

TEST_CASE("an entry point of the container is started as it is, and a missing interpreter is named") {
  Fixture local;
  const auto run = [&](const std::string& name, const json& algorithm) {
    local.session.sagemaker().create_training_job(
        {{"TrainingJobName", name},
         {"RoleArn", sm::execution_role(local.session)},
         {"AlgorithmSpecification", algorithm},
         {"OutputDataConfig", {{"S3OutputPath", "s3://" + local.session.default_bucket() + "/out"}}},
         {"ResourceConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 1}}},
         {"StoppingCondition", {{"MaxRuntimeInSeconds", 60}}}});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      const json job = local.session.describe_training_job(name);
      const std::string status = job.at("TrainingJobStatus");
      if (status == "Completed" || status == "Failed") return job;
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  const json bash = run("bash", {{"TrainingImage", pytorch},
                                 {"TrainingInputMode", "File"},
                                 {"ContainerEntrypoint", {"/bin/sh"}},
                                 {"ContainerArguments", {"-c", "command -v python3"}}});
  CHECK(bash.at("TrainingJobStatus") == "Completed");

  for (const std::string first : {"#!/nowhere/interpreter", "#!/usr/bin/env nowhere-interpreter"}) {
    CAPTURE(first);
    local.write("script", first + "\nexit 0\n");
    std::filesystem::permissions(local.folder / "script", std::filesystem::perms::owner_all);
    const std::string name = first.find("env") == std::string::npos ? "absolute" : "by-env";
    const json job = run(name, {{"TrainingImage", "file://" + (local.folder / "script").string()},
                                {"TrainingInputMode", "File"}});
    CHECK(job.at("TrainingJobStatus") == "Failed");
    CHECK(job.value("FailureReason", "").find("interpreter") != std::string::npos);
  }
}

TEST_CASE("the Python that --python names runs scripts, and is the one that a shell finds") {
  const sagemaker::tests::TemporaryDirectory folder;
  const std::filesystem::path python = folder / "python3";
  std::ofstream(python) << "#!/bin/sh\nNAMED=yes exec " << found_on_path("python3") << " \"$@\"\n";
  std::filesystem::permissions(python, std::filesystem::perms::owner_all);
  Fixture local({"--python", python.string()});
  local.write("train.py", "import os\nprint('named', os.environ.get('NAMED'))\n");
  local.estimator("train.py").fit();
  CHECK(local.logged("named yes"));
  CHECK(local.logged(python.string() + " train.py"));
  local.log.clear();
  local.write("train.sh", "command -v python3\n");
  local.estimator("train.sh").fit();
  CHECK(local.logged(python.string()));
}

// What ModelTrainer of the SageMaker Python SDK's version 3 sends: a shell, whose script lies in a channel,
// writes beside it and installs packages by pip.
TEST_CASE("a driver in a channel can install packages for itself alone") {
  if (std::system("python3 -m pip --version > /dev/null 2>&1") != 0) {
    std::puts("SKIPPED: python3 has no pip");
    return;
  }
  Fixture local;
  local.session.s3().create_bucket({.bucket = "code"});
  local.session.s3().put_object(
      {.bucket = "code",
       .key = "driver/run.sh",
       .body = "#!/bin/sh\nset -e\necho 'export FOUND=yes' > /opt/ml/input/settings.env\n. "
               "/opt/ml/input/settings.env\n"
               "cd /opt/ml/input/data/driver\npython3 make_wheel.py\n"
               "$(python3 -c 'import sys; print(sys.executable)') -m pip install --quiet --no-index "
               "--find-links . small-package\n"
               "python3 -c 'import small_package; print(\"installed\", small_package.version)'\necho found "
               "$FOUND\n"});
  local.session.s3().put_object(
      {.bucket = "code",
       .key = "driver/make_wheel.py",
       .body =
           "import zipfile\n"
           "with zipfile.ZipFile('small_package-1.0-py3-none-any.whl', 'w') as wheel:\n"
           "  facts = 'small_package-1.0.dist-info/'\n"
           "  wheel.writestr('small_package.py', 'version = 1.0')\n"
           "  wheel.writestr(facts + 'METADATA', 'Metadata-Version: 2.1\\nName: small-package\\nVersion: "
           "1.0')\n"
           "  wheel.writestr(facts + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\n"
           "Tag: py3-none-any')\n"
           "  wheel.writestr(facts + 'RECORD', '')\n"});
  sm::EstimatorOptions options;
  options.image_uri = pytorch;
  options.role = sm::execution_role(local.session);
  options.instance_count = 1;
  options.instance_type = "ml.m5.large";
  options.container_entry_point = {"/bin/sh"};
  options.container_arguments = {
      "-c",
      "test -d /opt/ml/input || { echo no sandbox; exit 0; }; "
      "chmod +x /opt/ml/input/data/driver/run.sh && /opt/ml/input/data/driver/run.sh"};
  sm::Estimator(local.session, options).fit({{"driver", "s3://code/driver/"}});
  if (local.logged("no sandbox")) return;
  CHECK(local.logged("installed 1.0"));
  CHECK(local.logged("found yes"));
}

TEST_CASE("processes of torch.distributed meet over the hosts of a job") {
  const std::string python = python_with_torch();
  if (python.empty()) {
    std::puts("SKIPPED: no Python here has torch (on Debian: apt-get install python3-torch)");
    return;
  }
  Fixture local({"--python", python});
  local.write(
      "train.py",
      "import os, torch\nimport torch.distributed as distributed\n"
      "if 'RANK' not in os.environ:\n"
      "  hosts = eval(os.environ['SM_HOSTS'])\n"
      "  os.environ['RANK'] = str(hosts.index(os.environ['SM_CURRENT_HOST']))\n"
      "  os.environ['WORLD_SIZE'] = str(len(hosts))\n"
      "distributed.init_process_group('gloo')\n"
      "sum = torch.tensor([distributed.get_rank() + 1.0])\ndistributed.all_reduce(sum)\n"
      "# in one write: processes share the pipe\n"
      "print('rank %d of %d sum %s\\n' % (distributed.get_rank(), distributed.get_world_size(), sum.item()), "
      "end='')\n");
  local.estimator("train.py", {}, 2).fit();
  CHECK(local.logged("rank 0 of 2 sum 3.0"));
  CHECK(local.logged("rank 1 of 2 sum 3.0"));
  local.log.clear();
  // The launcher of PyTorch 1.13, which Debian 12 has, reads its own default wrongly with Python 3.11.
  local.write("sitecustomize.py",
              "import sys\n"
              "if 'torch.distributed.run' in sys.orig_argv:\n"
              "  from torch.distributed.elastic.multiprocessing.api import Std\n"
              "  reads = Std.from_str\n"
              "  Std.from_str = lambda text: reads(text) or Std.NONE\n");
  local
      .estimator(
          "train.py",
          {{"sagemaker_torch_distributed_enabled", true}, {"sagemaker_mpi_num_of_processes_per_host", 2}}, 2)
      .fit();
  CHECK(local.logged("torch.distributed.run --nnodes 2 --nproc_per_node 2"));
  for (int rank = 0; rank < 4; ++rank) CHECK(local.logged("rank " + std::to_string(rank) + " of 4 sum 10.0"));
}
