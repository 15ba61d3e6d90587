// The options of an Estimator and of its channels beyond the everyday ones, PyTorch and the images of AWS:
// what reaches CreateTrainingJob, what comes back with attach, and what is refused before anything is sent.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

const std::string role = "arn:aws:iam::1:role/R";

EstimatorOptions basic() {
  EstimatorOptions options;
  options.image_uri = "1.dkr.ecr.eu-west-1.amazonaws.com/image:1";
  options.role = role;
  options.instance_type = "ml.m5.large";
  options.output_path = "s3://out/models/";
  return options;
}

// The document of CreateTrainingJob.
json request_of(const EstimatorOptions& options, const TrainingInputs& inputs = {}) {
  Stage stage;
  Estimator(stage.session, options).fit(inputs, {.wait = false, .job_name = "j"});
  return stage.aws->document("CreateTrainingJob");
}

std::string refusal_of(const EstimatorOptions& options, const TrainingInputs& inputs = {}) {
  Stage stage;
  try {
    Estimator(stage.session, options).fit(inputs, {.wait = false, .job_name = "j"});
  } catch (const ConfigError& error) {
    CHECK(stage.aws->calls.empty());
    return error.what();
  }
  return "accepted";
}

struct Script {
  explicit Script(const char* name = "train.cpp") : file(folder / name) {
    std::ofstream(file) << "int main() {}\n";
  }
  TemporaryDirectory folder;
  std::filesystem::path file;
};

// The target of the first upload.
std::string uploaded_to(const Stage& stage) {
  for (const std::string& call : stage.aws->calls) {
    if (call.starts_with("PUT /")) return call.substr(4);
  }
  return "";
}

}  // namespace

TEST_CASE("a heterogeneous cluster names its groups in place of a type and a count") {
  EstimatorOptions options = basic();
  options.instance_type = "";
  options.instance_groups = {{"workers", "ml.p4d.24xlarge", 2}, {"readers", "ml.c5.xlarge"}};
  CHECK(request_of(options)["ResourceConfig"] == json::parse(R"({"VolumeSizeInGB": 30, "InstanceGroups": [
    {"InstanceGroupName": "workers", "InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2},
    {"InstanceGroupName": "readers", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1}]})"));
  options.instance_count = 2;
  CHECK(refusal_of(options) == "instance_count and instance_type cannot be set when instance_groups is set");
  options.instance_count = 1;
  options.instance_type = "ml.m5.large";
  CHECK(refusal_of(options).find("cannot be set when instance_groups is set") != std::string::npos);
}

TEST_CASE("options that few need reach the request") {
  EstimatorOptions options = basic();
  options.image_uri = "";
  options.algorithm_arn = "arn:aws:sagemaker:eu-west-1:1:algorithm/mine";
  options.training_repository_access_mode = "Vpc";
  options.training_repository_credentials_provider_arn = "arn:aws:lambda:eu-west-1:1:function:f";
  options.enable_infra_check = true;
  options.enable_remote_debug = false;
  options.enable_session_tag_chaining = true;
  options.training_plan = "arn:aws:sagemaker:eu-west-1:1:training-plan/p";
  options.instance_placement_config = {{"EnableMultipleJobs", true}};
  options.debugger_hook_config = true;
  options.tensorboard_output_config = {{"S3OutputPath", "s3://tb"}};
  options.debugger_rule_configs = json::array({{{"RuleConfigurationName", "r"}}});
  options.profiler_config = {{"ProfilingIntervalInMilliseconds", 500}};
  options.profiler_rule_configs = json::array({{{"RuleConfigurationName", "p"}}});
  Stage stage;
  Estimator(stage.session, options)
      .fit({}, {.wait = false, .job_name = "j", .experiment_config = {{"RunName", "first"}}});
  CHECK(stage.aws->document("CreateTrainingJob") == json::parse(R"({
    "TrainingJobName": "j", "RoleArn": "arn:aws:iam::1:role/R",
    "AlgorithmSpecification": {"TrainingInputMode": "File",
      "AlgorithmName": "arn:aws:sagemaker:eu-west-1:1:algorithm/mine",
      "TrainingImageConfig": {"TrainingRepositoryAccessMode": "Vpc", "TrainingRepositoryAuthConfig":
        {"TrainingRepositoryCredentialsProviderArn": "arn:aws:lambda:eu-west-1:1:function:f"}}},
    "OutputDataConfig": {"S3OutputPath": "s3://out/models/"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30,
      "TrainingPlanArn": "arn:aws:sagemaker:eu-west-1:1:training-plan/p",
      "InstancePlacementConfig": {"EnableMultipleJobs": true}},
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
    "InfraCheckConfig": {"EnableInfraCheck": true}, "RemoteDebugConfig": {"EnableRemoteDebug": false},
    "SessionChainingConfig": {"EnableSessionTagChaining": true}, "ExperimentConfig": {"RunName": "first"},
    "DebugHookConfig": {"S3OutputPath": "s3://out/models/", "CollectionConfigurations": []},
    "TensorBoardOutputConfig": {"S3OutputPath": "s3://tb"},
    "DebugRuleConfigurations": [{"RuleConfigurationName": "r"}],
    "ProfilerConfig": {"S3OutputPath": "s3://out/models/", "ProfilingIntervalInMilliseconds": 500},
    "ProfilerRuleConfigurations": [{"RuleConfigurationName": "p"}]})"));

  EstimatorOptions plain = basic();
  CHECK(!request_of(plain).contains("ProfilerConfig"));
  plain.disable_profiler = true;
  plain.debugger_hook_config = false;
  CHECK(request_of(plain)["ProfilerConfig"] == json{{"DisableProfiler", true}});
  CHECK(!request_of(plain).contains("DebugHookConfig"));
}

