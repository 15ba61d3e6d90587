// Goal: a processing job finds the folders, files and words that AWS promises it, and its end is told in
// AWS's terms. Method: shell scripts as images, in both kinds of sandbox.
#include <fcntl.h>
#include <sys/stat.h>

#include "emulator/runner/processing/run.hpp"
#include "tests/unit/runner_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
namespace runner = sagemaker::local::runner;
using runner::InputFile;
using runner::ProcessingOutcome;
using runner::ProcessingSpec;
using Kind = ProcessingOutcome::Kind;

namespace {

// A job whose image is a shell program; ML stands for /opt/ml in it.
class Job {
 public:
  Job(const Sandbox& sandbox, const std::string& program) : sandbox_(sandbox) {
    const fs::path script =
        write_script(directory_ / "image.sh", "#!/bin/sh\nML=${SAGEMAKER_BASE_DIR:-/opt/ml}\n" + program);
    spec.job_name = "job-1";
    spec.image = {.name = "test", .command = {script}};
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.root = directory_ / "job";
    limits.training_stop_grace = std::chrono::seconds(10);
  }

  ProcessingOutcome run() {
    const runner::ProcessingEvents events{.on_prepared = on_prepared,
                                          .on_started = on_started,
                                          .on_line = [this](int host, std::string_view line) {
                                            const bool note =
                                                line.starts_with("sagemaker-local: containers are NOT");
                                            (note ? notes : lines[host]).add(line);
                                          }};
    return runner::ProcessingRunner(sandbox_, addresses_, limits).run(spec, events, stop);
  }

  ProcessingSpec::Input input(const std::string& local_path, const std::vector<std::string>& files) {
    const fs::path source = directory_ / ("source-" + std::to_string(sources_++));
    std::ofstream(source) << "data for " << local_path;
    return {.name = "in-" + std::to_string(sources_), .local_path = local_path, .files = [=](int, int) {
              std::vector<InputFile> found;
              for (const std::string& file : files) found.push_back({file, source});
              return found;
            }};
  }

  fs::path output_folder(int host = 0) const {
    return runner::processing_output_folder(spec, spec.outputs.at(0), host);
  }

  const fs::path& directory() const { return directory_.path(); }
  ProcessingSpec spec;
  local::RunnerLimits limits;
  runner::StopSignal stop;
  std::function<void()> on_prepared, on_started;
  Lines lines[3];  // of each host
  Lines notes;     // what the platform says about a sandbox that does not isolate

 private:
  const Sandbox& sandbox_;
  runner::AddressPool addresses_;
  TemporaryDirectory directory_;
  int sources_ = 0;
};

ProcessingSpec::Output output_at(const std::string& local_path) {
  return {.name = "out", .local_path = local_path};
}

}  // namespace

TEST_CASE("a processing job finds its inputs, its configuration and its folders for output") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "echo count=$#; echo variable=$VARIABLE; echo over=$OVER\n"
            "for f in processingjobconfig resourceconfig; do echo $f=$(cat $ML/config/$f.json); done\n"
            "echo data=$(cat $ML/processing/input/data/a/b.csv)\n"
            "echo code=$(cat $ML/processing/input/data/code/run.sh)\n"
            "echo before=$(ls $ML/processing/out | wc -l)\n"
            "echo result > $ML/processing/out/result.txt; mkdir $ML/processing/out/sub\n"
            "printf 'all done' > $ML/output/message\n");
    job.spec.config = {{"ProcessingJobName", "job-1"}};
    job.spec.image.environment = {{"OVER", "image"}};
    job.spec.environment["OVER"] = "request";
    job.spec.environment["VARIABLE"] = "a b";
    job.spec.inputs = {job.input("/opt/ml/processing/input/data/code/", {"run.sh"}),
                       job.input("/opt/ml/processing/input/data", {"a/b.csv", "c.csv"})};
    job.spec.outputs = {output_at("/opt/ml/processing/out")};
    bool prepared_first = false, started = false;
    job.on_prepared = [&] { prepared_first = fs::is_directory(job.output_folder()) && !started; };
    job.on_started = [&] { started = true; };
    const ProcessingOutcome outcome = job.run();
    const Lines& lines = job.lines[0];
    CAPTURE(outcome.failure_reason);
    REQUIRE(outcome.kind == Kind::completed);
    CHECK(outcome.started);
    CHECK(outcome.exit->success());
    CHECK(outcome.exit_message == "all done");
    CHECK(prepared_first);
    CHECK(started);
    CHECK(lines.value_of("count") == "0");  // no "train": the image's own command, as docker runs it
    CHECK(lines.value_of("variable") == "a b");
    CHECK(lines.value_of("over") == "request");
    CHECK(json::parse(lines.value_of("processingjobconfig")) == job.spec.config);
    const json resources = json::parse(lines.value_of("resourceconfig"));
    CHECK(resources["current_host"] == "algo-1");
    CHECK(resources["hosts"] == json{"algo-1"});
    CHECK(resources["current_instance_type"] == "ml.m5.large");
    CHECK(lines.value_of("data") == "data for /opt/ml/processing/input/data");
    CHECK(lines.value_of("code") == "data for /opt/ml/processing/input/data/code/");
    CHECK(lines.value_of("before") == "0");
    CHECK(read_text(job.output_folder() / "result.txt") == "result\n");
    CHECK(fs::is_directory(job.output_folder() / "sub"));
  });
}

