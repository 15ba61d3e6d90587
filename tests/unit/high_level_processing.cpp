// Processor and ScriptProcessor: what is uploaded, asked for and refused, and jobs that are found again. That
// documents are those of the SDK is shown in tests/clients/sagemaker_sdk_processing_documents.py.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

constexpr const char* role = "arn:aws:iam::111122223333:role/Processor";

ProcessorOptions basic(ProcessorOptions options = {}) {
  options.role = role;
  if (options.instance_type.empty()) options.instance_type = "ml.m5.large";
  return options;
}

struct Files {
  Files() {
    std::filesystem::create_directory(folder / "data");
    std::ofstream(folder / "data/rows.csv") << "1,2\n";
    for (const char* name : {"prepare.cpp", "prepare.py", "prepare.sh", "prepare.pl"})
      std::ofstream(folder / name) << "code\n";
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  TemporaryDirectory folder;
};

template <class Action>
std::string config_error_of(Action&& action) {
  try {
    action();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

json job_description() {
  return {{"ProcessingJobName", "clean-2026-11-21-07-00-00-123"},
          {"ProcessingJobArn", "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/clean"},
          {"ProcessingJobStatus", "Completed"},
          {"ProcessingInputs",
           {{{"InputName", "code"},
             {"AppManaged", false},
             {"S3Input",
              {{"S3Uri", "s3://b/x.py"},
               {"LocalPath", "/opt/ml/processing/input/code"},
               {"S3DataType", "S3Prefix"},
               {"S3InputMode", "File"},
               {"S3DataDistributionType", "FullyReplicated"},
               {"S3CompressionType", "None"}}}}}},
          {"ProcessingOutputConfig",
           {{"KmsKeyId", "output-key"},
            {"Outputs",
             {{{"OutputName", "clean"},
               {"AppManaged", false},
               {"S3Output",
                {{"S3Uri", "s3://b/clean"},
                 {"LocalPath", "/opt/ml/processing/output"},
                 {"S3UploadMode", "Continuous"}}}}}}}},
          {"ProcessingResources",
           {{"ClusterConfig",
             {{"InstanceCount", 2},
              {"InstanceType", "ml.c5.xlarge"},
              {"VolumeSizeInGB", 50},
              {"VolumeKmsKeyId", "volume-key"}}}}},
          {"AppSpecification",
           {{"ImageUri", "image"},
            {"ContainerEntrypoint", {"python3", "/opt/ml/processing/input/code/x.py"}},
            {"ContainerArguments", {"--rows", "5"}}}},
          {"Environment", {{"A", "b"}}},
          {"NetworkConfig",
           {{"EnableNetworkIsolation", true},
            {"EnableInterContainerTrafficEncryption", false},
            {"VpcConfig", {{"SecurityGroupIds", {"sg-1"}}, {"Subnets", {"subnet-1"}}}}}},
          {"StoppingCondition", {{"MaxRuntimeInSeconds", 100}}},
          {"RoleArn", role}};
}

}  // namespace

TEST_CASE("a C++ file is uploaded, and compiled and run by the C++ image under a name of its own") {
  Stage stage;
  const Files files;
  ScriptProcessor processor(stage.session, basic());
  const ProcessingJob job = processor.run(
      files.path("prepare.cpp"), {.outputs = {{.source = "/opt/ml/processing/output"}}, .wait = false});
  CHECK(job.name() == "sagemaker-cpp-2026-11-21-07-00-00-123");
  CHECK(stage.lines == std::vector<std::string>{"Creating processing-job with name: " + job.name()});
  const json document = stage.aws->document("CreateProcessingJob");
  CHECK(document["AppSpecification"] ==
        json{{"ImageUri", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-cpp:latest"},
             {"ContainerEntrypoint", {"/opt/ml/processing/input/code/prepare.cpp"}}});
  const std::string place = "s3://sagemaker-eu-west-1-111122223333/" + job.name();
  CHECK(job.inputs().at(0).source == place + "/input/code/prepare.cpp");
  CHECK(document["ProcessingInputs"][0]["S3Input"]["S3Uri"] == place + "/input/code/prepare.cpp");
  CHECK(job.output_uri("output-1") == place + "/output/output-1");
  CHECK_THROWS_AS(job.output_uri("output-2"), ConfigError);
  CHECK(stage.aws->count("PUT /" + job.name() + "/input/code/prepare.cpp") == 1);
  CHECK(processor.latest_job().name() == job.name());
}

TEST_CASE("a folder of sources is uploaded whole, and the code is a path in it") {
  Stage stage({.default_bucket = "b"});
  const Files files;
  ScriptProcessor processor(stage.session, basic({.image_uri = "image"}));
  processor.run(
      "data/../prepare.py",
      {.source_dir = files.folder.path().string(), .wait = false, .job_name = "j", .kms_key = "key"});
  json document = stage.aws->document("CreateProcessingJob");
  CHECK(document["AppSpecification"]["ContainerEntrypoint"] ==
        json{"python3", "/opt/ml/processing/input/code/prepare.py"});
  CHECK(document["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://b/j/input/code/");
  CHECK(stage.aws->count("PUT /b/j/input/code/data/rows.csv") == 1);
  const auto upload = stage.aws->requests.find("PUT /b/j/input/code/prepare.py");
  REQUIRE(upload != stage.aws->requests.end());
  CHECK(upload->second.headers.get("x-amz-server-side-encryption-aws-kms-key-id") == "key");

  processor.run("sub/prepare.sh", {.source_dir = "s3://there/code", .wait = false, .job_name = "k"});
  document = stage.aws->document("CreateProcessingJob", 1);
  CHECK(document["AppSpecification"]["ContainerEntrypoint"] ==
        json{"/bin/bash", "/opt/ml/processing/input/code/sub/prepare.sh"});
  CHECK(document["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://there/code");
  CHECK(processor.jobs().size() == 2);
}

TEST_CASE("an uploaded folder is a prefix that no other input's begins with") {
  Stage stage({.default_bucket = "b"});
  const Files files;
  Processor processor(stage.session, basic({.image_uri = "image"}));
  const ProcessingInput data{
      .source = files.path("data"), .destination = "/opt/ml/processing/data", .input_name = "data"};
  ProcessingInput labels = data;
  labels.destination = "/opt/ml/processing/labels";
  labels.input_name = "data-labels";
  const ProcessingJob job = processor.run({.inputs = {data, labels}, .wait = false, .job_name = "j"});
  CHECK(job.inputs().at(0).source == "s3://b/j/input/data/");
  CHECK(job.inputs().at(1).source == "s3://b/j/input/data-labels/");
  const json inputs = stage.aws->document("CreateProcessingJob")["ProcessingInputs"];
  CHECK(inputs[0]["S3Input"]["S3Uri"] == "s3://b/j/input/data/");
}

TEST_CASE("what cannot be sent is refused before anything is asked or uploaded") {
  Stage stage;
  const Files files;
  const auto refused = [&](const ProcessorOptions& options, const ProcessingRunOptions& run) {
    return config_error_of([&] { Processor(stage.session, options).run(run); });
  };
  const auto script = [&](const std::string& code, ProcessorOptions options = {},
                          const ProcessingRunOptions& run = {}) {
    options.image_uri = options.image_uri.empty() ? "image" : options.image_uri;
    return config_error_of([&] { ScriptProcessor(stage.session, basic(options)).run(code, run); });
  };
  const ProcessorOptions image = basic({.image_uri = "image"});
  const ProcessingInput input{.source = "s3://b/x", .destination = "/opt/ml/processing/x"};
  CHECK(refused(basic(), {}).starts_with("image_uri is missing"));
  CHECK(refused({.image_uri = "image"}, {}).starts_with("instance_type is missing"));
  CHECK(refused(basic({.image_uri = "image", .command = {"python3"}}), {}) ==
        "command and source_dir are for sm::ScriptProcessor");
  CHECK(refused(image,
                {.inputs = {input, {.source = "s3://b/x", .destination = "/x", .input_name = "input-1"}}}) ==
        "Duplicate input input-1 not allowed.");
  CHECK(refused(image, {.inputs = {{.source = "s3://b/x"}}})
            .starts_with("ProcessingInput input-1 needs a destination"));
  CHECK(refused(image, {.inputs = {{.destination = "/x"}}})
            .starts_with("ProcessingInput input-1 needs a source"));
  CHECK(refused(image,
                {.inputs = {{.source = "s3://b/x", .destination = "/x", .s3_compression_type = "Gzip"}}}) ==
        "Data can only be gzipped when the input mode is Pipe.");
  CHECK(refused(image, {.inputs = {input, {.source = files.path("none"), .destination = "/x"}}})
            .starts_with("ProcessingInput input-2: \""));
  CHECK(refused(image, {.outputs = {{.destination = "s3://b/x"}}})
            .starts_with("ProcessingOutput output-1 needs a source"));
  CHECK(script(files.path("none.py")).ends_with(" wasn't found. Please make sure that the file exists."));
  CHECK(script(files.path("data"))
            .ends_with(" must be a file, not a directory. Please pass a path to a file."));
  CHECK(script("https://x/y.py") ==
        "code https://x/y.py url scheme https is not recognized. Please pass a file path or S3 url");
  CHECK(script("").starts_with("code is missing"));
  CHECK(script("s3://b/folder/").starts_with("code is missing"));
  CHECK(script(files.path("prepare.pl")).starts_with("command is missing: name what runs \"prepare.pl\""));
  CHECK(script("../x.py", {}, {.source_dir = files.path("data")}).starts_with("No file named \"../x.py\""));
  CHECK(script("none.py", {}, {.source_dir = files.path("data")}).starts_with("No file named \"none.py\""));
  CHECK(
      script(files.path("prepare.py"), {.entrypoint = {"x"}}).starts_with("entrypoint is for sm::Processor"));
  CHECK(config_error_of([&] {
          ScriptProcessor(stage.session, basic()).run(files.path("prepare.py"));
        }).starts_with("image_uri is missing"));
  CHECK(config_error_of([&] {
          Processor(stage.session, image).latest_job();
        }).starts_with("Processor is not associated"));
  CHECK(stage.aws->calls.empty());
}

TEST_CASE("a job is found by its name or ARN, with its data, and can be run again") {
  Stage stage;
  stage.aws->on_json("DescribeProcessingJob", job_description());
  const ProcessingJob job = ProcessingJob::from_processing_arn(
      stage.session, "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/clean");
  CHECK(stage.aws->document("DescribeProcessingJob") == json{{"ProcessingJobName", "clean"}});
  CHECK(job.output_uri("clean") == "s3://b/clean");
  CHECK(job.output_kms_key() == "output-key");
  CHECK(job.outputs().at(0).s3_upload_mode == "Continuous");
  CHECK_THROWS_AS(ProcessingJob::from_processing_arn(stage.session, "clean"), ConfigError);

  Processor processor = Processor::attach(stage.session, "clean-2026-11-21-07-00-00-123");
  const std::vector<ProcessingInput> inputs = processor.latest_job().inputs();
  const std::vector<ProcessingOutput> outputs = processor.latest_job().outputs();
  CHECK(processor.options().base_job_name == "clean");
  processor.run({.inputs = inputs, .outputs = outputs, .arguments = {"--rows", "5"}, .wait = false});
  json expected = job_description();
  expected.erase("ProcessingJobArn");
  expected.erase("ProcessingJobStatus");
  CHECK(stage.aws->document("CreateProcessingJob") == expected);  // the time has not passed on
}

TEST_CASE("run follows the job to its end and throws the reason where it fails") {
  Stage stage;
  json failed = job_description();
  failed["ProcessingJobStatus"] = "Failed";
  failed["FailureReason"] = "AlgorithmError: , exit code: 3";
  stage.aws->on_json("DescribeProcessingJob", failed);
  Processor processor(stage.session, basic({.image_uri = "image"}));
  std::string reason;
  try {
    processor.run({.job_name = "j"});
  } catch (const UnexpectedStatus& error) {
    reason = error.reason();
  }
  CHECK(reason == "AlgorithmError: , exit code: 3");
  CHECK(stage.aws->count("DescribeLogStreams") > 0);
  CHECK(processor.latest_job().name() == "j");  // to look at

  json done = job_description();
  stage.aws->on_json("DescribeProcessingJob", done);
  const std::size_t before = stage.aws->count("DescribeLogStreams");
  processor.run({.logs = false, .job_name = "k"});
  CHECK(stage.aws->count("DescribeLogStreams") == before);
  processor.latest_job().stop();
  CHECK(stage.aws->document("StopProcessingJob") == json{{"ProcessingJobName", "k"}});
}