TEST_CASE("options that contradict each other are refused before anything is sent") {
  const auto with = [](auto change, const TrainingInputs& inputs = {}) {
    EstimatorOptions options = basic();
    change(options);
    return refusal_of(options, inputs);
  };
  CHECK(with([](auto& o) { o.algorithm_arn = "arn"; }) ==
        "image_uri and algorithm_arn are mutually exclusive");
  CHECK(with([](auto& o) { o.source_dir = "src"; }) == "source_dir and dependencies need an entry_point");
  CHECK(with([](auto& o) { o.subnets = {"subnet-1"}; }) ==
        "When setting up custom VPC, both subnets and security_group_ids must be set");
  CHECK(with([](auto& o) {
          o.disable_profiler = true;
          o.profiler_config = {{"DisableProfiler", false}};
        }).find("cannot be false when disable_profiler is true") != std::string::npos);
  CHECK(with([](auto& o) {
          o.model_uri = "s3://m/model.tar.gz";
          o.model_channel_name = "";
        }) == "Expected a channel name if a channel URI s3://m/model.tar.gz is specified");
  CHECK(with([](auto& o) { o.model_uri = "s3://m/model.tar.gz"; }, {{"model", "s3://d"}}) ==
        "Duplicate channel model not allowed.");
  CHECK(with([](auto&) {}, {{"a", "s3://d"}, {"a", "s3://e"}}) == "Duplicate channel a not allowed.");
  CHECK(with([](auto& o) { o.framework_version = "2.4"; }) ==
        "framework_version, py_version and distribution are for sm::PyTorch");
}

TEST_CASE("channels: file systems, hubs, and the input mode of a single input is the job's") {
  const FileSystemInput lustre{.file_system_id = "fs-1",
                               .file_system_type = "FSxLustre",
                               .directory_path = "/fsx/data",
                               .content_type = "text/csv"};
  CHECK(request_of(basic(), lustre)["InputDataConfig"] == json::parse(R"([{"ChannelName": "training",
    "ContentType": "text/csv", "DataSource": {"FileSystemDataSource": {"FileSystemId": "fs-1",
    "FileSystemType": "FSxLustre", "DirectoryPath": "/fsx/data", "FileSystemAccessMode": "ro"}}}])"));
  CHECK(refusal_of(basic(), {{"x", FileSystemInput{"fs-1", "NFS", "/"}}}) ==
        "Unrecognized file system type: NFS. Valid values: FSxLustre, EFS.");
  CHECK(refusal_of(basic(), {{"x", FileSystemInput{"fs-1", "EFS", "/", "wx"}}}) ==
        "Unrecognized file system access mode: wx. Valid values: ro, rw.");

  TrainingInput hub{.s3_data = "s3://hub/model", .input_mode = "FastFile"};
  hub.hub_access_config = {{"HubContentArn", "arn"}};
  hub.model_access_config = {{"AcceptEula", true}};
  const json single = request_of(basic(), hub);
  CHECK(single["AlgorithmSpecification"]["TrainingInputMode"] == "FastFile");
  CHECK(single["InputDataConfig"][0]["InputMode"] == "FastFile");
  const json& source = single["InputDataConfig"][0]["DataSource"]["S3DataSource"];
  CHECK(source["HubAccessConfig"] == json{{"HubContentArn", "arn"}});
  CHECK(source["ModelAccessConfig"] == json{{"AcceptEula", true}});
  CHECK(request_of(basic(), {{"training", hub}})["AlgorithmSpecification"]["TrainingInputMode"] == "File");
}

