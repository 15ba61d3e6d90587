// Goal: input data is where a job looks for it, in every input mode, and no job can change what is stored.
// Method: jobs over files that stand for the store's, in both kinds of sandbox.
#include <sys/stat.h>

#include "tests/unit/runner_job.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using runner::InputChannel;
using runner::InputFile;
using runner::InputMode;
using runner::TrainingOutcome;
using runner::TrainingPhase;
using Kind = TrainingOutcome::Kind;

namespace {

InputChannel with_mode(InputChannel channel, InputMode mode) {
  channel.mode = mode;
  return channel;
}

}  // namespace

TEST_CASE("FastFile shows the stored files themselves, and a job cannot change them") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox,
            "D=$ML/input/data/train; cat $D/a/b.csv; echo; cat $SM_CHANNEL_TRAIN/c.csv; echo\n"
            "echo names=$(cd $D && find . | LC_ALL=C sort)\n"
            "echo links=$(stat -c %h $D/c.csv)\n"
            "(echo changed > $D/c.csv) 2>/dev/null || echo write=denied\n"
            "(chmod 777 $D/c.csv) 2>/dev/null || echo chmod=denied\n"
            "rm $D/c.csv 2>/dev/null || echo remove=denied\n"
            "ln $D/c.csv $ML/model/link 2>/dev/null || echo link=denied\n"
            "(mount -o remount,rw $D) 2>/dev/null || echo remount=denied\n");
    job.spec.channels = {
        with_mode(job.channel("train", {"a/b.csv", "c.csv", "empty/"}), InputMode::fast_file)};
    const fs::path stored = job.directory() / "source-train";
    const TrainingOutcome outcome = job.run();
    REQUIRE(outcome.kind == Kind::completed);
    const Lines& lines = job.lines[0];
    CHECK(lines.contains("data of train"));
    CHECK(lines.value_of("names") == ". ./a ./a/b.csv ./c.csv ./empty");
    CHECK(read_text(stored) == "data of train");
    if (sandbox.isolated()) {
      CHECK(lines.value_of("links") == "3");  // itself and its two names
      for (const char* what : {"write", "chmod", "remove", "link", "remount"}) {
        CAPTURE(what);
        CHECK(lines.value_of(what) == "denied");
      }
    } else {
      CHECK(lines.value_of("links") == "1");
      CHECK(lines.contains("input mode FastFile needs bubblewrap"));
    }
    CHECK(job.phases == std::vector{TrainingPhase::training, TrainingPhase::uploading});
    CHECK(!fs::exists(job.spec.root / "fastfile"));
    struct stat status {};
    REQUIRE(::stat(stored.c_str(), &status) == 0);
    CHECK(status.st_nlink == 1);
  });
}

TEST_CASE("an object that is deleted while a FastFile job runs stays readable for the job") {
  const Sandbox* sandbox = isolated_sandbox();
  if (!sandbox) return;
  Job job(*sandbox, "echo ready; while [ ! -e go ]; do sleep 0.01; done; cat $ML/input/data/t/x\n");
  job.spec.channels = {with_mode(job.channel("t", {"x"}), InputMode::fast_file)};
  std::thread remover([&] {
    CHECK(eventually([&] { return job.lines[0].contains("ready"); }));
    fs::remove(job.directory() / "source-t");
    std::ofstream(job.spec.root / "algo-1" / "work" / "go") << "";
  });
  CHECK(job.run().kind == Kind::completed);
  remover.join();
  CHECK(job.lines[0].contains("data of t"));
}

TEST_CASE("an object that was written anew between listing and reading is read anew") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    InputMode mode = InputMode::file;
    SUBCASE("File") {}
    SUBCASE("FastFile") { mode = InputMode::fast_file; }
    Job job(sandbox, "cat $ML/input/data/t/x\n");
    job.spec.channels = {with_mode(job.channel("t", {"x"}), mode)};
    int asked = 0;
    job.spec.channels[0].locate = [&](const InputFile&) {
      ++asked;
      std::ofstream(job.directory() / "new") << "written anew";
      return job.directory() / "new";
    };
    fs::remove(job.directory() / "source-t");
    CHECK(job.run().kind == Kind::completed);
    CHECK(job.lines[0].contains("written anew"));
    CHECK(asked == 1);
  });
}

