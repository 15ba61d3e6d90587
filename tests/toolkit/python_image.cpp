// The sagemaker-python image as a program: entry points of every kind, arguments, packages, and what it says
// of a script that fails. The texts are those of AWS's training toolkit.
#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/source_archive.hpp>

#include "emulator/images/interpreter.hpp"
#include "emulator/images/sagemaker_python/arguments.hpp"
#include "emulator/images/sagemaker_python/error_lines.hpp"
#include "emulator/images/sagemaker_python/launcher.hpp"
#include "emulator/images/sagemaker_python/requirements.hpp"
#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

using namespace sagemaker::local::images;
using namespace sagemaker::tests;
using sagemaker::json;

namespace {

using Texts = std::map<std::string, std::string>;

// A job of the image, its code in sourcedir.tar.gz beside it.
struct Job {
  TemporaryDirectory base;
  Process::Variables variables;

  explicit Job(const Texts& files = {}, const std::string& program = "", Texts parameters = {}) {
    variables = {{"SAGEMAKER_BASE_DIR", (base / "ml").string()},
                 {"SAGEMAKER_PYTHON_CACHE", (base / "cache").string()},
                 {"HOME", (base / "home").string()},
                 {"PIP_NO_INDEX", "1"}};
    std::filesystem::create_directories(base / "home");
    for (const auto& [name, text] : files) write_text(base.path() / "source" / name, text);
    if (!files.empty()) {
      const auto archive =
          sagemaker::pack_sources({.entry_point = program, .source_dir = (base / "source").string()});
      write_text(base / "sourcedir.tar.gz", archive.bytes);
      parameters["sagemaker_submit_directory"] = json((base / "sourcedir.tar.gz").string()).dump();
      parameters["sagemaker_program"] = json(program).dump();
    }
    write_text(base / "ml/input/config/hyperparameters.json", json(parameters).dump());
  }
  int run(const std::string& command = "train") {
    return Process({PYTHON_IMAGE_PROGRAM, command}, variables, base / "log").wait();
  }
  std::string log() const { return read_text(base / "log"); }
  std::string failure() const { return read_text(base / "ml/output/failure"); }
  bool succeeded() const { return std::filesystem::exists(base / "ml/output/success"); }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Shows its arguments, one a line.
const std::string shows_arguments = "import sys\nfor word in sys.argv: print('[' + word + ']')\n";

}  // namespace

TEST_CASE("hyperparameters are arguments as Python writes them, in name order") {
  Job job({{"train.py", shows_arguments}}, "train.py",
          {{"lr", "1e-5"},
           {"flag", "true"},
           {"n", "null"},
           {"list", "[1, \"a\", 0.5, null]"},
           {"map", "{\"x\": 1, \"y\": \"z\"}"},
           {"name", "\"it's here\""},
           {"plain", "plain text"},
           {"large", "1e16"},
           {"_tuning_objective_metric", "\"loss\""},
           {"sagemaker_region", "\"us-east-1\""}});
  CHECK(job.run() == 0);
  CHECK(job.succeeded());
  CHECK(contains(
      job.log(),
      "[train.py]\n[--flag]\n[True]\n[--large]\n[1e+16]\n[--list]\n[[1, 'a', 0.5, None]]\n"
      "[--lr]\n[1e-05]\n[--map]\n[x=1,y=z]\n[-n]\n[]\n[--name]\n[it's here]\n[--plain]\n[plain text]\n"));
  CHECK(python_text(json::parse("[1.0, 0.0001, 123456789.125, true, \"a'b\", {\"k\": [] }]")) ==
        "[1.0, 0.0001, 123456789.125, True, \"a'b\", {'k': []}]");
}

TEST_CASE("a script runs in its folder with the variables of the framework containers") {
  Job job(
      {{"pkg/train.py",
        "import os, helper\nprint('cwd', os.path.basename(os.getcwd()), helper.answer)\n"
        "for name in ('MASTER_ADDR', 'MASTER_PORT', 'NCCL_SOCKET_IFNAME', 'NCCL_IB_DISABLE', 'NCCL_DEBUG', "
        "'PYTHONUNBUFFERED', 'SM_USER_ARGS'):\n  print(name + '=' + os.environ[name])\n"},
       {"helper.py", "answer = 42\n"}},
      "pkg/train.py", {{"epochs", "3"}});
  CHECK(job.run() == 0);
  CHECK(contains(job.log(), "cwd code 42\n"));
  CHECK(contains(
      job.log(),
      "MASTER_ADDR=algo-1\nMASTER_PORT=7777\nNCCL_SOCKET_IFNAME=eth0\nNCCL_IB_DISABLE=1\nNCCL_DEBUG=WARN\n"
      "PYTHONUNBUFFERED=1\nSM_USER_ARGS=[\"--epochs\",\"3\"]\n"));
}

TEST_CASE("shell scripts and programs without an extension run as commands") {
  Job shell({{"train.sh", "echo \"shell $*\"\n"}, {"setup.py", "raise SystemExit('not for me')\n"}},
            "train.sh", {{"text", "two words; echo $HOME"}});
  CHECK(shell.run() == 0);
  CHECK(contains(shell.log(), "shell --text two words; echo $HOME\n"));

  Job binary({{"train", read_text("/bin/echo")}}, "train", {{"n", "7"}});
  CHECK(binary.run() == 0);
  CHECK(contains(binary.log(), "\n-n 7\n") == false);  // echo takes -n for itself
  CHECK(contains(binary.log(), "\n7"));
}

TEST_CASE("code is taken from a folder, from a single file, and from what is there already") {
  Job folder;
  write_text(folder.base / "elsewhere/train.py", "print('from a folder')\n");
  folder.variables["SAGEMAKER_PROGRAM"] = "train.py";
  folder.variables["SAGEMAKER_SUBMIT_DIRECTORY"] = (folder.base / "elsewhere").string();
  CHECK(folder.run() == 0);
  CHECK(contains(folder.log(), "from a folder\n"));

  Job file;
  write_text(file.base / "elsewhere/train.py", "print('a single file')\n");
  file.variables["SAGEMAKER_PROGRAM"] = "train.py";
  file.variables["SAGEMAKER_SUBMIT_DIRECTORY"] = (file.base / "elsewhere/train.py").string();
  CHECK(file.run() == 0);
  CHECK(contains(file.log(), "a single file\n"));

  Job there({{"train.py", "print('from the archive')\n"}}, "train.py");
  write_text(there.base / "ml/code/train.py", "print('was there')\n");
  CHECK(there.run() == 0);
  CHECK(contains(there.log(), "was there\n"));
}

TEST_CASE("the failure of a script tells its exit code, its last lines and its command") {
  Job job({{"train.py", "print('begin')\nraise ValueError('the data is sour')\n"}}, "train.py",
          {{"epochs", "3"}});
  CHECK(job.run() == 1);
  CHECK_FALSE(job.succeeded());
  CHECK(job.failure().starts_with(
      "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"raise ValueError('the data is "
      "sour')\n ValueError: the data is sour\"\nCommand \""));
  CHECK(job.failure().ends_with(" train.py --epochs 3\""));

  Job code({{"train.py", "raise SystemExit(7)\n"}}, "train.py");
  CHECK(code.run() == 1);  // whatever the script's own was
  CHECK(code.failure().starts_with("ExecuteUserScriptError:\nExitCode 7\nErrorMessage \"\"\nCommand \""));

  Job killed({{"train.py", "import os\nos.kill(os.getpid(), 9)\n"}}, "train.py");
  CHECK(killed.run() == 1);
  CHECK(killed.failure().starts_with("ExecuteUserScriptError:\nExitCode -9\n"));

  Job memory({{"train.sh", "exit 137\n"}}, "train.sh");
  CHECK(memory.run() == 1);
  CHECK(contains(memory.failure(),
                 "ExitCode 137\nErrorMessage \"\"\nExtraInfo \"OutOfMemory: Process killed by "
                 "SIGKILL (signal 9)\"\nCommand \"/bin/sh -c ./train.sh\""));

  Job own({{"train.py",
            "import os\nopen(os.environ['SAGEMAKER_BASE_DIR'] + '/output/failure', 'w').write('mine')\n"
            "raise SystemExit(1)\n"}},
          "train.py");
  std::filesystem::create_directories(own.base / "ml/output");
  CHECK(own.run() == 1);
  CHECK(own.failure() == "mine");
}

TEST_CASE("a missing module, a missing interpreter and a missing shell say what to do") {
  Job module({{"train.py", "import absent_framework.nn\n"}}, "train.py");
  CHECK(module.run() == 1);
  CHECK(contains(
      module.failure(),
      "ErrorMessage \"ModuleNotFoundError: No module named 'absent_framework'\"\nExtraInfo \"the module "
      "absent_framework is not installed for "));
  CHECK(contains(module.failure(), "--python"));

  Job interpreter({{"train.py", "print()\n"}}, "train.py");
  interpreter.variables["PATH"] = (interpreter.base / "empty").string();
  CHECK(interpreter.run() == 1);
  CHECK(contains(interpreter.failure(), "there is no python3 on this machine's PATH"));
  interpreter.variables["SAGEMAKER_PYTHON"] = "/nowhere/python3";
  std::filesystem::remove_all(interpreter.base / "ml/output");
  CHECK(interpreter.run() == 1);
  CHECK(contains(interpreter.failure(), "/nowhere/python3"));

  Job shell({{"train.sh", "#!/nowhere/zsh\ntrue\n"}}, "train.sh");
  CHECK(shell.run() == 1);
  CHECK(contains(shell.failure(), "ExitCode 127\n"));
  CHECK(contains(shell.failure(),
                 "train.sh: its interpreter /nowhere/zsh, named in its first line, is not on this "
                 "machine"));
}

TEST_CASE("entry points that are not there, not named, or lead elsewhere are refused") {
  Job absent({{"train.py", ""}, {"lib/net.py", ""}}, "train.py");
  write_text(absent.base / "ml/input/config/hyperparameters.json",
             json{{"sagemaker_program", "other.py"},
                  {"sagemaker_submit_directory", (absent.base / "sourcedir.tar.gz").string()}}
                 .dump());
  CHECK(absent.run() == 1);
  CHECK(contains(absent.failure(), "there is no entry point other.py in the source archive; it holds: "));
  CHECK(contains(absent.failure(), "lib/net.py"));

  Job nothing;
  CHECK(nothing.run() == 1);
  CHECK(contains(nothing.failure(), "sagemaker_submit_directory"));

  Job odd({{"tr ain.py", ""}}, "tr ain.py");
  CHECK(odd.run() == 1);
  CHECK(contains(odd.failure(), "the entry point 'tr ain.py' cannot be used"));
}

TEST_CASE("a SIGTERM reaches the script, which can save what it has") {
  Job job({{"train.py",
            "import os, signal, sys, time\n"
            "def stop(*_):\n  open(os.environ['SAGEMAKER_BASE_DIR'] + '/saved', 'w').close()\n  sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop)\nprint('waiting')\ntime.sleep(60)\n"}},
          "train.py");
  Process process({PYTHON_IMAGE_PROGRAM, "train"}, job.variables, job.base / "log");
  REQUIRE(process.wait_for("waiting"));
  process.signal(SIGTERM);
  CHECK(process.wait() == 0);
  CHECK(std::filesystem::exists(job.base / "ml/saved"));
}

TEST_CASE("what a script leaves in the background does not keep the job") {
  Job job({{"train.sh", "sleep 30 &\necho done\n"}}, "train.sh");
  CHECK(job.run() == 0);
  CHECK(contains(job.log(), "done\n"));
}

TEST_CASE("requirements are installed once, and again when they change") {
  if (std::system("python3 -m pip --version > /dev/null 2>&1") != 0) {
    std::puts("SKIPPED: python3 has no pip, which requirements need");
    return;
  }
  const Texts files = {{"train.py", "import small_package\nprint('version', small_package.version)\n"},
                       {"requirements.txt",
                        "# from beside, not from the network\n--no-index\n--find-links ./wheels\n"
                        "small-package==1.0\n"}};
  // A wheel is an archive with three files of facts; pip reads it without a network and without setuptools.
  const std::string make_wheel =
      "import sys, zipfile\nversion = sys.argv[2]\n"
      "with zipfile.ZipFile(sys.argv[1] + '/small_package-' + version + '-py3-none-any.whl', 'w') as wheel:\n"
      "  facts = 'small_package-' + version + '.dist-info/'\n"
      "  wheel.writestr('small_package.py', 'version = %r' % version)\n"
      "  wheel.writestr(facts + 'METADATA', 'Metadata-Version: 2.1\\nName: small-package\\nVersion: ' + "
      "version)\n"
      "  wheel.writestr(facts + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\n"
      "Tag: py3-none-any')\n"
      "  wheel.writestr(facts + 'RECORD', '')\n";
  const TemporaryDirectory shared;
  const auto job_with = [&](const std::string& version) {
    auto job = std::make_unique<Job>();
    std::filesystem::create_directories(job->base / "elsewhere/wheels");
    for (const auto& [name, text] : files) write_text(job->base.path() / "elsewhere" / name, text);
    write_text(job->base / "elsewhere/requirements.txt",
               "--no-index\n--find-links ./wheels\nsmall-package==" + version + "\n");
    write_text(job->base / "wheel.py", make_wheel);
    const std::string command = "python3 " + (job->base / "wheel.py").string() + " " +
                                (job->base / "elsewhere/wheels").string() + " 1.0";
    REQUIRE(std::system(command.c_str()) == 0);
    job->variables["SAGEMAKER_PROGRAM"] = "train.py";
    job->variables["SAGEMAKER_SUBMIT_DIRECTORY"] = (job->base / "elsewhere").string();
    job->variables["SAGEMAKER_PYTHON_CACHE"] = shared.path().string();
    return job;
  };
  // Two at once: one installs, the other waits for it. The wheels differ in their times, so each has a key of
  // its own, but for the one whose folder is the other's.
  const auto first = job_with("1.0"), second = job_with("1.0");
  second->variables["SAGEMAKER_SUBMIT_DIRECTORY"] = first->variables["SAGEMAKER_SUBMIT_DIRECTORY"];
  int codes[2] = {-1, -1};
  std::thread other([&] { codes[1] = second->run(); });
  codes[0] = first->run();
  other.join();
  CHECK(codes[0] == 0);
  CHECK(codes[1] == 0);
  CHECK(contains(first->log(), "version 1.0\n"));
  CHECK(contains(second->log(), "version 1.0\n"));
  CHECK(contains(first->log(), "Installing dependencies") !=
        contains(second->log(), "Installing dependencies"));

  const auto missing = job_with("2.0");
  CHECK(missing->run() == 1);
  CHECK(
      missing->failure().starts_with("InstallRequirementsError:\nExitCode 1\nErrorMessage \"ERROR: Could not "
                                     "find a version that satisfies the "
                                     "requirement small-package==2.0"));
  CHECK(contains(missing->failure(), "-m pip install"));
  std::size_t kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared / "environments"))
    kept += entry.is_directory();
  CHECK(kept == 1);  // nothing of what failed
}

