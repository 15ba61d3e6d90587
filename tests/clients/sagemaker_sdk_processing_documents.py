"""The SageMaker Python SDK's Processors and ours make the same CreateProcessingJob of the same arguments, but for the
"/" that ends the prefixes of our uploaded folders.

The SDK's clients are stubs: nothing is sent. Ours are those of the program processing_documents, named by
SAGEMAKER_TEST_DOCUMENTS, whose cases have the same names.
"""

import json
import os

import sagemaker_local
import sdk_documents
from sdk_documents import IMAGE

try:
    from sagemaker.dataset_definition.inputs import AthenaDatasetDefinition, DatasetDefinition
    from sagemaker.network import NetworkConfig
    from sagemaker.processing import FeatureStoreOutput, ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")


def plain_input():
    return ProcessingInput("s3://d/x", "/opt/ml/processing/input/x")


def plain_output():
    return ProcessingOutput("/opt/ml/processing/output")


class Documents(sdk_documents.Documents):
    files = {"script.py": "print('done')\n", "data/rows.csv": "1,2\n"}
    argument = "."

    def compare(self, name, run=None, code=None, folders=(), **arguments):
        arguments = {"instance_count": 1, "instance_type": "ml.m5.large"} | arguments
        kind = Processor if code is None else ScriptProcessor
        processor = kind(
            sagemaker_session=self.session, role="arn:aws:iam::111122223333:role/Processor", image_uri=IMAGE,
            **arguments)
        run = dict(run or {})
        if code is not None:
            run["code"] = code
        processor.run(wait=False, logs=False, job_name=name, **run)
        theirs = json.loads(json.dumps(self.client.create_processing_job.call_args.kwargs))
        for source in theirs.get("ProcessingInputs", []):
            if source["InputName"] in folders:
                source["S3Input"]["S3Uri"] += "/"
        self.compare_documents(name, theirs)

    def test_plain(self):
        self.compare("plain")
        self.compare("output-key-alone", output_kms_key="output-key")

    def test_full(self):
        self.compare(
            "full",
            {"inputs": [plain_input()], "outputs": [plain_output()], "arguments": ["echo", "two words"],
             "experiment_config": {"ExperimentName": "e", "TrialName": "t"}},
            instance_count=2, instance_type="ml.c5.xlarge", entrypoint=["/bin/sh", "-c"], volume_size_in_gb=50,
            volume_kms_key="volume-key", output_kms_key="output-key", max_runtime_in_seconds=100, env={"A": "b"},
            tags=[{"Key": "team", "Value": "x"}],
            network_config=NetworkConfig(
                enable_network_isolation=True, security_group_ids=["sg-1"], subnets=["subnet-1", "subnet-2"],
                encrypt_inter_container_traffic=True))

    def test_networks(self):
        self.compare("network", network_config=NetworkConfig())
        self.compare("network-open", network_config=NetworkConfig(
            subnets=["subnet-1"], encrypt_inter_container_traffic=False))

    def test_inputs(self):
        self.compare("inputs", {"inputs": [
            ProcessingInput("s3://d/manifest.json", "/opt/ml/processing/input/a", "first", s3_data_type="ManifestFile",
                            s3_data_distribution_type="ShardedByS3Key"),
            ProcessingInput("s3://d/zipped", "/opt/ml/processing/input/b", s3_input_mode="Pipe",
                            s3_compression_type="Gzip"),
            ProcessingInput("s3://d/own", "/opt/ml/processing/input/c", app_managed=True)]})
        self.compare("local-inputs", {"inputs": [
            plain_input(),
            ProcessingInput(os.path.join(self.folder, "data"), "/opt/ml/processing/input/b"),
            ProcessingInput(os.path.join(self.folder, "data/rows.csv"), "/opt/ml/processing/input/c", "rows")]},
                     folders=["input-2"])
        query = AthenaDatasetDefinition(
            catalog="c", database="d", query_string="select 1", output_s3_uri="s3://q/", output_format="PARQUET")
        definition = DatasetDefinition("FullyReplicated", "File", "/opt/ml/processing/input/query",
                                       athena_dataset_definition=query)
        self.compare("dataset", {"inputs": [ProcessingInput(input_name="query", dataset_definition=definition)]})

    def test_outputs(self):
        self.compare("outputs", {"outputs": [
            plain_output(),
            ProcessingOutput("/opt/ml/processing/logs", "s3://out/logs", "logs", "Continuous"),
            ProcessingOutput("/opt/ml/processing/own", app_managed=True),
            ProcessingOutput("/opt/ml/processing/features", "s3://out/features",
                             feature_store_output=FeatureStoreOutput(feature_group_name="group"))]})

    def test_scripts(self):
        script = os.path.join(self.folder, "script.py")
        self.compare("script", {"inputs": [plain_input()], "outputs": [plain_output()], "arguments": ["--rows", "5"]},
                     script, command=["python3", "-v"])
        self.compare("script-file-url", code="file://" + script, command=["python3"])
        self.compare("script-s3", code="s3://code/there/script.py", command=["python3"])


if __name__ == "__main__":
    sdk_documents.main()
