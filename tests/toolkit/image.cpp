// The sagemaker-cpp image as a program: it finds the user's code, compiles it once, and says what is wrong
// with it.
#include <chrono>
#include <memory>
#include <thread>

#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/source_archive.hpp>

#include "emulator/images/sagemaker_cpp/cmake_project.hpp"
#include "emulator/images/sagemaker_cpp/sources.hpp"
#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

using namespace sagemaker::local::images;
using namespace sagemaker::tests;
using sagemaker::json;

namespace {

const std::string hello =
    "#include <cstdio>\nint main(int, char** argv) { std::printf(\"hello %s\\n\", argv[1]); }\n";

// A job of the image, its code in sourcedir.tar.gz beside it.
struct Job {
  TemporaryDirectory base;
  std::filesystem::path cache;
  Process::Variables variables;

  explicit Job(const std::filesystem::path& shared_cache) : cache(shared_cache) {
    variables = {{"SAGEMAKER_BASE_DIR", (base / "ml").string()}, {"SAGEMAKER_CPP_CACHE", cache.string()}};
  }
  void code(const std::map<std::string, std::string>& files, const std::string& program) {
    for (const auto& [name, text] : files) write_text(base.path() / "source" / name, text);
    const auto archive =
        sagemaker::pack_sources({.entry_point = program, .source_dir = (base / "source").string()});
    write_text(base / "sourcedir.tar.gz", archive.bytes);
    parameters(program, (base / "sourcedir.tar.gz").string());
  }
  void parameters(const std::string& program, const std::string& directory) {
    const json given = {{"sagemaker_program", json(program).dump()},
                        {"sagemaker_submit_directory", json(directory).dump()}};
    write_text(base / "ml/input/config/hyperparameters.json", given.dump());
  }
  int run(const std::string& command = "train") {
    return Process({IMAGE_PROGRAM, command}, variables, base / "log").wait();
  }
  std::string log() const { return read_text(base / "log"); }
  std::string failure() const { return read_text(base / "ml/output/failure"); }
};

}  // namespace

TEST_CASE("code is compiled once and started at once the next time") {
  const TemporaryDirectory cache;
  Job first(cache.path());
  first.code({{"hello.cpp", hello}}, "hello.cpp");
  CHECK(first.run() == 0);
  CHECK(first.log().find("Compiling hello.cpp\n") == 0);
  CHECK(first.log().ends_with("hello train\n"));
  Job second(cache.path());
  second.code({{"hello.cpp", hello}}, "hello.cpp");
  CHECK(second.run() == 0);
  CHECK(second.log() == "hello train\n");
  Job changed(cache.path());
  changed.code({{"hello.cpp", hello + "// changed\n"}}, "hello.cpp");
  CHECK(changed.run() == 0);
  CHECK(changed.log().find("Compiling") == 0);
}

TEST_CASE("several jobs with the same code at once compile it once") {
  const TemporaryDirectory cache;
  std::vector<std::unique_ptr<Job>> jobs;
  std::vector<std::thread> threads;
  std::vector<int> codes(3, -1);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    jobs.push_back(std::make_unique<Job>(cache.path()));
    jobs.back()->code({{"hello.cpp", hello}}, "hello.cpp");
  }
  for (std::size_t i = 0; i < codes.size(); ++i) threads.emplace_back([&, i] { codes[i] = jobs[i]->run(); });
  for (std::thread& thread : threads) thread.join();
  int compiled = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    CHECK(codes[i] == 0);
    CHECK(jobs[i]->log().ends_with("hello train\n"));
    compiled += jobs[i]->log().find("Compiled") != std::string::npos;
  }
  CHECK(compiled == 1);
}

TEST_CASE("the other files of the source folder belong to the program, other programs do not") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  job.code(
      {{"train.cpp",
        "#include \"lib/answer.hpp\"\n#include <cstdio>\nint main() { std::printf(\"%d\\n\", answer()); }\n"},
       {"lib/answer.hpp", "#pragma once\nint answer();\n"},
       {"lib/answer.cc", "#include \"lib/answer.hpp\"\nint answer() { return 42; }\n"},
       {"tools/other.cpp", "#error this is another program\nint main() {}\n"}},
      "train.cpp");
  CHECK(job.run() == 0);
  CHECK(job.log().ends_with("42\n"));
}

