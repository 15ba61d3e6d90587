// Goal: a container's end is reported exactly, its output arrives line by line, it sees its own /opt/ml and
// none of the host's secrets, and nothing of it survives. Method: small shell programs, in both kinds of
// sandbox.
#include "emulator/runner/line_splitter.hpp"
#include "emulator/runner/process.hpp"
#include "tests/unit/runner_support.hpp"

using namespace sagemaker::local;
using namespace sagemaker::tests;
using runner::AddressPool;
using runner::Container;
using runner::ContainerSpec;
using runner::ExitStatus;

namespace {

class Shell {
 public:
  explicit Shell(const Sandbox& sandbox) : sandbox_(sandbox) {}

  ContainerSpec spec(const std::string& program) {
    return {.argv = {"/bin/sh", "-c", program},
            .environment = {{"PATH", "/usr/bin:/bin"}, {"GREETING", "hello world"}},
            .root = directory_ / "root",
            .hostname = "algo-1",
            .hosts = {{"127.77.0.2", "algo-1"}},
            .on_line = [this](std::string_view line) { lines.add(line); }};
  }
  std::unique_ptr<Container> start(const std::string& program) {
    return Container::start(spec(program), sandbox_, limits);
  }
  ExitStatus run(const std::string& program) { return end(*start(program)); }

  static ExitStatus end(Container& container) {
    const auto exit = container.wait_for(30s);
    REQUIRE(exit.has_value());
    return *exit;
  }

  const fs::path& directory() const { return directory_.path(); }
  RunnerLimits limits;
  Lines lines;

 private:
  const Sandbox& sandbox_;
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("lines are cut at newlines and at the limit, and the last one needs no newline") {
  std::vector<std::string> lines;
  runner::LineSplitter splitter(5, [&](std::string_view line) { lines.emplace_back(line); });
  for (const char* piece : {"a", "b\n\nc\r\n", "12345\n", "1234567", "89012\nend"}) splitter.append(piece);
  splitter.finish();
  CHECK(lines == std::vector<std::string>{"ab", "", "c", "12345", "12345", "67890", "12", "end"});
}

TEST_CASE("the end of a program is reported as it was") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    CHECK(shell.run("exit 0").success());
    const ExitStatus three = shell.run("exit 3");
    CHECK(three.code == 3);
    CHECK(three.signal == 0);
    CHECK(!three.success());
    const ExitStatus high = shell.run("exit 255");
    CHECK(high.code == 255);
    CHECK(high.signal == 0);
    for (const int signal : {SIGKILL, SIGSEGV, SIGTERM}) {
      const ExitStatus exit = shell.run("kill -" + std::to_string(signal) + " $$");
      CHECK(exit.signal == signal);
      CHECK(exit.code == 128 + signal);
    }
  });
}

TEST_CASE("standard output and standard error arrive as lines, in order and whole") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    shell.limits.log_line_bytes_max = 1000;
    CHECK(shell
              .run("echo out; echo err >&2; printf 'bytes \\377\\376\\n'; echo; head -c 2500 /dev/zero | tr "
                   "'\\0' x; echo; "
                   "echo \"$GREETING\"; printf partial")
              .success());
    const std::vector<std::string> expected = {"out",
                                               "err",
                                               "bytes \xff\xfe",
                                               "",
                                               std::string(1000, 'x'),
                                               std::string(1000, 'x'),
                                               std::string(500, 'x'),
                                               "hello world",
                                               "partial"};
    CHECK(shell.lines.all() == expected);
    CHECK(shell.run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done").success());
    CHECK(shell.lines.all().size() == expected.size() + 20'000);
    CHECK(shell.lines.all().back() == "line 19999");
  });
}