TEST_CASE("sources go to code_location, else to the bucket of the output, else to the default bucket") {
  const Script script;
  EstimatorOptions options = basic();
  options.entry_point = script.file.string();
  options.output_kms_key = "key";
  const auto upload = [&](const EstimatorOptions& given) {
    Stage stage({.endpoint_url = "http://127.0.0.1:4566"});  // buckets are in the path there
    Estimator(stage.session, given).fit({}, {.wait = false, .job_name = "j"});
    const std::string target = uploaded_to(stage);
    const auto& headers = stage.aws->requests.find("PUT " + target)->second.headers;
    return target + " " + headers.get("x-amz-server-side-encryption-aws-kms-key-id");
  };
  CHECK(upload(options) == "/out/j/source/sourcedir.tar.gz key");  // not below the prefix
  options.code_location = "s3://code/mine";
  CHECK(upload(options) == "/code/mine/j/source/sourcedir.tar.gz ");  // another bucket, no key
  options.code_location = "s3://out/mine";
  CHECK(upload(options) == "/out/mine/j/source/sourcedir.tar.gz key");
  options.code_location = options.output_path = "";
  CHECK(upload(options) == "/sagemaker-eu-west-1-111122223333/j/source/sourcedir.tar.gz key");
}

TEST_CASE("a job without a network finds its sources in the channel \"code\"") {
  const Script script;
  EstimatorOptions options = basic();
  options.entry_point = script.file.string();
  options.enable_network_isolation = true;
  const json request = request_of(options, "s3://d/x");
  REQUIRE(request["InputDataConfig"].size() == 2);
  CHECK(request["InputDataConfig"][1]["ChannelName"] == "code");
  CHECK(request["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3Uri"] ==
        "s3://out/j/source/sourcedir.tar.gz");
  CHECK(request["HyperParameters"]["sagemaker_submit_directory"] ==
        "\"/opt/ml/input/data/code/sourcedir.tar.gz\"");
  CHECK(refusal_of(options, {{"code", "s3://d"}}).starts_with("Duplicate channel code not allowed"));

  Stage stage;  // and the way back
  json job = request;
  job["TrainingJobStatus"] = "Completed";
  stage.aws->on_json("DescribeTrainingJob", job);
  CHECK(Estimator::attach(stage.session, "j").options().source_dir == "s3://out/j/source/sourcedir.tar.gz");
}

TEST_CASE("attach gives every option back: the job that it would start is the job that it found") {
  EstimatorOptions options = basic();
  options.instance_type = "";
  options.instance_groups = {{"a", "ml.c5.xlarge", 2}};
  options.keep_alive_period_in_seconds = 60;
  options.training_plan = "arn:plan";
  options.metric_definitions = {{"loss", "loss=(.*)"}};
  options.enable_sagemaker_metrics = true;
  options.use_spot_instances = true;
  options.max_wait = 90'000;
  options.max_retry_attempts = 2;
  options.checkpoint_s3_uri = "s3://c";
  options.subnets = {"subnet-1"};
  options.security_group_ids = {"sg-1"};
  options.environment = {{"A", "b"}};
  options.hyperparameters = {{"name", "text"}, {"rate", "1e5"}, {"quoted", "\"x\""}, {"n", 3}};
  options.model_uri = "s3://m/model.tar.gz";
  options.enable_remote_debug = true;
  options.enable_infra_check = false;
  options.tensorboard_output_config = {{"S3OutputPath", "s3://tb"}};
  options.training_repository_access_mode = "Vpc";
  const json request = request_of(options);
  Stage stage;
  stage.aws->on_json("DescribeTrainingJob", request);
  Estimator again = Estimator::attach(stage.session, "j", {.wait = false});
  CHECK(again.options().model_uri == "s3://m/model.tar.gz");
  again.fit({}, {.wait = false, .job_name = "j"});
  CHECK(stage.aws->document("CreateTrainingJob") == request);
}

