// Goal: a job finds the files, variables, names and limits that the platform promises, sees nothing of the
// host's secrets, and whatever it does to its machine ends with it. Method: shell programs as jobs, in both
// kinds of sandbox.
#include <filesystem>

#include "emulator/runner/instance_types.hpp"
#include "emulator/runner/process_limit.hpp"
#include "tests/unit/runner_job.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using runner::TrainingOutcome;
using Kind = TrainingOutcome::Kind;

namespace {

long resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

}  // namespace

TEST_CASE("the whole tree of /opt/ml is there, with every configuration file") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "for d in input/config input/data model output/data output/intermediate output/tensors \\\n"
            "  output/profiler output/metrics/sagemaker checkpoints code; do\n"
            "  [ -d $ML/$d ] && touch $ML/$d/probe || echo missing $d; done\n"
            "printf init=; cat $ML/input/config/init-config.json; echo\n"
            "echo host=$CURRENT_HOST; echo name=$(hostname)\n");
    job.spec.config_files = {{"init-config.json", {{"quoted", "a \"b\"\nc"}}}};
    REQUIRE(job.run().kind == Kind::completed);
    CHECK(!job.lines[0].contains("missing"));
    CHECK(job.lines[0].value_of("init") == R"({"quoted":"a \"b\"\nc"})");
    CHECK(job.lines[0].value_of("host") == "algo-1");
    if (sandbox.isolated()) CHECK(job.lines[0].value_of("name") == "algo-1");
  });
}

TEST_CASE("quotes, newlines and shell text in hyperparameters arrive as they are") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "cat $ML/input/config/hyperparameters.json; echo\n"
            "printf '%s\\n' \"hp=$SM_HP_TEXT\"; [ -e $ML/model/pwned ] && echo pwned; true\n");
    const std::string text =
        "it's \"quoted\"; $(touch /opt/ml/model/pwned) `touch pwned` \\ \n second line\t'";
    job.spec.hyperparameters = {{"text", text}, {"name with spaces $(x)", "v"}, {"", "empty name"}};
    REQUIRE(job.run().kind == Kind::completed);
    CHECK(json::parse(job.lines[0].all().at(0)) == job.spec.hyperparameters);
    CHECK(job.lines[0].value_of("hp") == text.substr(0, text.find('\n')));
    CHECK(job.lines[0].contains(" second line\t'"));
    CHECK(!job.lines[0].contains("pwned\n"));
  });
}

TEST_CASE("nothing of the emulator's environment reaches a job") {
  ::setenv("AWS_SECRET_ACCESS_KEY", "secret of the host", 1);
  ::setenv("HF_TOKEN", "secret of the host", 1);
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox, "tr '\\0' '\\n' < /proc/$$/environ; cat /proc/1/environ 2>/dev/null; true\n");
    REQUIRE(job.run().kind == Kind::completed);
    CHECK(job.lines[0].contains("SM_MODEL_DIR="));
    CHECK(!job.lines[0].contains("secret of the host"));
  });
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  ::unsetenv("HF_TOKEN");
}

TEST_CASE("a job that is not isolated says so in its log") {
  Job plain(plain_sandbox(), "true\n");
  CHECK(plain.run().kind == Kind::completed);
  CHECK(plain.notes.contains("sagemaker-local: containers are NOT isolated"));
  if (const Sandbox* sandbox = isolated_sandbox()) {
    Job job(*sandbox, "true\n");
    CHECK(job.run().kind == Kind::completed);
    CHECK(job.notes.all().empty());
  }
}

TEST_CASE("a checkpoint path is one inside of the container, however many '..' it has") {
  const Sandbox* sandbox = isolated_sandbox();
  if (!sandbox) return;
  SUBCASE("up to the root") {
    Job job(*sandbox, "touch /tmp/points/saved && echo folder=$(ls /tmp)\n");
    job.spec.checkpoint_path = "/../../tmp/points/";
    REQUIRE(job.run().kind == Kind::completed);
    CHECK(job.lines[0].value_of("folder").find("points") != std::string::npos);
    CHECK(fs::exists(runner::checkpoint_folder(job.spec, 0) / "saved"));
  }
  SUBCASE("where the host's files are while the mounts are made") {
    Job job(*sandbox, "true\n");
    job.spec.checkpoint_path = "/../oldroot" + job.directory().string() + "/escaped";
    job.run();
    CHECK(!fs::exists(job.directory() / "escaped"));
  }
}

TEST_CASE("limits follow the instance type and the volume") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(
        sandbox,
        "echo core=$(ulimit -c); echo data=$(ulimit -d); echo file=$(ulimit -f); echo address=$(ulimit -v)\n"
        "echo score=$(cat /proc/self/oom_score_adj)\n");
    job.spec.volume_bytes = 3ull << 30;
    REQUIRE(job.run().kind == Kind::completed);
    const Lines& lines = job.lines[0];
    CHECK(lines.value_of("core") == "0");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose programs need terabytes
    CHECK(std::stoull(lines.value_of("data")) * 1024 ==
          runner::process_memory_max("ml.m5.large", runner::this_machine()));
