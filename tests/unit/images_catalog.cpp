// Names of images: what is known, what the user maps, and what is said about the rest.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/images/catalog.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::images;
using sagemaker::tests::TemporaryDirectory;

namespace {

struct Fixture {
  TemporaryDirectory folder;

  std::filesystem::path program(const std::string& name) const {
    const auto path = folder / name;
    std::ofstream(path) << "#!/bin/sh\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  Catalog catalog(const std::string& mapping = "") const {
    if (mapping.empty()) return Catalog({folder.path(), folder / "cache", {}});
    std::ofstream(folder / "images.json") << mapping;
    return Catalog({folder.path(), folder / "cache", folder / "images.json"});
  }
};

std::vector<std::string> command(const Catalog& catalog, const std::string& image) {
  const auto found = catalog.resolve(image);
  return found ? found->command : std::vector<std::string>{"unknown"};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("C++ script mode is known by every form of its name") {
  const Fixture fixture;
  const std::string program = fixture.program("sagemaker-cpp-image").string();
  const Catalog catalog = fixture.catalog();
  for (const char* name :
       {"sagemaker-cpp", "sagemaker-cpp:latest", "sagemaker-cpp:1.0-cpu",
        "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-cpp:1", "localhost:5000/team/sagemaker-cpp",
        "registry.example.com/sagemaker-cpp@sha256:0123"}) {
    CAPTURE(name);
    const auto image = catalog.resolve(name);
    REQUIRE(image);
    CHECK(image->name == name);
    CHECK(image->command == Words{program});
    CHECK(image->writable == std::vector{fixture.folder / "cache" / "cpp"});
    CHECK(image->environment.at("SAGEMAKER_CPP_CACHE") == (fixture.folder / "cache" / "cpp").string());
    CHECK(std::filesystem::is_directory(image->writable.front()));
    CHECK(image->runs("/opt/ml/processing/input/code/count.cpp"));
    CHECK_FALSE(image->runs("/opt/ml/processing/input/code/count.py"));
  }
  CHECK_FALSE(catalog.resolve("sagemaker-cpp-two"));
  CHECK_FALSE(catalog.resolve("my-sagemaker-cpp"));
}

TEST_CASE("without its program, C++ script mode says what is missing") {
  const Fixture fixture;
  const Catalog catalog = fixture.catalog();
  CHECK_FALSE(catalog.resolve("sagemaker-cpp"));
  CHECK(catalog.explain_unknown("sagemaker-cpp").find("libtorch") != std::string::npos);
}

TEST_CASE("AWS's framework containers are Python script mode, in any registry and with any tag") {
  const Fixture fixture;
  const std::string program = fixture.program("sagemaker-python-image").string();
  const Catalog catalog = fixture.catalog();
  for (const char* name :
       {"763104351884.dkr.ecr.us-west-2.amazonaws.com/"
        "pytorch-training:2.5.1-gpu-py311-cu124-ubuntu22.04-sagemaker",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/"
        "pytorch-inference:2.5.1-cpu-py311-ubuntu22.04-sagemaker",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference-graviton:2.4.0-cpu",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.16.1-cpu-py310",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/"
        "huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-inference-neuronx:1",
        "520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-mxnet:1.0-cpu-py2",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "236514542706.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/pytorch-training@sha256:0123", "pytorch-training",
        "sagemaker-python"}) {
    CAPTURE(name);
    const auto image = catalog.resolve(name);
    REQUIRE(image);
    CHECK(image->command == Words{program});
    CHECK(image->environment.at("SAGEMAKER_PYTHON_CACHE") == (fixture.folder / "cache/python").string());
    CHECK(image->writable == std::vector{fixture.folder / "cache/python", fixture.folder / "cache/pip"});
    CHECK_FALSE(image->environment.contains("SAGEMAKER_PYTHON"));
    CHECK_FALSE(image->environment.contains("PIP_USER"));
  }
  for (const char* name : {"pytorch", "my-pytorch-training", "pytorch-trainings", "sagemaker-xgboost:1.7-1"})
    CHECK_FALSE(catalog.resolve(name));
  CHECK(command(fixture.catalog(R"({"pytorch-training": "/bin/sh"})"),
                "1.dkr.ecr.x.amazonaws.com/pytorch-training:2") == Words{"/bin/sh"});
}

TEST_CASE("the name of a framework container says what its handlers do by default") {
  const Fixture fixture;
  fixture.program("sagemaker-python-image");
  const auto framework = [&](const std::string& name) {
    const auto image = fixture.catalog().resolve("763104351884.dkr.ecr.us-east-1.amazonaws.com/" + name);
    REQUIRE(image);
    const auto found = image->environment.find("SAGEMAKER_PYTHON_FRAMEWORK");
    return found == image->environment.end() ? "" : found->second;
  };
  CHECK(framework("pytorch-inference:2.1-cpu-py310") == "pytorch");
  CHECK(framework("huggingface-pytorch-inference:2.1") == "huggingface");
  CHECK(framework("sagemaker-scikit-learn:1.2-1-cpu-py3") == "scikit-learn");
  CHECK(framework("tensorflow-inference:2.14") == "tensorflow");
  CHECK(framework("mxnet-inference:1.9") == "");
}

TEST_CASE("the Python that the user names goes before the machine's") {
  const Fixture fixture;
  fixture.program("sagemaker-python-image");
  const Catalog catalog({.programs = fixture.folder.path(),
                         .cache = fixture.folder / "cache",
                         .python = "/venv/bin/python",
                         .isolated = false});
  const auto image = catalog.resolve("pytorch-training");
  REQUIRE(image);
  CHECK(image->environment.at("SAGEMAKER_PYTHON") == "/venv/bin/python");
  CHECK(image->environment.at("PATH").starts_with("/venv/bin:"));
  CHECK(image->environment.at("PIP_USER") == "1");
}

TEST_CASE("without its program, Python script mode says what is missing") {
  const Fixture fixture;
  CHECK_FALSE(fixture.catalog().resolve("pytorch-training"));
  CHECK(fixture.catalog().explain_unknown("pytorch-training").find("sagemaker-python-image") !=
        std::string::npos);
}

TEST_CASE("a file URL is a program that must exist and be executable") {
  const Fixture fixture;
  const auto program = fixture.program("my program");
  std::ofstream(fixture.folder / "text") << "text";
  const Catalog catalog = fixture.catalog();
  CHECK(command(catalog, "file://" + fixture.folder.path().string() + "/my%20program") ==
        Words{program.string()});
  for (const std::string& bad :
       {"file://" + (fixture.folder / "absent").string(), "file://" + (fixture.folder / "text").string(),
        "file://" + fixture.folder.path().string(), std::string("file://relative"), std::string("file://")}) {
    CAPTURE(bad);
    CHECK_FALSE(catalog.resolve(bad));
    CHECK(catalog.explain_unknown(bad).find(bad) != std::string::npos);
  }
  CHECK(catalog.explain_unknown("file://" + (fixture.folder / "text").string()).find("is not executable") !=
        std::string::npos);
}

TEST_CASE("the user's mapping wins, the most exact first") {
  const Fixture fixture;
  for (const char* name : {"a", "b", "c", "d", "e", "sagemaker-cpp-image"}) fixture.program(name);
  const std::string folder = fixture.folder.path().string() + "/";
  const Catalog catalog = fixture.catalog(R"({
    "123.dkr.ecr.us-east-1.amazonaws.com/my:1": "./a",
    "my:1": "./b",
    "my": "./c",
    "my-*": "./d",
    "my-long-*": ["./e", "--flag", "x y"],
    "sagemaker-cpp": "./a",
    "python": "python3 -m module"
  })");
  CHECK(command(catalog, "123.dkr.ecr.us-east-1.amazonaws.com/my:1") == Words{folder + "a"});
  CHECK(command(catalog, "456.dkr.ecr.us-east-1.amazonaws.com/my:1") == Words{folder + "b"});
  CHECK(command(catalog, "123.dkr.ecr.us-east-1.amazonaws.com/my:2") == Words{folder + "c"});
  CHECK(command(catalog, "my") == Words{folder + "c"});
  CHECK(command(catalog, "my-short:9") == Words{folder + "d"});
  CHECK(command(catalog, "host:5000/my-long-name") == Words{folder + "e", "--flag", "x y"});
  CHECK(command(catalog, "sagemaker-cpp:1") == Words{folder + "a"});
  CHECK(command(catalog, "python:3.12") == Words{"python3", "-m", "module"});
  CHECK(command(catalog, "mine") == Words{"unknown"});
}

TEST_CASE("a mapping may name the network of its containers") {
  const Fixture fixture;
  for (const char* name : {"a", "sagemaker-cpp-image"}) fixture.program(name);
  const Catalog catalog = fixture.catalog(R"({
    "plain": "./a",
    "object": {"command": ["./a", "--flag"]},
    "own": {"command": "./a", "network": "private"},
    "shared-*": {"command": "./a", "network": "host"}
  })");
  const auto network = [&](const std::string& name) { return catalog.resolve(name).value().network; };
  CHECK(command(catalog, "object") == Words{(fixture.folder / "a").string(), "--flag"});
  CHECK(network("plain") == Network::automatic);
  CHECK(network("object") == Network::automatic);
  CHECK(network("own:1") == Network::own);
  CHECK(network("shared-1") == Network::host);
  CHECK(network("file://" + (fixture.folder / "a").string()) == Network::automatic);
  CHECK(network("sagemaker-cpp") == Network::host);
  const auto fault = [&](const char* mapping) -> std::string {
    try {
      fixture.catalog(mapping);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(fault(R"({"x": {"command": "./a", "network": "bridge"}})").find("\"private\" or \"host\"") !=
        std::string::npos);
  CHECK(fault(R"({"x": {"network": "host"}})").find("no \"command\"") != std::string::npos);
  CHECK(fault(R"({"x": {"command": "./a", "port": 1}})").find("\"port\" is not known") != std::string::npos);
}

TEST_CASE("a mapping file that cannot be used is refused with the reason") {
  const Fixture fixture;
  std::ofstream(fixture.folder / "text") << "text";
  for (const auto& [mapping, reason] :
       std::vector<std::pair<std::string, std::string>>{{"[]", "must hold a JSON object"},
                                                        {"{", "invalid JSON"},
                                                        {R"({"a": 1})", "must be a text or a list of texts"},
                                                        {R"({"a": []})", "the command is empty"},
                                                        {R"({"a": "  "})", "the command is empty"},
                                                        {R"({"a": ["x", 1]})", "texts only"},
                                                        {R"({"a*b": "x"})", "at the end only"},
                                                        {R"({"": "x"})", "without a name"},
                                                        {R"({"a": "./absent"})", "there is no file"},
                                                        {R"({"a": "./text"})", "is not executable"}}) {
    CAPTURE(mapping);
    CHECK_THROWS_WITH_AS(fixture.catalog(mapping), doctest::Contains(reason.c_str()), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(Catalog({fixture.folder.path(), {}, fixture.folder / "nowhere.json"}),
                       doctest::Contains("nowhere.json: it cannot be opened"), std::runtime_error);
}

TEST_CASE("an unknown image is explained in one line that says what to do") {
  const Fixture fixture;
  const Catalog catalog = fixture.catalog();
  const std::string name = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
  CHECK_FALSE(catalog.resolve(name));
  const std::string text = catalog.explain_unknown(name);
  CHECK(text.find(name) != std::string::npos);
  CHECK(text.find(R"({"sagemaker-xgboost":"/path/to/program"})") != std::string::npos);
  CHECK(text.find("--images FILE") != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
  CHECK_FALSE(catalog.resolve(""));
}