TEST_CASE("a folder with setup.py is installed and run as a module") {
  if (std::system("python3 -c 'import pip, setuptools, wheel' 2>/dev/null") != 0) {
    std::puts("SKIPPED: python3 has no setuptools and wheel, which a setup.py needs");
    return;
  }
  Job job(
      {{"setup.py", "from setuptools import setup\nsetup(name='user', version='1', py_modules=['module'])\n"},
       {"module.py", shows_arguments}},
      "module.py", {{"k", "1"}});
  CHECK(job.run() == 0);
  CHECK(contains(job.log(), "module.py]\n[-k]\n[1]\n"));
  CHECK(contains(job.log(), " -m module -k 1\n"));
}

TEST_CASE("distributions: torchrun's command, and what is not implemented by name") {
  Job mpi({{"train.py", ""}}, "train.py", {{"sagemaker_mpi_enabled", "true"}});
  CHECK(mpi.run() == 1);
  CHECK(contains(mpi.failure(),
                 "the distribution mpi (hyperparameter sagemaker_mpi_enabled) is not implemented by "
                 "sagemaker-local yet"));
  Job server({{"train.py", "print('alone')\n"}}, "train.py",
             {{"sagemaker_parameter_server_enabled", "false"}});
  CHECK(server.run() == 0);

  sagemaker::container::TrainingEnvironment env;
  env.hosts = {"algo-1", "algo-2"};
  env.current_host = "algo-2";
  env.network_interface = "lo";
  env.num_gpus = 4;
  const auto variables =
      distributed_variables(env, {{"SM_MASTER_PORT", "7801"}, {"SM_MASTER_ADDR", "127.0.0.5"}});
  CHECK(variables.at("GLOO_SOCKET_IFNAME") == "lo");
  CHECK(torchrun_command({"python3", "train.py", "-e", "1"}, EntryKind::script, env, variables) ==
        std::vector<std::string>{"python3", "-m", "torch.distributed.run", "--nnodes", "2",
                                 "--nproc_per_node", "4", "--master_addr", "127.0.0.5", "--master_port",
                                 "7801", "--node_rank", "1", "train.py", "-e", "1"});
}