TEST_CASE("an object that is gone fails the job with its name") {
  Job job(plain_sandbox(), "echo started\n");
  job.spec.channels = {job.channel("t", {"x"})};
  SUBCASE("for ever") {
    job.spec.channels[0].locate = [](const InputFile& file) -> fs::path {
      throw std::runtime_error("Failed to download data. Unable to download object " + file.relative_path);
    };
  }
  SUBCASE("again and again") {
    job.spec.channels[0].locate = [](const InputFile&) { return fs::path("/nowhere/x"); };
  }
  fs::remove(job.directory() / "source-t");
  const TrainingOutcome outcome = job.run();
  CHECK(outcome.kind == Kind::failed);
  CHECK(outcome.failure_reason.starts_with("ClientError: Data download failed:"));
  CHECK(outcome.failure_reason.find("x") != std::string::npos);
  CHECK(job.lines[0].all().empty());
}

TEST_CASE("stopping in the middle of a copy that would never end is quick") {
  Job job(plain_sandbox(), "echo started\n");
  job.spec.channels = {{"t", json::object(), [&](int, int) {
                          return std::vector<InputFile>{{"endless", "/dev/zero"}};
                        }}};
  std::thread stopper([&] {
    CHECK(eventually([&] { return fs::exists(job.spec.root / "algo-1/ml/input/data/t/endless"); }));
    job.stop.request();
  });
  CHECK(job.run().kind == Kind::stopped);
  stopper.join();
  CHECK(job.lines[0].all().empty());
}

TEST_CASE("hosts of a heterogeneous cluster know their groups, and channels go to the groups that ask") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(
        sandbox,
        "echo resources=$(cat $ML/input/config/resourceconfig.json)\n"
        "echo config=$(cat $ML/input/config/inputdataconfig.json)\n"
        "echo group=$SM_CURRENT_INSTANCE_GROUP of=$SM_INSTANCE_GROUPS hetero=$SM_IS_HETERO\n"
        "echo peers=$SM_CURRENT_INSTANCE_GROUP_HOSTS; echo type=$SM_CURRENT_INSTANCE_TYPE\n"
        "echo channels=$SM_CHANNELS; ls $ML/input/data; cat $ML/input/data/shards/part 2>/dev/null; true\n");
    job.spec.instance_groups = {{"workers", "ml.m5.large", 2}, {"servers", "ml.c5.xlarge", 1}};
    job.spec.instance_count = 3;
    job.spec.channels = {job.channel("all", {"x"}), job.channel("shards", {})};
    job.spec.channels[1].groups = {"workers"};
    job.spec.channels[1].files = [&](int host, int count) {
      const fs::path part = job.directory() / ("part-" + std::to_string(host));
      std::ofstream(part) << "shard=" << host << "/" << count << "\n";
      return std::vector<InputFile>{{"part", part}};
    };
    REQUIRE(job.run().kind == Kind::completed);
    const json second = json::parse(job.lines[1].value_of("resources"));
    CHECK(second["hosts"] == json{"algo-1", "algo-2", "algo-3"});
    CHECK(second["current_host"] == "algo-2");
    CHECK(second["current_group_name"] == "workers");
    CHECK(second["instance_groups"] ==
          json::parse(R"([{"instance_group_name":"workers","instance_type":"ml.m5.large",
                           "hosts":["algo-1","algo-2"]},
                          {"instance_group_name":"servers","instance_type":"ml.c5.xlarge",
                           "hosts":["algo-3"]}])"));
    const json third = json::parse(job.lines[2].value_of("resources"));
    CHECK(third["current_instance_type"] == "ml.c5.xlarge");
    CHECK(job.lines[2].value_of("group") == R"(servers of=["servers","workers"] hetero=true)");
    CHECK(job.lines[0].value_of("peers") == R"(["algo-1","algo-2"])");
    CHECK(job.lines[2].value_of("peers") == R"(["algo-3"])");
    CHECK(job.lines[2].value_of("type") == "ml.c5.xlarge");
    CHECK(job.lines[0].value_of("shard") == "0/2");
    CHECK(job.lines[1].value_of("shard") == "1/2");
    CHECK(job.lines[2].value_of("shard") == "(absent)");
    CHECK(job.lines[0].value_of("channels") == R"(["all","shards"])");
    CHECK(job.lines[2].value_of("channels") == R"(["all"])");
    CHECK(json::parse(job.lines[2].value_of("config")).size() == 1);
  });
}
