// Goal: what a job leaves is collected whole, and whatever odd thing it leaves can neither reach the host nor
// keep the job from its end. Method: shell programs as jobs, in both kinds of sandbox, and their archives
// unpacked again.
#include <sys/stat.h>

#include "emulator/runner/archive.hpp"
#include "emulator/runner/host_tree.hpp"
#include "tests/unit/runner_job.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using runner::TrainingOutcome;
using Kind = TrainingOutcome::Kind;

namespace {

// The model of a job as its archive gives it back.
fs::path packed_and_unpacked(const Job& job, const TrainingOutcome& outcome) {
  runner::pack_tar_gz(outcome.model_directory, job.directory() / "model.tar.gz");
  runner::unpack_tar_gz(job.directory() / "model.tar.gz", job.directory() / "unpacked", job.limits);
  return job.directory() / "unpacked";
}

}  // namespace

TEST_CASE("artifacts keep names, folders and executables; what is no file is left out") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "cd $SM_MODEL_DIR; mkdir -p deep/er empty; echo x > deep/er/file; echo y > run; chmod 6755 run\n"
            "mkfifo pipe; ln run hard; ln -s run soft; : > \"$(printf 'new\\nline')\"; : > \"$(printf "
            "'\\377')\"\n"
            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")' 2>/dev/null; true\n");
    const TrainingOutcome outcome = job.run();
    REQUIRE(outcome.kind == Kind::completed);
    const fs::path model = packed_and_unpacked(job, outcome);
    CHECK(read_text(model / "deep/er/file") == "x\n");
    CHECK(fs::is_directory(model / "empty"));
    CHECK(read_text(model / "hard") == "y\n");
    CHECK(fs::exists(model / "new\nline"));
    CHECK(fs::exists(model / "\xff"));
    CHECK(!fs::exists(fs::symlink_status(model / "pipe")));
    CHECK(!fs::exists(fs::symlink_status(model / "sock")));
    struct stat status {};
    REQUIRE(::stat((model / "run").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0755);  // nothing is set-user-id
  });
}

TEST_CASE("a link in the artifacts is stored as a link and not as what it leads to") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox, "ln -s /etc/passwd $SM_MODEL_DIR/passwd; ln -s /etc $SM_MODEL_DIR/etc\n");
    const TrainingOutcome outcome = job.run();
    REQUIRE(outcome.kind == Kind::completed);
    CHECK(fs::is_symlink(fs::symlink_status(outcome.model_directory / "passwd")));
    runner::pack_tar_gz(outcome.model_directory, job.directory() / "model.tar.gz");
    CHECK(fs::file_size(job.directory() / "model.tar.gz") < 1000);
    // Who unpacks it refuses links that lead out.
    CHECK_THROWS(
        runner::unpack_tar_gz(job.directory() / "model.tar.gz", job.directory() / "unpacked", job.limits));
  });
}

TEST_CASE("a hundred thousand files are collected") {
  const Sandbox* sandbox = isolated_sandbox();
  Job job(sandbox ? *sandbox : plain_sandbox(),
          "cd $SM_MODEL_DIR; seq 100000 | xargs touch; echo files=$(ls -f | wc -l)\n");
  const TrainingOutcome outcome = job.run();
  REQUIRE(outcome.kind == Kind::completed);
  CHECK(job.lines[0].value_of("files") == "100002");  // with . and ..
  CHECK(std::distance(fs::directory_iterator(outcome.model_directory), fs::directory_iterator()) == 100'000);
}

TEST_CASE("a failure file is told whatever it is, and only where the job has failed") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    std::string program, reason = "AlgorithmError: , exit code: 1";
    Kind kind = Kind::failed;
    SUBCASE("written although the job succeeded") {
      program = "echo nothing of importance > $ML/output/failure\n", kind = Kind::completed, reason = "";
    }
    SUBCASE("a FIFO") { program = "mkfifo $ML/output/failure; exit 1\n"; }
    SUBCASE("a folder") { program = "mkdir $ML/output/failure; exit 1\n"; }
    SUBCASE("a device") { program = "ln -s /dev/zero $ML/output/failure; exit 1\n"; }
    SUBCASE("no UTF-8") {
      program = "printf 'a\\377b' > $ML/output/failure; exit 1\n", reason = "AlgorithmError: a?b";
    }
    SUBCASE("many lines") {
      program = "printf 'Traceback:\\n  line 1\\nValueError: \"x\"\\n' > $ML/output/failure; exit 1\n";
      reason = "AlgorithmError: Traceback:\n  line 1\nValueError: \"x\"";
    }
    Job job(sandbox, program);
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == kind);
    CHECK(outcome.failure_reason == reason);
  });
}

TEST_CASE("folders that nobody may enter are collected and removed") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(
        sandbox,
        "cd $SM_MODEL_DIR; mkdir -p locked/inner; echo x > locked/inner/f; chmod 0 locked/inner locked\n");
    const TrainingOutcome outcome = job.run();
    REQUIRE(outcome.kind == Kind::completed);
    const fs::path locked = outcome.model_directory / "locked";
    if (::geteuid() != 0) CHECK(read_text(locked / "inner/f") == "x\n");
    fs::permissions(locked, fs::perms::none);
    runner::make_removable(outcome.model_directory);
    CHECK((fs::status(locked).permissions() & fs::perms::owner_all) == fs::perms::owner_all);
    CHECK((fs::status(locked / "inner").permissions() & fs::perms::owner_all) == fs::perms::owner_all);
  });
}

TEST_CASE("what a job has left behind keeps nobody from making the folders of the next one") {
  CHECK(as_ordinary_user([] {
          const TemporaryDirectory directory;
          const fs::path root = directory.path() / "algo-1";
          fs::create_directories(root / "ml/model/closed/deep");
          fs::permissions(root / "ml/model/closed", fs::perms::none);
          runner::make_training_tree(root);
        }) == 0);
}

TEST_CASE("what a job that had to be killed has written is collected from every host") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "trap '' TERM; echo $SM_CURRENT_HOST > $SM_MODEL_DIR/$SM_CURRENT_HOST\n"
            "echo part > $SM_OUTPUT_DATA_DIR/$SM_CURRENT_HOST; echo up; while :; do sleep 0.01; done\n");
    job.spec.instance_count = 2;
    job.limits.training_stop_grace = std::chrono::seconds(1);
    std::thread stopper([&] {
      CHECK(eventually([&] { return job.lines[0].contains("up") && job.lines[1].contains("up"); }));
      job.stop.request();
    });
    const TrainingOutcome outcome = job.run();
    stopper.join();
    CHECK(outcome.kind == Kind::stopped);
    for (const char* host : {"algo-1", "algo-2"}) {
      CHECK(read_text(outcome.model_directory / host) == std::string(host) + "\n");
      CHECK(read_text(outcome.output_directory / host) == "part\n");
    }
  });
}
