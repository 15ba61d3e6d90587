// Goal: a job sees the container contract and its end is told in AWS's terms. Method: shell scripts as
// images, each of which prints or does what the contract is about, in both kinds of sandbox.
#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/host_tree.hpp"
#include "tests/unit/runner_job.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using runner::InputFile;
using runner::TrainingOutcome;
using runner::TrainingPhase;
using Kind = TrainingOutcome::Kind;

TEST_CASE("a job finds its configuration, data and variables, and its artifacts are collected") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(
        sandbox,
        "echo argument=$1; echo count=$#\n"
        "for f in hyperparameters inputdataconfig resourceconfig; do echo $f=$(cat "
        "$ML/input/config/$f.json); done\n"
        "echo data=$(cat $ML/input/data/training/a/b.csv); echo channel=$(cat $SM_CHANNEL_TRAINING/a/b.csv)\n"
        "echo folder=$(ls -d $ML/input/data/training/empty)\n"
        // Not env: a shell drops names such as SM_HP_LEARNING-RATE.
        "tr '\\0' '\\n' < /proc/$$/environ\n"
        "echo weights > $SM_MODEL_DIR/weights.bin; mkdir $SM_MODEL_DIR/code; echo extra > "
        "$SM_OUTPUT_DATA_DIR/extra\n");
    job.spec.hyperparameters = {{"epochs", "5"},
                                {"learning-rate", "0.1"},
                                {"name", "plain text"},
                                {"k", "true"},
                                {"sagemaker_program", "\"train.py\""},
                                {"sagemaker_job_name", "\"job-1\""}};
    job.spec.channels = {job.channel("training", {"a/b.csv", "c.csv", "empty/"}), job.channel("test", {})};
    job.spec.image.environment = {{"IMAGE_SET", "yes"}, {"IMAGE_OVER", "image"}};
    job.spec.environment["IMAGE_OVER"] = "request";
    const TrainingOutcome outcome = job.run();
    const Lines& lines = job.lines[0];
    CAPTURE(outcome.failure_reason);
    REQUIRE(outcome.kind == Kind::completed);
    CHECK(outcome.exit->success());
    CHECK(job.phases ==
          std::vector{TrainingPhase::downloading, TrainingPhase::training, TrainingPhase::uploading});
    CHECK(lines.value_of("argument") == "train");
    CHECK(lines.value_of("count") == "1");
    CHECK(json::parse(lines.value_of("hyperparameters")) == job.spec.hyperparameters);
    CHECK(json::parse(lines.value_of("inputdataconfig"))["training"] == job.spec.channels[0].config);
    const json resources = json::parse(lines.value_of("resourceconfig"));
    CHECK(resources["current_host"] == "algo-1");
    CHECK(resources["hosts"] == json{"algo-1"});
    CHECK(resources["current_instance_type"] == "ml.m5.large");
    CHECK(resources["current_group_name"] == "homogeneousCluster");
    CHECK(resources["instance_groups"][0]["instance_group_name"] == "homogeneousCluster");
    CHECK(lines.value_of("data") == "data of training");
    CHECK(lines.value_of("channel") == "data of training");
    CHECK(lines.value_of("folder").ends_with("/empty"));
    CHECK(lines.value_of("SM_CHANNELS") == R"(["test","training"])");
    CHECK(lines.value_of("SM_HPS") == R"({"epochs":5,"k":true,"learning-rate":0.1,"name":"plain text"})");
    CHECK(lines.value_of("SM_HP_EPOCHS") == "5");
    CHECK(lines.value_of("SM_HP_LEARNING-RATE") == "0.1");
    CHECK(lines.value_of("SM_HP_NAME") == "plain text");
    CHECK(lines.value_of("SM_USER_ARGS") ==
          R"(["--epochs","5","-k","True","--learning-rate","0.1","--name","plain text"])");
    CHECK(lines.value_of("SM_USER_ENTRY_POINT") == "train.py");
    CHECK(lines.value_of("SM_MODULE_NAME") == "train");
    CHECK(lines.value_of("SM_HOSTS") == R"(["algo-1"])");
    CHECK(lines.value_of("SM_CURRENT_HOST") == "algo-1");
    CHECK(std::stoi(lines.value_of("SM_NUM_CPUS")) >= 1);
    CHECK(std::stoi(lines.value_of("SM_NUM_CPUS")) <= 2);  // an ml.m5.large has two
    CHECK(lines.value_of("SM_NUM_GPUS") == "0");
    CHECK(lines.value_of("SM_LOG_LEVEL") == "20");
    CHECK(json::parse(lines.value_of("SM_TRAINING_ENV"))["hyperparameters"]["epochs"] == 5);
    CHECK(json::parse(lines.value_of("SM_FRAMEWORK_PARAMS")) == json{{"sagemaker_job_name", "job-1"}});
    CHECK(lines.value_of("TRAINING_JOB_NAME") == "job-1");
    CHECK(lines.value_of("IMAGE_SET") == "yes");
    CHECK(lines.value_of("IMAGE_OVER") == "request");
    CHECK(lines.value_of("AWS_ACCESS_KEY_ID") == "(absent)");
    if (sandbox.isolated()) CHECK(lines.value_of("SM_MODEL_DIR") == "/opt/ml/model");
    CHECK(read_text(outcome.model_directory / "weights.bin") == "weights\n");
    CHECK(fs::is_directory(outcome.model_directory / "code"));
    CHECK(read_text(outcome.output_directory / "extra") == "extra\n");
    CHECK(!fs::exists(job.spec.root / "algo-1/ml/input/data"));
  });
}