TEST_CASE("an entry point replaces the image's command, arguments follow it, and no shell sees them") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    SUBCASE("arguments alone") {
      Job job(sandbox, "for a in \"$@\"; do echo \"[$a]\"; done\n");
      job.spec.arguments = {"--text", "a b; echo $HOME"};
      CHECK(job.run().kind == Kind::completed);
      CHECK(job.lines[0].all() == std::vector<std::string>{"[--text]", "[a b; echo $HOME]"});
    }
    SUBCASE("a script among the inputs, as ScriptProcessor does it") {
      Job job(sandbox, "exit 9\n");
      write_script(job.directory() / "script.sh", "echo script \"$@\"\n");
      job.spec.inputs = {
          {.name = "code", .local_path = "/opt/ml/processing/input/code", .files = [&](int, int) {
             return std::vector<InputFile>{{"script.sh", job.directory() / "script.sh"}};
           }}};
      job.spec.entry_point = {"/bin/sh", "/opt/ml/processing/input/code/script.sh"};
      job.spec.arguments = {"x"};
      CHECK(job.run().kind == Kind::completed);
      CHECK(job.lines[0].all() == std::vector<std::string>{"script x"});
    }
    SUBCASE("a source file that the image's program runs") {
      Job job(sandbox, "echo image \"${1##*/}\" $2; cat $1\n");
      job.spec.image.source_suffixes = {".cpp"};
      job.spec.inputs = {job.input("/opt/ml/processing/input/code", {"count.cpp"})};
      job.spec.entry_point = {"/opt/ml/processing/input/code/count.cpp"};
      job.spec.arguments = {"x"};
      CHECK(job.run().kind == Kind::completed);
      CHECK(job.lines[0].all() ==
            std::vector<std::string>{"image count.cpp x", "data for /opt/ml/processing/input/code"});
    }
    SUBCASE("a file that cannot be executed") {
      Job job(sandbox, "exit 9\n");
      job.spec.inputs = {job.input("/opt/ml/processing/input/code", {"program"})};
      job.spec.entry_point = {"/opt/ml/processing/input/code/program"};
      const ProcessingOutcome outcome = job.run();
      CHECK(outcome.kind == Kind::failed);
      CHECK(!outcome.started);
      CHECK(outcome.failure_reason.starts_with(
          "ClientError: The container of the processing job could not be started: cannot execute '"));
      CHECK(outcome.failure_reason.ends_with("': it is not an executable file"));
    }
  });
}