TEST_CASE("a toolkit program is compiled, trained and found again") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  job.code(
      {{"train.cpp",
        "#include <sagemaker/container.hpp>\n#include <iostream>\n"
        "torch::nn::Linear train(const sagemaker::container::TrainingEnvironment& env) {\n"
        "  std::cout << \"hosts \" << env.world_size() << std::endl;\n  return torch::nn::Linear(2, 1);\n}\n"
        "int main(int argc, char** argv) { return sagemaker::container::run(argc, argv, {.train = train}); "
        "}\n"}},
      "train.cpp");
  CHECK(job.run() == 0);
  CHECK(job.log().ends_with("hosts 1\n"));
  CHECK(std::filesystem::exists(job.base / "ml/model/model.pt"));
  CHECK(std::filesystem::exists(job.base / "ml/output/success"));
}

TEST_CASE("a compile error is the failure, and the whole output is in the log") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  job.code({{"broken.cpp", "int main() {\n  return undeclared_thing;\n}\nint also = missing_thing;\n"}},
           "broken.cpp");
  CHECK(job.run() == 1);
  CHECK(job.failure().starts_with(
      "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"broken.cpp:2:10: error: "));
  CHECK(job.failure().find("undeclared_thing") != std::string::npos);
  CHECK(job.failure().find("missing_thing") == std::string::npos);
  CHECK(job.failure().ends_with("Command \"c++ -c broken.cpp\""));
  CHECK(job.log().find("missing_thing") != std::string::npos);
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(cache / "programs"))
    entries += entry.is_directory();
  CHECK(entries == 0);
}

TEST_CASE("warnings of the compiler are in the log, and do not keep the program from running") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  job.code({{"train.cpp", "int main() {\n  int never_read;\n}\n"}}, "train.cpp");
  CHECK(job.run() == 0);
  CHECK(job.log().find("train.cpp:2:7: warning: ") != std::string::npos);
}

TEST_CASE("what the compiler is told by variables belongs to the program") {
  const TemporaryDirectory cache;
  const std::string shows =
      "#include <answer.hpp>\n#include <cstdio>\nint main() { std::printf(\"%d\\n\", answer); }\n";
  for (const char* const answer : {"41", "42"}) {
    Job job(cache.path());
    job.code({{"train.cpp", shows}}, "train.cpp");
    write_text(job.base / "include/answer.hpp", std::string("constexpr int answer = ") + answer + ";\n");
    job.variables["CPLUS_INCLUDE_PATH"] = (job.base / "include").string();
    CHECK(job.run() == 0);
    CHECK(job.log().ends_with(std::string(answer) + "\n"));
  }
}

TEST_CASE("files behind links and in hidden folders belong to the program") {
  const TemporaryDirectory cache;
  const std::string shows =
      "#include \"lib/answer.hpp\"\n#include \".config/more.hpp\"\n#include <cstdio>\n"
      "int main() { std::printf(\"%d\\n\", answer + more); }\n";
  int answer = 0;
  for (const auto& [linked, hidden] : {std::pair{1, 10}, std::pair{2, 10}, std::pair{2, 20}}) {
    Job job(cache.path());
    write_text(job.base / "ml/code/train.cpp", shows);
    write_text(job.base / "elsewhere/answer.hpp", "constexpr int answer = " + std::to_string(linked) + ";\n");
    std::filesystem::create_directory_symlink(job.base / "elsewhere", job.base / "ml/code/lib");
    write_text(job.base / "ml/code/.config/more.hpp",
               "constexpr int more = " + std::to_string(hidden) + ";\n");
    answer = linked + hidden;
    CHECK(job.run() == 0);
    CHECK(job.log().ends_with(std::to_string(answer) + "\n"));
  }
}

TEST_CASE("a missing library says how one is linked") {
  const TemporaryDirectory cache;
  Job header(cache.path());
  header.code({{"train.cpp", "#include <absent/library.hpp>\nint main() {}\n"}}, "train.cpp");
  CHECK(header.run() == 1);
  CHECK(header.failure().find("train.cpp:1:10: fatal error: absent/library.hpp: No such file") !=
        std::string::npos);
  CHECK(header.failure().find("CMakeLists.txt") != std::string::npos);
}

TEST_CASE("a linker error is the failure") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  job.code({{"train.cpp", "int nowhere();\nint main() { return nowhere(); }\n"}}, "train.cpp");
  CHECK(job.run() == 1);
  CHECK(job.failure().find("nowhere()") != std::string::npos);
  CHECK(job.failure().find("CMakeLists.txt") != std::string::npos);
}