TEST_CASE("attach: a failed job throws unless it is taken as it is, a running one is followed with its log") {
  Stage stage({.endpoint_url = "http://127.0.0.1:4566"});
  const json running{{"TrainingJobName", "j"}, {"TrainingJobStatus", "InProgress"}};
  json ended{
      {"TrainingJobName", "j"}, {"TrainingJobStatus", "Failed"}, {"FailureReason", "ClientError: no data"}};
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", {{{"logStreamName", "j/algo-1-1"}}}}});
  stage.aws->on_json("GetLogEvents",
                     {{"events", {{{"timestamp", 1}, {"message", "said"}}}}, {"nextForwardToken", "f"}});
  stage.aws->on("DescribeTrainingJob", {answer_json(running), answer_json(ended)});
  CHECK_THROWS_WITH_AS(Estimator::attach(stage.session, "j"),
                       "Error for Training job j: Failed. Reason: ClientError: no data", UnexpectedStatus);
  CHECK(std::find(stage.lines.begin(), stage.lines.end(), "said") != stage.lines.end());
  CHECK(Estimator::attach(stage.session, "j", {.wait = false}).describe()["FailureReason"] ==
        "ClientError: no data");
  const std::size_t slept = stage.clock->sleeps.size();
  ended["TrainingJobStatus"] = "Completed";
  stage.aws->on_json("DescribeTrainingJob", ended);
  Estimator::attach(stage.session, "j");
  CHECK(stage.clock->sleeps.size() == slept);  // nothing to wait for
}

TEST_CASE("a job is updated, and tells of the instances that it keeps") {
  Stage stage;
  Estimator estimator(stage.session, basic());
  CHECK_THROWS_AS(estimator.update({}), ConfigError);
  estimator.fit({}, {.wait = false, .job_name = "j"});
  estimator.update({.keep_alive_period_in_seconds = 600});
  CHECK(stage.aws->document("UpdateTrainingJob") ==
        json{{"TrainingJobName", "j"}, {"ResourceConfig", {{"KeepAlivePeriodInSeconds", 600}}}});
  estimator.update({.profiler_config = {{"DisableProfiler", true}}, .enable_remote_debug = false});
  CHECK(stage.aws->document("UpdateTrainingJob", 1) ==
        json{{"TrainingJobName", "j"},
             {"ProfilerConfig", {{"DisableProfiler", true}}},
             {"RemoteDebugConfig", {{"EnableRemoteDebug", false}}}});
  CHECK(!estimator.warm_pool_status());
  stage.aws->on_json(
      "DescribeTrainingJob",
      {{"WarmPoolStatus",
        {{"Status", "Reused"}, {"ResourceRetainedBillableTimeInSeconds", 7}, {"ReusedByJob", "next"}}}});
  const auto pool = estimator.warm_pool_status();
  REQUIRE(pool);
  CHECK(pool->status == "Reused");
  CHECK(pool->resource_retained_billable_time_in_seconds == 7);
  CHECK(pool->reused_by_job == "next");
}

TEST_CASE("hyperparameters that JSON cannot hold arrive as Python writes them, or are refused by name") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EstimatorOptions options = basic();
  options.hyperparameters = {{"nan", std::nan("")}, {"high", infinity}, {"low", -infinity}};
  CHECK(request_of(options)["HyperParameters"] == json{{"nan", "nan"}, {"high", "inf"}, {"low", "-inf"}});
  const Script script;
  options.entry_point = script.file.string();
  const json request = request_of(options);
  CHECK(request["HyperParameters"]["nan"] == "NaN");
  CHECK(request["HyperParameters"]["high"] == "Infinity");
  CHECK(request["HyperParameters"]["low"] == "-Infinity");
  const auto found = detail::options_of_job(request).hyperparameters;  // and the way back
  CHECK(std::isnan(found.at("nan").get<double>()));
  CHECK(found.at("high") == infinity);
  CHECK(found.at("low") == -infinity);

  const auto refused = [](const std::string& name, json value) {
    EstimatorOptions given = basic();
    given.hyperparameters[name] = std::move(value);
    return refusal_of(given);
  };
  CHECK(refused("rates", json::array({1, std::nan("")}))
            .starts_with("Hyperparameter \"rates\" holds a number"));
  CHECK(refused("text", "caf\xe9") == "Hyperparameter \"text\" is not UTF-8 text");
  CHECK(refused("texts", {{"a", {"caf\xe9"}}}) == "Hyperparameter \"texts\" is not UTF-8 text");
  CHECK(refused("caf\xe9", 1).ends_with(" is not UTF-8 text"));
  CHECK(refused("text", "caf\xc3\xa9") == "accepted");
}

