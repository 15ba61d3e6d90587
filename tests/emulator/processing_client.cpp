// Processor and ScriptProcessor against a real sagemaker-local: scripts in C++ and Python, data there and
// back, what a user sees, failures, stopped jobs, and jobs that are found again.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
namespace fs = std::filesystem;
using sm::json;

namespace {

const char* const input_folder = "/opt/ml/processing/input/data";
const char* const output_folder = "/opt/ml/processing/output";

struct Fixture {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  sagemaker::tests::TemporaryDirectory folder;
  std::vector<std::string> lines;                   // what a user would see
  std::function<void(const std::string&)> on_line;  // called with each of them
  sm::Session session{{.config = emulator.config(), .output = [this](std::string_view line) {
                         lines.emplace_back(line);
                         if (on_line) on_line(lines.back());
                       }}};

  std::string file(const std::string& name, const std::string& text) const {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
  // An image that is a shell script.
  sm::ProcessorOptions shell(const std::string& script) const {
    const std::string path = file("image", "#!/bin/sh\n" + script);
    fs::permissions(path, fs::perms::owner_all);
    return options("file://" + path);
  }
  static sm::ProcessorOptions options(const std::string& image) {
    sm::ProcessorOptions options;
    options.role = "SageMakerRole";
    options.image_uri = image;
    options.instance_type = "ml.m5.large";
    options.base_job_name = "job";
    return options;
  }
  // The one file of an output, read back.
  std::string output(const sm::ProcessingJob& job, const std::string& name) const {
    const std::vector<fs::path> files = session.download_data(folder / "back", job.output_uri(name));
    REQUIRE(files.size() == 1);
    std::ifstream stream(files.front());
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  bool said(const std::string& text) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
};

const char* const sums_columns = R"(#include <fstream>
#include <iostream>
#include <string>
#include "parse.hpp"

int main(int, char** argv) {
  std::ifstream rows(argv[1]);
  std::string line;
  double sum = 0;
  while (std::getline(rows, line)) sum += parse(line);
  std::cout << "the sum is " << sum << std::endl;
  std::ofstream(argv[2]) << sum << "\n";
  std::ofstream("/opt/ml/output/message") << "summed";
}
)";

const char* const counts_rows = R"(import json, os, sys
folder = '/opt/ml/processing/input/data'
host = json.load(open('/opt/ml/config/resourceconfig.json'))['current_host']
rows = sum(len(open(os.path.join(folder, name)).readlines()) for name in os.listdir(folder))
print(sys.argv[1], rows, os.environ['UNIT'])
open('/opt/ml/processing/output/%s.txt' % host, 'w').write('%d\n' % rows)
)";

}  // namespace

#ifdef HAS_CPP_IMAGE
TEST_CASE("a folder of C++ sources is compiled and run over local files, and its output is read back") {
  Fixture local;
  local.file("code/sum.cpp", sums_columns);
  local.file("code/parse.hpp", "double parse(const std::string& line);\n");
  local.file("code/parse.cpp",
             "#include <string>\n#include \"parse.hpp\"\n"
             "double parse(const std::string& line) { return std::stod(line); }\n");
  sm::ScriptProcessor processor(local.session, Fixture::options(""));
  const std::string rows = local.file("rows.csv", "1\n2.5\n4\n");
  const sm::ProcessingJob job = processor.run(
      "sum.cpp",
      {.inputs = {{.source = rows, .destination = input_folder, .input_name = "data"}},
       .outputs = {{.source = output_folder, .output_name = "sum"}},
       .arguments = {std::string(input_folder) + "/rows.csv", std::string(output_folder) + "/sum.txt"},
       .source_dir = (local.folder / "code").string()});
  CHECK(local.output(job, "sum") == "7.5\n");
  CHECK(local.said("the sum is 7.5"));
  CHECK(local.said(" InProgress - Processing job job-"));
  CHECK(local.said(" Completed - Processing job job-"));
  CHECK(local.lines.back() == "Exit message: summed");
  CHECK(job.output_uri("sum") == (local.session.default_location() / job.name() / "output/sum").text());
}
#endif