TEST_CASE("inputs are what each host is given, and several hosts know each other") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "echo config=$(cat $ML/config/resourceconfig.json)\n"
            "echo mine=$(cat $ML/processing/in/*)\n"
            "host=$(tr -d '\"{},' < $ML/config/resourceconfig.json | grep -o 'current_host:algo-.' | cut -d: "
            "-f2)\n"
            "echo $host > $ML/processing/out/$host; printf \"$host \" > $ML/output/message\n");
    job.spec.instance_count = 2;
    std::ofstream(job.directory() / "0") << "zero";
    std::ofstream(job.directory() / "1") << "one";
    job.spec.inputs = {
        {.name = "in", .local_path = "/opt/ml/processing/in", .files = [&](int host, int count) {
           CHECK(count == 2);
           const std::string name = std::to_string(host);
           return std::vector<InputFile>{{name, job.directory() / name}};
         }}};
    job.spec.outputs = {output_at("/opt/ml/processing/out")};
    const ProcessingOutcome outcome = job.run();
    CAPTURE(outcome.failure_reason);
    REQUIRE(outcome.kind == Kind::completed);
    CHECK(job.lines[0].value_of("mine") == "zero");
    CHECK(job.lines[1].value_of("mine") == "one");
    const json second = json::parse(job.lines[1].value_of("config"));
    CHECK(second["current_host"] == "algo-2");
    CHECK(second["hosts"] == json{"algo-1", "algo-2"});
    CHECK(outcome.exit_message == "algo-1 algo-2 ");
    CHECK(read_text(job.output_folder(0) / "algo-1") == "algo-1\n");
    CHECK(read_text(job.output_folder(1) / "algo-2") == "algo-2\n");
  });
}

TEST_CASE("a container that fails decides the outcome, ends the others, and leaves its message") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "if grep -q 'current_host\":\"algo-1' $ML/config/resourceconfig.json; then\n"
            "  trap 'echo told; exit 0' TERM; while :; do sleep 0.02; done\n"
            "fi\n"
            "printf 'no such column' > $ML/output/message; echo half > $ML/processing/out/half; exit 3\n");
    job.spec.instance_count = 2;
    job.spec.outputs = {output_at("/opt/ml/processing/out")};
    const ProcessingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.started);
    CHECK(outcome.exit->code == 3);
    CHECK(outcome.failure_reason == "AlgorithmError: See job logs for more information");
    CHECK(outcome.exit_message == "no such column");
    CHECK(job.lines[1].contains("sagemaker-local: the container ended with exit code 3"));
    CHECK(read_text(job.output_folder(1) / "half") == "half\n");
  });
}

TEST_CASE("an exit message is the first KB of the file, in whole characters; no text fails the job") {
  SUBCASE("a long one") {
    Job job(plain_sandbox(),
            "i=0; printf x > $ML/output/message\n"
            "while [ $i -lt 600 ]; do printf '\\303\\244' >> $ML/output/message; i=$((i+1)); done\n");
    const ProcessingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::completed);
    std::string expected = "x";
    for (int i = 0; i < 511; ++i) expected += "\303\244";
    CHECK(outcome.exit_message == expected);  // 1023 bytes: one more character would be 1025
  }
  SUBCASE("no UTF-8") {
    Job job(plain_sandbox(), "printf 'ab\\377' > $ML/output/message\n");
    const ProcessingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure_reason.starts_with("ClientError: "));
    CHECK(outcome.exit_message == "ab");
  }
  SUBCASE("no UTF-8 behind the first KB") {
    Job job(plain_sandbox(),
            "head -c 1500 /dev/zero | tr '\\0' a > $ML/output/message; printf '\\377' >> "
            "$ML/output/message\n");
    CHECK(job.run().kind == Kind::failed);
  }
  SUBCASE("a failed container is told of as one") {
    Job job(plain_sandbox(), "printf '\\377' > $ML/output/message; exit 4\n");
    CHECK(job.run().failure_reason == "AlgorithmError: See job logs for more information");
  }
  SUBCASE("links and FIFOs are no messages") {
    Job job(plain_sandbox(), "ln -s /etc/hosts $ML/output/message\n");
    CHECK(job.run().exit_message.empty());
    Job fifo(plain_sandbox(), "mkfifo $ML/output/message\n");
    CHECK(fifo.run().exit_message.empty());
  }
}