TEST_CASE("a program inherits nothing: environment, descriptors, signals") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    ::setenv("SAGEMAKER_TEST_SECRET", "of the emulator", 1);
    ::signal(SIGPIPE, SIG_IGN);
    Shell shell(sandbox);
    CHECK(
        shell.run("env; ls /proc/self/fd | tr '\\n' ' '; echo; grep SigIgn /proc/self/status; ulimit -c; cat")
            .success());
    CHECK(!shell.lines.contains("SAGEMAKER_TEST_SECRET"));
    CHECK(shell.lines.contains("GREETING=hello world"));
    CHECK(shell.lines.contains("SigIgn:\t0000000000000000"));
    bool only_standard = false;
    for (const std::string& line : shell.lines.all()) only_standard |= line == "0 1 2 3 ";  // 3 is ls's own
    CHECK(only_standard);
    CHECK(shell.lines.all().back() == "0");
  });
}

TEST_CASE("a name that cannot be executed is told at once") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    ContainerSpec spec = shell.spec("");
    spec.argv = {"/nowhere/program", "train"};
    CHECK_THROWS_WITH(Container::start(spec, sandbox, shell.limits), doctest::Contains("/nowhere/program"));
    spec.argv = {"no-such-program-in-path"};
    CHECK_THROWS_WITH(Container::start(spec, sandbox, shell.limits), doctest::Contains("no such program"));
    std::ofstream(shell.directory() / "data") << "no program";
    spec.argv = {shell.directory() / "data"};
    CHECK_THROWS_WITH(Container::start(spec, sandbox, shell.limits), doctest::Contains("not an executable"));
    spec.argv = {};
    CHECK_THROWS(Container::start(spec, sandbox, shell.limits));
    spec.argv = {"sh", "-c", "exit 7"};  // found in the container's own PATH
    CHECK(Shell::end(*Container::start(spec, sandbox, shell.limits)).code == 7);
  });
}

TEST_CASE("stopping sends SIGTERM to the program, which may end in its own way") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    const auto container =
        shell.start("trap 'echo saving; exit 5' TERM; echo ready; while :; do sleep 0.01; done");
    REQUIRE(eventually([&] { return shell.lines.contains("ready"); }));
    CHECK(container->running());
    container->stop(30s);
    CHECK(Shell::end(*container).code == 5);
    CHECK(!container->running());
    CHECK(shell.lines.contains("saving"));
  });
}

TEST_CASE("a stop before the program has begun is not lost") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    const auto container = shell.start("exec sleep 1000");
    container->stop(20s);
    CHECK(Shell::end(*container).signal == SIGTERM);
  });
}

TEST_CASE("a program that ignores SIGTERM is killed after the grace") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    const auto container = shell.start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    REQUIRE(eventually([&] { return shell.lines.contains("ready"); }));
    const auto begin = std::chrono::steady_clock::now();
    container->stop(150ms);
    CHECK(!container->wait_for(50ms).has_value());
    CHECK(Shell::end(*container).signal == SIGKILL);
    CHECK(std::chrono::steady_clock::now() - begin >= 150ms);
  });
}

TEST_CASE("no process of a container survives it, whatever it did to get away") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    // A daemon: twice forked, in a session of its own, deaf to SIGTERM, away from our pipe.
    const std::string marker =
        "marker-" + shell.directory().filename().string() + (sandbox.isolated() ? "-i" : "-n");
    const std::string daemon = "(setsid sh -c \"trap '' TERM HUP; while :; do sleep 0.05; done; : " + marker +
                               "\" </dev/null >/dev/null 2>&1 &) ; ";
    const auto program = [&](const char* rest) {
      // The marker must be in the daemon's command line only.
      return "set -- " + marker + "; " + daemon + rest;
    };
    SUBCASE("the program ends by itself") {
      CHECK(shell.run(program("sleep 0.1; exit 0")).success());
      CHECK(!process_exists(marker));
    }
    SUBCASE("it is stopped") {
      const auto container = shell.start(program("echo ready; sleep 1000"));
      REQUIRE(eventually([&] { return shell.lines.contains("ready"); }));
      REQUIRE(process_exists(marker));
      container->stop(50ms);
      Shell::end(*container);
      CHECK(!process_exists(marker));
    }
    SUBCASE("it is destroyed") {
      auto container = shell.start(program("echo ready; sleep 1000"));
      REQUIRE(eventually([&] { return shell.lines.contains("ready"); }));
      container.reset();
      CHECK(!process_exists(marker));
    }
  });
}