TEST_CASE(
    "the entry point and the arguments of a request replace the image's own, and are never seen by a shell") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    SUBCASE("arguments replace train") {
      Job job(sandbox, "for a in \"$@\"; do echo \"[$a]\"; done\n");
      job.spec.arguments = {"--text", "a b; echo $HOME", "new\nline"};
      CHECK(job.run().kind == Kind::completed);
      CHECK(job.lines[0].all() == std::vector<std::string>{"[--text]", "[a b; echo $HOME]", "[new", "line]"});
    }
    SUBCASE("an entry point gets no argument of ours") {
      Job job(sandbox, "exit 9\n");
      job.spec.entry_point = {"/bin/sh", "-c", "echo $#; echo $0"};
      CHECK(job.run().kind == Kind::completed);
      CHECK(job.lines[0].all()[0] == "0");
    }
    SUBCASE("it may lie in the job's own data, as the SDK's drivers do") {
      Job job(sandbox, "exit 9\n");
      write_script(job.directory() / "driver.sh", "#!/bin/sh\necho driver \"$1\"\n");
      job.spec.channels = {{"sm_drivers", json::object(), [&](int, int) {
                              return std::vector<InputFile>{{"driver.sh", job.directory() / "driver.sh"}};
                            }}};
      job.spec.entry_point = {"/bin/sh"};
      job.spec.arguments = {"/opt/ml/input/data/sm_drivers/driver.sh", "x"};
      CHECK(job.run().kind == Kind::completed);
      CHECK(job.lines[0].all() == std::vector<std::string>{"driver x"});
    }
  });
}