TEST_CASE("stopping sends SIGTERM, then SIGKILL after the grace; the time limit does the same") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    SUBCASE("a job that listens") {
      Job job(sandbox,
              "trap 'printf stopped > $ML/output/message; exit 7' TERM\n"
              "echo ready; while :; do sleep 0.02; done\n");
      std::thread stopper([&] {
        eventually([&] { return job.lines[0].contains("ready"); });
        job.stop.request();
      });
      const ProcessingOutcome outcome = job.run();
      stopper.join();
      CHECK(outcome.kind == Kind::stopped);
      CHECK(outcome.started);
      CHECK(outcome.exit->code == 7);
      CHECK(outcome.exit_message == "stopped");
      CHECK(outcome.failure_reason.empty());
    }
    SUBCASE("a job that is cut off in its message") {
      Job job(sandbox,
              "trap 'printf \"ab\\\\377\" > $ML/output/message; exit 0' TERM\n"
              "echo ready; while :; do sleep 0.02; done\n");
      std::thread stopper([&] {
        eventually([&] { return job.lines[0].contains("ready"); });
        job.stop.request();
      });
      const ProcessingOutcome outcome = job.run();
      stopper.join();
      CHECK(outcome.kind == Kind::stopped);
      CHECK(outcome.exit_message == "ab");
      CHECK(outcome.failure_reason.empty());
    }
    SUBCASE("a job that does not") {
      Job job(sandbox, "trap '' TERM; echo ready; while :; do sleep 0.02; done\n");
      job.limits.training_stop_grace = std::chrono::seconds(0);
      std::thread stopper([&] {
        eventually([&] { return job.lines[0].contains("ready"); });
        job.stop.request();
      });
      const ProcessingOutcome outcome = job.run();
      stopper.join();
      CHECK(outcome.kind == Kind::stopped);
      CHECK(!outcome.exit->success());
    }
    SUBCASE("before the containers run") {
      Job job(sandbox, "echo ran\n");
      job.on_prepared = [&] { job.stop.request(); };
      const ProcessingOutcome outcome = job.run();
      CHECK(outcome.kind == Kind::stopped);
      CHECK(!outcome.started);
      CHECK(job.lines[0].all().empty());
    }
    SUBCASE("MaxRuntimeInSeconds") {
      Job job(sandbox, "trap 'exit 0' TERM; while :; do sleep 0.02; done\n");
      job.spec.run_seconds_max = std::chrono::seconds(1);
      CHECK(job.run().kind == Kind::max_runtime_exceeded);
    }
  });
}

TEST_CASE("paths that lead out of the job's folders fail it before anything runs") {
  const auto failure = [](const std::function<void(Job&)>& change) {
    Job job(plain_sandbox(), "echo ran\n");
    change(job);
    const ProcessingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(!outcome.started);
    CHECK(job.lines[0].all().empty());
    return outcome.failure_reason;
  };
  for (const char* path : {"/opt/ml/processing", "/opt/ml/processing/", "/opt/ml/model", "/tmp/x", "input",
                           "", "/opt/ml/processing/../model", "/opt/ml/processing/a/../../../../tmp/x"}) {
    CAPTURE(path);
    const std::string reason =
        "ClientError: The local path '" + std::string(path) + "' must begin with /opt/ml/processing/";
    CHECK(failure([&](Job& job) { job.spec.inputs = {job.input(path, {"a"})}; }) == reason);
    CHECK(failure([&](Job& job) { job.spec.outputs = {output_at(path)}; }) == reason);
  }
  for (const char* file : {"../a", "/etc/a", "b/../../a"}) {
    CAPTURE(file);
    CHECK(failure([&](Job& job) {
            job.spec.inputs = {job.input("/opt/ml/processing/in", {file})};
          }).starts_with("ClientError: Data download failed:the object name '"));
  }
  CHECK(failure([&](Job& job) {
          job.spec.inputs = {{.name = "in", .local_path = "/opt/ml/processing/in", .files = [](int, int) {
                                throw std::runtime_error("No S3 objects found");
                                return std::vector<InputFile>{};
                              }}};
        }) == "ClientError: Data download failed:No S3 objects found");
  CHECK(failure([&](Job& job) {
          job.on_prepared = [] { throw std::runtime_error("ClientError: not today"); };
        }) == "ClientError: not today");
}

TEST_CASE("network isolation leaves a container alone with itself, or the log says why it cannot") {
  const std::string program = "echo interfaces=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')\n";
  SUBCASE("where the machine can do it") {
    const Sandbox* sandbox = isolated_sandbox();
    if (!sandbox || !sandbox->private_networks()) return;
    Job job(*sandbox, program);
    job.spec.isolated_network = true;
    CHECK(job.run().kind == Kind::completed);
    CHECK(job.lines[0].value_of("interfaces") == "lo");
  }
  SUBCASE("where it cannot") {
    Job job(plain_sandbox(), program);
    job.spec.isolated_network = true;
    CHECK(job.run().kind == Kind::completed);
    CHECK(job.lines[0].contains("network isolation is not possible on this machine"));
  }
}