TEST_CASE("a container dies with the process that started it") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    TemporaryDirectory directory;
    const std::string marker = "orphan-" + directory.path().filename().string();
    const pid_t emulator = ::fork();
    if (emulator == 0) {
      RunnerLimits limits;
      ContainerSpec spec{
          .argv = {"/bin/sh", "-c", "(setsid sleep 1000 &); echo > started; sleep 1000; : " + marker},
          .environment = {{"PATH", "/usr/bin:/bin"}},
          .root = directory / "root"};
      const auto container = Container::start(spec, sandbox, limits);
      ::pause();
      ::_exit(0);
    }
    CHECK(eventually([&] { return fs::exists(directory / "root" / "work" / "started"); }));
    CHECK(process_exists(marker));
    ::kill(emulator, SIGKILL);
    ::waitpid(emulator, nullptr, 0);
    CHECK(eventually([&] { return !process_exists(marker); }));
  });
}

TEST_CASE("the sandbox shows a container's own /opt/ml, name and processes, and keeps the host unwritable") {
  const Sandbox* sandbox = isolated_sandbox();
  if (!sandbox) return;
  Shell shell(*sandbox);
  fs::create_directories(shell.directory() / "root/ml/model");
  fs::create_directories(shell.directory() / "cache");
  std::ofstream(shell.directory() / "root/ml/model/weights") << "42";
  std::ofstream(shell.directory() / "neighbour") << "x";
  ContainerSpec spec = shell.spec(
      "echo weights=$(cat /opt/ml/model/weights); echo result > /opt/ml/model/out; echo host=$(hostname);"
      "echo address=$(getent hosts algo-1 | cut -d' ' -f1); echo processes=$(ls -d /proc/[0-9]* | wc -l);"
      "echo base=$SAGEMAKER_BASE_DIR; touch /tmp/mine && echo tmp=ok; touch /etc/x 2>/dev/null || echo "
      "etc=denied;"
      "touch /usr/x 2>/dev/null || echo usr=denied; echo changed 2>/dev/null > ../../neighbour;"
      "touch " +
      (shell.directory() / "cache/x").string() +
      " && echo cache=ok; touch here && echo work=ok;"
      "(mount -o remount,rw / && touch /x) 2>/dev/null || echo remount=denied; : > /opt/ml/big && echo ml=ok;"
      "echo random=$(head -c 3 /dev/urandom | wc -c); echo score=$(cat /proc/self/oom_score_adj)");
  spec.writable = {shell.directory() / "cache"};
  CHECK(Shell::end(*Container::start(spec, *sandbox, shell.limits)).success());
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"weights", "42"}, {"host", "algo-1"}, {"address", "127.77.0.2"}, {"base", ""},   {"tmp", "ok"},
      {"etc", "denied"}, {"usr", "denied"},  {"cache", "ok"},           {"work", "ok"}, {"remount", "denied"},
      {"ml", "ok"},      {"random", "3"},    {"score", "500"}};
  for (const auto& [name, value] : expected) {
    CAPTURE(name);
    CHECK(shell.lines.value_of(name) == value);
  }
  CHECK(std::stoi(shell.lines.value_of("processes")) < 8);
  CHECK(read_text(shell.directory() / "neighbour") == "x");
  CHECK(read_text(shell.directory() / "root/ml/model/out") == "result\n");
  CHECK(fs::exists(shell.directory() / "cache/x"));
  CHECK(!fs::exists("/tmp/mine"));
}

