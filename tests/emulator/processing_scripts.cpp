// Goal: C++ and Python files run as they are as the scripts of processing jobs. Method: the runner, the
// images' own programs, a real compiler and a real Python.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include <doctest/doctest.h>

#include "emulator/images/catalog.hpp"
#include "emulator/runner/processing/run.hpp"
#include "tests/support/support.hpp"

namespace fs = std::filesystem;
namespace runner = sagemaker::local::runner;
namespace images = sagemaker::local::images;
using Kind = runner::ProcessingOutcome::Kind;

namespace {

const char* const counts_lines = R"(#include <fstream>
#include <iostream>
#include <string>
#include "say.hpp"

int main(int argc, char** argv) {
  std::ifstream in(argv[1]);
  std::string line;
  long lines = 0;
  while (std::getline(in, line)) ++lines;
  say(lines);
  std::ofstream(argv[2]) << lines << "\n";
  return argc == 3 ? 0 : 5;
}
)";

// Runs `files` (name -> text) as the code of a job whose entry point is `entry_point`.
class Scripts {
 public:
  explicit Scripts(const std::string& image) {
    const fs::path programs = fs::path(std::getenv("SAGEMAKER_LOCAL_BIN")).parent_path();
    const images::Catalog catalog({.programs = programs, .cache = folder_ / "cache"});
    const auto found = catalog.resolve(image);
    REQUIRE(found.has_value());
    spec_.image = *found;
    spec_.job_name = "job-1";
    spec_.root = folder_ / "job";
    spec_.outputs = {{.name = "out", .local_path = "/opt/ml/processing/output"}};
  }

  runner::ProcessingOutcome run(const std::vector<std::string>& entry_point,
                                const std::map<std::string, std::string>& files) {
    const std::string code = "/opt/ml/processing/input/code", data = "/opt/ml/processing/input/data";
    spec_.inputs = {input("code", code, files), input("data", data, {{"lines.csv", "1\n2\n3\n"}})};
    spec_.entry_point = entry_point;
    spec_.arguments = {data + "/lines.csv", "/opt/ml/processing/output/count"};
    log.clear();
    const runner::ProcessingEvents events{.on_line = [this](int, std::string_view line) {
      const std::lock_guard lock(mutex_);
      log.append(line) += "\n";
    }};
    return runner::ProcessingRunner(sandbox_, addresses_, limits_).run(spec_, events, {});
  }

  // Starters in the way of pyenv's: scripts, one of them of no use in a container, and no "python".
  void hide_python_behind_starters() {
    const fs::path folder = folder_ / "starters";
    fs::create_directories(folder);
    const auto script = [&](const char* name, const std::string& text) {
      std::ofstream(folder / name) << "#!/bin/sh\n" << text;
      fs::permissions(folder / name, fs::perms::owner_all);
    };
    script("python3", "PATH='" + std::string(std::getenv("PATH")) + "' exec python3 \"$@\"\n");
    script("pip", "echo a starter; exit 1\n");
    for (const char* name : {"cat", "sh"}) fs::create_symlink(fs::path("/bin") / name, folder / name);
    spec_.environment["PATH"] = folder.string();
  }

  std::string result() const {
    std::ifstream file(runner::processing_output_folder(spec_, spec_.outputs[0], 0) / "count");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string log;

 private:
  runner::ProcessingSpec::Input input(const std::string& name, const std::string& local_path,
                                      const std::map<std::string, std::string>& texts) {
    std::vector<runner::InputFile> files;
    for (const auto& [file, text] : texts) {
      fs::create_directories((folder_ / name / file).parent_path());
      std::ofstream(folder_ / name / file) << text;
      files.push_back({file, folder_ / name / file});
    }
    return {.name = name, .local_path = local_path, .files = [files](int, int) { return files; }};
  }

  sagemaker::tests::TemporaryDirectory folder_;
  runner::Sandbox sandbox_{runner::Sandbox::Mode::detect,
                           fs::path(std::getenv("SAGEMAKER_LOCAL_BIN")).parent_path()};
  runner::AddressPool addresses_;
  sagemaker::local::RunnerLimits limits_;
  runner::ProcessingSpec spec_;
  std::mutex mutex_;
};

}  // namespace