TEST_CASE("hosts of one job know each other, and their artifacts become one") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "echo host=$SM_CURRENT_HOST rank=$SM_CURRENT_HOST_RANK of=$SM_HOST_COUNT "
            "master=$SM_MASTER_ADDR:$SM_MASTER_PORT\n"
            "echo addresses=$(getent hosts algo-1 algo-2 | cut -d' ' -f1 | tr '\\n' ' ')\n"
            "mkdir $SM_MODEL_DIR/shared; echo $SM_CURRENT_HOST > $SM_MODEL_DIR/shared/$SM_CURRENT_HOST\n"
            "echo $SM_CURRENT_HOST > $SM_MODEL_DIR/clash; echo part=$(cat $SM_CHANNEL_TRAIN/part)\n");
    job.spec.instance_count = 2;
    std::ofstream(job.directory() / "0") << "zero";
    std::ofstream(job.directory() / "1") << "one";
    job.spec.channels = {{"train", json::object(), [&](int host, int count) {
                            CHECK(count == 2);
                            return std::vector<InputFile>{{"part", job.directory() / std::to_string(host)}};
                          }}};
    const TrainingOutcome outcome = job.run();
    REQUIRE(outcome.kind == Kind::completed);
    CHECK(job.lines[0].value_of("part") == "zero");
    CHECK(job.lines[1].value_of("part") == "one");
    CHECK(job.lines[0].value_of("host").starts_with("algo-1 rank=0 of=2 master="));
    CHECK(job.lines[1].value_of("host").starts_with("algo-2 rank=1 of=2 master="));
    if (sandbox.isolated()) {
      CHECK(job.lines[0].value_of("addresses").starts_with("127."));
      CHECK(job.lines[0].value_of("addresses") == job.lines[1].value_of("addresses"));
    }
    CHECK(read_text(outcome.model_directory / "shared/algo-1") == "algo-1\n");
    CHECK(read_text(outcome.model_directory / "shared/algo-2") == "algo-2\n");
    CHECK(read_text(outcome.model_directory / "clash") == "algo-2\n");
  });
}

TEST_CASE("a failed job says why, in the form that AWS gives it") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    std::string program, reason;
    int code = 1;
    SUBCASE("exit code only") { program = "exit 3\n", reason = "AlgorithmError: , exit code: 3", code = 3; }
    SUBCASE("killed") { program = "kill -9 $$\n", reason = "AlgorithmError: , exit code: 137", code = 137; }
    SUBCASE("failure file") {
      program = "echo 'the label column is missing' > $ML/output/failure; exit 1\n";
      reason = "AlgorithmError: the label column is missing";
    }
    SUBCASE("empty failure file") {
      program = ": > $ML/output/failure; exit 1\n", reason = "AlgorithmError: , exit code: 1";
    }
    SUBCASE("a failure file that is a link is not followed") {
      program = "ln -s /etc/passwd $ML/output/failure; exit 1\n";
      reason = "AlgorithmError: , exit code: 1";
    }
    SUBCASE("an output folder that is a link is not followed") {
      program = "mkdir $ML/x; echo stolen > $ML/x/failure; rm -r $ML/output; ln -s x $ML/output; exit 1\n";
      reason = "AlgorithmError: , exit code: 1";
    }
    Job job(sandbox, program);
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure_reason == reason);
    CHECK(outcome.exit->code == code);
  });
}

TEST_CASE("a long failure text is cut to 1024 characters of valid UTF-8") {
  Job job(plain_sandbox(),
          "yes '\xC3\xA4\xE2\x82\xAC' | tr -d '\\n' | head -c 9001 > $ML/output/failure; exit 1\n");
  const std::string reason = job.run().failure_reason;
  const auto characters =
      std::count_if(reason.begin(), reason.end(), [](char c) { return (c & 0xC0) != 0x80; });
  CHECK(characters == 1024);
  CHECK_NOTHROW((void)json(reason).dump());  // throws on text that is not UTF-8
  CHECK(runner::clean_text("a\xff\xc3", 10) == "a??");
  CHECK(runner::clean_text("\xed\xa0\x80", 10) == "???");
}

TEST_CASE("a job that fails on one host is ended on the others") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(
        sandbox,
        "[ $SM_CURRENT_HOST = algo-2 ] && { echo second > $ML/output/failure; exit 4; }; exec sleep 1000\n");
    job.spec.instance_count = 2;
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure_reason == "AlgorithmError: second");
    CHECK(outcome.exit->code == 4);
    CHECK(outcome.training_time < 9s);
  });
}