TEST_CASE("the sandbox hides the user's credentials and the emulator's data from a job") {
  if (!isolated_sandbox()) return;
  TemporaryDirectory home;
  fs::create_directories(home / ".aws");
  std::ofstream(home / ".aws/credentials") << "secret";
  std::ofstream(home / "config") << "secret";
  fs::create_directories(home / "data/jobs/other");
  std::ofstream(home / "data/jobs/other/weights") << "secret";
  const char* before = std::getenv("HOME");
  const std::string restored = before ? before : "";
  ::setenv("HOME", home.path().c_str(), 1);
  ::setenv("AWS_CONFIG_FILE", (home / "config").c_str(), 1);
  Sandbox sandbox(Sandbox::Mode::bubblewrap);
  sandbox.hide(home / "data");
  // The home folder lies in /tmp here; a program in it makes it visible.
  const fs::path script =
      write_script(home / "look.sh",
                   "#!/bin/sh\ncat \"$1/.aws/credentials\" \"$1/config\" \"$1/data/jobs/other/weights\"\n"
                   "cd \"$2\" && echo > work/mine && echo looked\n");
  Lines lines;
  ContainerSpec spec{.argv = {script, home.path(), home / "data/jobs/own"},
                     .environment = {{"PATH", "/usr/bin:/bin"}},
                     .root = home / "data/jobs/own",
                     .on_line = [&](std::string_view line) { lines.add(line); }};
  const ExitStatus exit = Shell::end(*Container::start(spec, sandbox, {}));
  ::unsetenv("AWS_CONFIG_FILE");
  before ? ::setenv("HOME", restored.c_str(), 1) : ::unsetenv("HOME");
  CHECK(exit.success());
  CHECK(lines.contains("looked"));
  CHECK(!lines.contains("secret"));
  CHECK(fs::exists(home / "data/jobs/own" / "work" / "mine"));
}

TEST_CASE("without a sandbox SAGEMAKER_BASE_DIR names the folder that stands for /opt/ml") {
  Shell shell(plain_sandbox());
  CHECK(shell.run("echo base=$SAGEMAKER_BASE_DIR; echo data > $SAGEMAKER_BASE_DIR/x; pwd").success());
  CHECK(shell.lines.value_of("base") == (shell.directory() / "root/ml").string());
  CHECK(read_text(shell.directory() / "root/ml/x") == "data\n");
  CHECK(shell.lines.all().back() == (shell.directory() / "root/work").string());
  CHECK(plain_sandbox().description().find("NOT isolated") != std::string::npos);
}

TEST_CASE("variables of the dynamic linker reach the program and not the sandbox") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Shell shell(sandbox);
    ContainerSpec spec = shell.spec("echo path=$LD_LIBRARY_PATH");
    spec.environment["LD_LIBRARY_PATH"] = "/opt/ml/model/lib";
    CHECK(Shell::end(*Container::start(spec, sandbox, shell.limits)).success());
    CHECK(shell.lines.value_of("path") == "/opt/ml/model/lib");
  });
}

TEST_CASE("many containers start and end at once") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    std::vector<std::unique_ptr<Shell>> shells;
    std::vector<std::unique_ptr<Container>> containers;
    for (int i = 0; i < 12; ++i) {
      shells.push_back(std::make_unique<Shell>(sandbox));
      containers.push_back(shells.back()->start("echo " + std::to_string(i) + "; exit " + std::to_string(i)));
    }
    for (int i = 0; i < 12; ++i) {
      CHECK(Shell::end(*containers[static_cast<std::size_t>(i)]).code == i);
      CHECK(shells[static_cast<std::size_t>(i)]->lines.all() == std::vector<std::string>{std::to_string(i)});
    }
  });
}

TEST_CASE("two pools never hand out the same address, and a released one comes back") {
  AddressPool one, two;
  const std::string a = one.acquire(), b = one.acquire(), c = two.acquire();
  CHECK(a != b);
  CHECK(a.substr(0, a.rfind('.')) == b.substr(0, b.rfind('.')));
  CHECK(a.substr(0, a.rfind('.')) != c.substr(0, c.rfind('.')));
  CHECK(a.starts_with("127."));
  one.release(a);
  CHECK(one.acquire() == a);
  std::vector<std::string> rest;
  CHECK_THROWS([&] {
    for (int i = 0; i < 300; ++i) rest.push_back(one.acquire());
  }());
  CHECK(rest.size() == 251);
}