TEST_CASE("a missing entry point is named, with what the archive holds") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  job.code({{"train.cpp", hello}, {"lib/a.hpp", ""}}, "train.cpp");
  job.parameters("mnist.cpp", (job.base / "sourcedir.tar.gz").string());
  CHECK(job.run() == 1);
  CHECK(job.failure().find("there is no entry point mnist.cpp in the source archive; it holds: ") !=
        std::string::npos);
  CHECK(job.failure().find("train.cpp") != std::string::npos);
  CHECK(job.failure().find("lib/a.hpp") != std::string::npos);

  Job escape(cache.path());
  escape.code({{"train.cpp", hello}}, "train.cpp");
  escape.parameters("../train.cpp", (escape.base / "sourcedir.tar.gz").string());
  CHECK(escape.run() == 1);
  CHECK(escape.failure().find("must lie inside") != std::string::npos);

  Job nothing(cache.path());
  write_text(nothing.base / "ml/input/config/hyperparameters.json", "{}");
  CHECK(nothing.run() == 1);
  CHECK(nothing.failure().find("sagemaker_submit_directory") != std::string::npos);

  Job script(cache.path());
  script.code({{"train.py", "print()"}}, "train.py");
  CHECK(script.run() == 1);
  CHECK(script.failure().find("is no C++ file") != std::string::npos);
}

TEST_CASE("an archive that reaches out of its folder is refused") {
  const TemporaryDirectory cache;
  for (const std::string name : {"../escaped.cpp", "/escaped.cpp", "a/../../escaped.cpp"}) {
    CAPTURE(name);
    Job job(cache.path());
    const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), &archive_write_free);
    archive_write_add_filter_gzip(out.get());
    archive_write_set_format_pax_restricted(out.get());
    archive_write_open_filename(out.get(), (job.base / "sourcedir.tar.gz").c_str());
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         &archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), 1);
    archive_write_header(out.get(), entry.get());
    archive_write_data(out.get(), "x", 1);
    archive_write_close(out.get());
    job.parameters("train.cpp", (job.base / "sourcedir.tar.gz").string());
    CHECK(job.run() == 1);
    CHECK(job.failure().find("source archive") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(job.base / "ml/escaped.cpp"));
    CHECK_FALSE(std::filesystem::exists("/escaped.cpp"));
  }
}

TEST_CASE("serving takes the code that lies in the model, or the one that the variables name") {
  const TemporaryDirectory cache;
  Job in_model(cache.path());
  write_text(in_model.base / "ml/model/code/inference.cpp", hello);
  CHECK(in_model.run("serve") == 0);
  CHECK(in_model.log().ends_with("hello serve\n"));
  Job named(cache.path());
  named.code({{"hello.cpp", hello}}, "hello.cpp");
  named.variables["SAGEMAKER_PROGRAM"] = "hello.cpp";
  named.variables["SAGEMAKER_SUBMIT_DIRECTORY"] = (named.base / "source").string();
  CHECK(named.run("serve") == 0);
  CHECK(named.log().ends_with("hello serve\n"));
  Job missing(cache.path());
  CHECK(missing.run("serve") == 1);
  CHECK(missing.log().find("SAGEMAKER_SUBMIT_DIRECTORY") != std::string::npos);
}

TEST_CASE("a saved model without code is served without compiling anything; code of any kind comes first") {
  const TemporaryDirectory cache;
  Job bare(cache.path());
  bare.variables["SAGEMAKER_BIND_TO_HOST"] = "127.0.0.1";
  bare.variables["SAGEMAKER_BIND_TO_PORT"] = "0";
  write_text(bare.base / "ml/model/model.pth", "no TorchScript");
  CHECK(bare.run("serve") == 1);
  CHECK(bare.log().starts_with("Listening on "));
  CHECK(bare.log().find("cannot be loaded") != std::string::npos);
  bare.variables["SAGEMAKER_PROGRAM"] = "serve.cpp";
  CHECK(bare.run("serve") == 1);
  CHECK(bare.log().find("needs code") != std::string::npos);
  bare.variables.erase("SAGEMAKER_PROGRAM");
  write_text(bare.base / "ml/model/code/inference.cpp", hello);
  CHECK(bare.run("serve") == 0);
  CHECK(bare.log().ends_with("hello serve\n"));
}