TEST_CASE("a host that ends without a word is the reason, not what the others say about it") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    std::string end;
    int code = 0;
    SUBCASE("it exits") { end = "exit 5", code = 5; }
    SUBCASE("it is killed") { end = "kill -9 $$", code = 137; }
    Job job(sandbox,
            "if [ $SM_CURRENT_HOST = algo-2 ]; then\n"
            "  while [ ! -e $ML/output/go ]; do sleep 0.01; done; " +
                end +
                "\nfi\n"
                "trap 'echo has lost algo-2 > $ML/output/failure; exit 1' TERM\n"
                "echo up; while :; do sleep 0.01; done\n");
    job.spec.instance_count = 2;
    std::thread other([&] {
      CHECK(eventually([&] { return job.lines[0].contains("up"); }));
      std::ofstream(job.spec.root / "algo-2/ml/output/go");
    });
    const TrainingOutcome outcome = job.run();
    other.join();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure_reason == "AlgorithmError: , exit code: " + std::to_string(code));
    CHECK(outcome.exit->code == code);
    CHECK(read_text(job.spec.root / "algo-1/ml/output/failure") == "has lost algo-2\n");
  });
}

TEST_CASE("a job that runs too long is ended, and what it saved is kept") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "trap 'echo saved > $SM_MODEL_DIR/checkpoint; exit 0' TERM; while :; do sleep 0.01; done\n");
    job.spec.run_seconds_max = std::chrono::seconds(1);
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::max_runtime_exceeded);
    CHECK(outcome.training_time >= 1s);
    CHECK(read_text(outcome.model_directory / "checkpoint") == "saved\n");
  });
}

TEST_CASE("a stopped job may save its model; one that does not listen is killed after the grace") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    std::string program;
    SUBCASE("listens") {
      program = "trap 'echo saved > $SM_MODEL_DIR/m; exit 1' TERM; echo up; while :; do sleep 0.01; done\n";
    }
    SUBCASE("ignores") {
      program = "trap '' TERM; echo saved > $SM_MODEL_DIR/m; echo up; while :; do sleep 0.01; done\n";
    }
    Job job(sandbox, program);
    job.limits.training_stop_grace = std::chrono::seconds(1);
    std::thread stopper([&] {
      (void)eventually([&] { return job.lines[0].contains("up"); });
      job.stop.request();
    });
    const TrainingOutcome outcome = job.run();
    stopper.join();
    CHECK(outcome.kind == Kind::stopped);
    CHECK(outcome.failure_reason.empty());
    CHECK(read_text(outcome.model_directory / "m") == "saved\n");
    CHECK(job.phases.back() == TrainingPhase::uploading);
  });
}

TEST_CASE("a job that is stopped while it downloads never starts") {
  Job job(plain_sandbox(), "echo started\n");
  job.spec.channels = {{"train", json::object(), [&](int, int) {
                          job.stop.request();
                          return std::vector<InputFile>{{"x", "/etc/hostname"}};
                        }}};
  CHECK(job.run().kind == Kind::stopped);
  CHECK(job.lines[0].all().empty());
}

TEST_CASE("what cannot be downloaded or started fails the job as an error of the request") {
  Job job(plain_sandbox(), "echo started\n");
  std::string reason;
  SUBCASE("a key that climbs") {
    job.spec.channels = {job.channel("t", {"../../evil"})}, reason = "'../../evil'";
  }
  SUBCASE("an absolute key") {
    job.spec.channels = {job.channel("t", {"/etc/evil"})}, reason = "'/etc/evil'";
  }
  SUBCASE("a key that is a file and a folder") {
    job.spec.channels = {job.channel("t", {"a", "a/b"})}, reason = "a";
  }
  SUBCASE("the data cannot be listed") {
    job.spec.channels = {{"t", json::object(), [](int, int) -> std::vector<InputFile> {
                            throw std::runtime_error("NoSuchBucket: nothing there");
                          }}};
    reason = "NoSuchBucket: nothing there";
  }
  SUBCASE("the program is not there") {
    job.spec.image.command = {"/nowhere/image"}, reason = "/nowhere/image";
  }
  const TrainingOutcome outcome = job.run();
  CHECK(outcome.kind == Kind::failed);
  CHECK(outcome.failure_reason.starts_with("ClientError: "));
  CHECK(outcome.failure_reason.find(reason) != std::string::npos);
  CHECK(job.lines[0].all().empty());
  CHECK(!fs::exists(job.directory() / "job/algo-1/ml/input/evil"));
}