#endif
    CHECK(std::stoull(lines.value_of("file")) * 512 == 3ull << 30);
    CHECK(lines.value_of("address") == "unlimited");
    CHECK(lines.value_of("score") == "500");
  });
  const runner::Machine machine{.cpus = 4, .gpus = 0, .memory_bytes = 16ull << 30};
  CHECK(runner::process_memory_max("ml.m5.large", machine) == 17ull << 30);     // has 8
  CHECK(runner::process_memory_max("ml.m5.24xlarge", machine) == 33ull << 30);  // has 384
  CHECK(runner::process_memory_max("local", machine) == 33ull << 30);
  CHECK(runner::process_memory_max("ml.g5.xlarge", machine) == 0);
}

TEST_CASE("a job that allocates without end or fills the disk fails, and nobody else notices") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox, "");
    std::string reason;
    SUBCASE("memory") {
      // A variable of the shell that doubles: its own process needs the memory.
      job.spec.entry_point = {"/bin/sh", "-c", "ulimit -d 200000; x=aaaaaaaa; while :; do x=$x$x; done"};
    }
    SUBCASE("a long file") {
      job.spec.entry_point = {"/bin/sh", "-c", "truncate -s 2M x || exit 9; truncate -s 5M x; exit 7"};
      job.spec.volume_bytes = 4 << 20;
      reason = "AlgorithmError: , exit code: 7";
    }
    SUBCASE("a long log") {
      job.spec.entry_point = {"/bin/sh", "-c", "head -c 5000000 /dev/zero > x"};
      job.spec.volume_bytes = 4 << 20;
    }
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure_reason.starts_with("AlgorithmError: , exit code: "));
    if (!reason.empty()) CHECK(outcome.failure_reason == reason);
  });
}

TEST_CASE("a fork bomb stays within its limit and is gone with the job") {
  if (::geteuid() == 0 && !runner::ProcessLimit::make(100)) {
    skip("root without a control group that can be written: processes are not limited");
    return;
  }
  in_both_sandboxes([](const Sandbox& sandbox) {
    const std::string marker =
        std::string("bomb-") + (sandbox.isolated() ? "i" : "n") + std::to_string(::getpid());
    Job job(sandbox,
            "trap '' TERM\n"
            "i=0; while [ $i -lt 400 ]; do (trap '' TERM; exec sh -c \"sleep 100; : " +
                marker +
                "\") & i=$((i+1)); done 2>&1\n"
                "echo outlived; wait\n");
    job.limits.container_processes_max = 60;
    job.limits.training_stop_grace = std::chrono::seconds(1);
    std::thread stopper([&] {
      CHECK(eventually([&] {
        return job.lines[0].contains("annot fork") || job.lines[0].contains("emporarily unavailable");
      }));
      job.stop.request();
    });
    const TrainingOutcome outcome = job.run();
    stopper.join();
    CHECK((outcome.kind == Kind::stopped || outcome.kind == Kind::failed));
    CHECK(!job.lines[0].contains("outlived"));
    CHECK(!process_exists(marker));
  });
}

TEST_CASE("a line without an end passes in constant memory, cut where CloudWatch cuts") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox, "head -c 300000000 /dev/zero | tr '\\0' x; echo; echo done\n");
    std::uint64_t bytes = 0, pieces = 0;
    std::size_t longest = 0;
    bool done = false;
    runner::TrainingEvents events;
    events.on_line = [&](int, std::string_view line) {
      bytes += line.starts_with('x') ? line.size() : 0;
      ++pieces;
      longest = std::max(longest, line.size());
      done |= line == "done";
    };
    const long before = resident_kb();
    runner::AddressPool addresses;
    const TrainingOutcome outcome =
        runner::TrainingRunner(sandbox, addresses, job.limits).run(job.spec, events, job.stop);
    CHECK(outcome.kind == Kind::completed);
    CHECK(bytes == 300'000'000);
    CHECK(longest == 256 * 1024);
    CHECK(pieces >= 300'000'000 / (256 * 1024));
    CHECK(done);
    CHECK(resident_kb() - before < 20'000);
  });
}

TEST_CASE("hosts of a job reach each other by their names") {
  const Sandbox* sandbox = isolated_sandbox();
  if (!sandbox) return;
  Job job(*sandbox,
          "echo lines=$(grep -c algo- /etc/hosts) name=$(hostname)\n"
          "python3 -c '\n"
          "import os, socket, time\n"
          "host, port = os.environ[\"SM_MASTER_ADDR\"], int(os.environ[\"SM_MASTER_PORT\"])\n"
          "if socket.gethostname() == host:\n"
          "  with socket.create_server((host, port)) as server:\n"
          "    print(\"got=\" + server.accept()[0].recv(100).decode())\n"
          "else:\n"
          "  while True:\n"
          "    try:\n"
          "      socket.create_connection((host, port)).sendall(b\"from \" + socket.gethostname().encode())\n"
          "      break\n"
          "    except ConnectionRefusedError: time.sleep(0.01)\n"
          "'\n");
  if (std::system("python3 -c pass") != 0) {
    skip("there is no python3");
    return;
  }
  job.spec.environment["PATH"] = std::getenv("PATH");
  job.spec.instance_count = 2;
  REQUIRE(job.run().kind == Kind::completed);
  CHECK(job.lines[0].value_of("lines") == "2 name=algo-1");
  CHECK(job.lines[1].value_of("lines") == "2 name=algo-2");
  CHECK(job.lines[0].value_of("got") == "from algo-2");
}