TEST_CASE("a CMake project is built, and the target of the entry point is started") {
  const TemporaryDirectory cache;
  const std::string project =
      "cmake_minimum_required(VERSION 3.16)\nproject(user LANGUAGES CXX)\nfind_package(sagemaker REQUIRED)\n"
      "add_library(part SHARED part.cpp)\nadd_executable(train train.cpp)\ntarget_link_libraries(train "
      "part)\n"
      "target_include_directories(train PRIVATE "
      "$<TARGET_PROPERTY:sagemaker::container,INTERFACE_INCLUDE_DIRECTORIES>)\n"
      "add_executable(other other.cpp)\n";
  Job job(cache.path());
  job.code({{"CMakeLists.txt", project},
            {"train.cpp",
             "#include <sagemaker/container/linkage.hpp>\n#include <cstdio>\nint part();\n"
             "int main() { std::printf(\"part %d\\n\", part()); }\n"},
            {"part.cpp", "int part() { return 7; }\n"},
            {"other.cpp", "int main() {}\n"}},
           "train.cpp");
  CHECK(job.run() == 0);
  CHECK(job.log().ends_with("part 7\n"));

  Job wrong(cache.path());
  wrong.code({{"CMakeLists.txt",
               "cmake_minimum_required(VERSION 3.16)\nproject(user LANGUAGES CXX)\nadd_executable(a a.cpp)\n"
               "add_executable(b a.cpp)\n"},
              {"a.cpp", "int main() {}\n"}},
             "a.cpp");
  wrong.parameters("train.cpp", (wrong.base / "sourcedir.tar.gz").string());
  CHECK(wrong.run() == 1);
  CHECK(wrong.failure().find("it builds: a, b") != std::string::npos);

  Job broken(cache.path());
  broken.code({{"CMakeLists.txt",
                "cmake_minimum_required(VERSION 3.16)\nproject(user LANGUAGES CXX)\nfind_package(Nonsense "
                "REQUIRED)\n"},
               {"a.cpp", ""}},
              "a.cpp");
  CHECK(broken.run() == 1);
  CHECK(broken.failure().find("CMake Error at CMakeLists.txt:3 (find_package):") != std::string::npos);
}

TEST_CASE("variables that speed libtorch up are set, but never over the user's") {
  const TemporaryDirectory cache;
  const std::string shows =
      "#include <cstdio>\n#include <cstdlib>\n#include <initializer_list>\nint main() {\n"
      "  for (const char* name : {\"OMP_NUM_THREADS\", \"OPENBLAS_NUM_THREADS\"})\n"
      "    std::printf(\"%s=%s\\n\", name, std::getenv(name));\n}\n";
  Job job(cache.path());
  job.code({{"shows.cpp", shows}}, "shows.cpp");
  job.variables["SM_NUM_CPUS"] = "3";
  CHECK(job.run() == 0);
  CHECK(job.log().ends_with("OMP_NUM_THREADS=3\nOPENBLAS_NUM_THREADS=1\n"));
  job.variables["OMP_NUM_THREADS"] = "5";
  job.variables["OPENBLAS_NUM_THREADS"] = "2";
  CHECK(job.run() == 0);
  CHECK(job.log().ends_with("OMP_NUM_THREADS=5\nOPENBLAS_NUM_THREADS=2\n"));
}

TEST_CASE("any other command shows the usage") {
  const TemporaryDirectory cache;
  Job job(cache.path());
  CHECK(job.run("bash") == 2);
  CHECK(job.log().find("train | serve") != std::string::npos);
}

TEST_CASE("a main function is found where it is one") {
  CHECK(defines_main("int main() {}"));
  CHECK(defines_main("#include <a>\n\nint\nmain (int argc, char** argv)\n{\n}"));
  CHECK(defines_main("auto main() -> int {}"));
  CHECK_FALSE(defines_main("// int main() {}\n/* int main() */ int domain() { return 1; }"));
  CHECK_FALSE(
      defines_main("const char* text = \"int main() {}\"; const char* raw = R\"x(int main() )\" )x\";"));
  CHECK_FALSE(defines_main("int mainly(); int x = main_value(1'000);"));
  CHECK(defines_main("char quote = '\"'; int main() {}"));
}

TEST_CASE("the first error of a compiler's output") {
  CHECK(first_error({1,
                     "In file included from a.cpp:1:\na.hpp:3:1: warning: w\na.hpp:4:2: error: "
                     "first\nb.cpp:1: error: second\n"}) == "a.hpp:4:2: error: first");
  CHECK(first_error({1, "mold: error: undefined symbol: f()\ncollect2: error: ld returned 1\n"}) ==
        "mold: error: undefined symbol: f()");
  CHECK(first_error({1, "CMake Error at CMakeLists.txt:3 (message):\n  something is wrong\n\n"}) ==
        "CMake Error at CMakeLists.txt:3 (message): something is wrong");
  CHECK(first_error({137, "Killed\n"}) == "Killed");
  CHECK(first_error({137, ""}) == "exit code 137");
}