TEST_CASE("a Python script gets its part of the data on each of two hosts") {
  Fixture local;
  for (const char* const name : {"data/a.csv", "data/b.csv", "data/c.csv"}) local.file(name, "row\nrow\n");
  sm::ProcessorOptions options =
      Fixture::options("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5.1-cpu-py311");
  options.instance_count = 2;
  options.env = {{"UNIT", "rows"}};
  sm::ScriptProcessor processor(local.session, options);
  const sm::ProcessingJob job = processor.run(local.file("count.py", counts_rows),
                                              {.inputs = {{.source = (local.folder / "data").string(),
                                                           .destination = input_folder,
                                                           .s3_data_distribution_type = "ShardedByS3Key"}},
                                               .outputs = {{.source = output_folder}},
                                               .arguments = {"counted"}});
  int rows = 0;
  std::vector<std::string> names;
  for (const fs::path& file :
       local.session.download_data(local.folder / "back", job.output_uri("output-1"))) {
    int part = 0;
    std::ifstream(file) >> part;
    CHECK(part > 0);
    CHECK(local.said("[" + file.stem().string() + "] counted " + std::to_string(part) + " rows"));
    names.push_back(file.filename().string());
    rows += part;
  }
  CHECK(names == std::vector<std::string>{"algo-1.txt", "algo-2.txt"});
  CHECK(rows == 6);
}

TEST_CASE("a job that fails throws its reason, after its log and its exit message") {
  Fixture local;
  sm::Processor processor(local.session,
                          local.shell("echo looking; echo 'no rows' > /opt/ml/output/message; exit 3\n"));
  std::string reason;
  try {
    processor.run({.outputs = {{.source = output_folder}}, .job_name = "fails"});
  } catch (const sm::UnexpectedStatus& error) {
    CHECK(error.status() == "Failed");
    reason = error.reason();
  }
  CHECK(reason.starts_with("AlgorithmError: "));
  CHECK(local.said("looking"));
  CHECK(local.lines.back() == "Exit message: no rows");
  const json description = processor.latest_job().describe();
  CHECK(description["FailureReason"] == reason);
  CHECK(description["ExitMessage"] == "no rows");
  CHECK_THROWS_AS(processor.latest_job().wait(false), sm::UnexpectedStatus);
}

TEST_CASE("a running job is found by its name and stopped, which is no failure") {
  Fixture local;
  sm::Processor processor(local.session,
                          local.shell("trap 'exit 0' TERM\necho running\nwhile :; do sleep 0.05; done\n"));
  processor.run({.wait = false, .job_name = "runs"});
  const sm::ProcessingJob job = sm::ProcessingJob::from_processing_name(local.session, "runs");
  local.on_line = [&](const std::string& line) {
    if (line == "running") job.stop();
  };
  CHECK(job.wait()["ProcessingJobStatus"] == "Stopped");
  CHECK(local.said("Job ended with status 'Stopped' rather than 'Completed'"));
  job.stop();  // once more is no error
}

TEST_CASE("a processor of a job that ended runs it again, over the same data") {
  Fixture local;
  const std::string script =
      "cat /opt/ml/processing/input/data/* > /opt/ml/processing/output/all; echo \"$WORD $*\"\n";
  sm::ProcessorOptions options = local.shell(script);
  options.env = {{"WORD", "seen"}};
  options.max_runtime_in_seconds = 600;
  sm::Processor first(local.session, options);
  first.run({.inputs = {{.source = local.file("data.txt", "one\n"), .destination = input_folder}},
             .outputs = {{.source = output_folder, .output_name = "all"}},
             .arguments = {"a", "b c"},
             .job_name = "first"});
  CHECK(local.said("seen a b c"));

  sm::Processor again = sm::Processor::attach(local.session, "first");
  CHECK(again.options().max_runtime_in_seconds == 600);
  std::vector<sm::ProcessingOutput> outputs = again.latest_job().outputs();
  outputs.at(0).destination.clear();  // a place of its own
  const sm::ProcessingJob second = again.run(
      {.inputs = again.latest_job().inputs(), .outputs = outputs, .logs = false, .job_name = "second"});
  CHECK(local.output(second, "all") == "one\n");
  CHECK(second.output_uri("all").ends_with("/second/output/all"));
  std::vector<std::string> names;
  for (const json& summary : local.session.sagemaker().items("ListProcessingJobs", {{"MaxResults", 1}}))
    names.push_back(summary["ProcessingJobName"]);
  CHECK(names == std::vector<std::string>{"second", "first"});  // the latest first
  CHECK(sm::ProcessingJob::from_processing_arn(local.session, second.describe()["ProcessingJobArn"]).name() ==
        "second");
}