TEST_CASE("a command that is neither train nor serve shows the usage") { CHECK(Job().run("bash") == 2); }

TEST_CASE("error lines: from the first exception on, each once") {
  ErrorLines lines;
  lines.append(
      "epoch 1: Error 0.5\nTraceback (most recent call last):\n  File \"a.py\", line 3\n    raise Key");
  lines.append("Error('k')\n    ^^^^^~~\nKeyError: 'k'\nKeyError: 'k'\nlast");
  CHECK(lines.text() == "raise KeyError('k')\n KeyError: 'k'\n last");
  ErrorLines custom;
  custom.append(
      "Traceback (most recent call last):\n  File \"a.py\", line 3\n    raise Odd\nmodule.Odd: "
      "strange\nend\n");
  CHECK(custom.text() == "module.Odd: strange");
  CHECK(missing_module("No module named 'torch.nn'") == "torch");
  CHECK(missing_module("python3: No module named pip\n") == "pip");
  CHECK(missing_module("nothing").empty());
}

TEST_CASE("requirements: files that belong to them, and what lies on this machine") {
  const TemporaryDirectory folder;
  write_text(folder / "requirements.txt", "numpy==1.0 # pinned\n-r more.txt\n--constraint=limits.txt\n");
  write_text(folder / "more.txt", "scipy\n-r requirements.txt\n");
  write_text(folder / "limits.txt", "scipy<2\n");
  const Requirements found = read_requirements(folder / "requirements.txt");
  CHECK(contains(found.text, "scipy\n"));
  CHECK(contains(found.text, "scipy<2\n"));
  CHECK_FALSE(found.local);
  write_text(folder / "requirements.txt", "git+https://example.com/a/b\nlib @ https://example.com/lib.whl\n");
  CHECK_FALSE(read_requirements(folder / "requirements.txt").local);
  for (const std::string line : {"./lib", "--find-links wheels/", "lib @ file:///lib.whl", "lib-1.0.whl"}) {
    CAPTURE(line);
    write_text(folder / "requirements.txt", line + "\n");
    CHECK(read_requirements(folder / "requirements.txt").local);
  }
  write_text(folder / "requirements.txt", "-e .\n");
  CHECK(read_requirements(folder / "requirements.txt").editable);
}

TEST_CASE("the interpreter of a script's first line") {
  const TemporaryDirectory folder;
  const auto fault = [&](const std::string& text) {
    write_text(folder / "script", text);
    return interpreter_fault(folder / "script", "/usr/bin:/bin");
  };
  CHECK(fault("#!/bin/sh\ntrue\n").empty());
  CHECK(fault("#! /bin/sh -e\n").empty());
  CHECK(fault("#!/usr/bin/env sh\n").empty());
  CHECK(fault("no first line").empty());
  CHECK(contains(fault("#!/usr/bin/absent\n"), "/usr/bin/absent"));
  CHECK(contains(fault("#!/usr/bin/env -S A=1 absent9 -u\n"), "'absent9'"));
  CHECK(contains(fault("#!/bin/sh\r\ntrue\r\n"), "Windows"));
}
