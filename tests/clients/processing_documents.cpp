// Prints the documents of CreateProcessingJob that the Processors make from the arguments of each case:
//   processing_documents FOLDER      {"plain": {...}, "full": {...}, ...}
// FOLDER holds script.py and data/rows.csv. sagemaker_sdk_processing_documents.py compares them with those
// that the SageMaker Python SDK makes.
#include <cstdio>
#include <string>
#include <utility>

#include "tests/unit/high_level_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

ProcessorOptions basic(ProcessorOptions options = {}) {
  options.role = "arn:aws:iam::111122223333:role/Processor";
  options.image_uri = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1";
  if (options.instance_type.empty()) options.instance_type = "ml.m5.large";
  return options;
}

ProcessorOptions full() {
  return basic({.instance_count = 2,
                .instance_type = "ml.c5.xlarge",
                .entrypoint = {"/bin/sh", "-c"},
                .volume_size_in_gb = 50,
                .volume_kms_key = "volume-key",
                .output_kms_key = "output-key",
                .max_runtime_in_seconds = 100,
                .env = {{"A", "b"}},
                .tags = {{"team", "x"}},
                .network_config = NetworkConfig{.enable_network_isolation = true,
                                                .security_group_ids = {"sg-1"},
                                                .subnets = {"subnet-1", "subnet-2"},
                                                .encrypt_inter_container_traffic = true}});
}

const ProcessingInput plain_input{.source = "s3://d/x", .destination = "/opt/ml/processing/input/x"};
const ProcessingOutput plain_output{.source = "/opt/ml/processing/output"};

class Cases {
 public:
  void add(const std::string& name, const ProcessorOptions& options, ProcessingRunOptions run = {}) {
    add_as<Processor>(name, options,
                      [&](Processor& processor) { processor.run(not_waiting(name, std::move(run))); });
  }
  void add_script(const std::string& name, const std::string& code, const ProcessorOptions& options,
                  ProcessingRunOptions run = {}) {
    add_as<ScriptProcessor>(name, options, [&](ScriptProcessor& processor) {
      processor.run(code, not_waiting(name, std::move(run)));
    });
  }
  json documents = json::object();

 private:
  static ProcessingRunOptions not_waiting(const std::string& name, ProcessingRunOptions run) {
    run.wait = run.logs = false;
    run.job_name = name;
    return run;
  }
  template <class Kind, class Run>
  void add_as(const std::string& name, const ProcessorOptions& options, Run&& run) {
    Stage stage(
        {.default_bucket = "sagemaker-eu-west-1-111122223333", .default_bucket_prefix = "our/prefix"});
    Kind processor(stage.session, options);
    run(processor);
    documents[name] = stage.aws->document("CreateProcessingJob");
  }
};

void add_data(Cases& cases, const std::string& folder) {
  cases.add(
      "inputs", basic(),
      {.inputs = {
           {.source = "s3://d/manifest.json",
            .destination = "/opt/ml/processing/input/a",
            .input_name = "first",
            .s3_data_type = "ManifestFile",
            .s3_data_distribution_type = "ShardedByS3Key"},
           {.source = "s3://d/zipped",
            .destination = "/opt/ml/processing/input/b",
            .s3_input_mode = "Pipe",
            .s3_compression_type = "Gzip"},
           {.source = "s3://d/own", .destination = "/opt/ml/processing/input/c", .app_managed = true}}});
  cases.add("local-inputs", basic(),
            {.inputs = {plain_input,
                        {.source = folder + "/data", .destination = "/opt/ml/processing/input/b"},
                        {.source = folder + "/data/rows.csv",
                         .destination = "/opt/ml/processing/input/c",
                         .input_name = "rows"}}});
  cases.add("outputs", basic(),
            {.outputs = {plain_output,
                         {.source = "/opt/ml/processing/logs",
                          .destination = "s3://out/logs",
                          .output_name = "logs",
                          .s3_upload_mode = "Continuous"},
                         {.source = "/opt/ml/processing/own", .app_managed = true},
                         {.source = "/opt/ml/processing/features",
                          .destination = "s3://out/features",
                          .feature_store_output = FeatureStoreOutput{"group"}}}});
  const json athena{{"Catalog", "c"},
                    {"Database", "d"},
                    {"QueryString", "select 1"},
                    {"OutputS3Uri", "s3://q/"},
                    {"OutputFormat", "PARQUET"}};
  cases.add("dataset", basic(),
            {.inputs = {{.input_name = "query",
                         .dataset_definition = {{"DataDistributionType", "FullyReplicated"},
                                                {"InputMode", "File"},
                                                {"LocalPath", "/opt/ml/processing/input/query"},
                                                {"AthenaDatasetDefinition", athena}}}}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  Cases cases;
  cases.add("plain", basic());
  cases.add("full", full(),
            {.inputs = {plain_input},
             .outputs = {plain_output},
             .arguments = {"echo", "two words"},
             .experiment_config = {{"ExperimentName", "e"}, {"TrialName", "t"}}});
  cases.add("network", basic({.network_config = NetworkConfig{}}));
  cases.add("network-open", basic({.network_config = NetworkConfig{
                                       .subnets = {"subnet-1"}, .encrypt_inter_container_traffic = false}}));
  cases.add("output-key-alone", basic({.output_kms_key = "output-key"}));
  add_data(cases, folder);
  cases.add_script("script", folder + "/script.py", basic({.command = {"python3", "-v"}}),
                   {.inputs = {plain_input}, .outputs = {plain_output}, .arguments = {"--rows", "5"}});
  cases.add_script("script-file-url", "file://" + folder + "/script.py", basic({.command = {"python3"}}));
  cases.add_script("script-s3", "s3://code/there/script.py", basic({.command = {"python3"}}));
  std::puts(aws::dump_json(cases.documents).c_str());
}