TEST_CASE("a C++ file is an entry point of the C++ image: compiled once, run with the job's arguments") {
  Scripts scripts("sagemaker-cpp");
  const std::vector<std::string> entry_point = {"/opt/ml/processing/input/code/count.cpp"};
  const std::map<std::string, std::string> files = {
      {"count.cpp", counts_lines},
      {"say.hpp", "void say(long lines);\n"},
      {"say.cpp",
       "#include \"say.hpp\"\n#include <iostream>\n"
       "void say(long lines) { std::cout << \"lines=\" << lines << std::endl; }\n"}};
  runner::ProcessingOutcome outcome = scripts.run(entry_point, files);
  CAPTURE(scripts.log);
  CAPTURE(outcome.failure_reason);
  REQUIRE(outcome.kind == Kind::completed);
  CHECK(scripts.log.find("Compiling count.cpp\n") != std::string::npos);
  CHECK(scripts.log.find("lines=3\n") != std::string::npos);
  CHECK(scripts.result() == "3\n");
  outcome = scripts.run(entry_point, files);
  CHECK(outcome.kind == Kind::completed);
  CHECK(scripts.log.find("Compiling") == std::string::npos);
  CHECK(scripts.result() == "3\n");
}

TEST_CASE("the C++ file may lie in a folder of the code, which is compiled whole") {
  Scripts scripts("sagemaker-cpp");
  const runner::ProcessingOutcome outcome =
      scripts.run({"/opt/ml/processing/input/code/programs/count.cpp"},
                  {{"programs/count.cpp", counts_lines},
                   {"say.hpp", "void say(long lines);\n"},
                   {"say/say.cpp",
                    "#include \"say.hpp\"\n#include <iostream>\n"
                    "void say(long lines) { std::cout << \"said=\" << lines << std::endl; }\n"}});
  CAPTURE(scripts.log);
  REQUIRE(outcome.kind == Kind::completed);
  CHECK(scripts.log.find("said=3\n") != std::string::npos);
  CHECK(scripts.result() == "3\n");
}

TEST_CASE("what the compiler finds wrong is the job's exit message") {
  Scripts scripts("sagemaker-cpp");
  runner::ProcessingOutcome outcome =
      scripts.run({"/opt/ml/processing/input/code/count.cpp"}, {{"count.cpp", "int main() { return x; }\n"}});
  CHECK(outcome.kind == Kind::failed);
  CHECK(outcome.failure_reason == "AlgorithmError: See job logs for more information");
  CHECK(outcome.exit_message.find("count.cpp:1:21: error:") != std::string::npos);
  CHECK(scripts.log.find("Error: count.cpp:1:21: error:") != std::string::npos);
  outcome = scripts.run({"/opt/ml/processing/input/code/other.cpp"}, {{"count.cpp", "int main() {}\n"}});
  CHECK(outcome.kind == Kind::failed);
  CHECK(outcome.exit_message.find("there is no file") != std::string::npos);
}

TEST_CASE("a Python file runs in the Python image as ScriptProcessor asks for it") {
  Scripts scripts("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5.1-cpu-py311");
  const runner::ProcessingOutcome outcome =
      scripts.run({"python3", "/opt/ml/processing/input/code/count.py"},
                  {{"count.py",
                    "import sys\n"
                    "lines = len(open(sys.argv[1]).readlines())\n"
                    "print('lines', lines)\n"
                    "open(sys.argv[2], 'w').write('%d\\n' % lines)\n"}});
  CAPTURE(scripts.log);
  CAPTURE(outcome.failure_reason);
  REQUIRE(outcome.kind == Kind::completed);
  CHECK(scripts.log.find("lines 3\n") != std::string::npos);
  CHECK(scripts.result() == "3\n");
}

TEST_CASE("entry points find python and pip by all their names, whatever this machine calls them") {
  Scripts scripts("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5.1-cpu-py311");
  scripts.hide_python_behind_starters();
  const runner::ProcessingOutcome outcome =
      scripts.run({"/bin/sh", "/opt/ml/processing/input/code/run.sh"},
                  {{"run.sh",
                    "for name in python python3; do $name -c 'import sys; print(\"runs\", "
                    "sys.argv[1:])' \"a b\"; done\n"
                    "pip --version; pip3 --version\n"
                    "exit 0\n"}});
  CAPTURE(scripts.log);
  CHECK(outcome.kind == Kind::completed);
  CHECK(scripts.log.find("runs ['a b']\nruns ['a b']\n") != std::string::npos);
  CHECK(scripts.log.find("not found") == std::string::npos);
  CHECK(scripts.log.find("a starter") == std::string::npos);
}