TEST_CASE("images of AWS: account, region, version, processor and Python, as the SDK finds them") {
  const auto image = [](const char* region, const char* version, const char* type, const char* python = "",
                        const char* scope = "training") {
    try {
      return image_uris::retrieve({"pytorch", region, version, python, type, scope});
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
  };
  CHECK(image("eu-west-1", "2.4", "ml.g5.xlarge", "py311") ==
        "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.4-gpu-py311");
  CHECK(image("eu-south-1", "2.4.0", "ml.c5.xlarge") ==
        "692866216735.dkr.ecr.eu-south-1.amazonaws.com/pytorch-training:2.4.0-cpu-py311");
  CHECK(image("cn-north-1", "1.8.1", "ml.p3.2xlarge", "py36") ==
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-training:1.8.1-gpu-py36");
  CHECK(image("us-gov-west-1", "2.6", "ml.m5.large", "py312", "inference") ==
        "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com/pytorch-inference:2.6-cpu-py312");
  CHECK(image("eu-west-1", "1.8", "ml.m5.large").starts_with("Unsupported Python version: "));
  CHECK(image("eu-west-1", "2.4", "ml.m5.large", "py310").find("py311") != std::string::npos);
  CHECK(image("eu-west-1", "9.9", "ml.m5.large").find("1.7, 1.7.1, 1.8") != std::string::npos);
  CHECK(image("eu-west-1", "2.8", "ml.m5.large", "", "inference").starts_with("Unsupported pytorch version"));
  CHECK(image("mars-1", "2.4", "ml.m5.large").starts_with("Unsupported region: mars-1"));
  CHECK(image("eu-west-1", "2.4", "m5.large").starts_with("Invalid SageMaker instance type: m5.large"));
  CHECK(image("eu-west-1", "2.4", "ml.trn1.2xlarge").starts_with("Unsupported instance type"));
  CHECK(image("eu-west-1", "2.4", "ml.c7g.xlarge").starts_with("Unsupported instance type"));
}

TEST_CASE("PyTorch: the image follows from the versions, and the container learns how to launch the script") {
  const Script script("train.py");
  Stage stage;
  EstimatorOptions options = basic();
  options.image_uri = "";
  options.entry_point = script.file.string();
  options.framework_version = "2.4";
  options.py_version = "py311";
  options.instance_type = "ml.g5.xlarge";
  options.distribution = {{"torch_distributed", {{"enabled", true}}}};
  PyTorch estimator(stage.session, options);
  estimator.set_hyperparameters({{"name", "text"}});
  estimator.fit({}, {.wait = false, .job_name = "j"});
  const json request = stage.aws->document("CreateTrainingJob");
  CHECK(request["AlgorithmSpecification"] == json::parse(R"({"TrainingInputMode": "File",
    "EnableSageMakerMetricsTimeSeries": true,
    "TrainingImage": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.4-gpu-py311"})"));
  CHECK(request["HyperParameters"] == json::parse(R"({"name": "\"text\"", "sagemaker_program": "\"train.py\"",
    "sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": "\"ml.g5.xlarge\"",
    "sagemaker_submit_directory": "\"s3://out/j/source/sourcedir.tar.gz\"", "sagemaker_job_name": "\"j\"",
    "sagemaker_container_log_level": "20", "sagemaker_region": "\"eu-west-1\""})"));
  CHECK_THROWS_AS(estimator.deploy({.instance_type = "ml.m5.large"}), ConfigError);

  const auto launch = [](json distribution, std::vector<InstanceGroup> groups = {}) {
    EstimatorOptions given;
    given.distribution = std::move(distribution);
    given.instance_groups = std::move(groups);
    if (given.instance_groups.empty()) given.instance_type = "ml.c5.xlarge";
    return json(detail::distribution_hyperparameters(given));
  };
  CHECK(launch(nullptr).empty());
  CHECK(launch({{"mpi", {{"enabled", true}, {"processes_per_host", 4}, {"custom_mpi_options", "-x A"}}}}) ==
        json{{"sagemaker_mpi_enabled", true},
             {"sagemaker_mpi_num_of_processes_per_host", 4},
             {"sagemaker_mpi_custom_mpi_options", "-x A"}});
  CHECK(launch({{"parameter_server", {{"enabled", true}}}}) ==
        json{{"sagemaker_parameter_server_enabled", true}});
  CHECK(launch({{"pytorchddp", {{"enabled", true}}}}) ==
        json{{"sagemaker_distributed_dataparallel_enabled", true},
             {"sagemaker_distributed_dataparallel_custom_mpi_options", ""},
             {"sagemaker_instance_type", "ml.c5.xlarge"}});
  CHECK_THROWS_AS(launch({{"horovod", {{"enabled", true}}}}), ConfigError);
  CHECK_THROWS_AS(launch({{"smdistributed", {{"modelparallel", {{"enabled", true}}}}}}), ConfigError);

  const std::vector<InstanceGroup> two{{"a", "ml.g5.xlarge"}, {"b", "ml.c7g.xlarge"}};
  const json mpi{{"enabled", true}};
  CHECK(launch({{"mpi", mpi}, {"instance_groups", {"a"}}}, two)["sagemaker_distribution_instance_groups"] ==
        json::array({"a"}));
  CHECK(launch({{"mpi", mpi}}, {two[0]})["sagemaker_distribution_instance_groups"] == json::array({"a"}));
  CHECK_THROWS_AS(launch({{"mpi", mpi}}, two), ConfigError);
  CHECK_THROWS_AS(launch({{"mpi", mpi}, {"instance_groups", {"c"}}}, two), ConfigError);
  CHECK_THROWS_AS(launch({{"mpi", mpi}, {"instance_groups", {"a"}}}), ConfigError);
  CHECK_THROWS_AS(launch({{"parameter_server", mpi}, {"instance_groups", {"a"}}}, two), ConfigError);
  EstimatorOptions mixed = options;
  mixed.distribution = nullptr;
  mixed.instance_type = "";
  CHECK_THROWS_WITH_AS(PyTorch(stage.session, mixed),
                       "instance_type is missing: name one, for example \"ml.m5.xlarge\"", ConfigError);
  mixed.instance_groups = {two[1], two[0]};
  CHECK(PyTorch(stage.session, mixed).options().image_uri.ends_with(":2.4-gpu-py311"));

  options.framework_version = "";
  CHECK_THROWS_AS(PyTorch(stage.session, options), ConfigError);
  options.image_uri = "mine";
  CHECK(PyTorch(stage.session, options).options().image_uri == "mine");
}

TEST_CASE("PyTorch::attach: AWS's image stands for its versions, any other serves too") {
  Stage stage;
  const auto image_of = [&](const std::string& training_image) {
    stage.aws->on_json("DescribeTrainingJob",
                       {{"TrainingJobName", "j"},
                        {"TrainingJobStatus", "Completed"},
                        {"AlgorithmSpecification", {{"TrainingImage", training_image}}},
                        {"HyperParameters",
                         {{"sagemaker_program", "\"train.py\""},
                          {"sagemaker_submit_directory", "\"s3://m/sourcedir.tar.gz\""}}},
                        {"RoleArn", role},
                        {"OutputDataConfig", {{"CompressionType", "NONE"}}},
                        {"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model/"}}}});
    PyTorch estimator = PyTorch::attach(stage.session, "j", {.wait = false});
    CHECK(estimator.latest_training_job() == "j");
    CHECK(estimator.options().image_uri == training_image);
    Model model = estimator.create_model();
    const json container = model.container_definition({.instance_type = "ml.g5.xlarge"});
    CHECK(container["Environment"]["SAGEMAKER_PROGRAM"] == "train.py");
    // Where only the base of it is left, it is still one of PyTorch.
    Estimator copy = estimator;
    CHECK(copy.create_model().container_definition({.instance_type = "ml.g5.xlarge"}) == container);
    return container["Image"].get<std::string>();
  };
  const std::string registry = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/";
  CHECK(image_of(registry + "pytorch-training:2.4-cpu-py311") ==
        registry + "pytorch-inference:2.4-gpu-py311");
  CHECK(image_of(registry + "pytorch-training:2.4.0-gpu-py311-cu124-ubuntu22.04-sagemaker") ==
        registry + "pytorch-inference:2.4.0-gpu-py311");
  for (const char* own : {"1.dkr.ecr.eu-west-1.amazonaws.com/mine:2.4-cpu-py311", "mine", "file:///opt/a:b",
                          "1.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:latest"})
    CHECK(image_of(own) == own);
}