TEST_CASE("a model folder that became a link is not published") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox, "rm -r $ML/model; ln -s /etc $ML/model\n");
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::completed);
    CHECK(fs::is_empty(outcome.model_directory));
  });
}

TEST_CASE("a hyperparameter too long for a variable is still in the file") {
  Job job(plain_sandbox(), "wc -c < $ML/input/config/hyperparameters.json; echo hps=${SM_HPS:-left out}\n");
  for (int i = 0; i < 60; ++i)
    job.spec.hyperparameters[std::string("p") + std::to_string(i)] = std::string(2500, 'x');
  CHECK(job.run().kind == Kind::completed);
  CHECK(job.lines[0].value_of("hps") == "left out");
  CHECK(std::stoi(job.lines[0].all().at(0)) > 150'000);
}

TEST_CASE("instance types have the size that AWS gives them") {
  struct Expected {
    const char* name;
    int vcpus;
    double memory_gib;
    int gpus;
  };
  for (const Expected& type : {Expected{"ml.m5.large", 2, 8, 0},
                               {"ml.m5.24xlarge", 96, 384, 0},
                               {"ml.c5.9xlarge", 36, 72, 0},
                               {"ml.c4.8xlarge", 36, 60, 0},
                               {"ml.r5.xlarge", 4, 32, 0},
                               {"ml.t3.medium", 2, 4, 0},
                               {"ml.p3.8xlarge", 32, 244, 4},
                               {"ml.p4d.24xlarge", 96, 1152, 8},
                               {"ml.p5.48xlarge", 192, 2048, 8},
                               {"ml.g4dn.xlarge", 4, 16, 1},
                               {"ml.g4dn.12xlarge", 48, 192, 4},
                               {"ml.g5.48xlarge", 192, 768, 8},
                               {"ml.trn1.2xlarge", 8, 32, 0}}) {
    CAPTURE(type.name);
    const auto found = runner::find_instance_type(type.name);
    REQUIRE(found.has_value());
    CHECK(found->vcpus == type.vcpus);
    CHECK(found->memory_gib == type.memory_gib);
    CHECK(found->gpus == type.gpus);
  }
  for (const char* name :
       {"", "ml.", "m5.large", "ml.m5", "ml.m5.huge", "ml.zz9.large", "ml.g4dn.48xlarge", "local"}) {
    CAPTURE(name);
    CHECK(!runner::find_instance_type(name).has_value());
  }
}

TEST_CASE("a job gets what its instance type has, as far as the machine has it") {
  const runner::Machine machine{.cpus = 16, .gpus = 2};
  CHECK(runner::share_of("ml.m5.large", 1, machine).cpus == 2);
  CHECK(runner::share_of("ml.m5.24xlarge", 1, machine).cpus == 16);
  CHECK(runner::share_of("ml.m5.24xlarge", 4, machine).cpus == 4);
  CHECK(runner::share_of("ml.m5.24xlarge", 40, machine).cpus == 1);
  CHECK(runner::share_of("ml.m5.large", 1, machine).gpus == 0);
  CHECK(runner::share_of("ml.p3.16xlarge", 1, machine).gpus == 2);
  CHECK(runner::share_of("ml.p3.16xlarge", 1, machine).gpus_missing == 6);
  CHECK(runner::share_of("local_gpu", 1, machine).gpus == 2);
  const auto devices = [&](const char* type, int index) {
    const auto environment = runner::gpu_environment(runner::share_of(type, 2, machine), index, machine);
    return environment.count("CUDA_VISIBLE_DEVICES") ? environment.at("CUDA_VISIBLE_DEVICES") : "(all)";
  };
  CHECK(devices("ml.p3.2xlarge", 0) == "0");
  CHECK(devices("ml.p3.2xlarge", 1) == "1");
  CHECK(devices("ml.p3.16xlarge", 0) == "(all)");
  CHECK(devices("ml.m5.large", 0) == "");
}
