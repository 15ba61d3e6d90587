"""The SageMaker Python SDK's Estimator and ours make the same CreateTrainingJob of the same arguments.

The SDK's clients are stubs: nothing is sent. Ours are those of the program training_documents, named by
SAGEMAKER_TEST_DOCUMENTS, whose cases have the same names. What only the SDK sends unless told not to, the
configurations of debugger and profiler, is switched off here.
"""

import json
from unittest import mock

import sagemaker_local
import sdk_documents
from sdk_documents import IMAGE, REGION

try:
    from sagemaker import image_uris, utils
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import FileSystemInput, ShuffleConfig, TrainingInput
    from sagemaker.instance_group import InstanceGroup
    from sagemaker.pytorch import PyTorch
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

FULL_INPUT = dict(
    s3_data="s3://d/x", distribution="ShardedByS3Key", compression="Gzip", content_type="text/csv",
    record_wrapping="RecordIO", s3_data_type="AugmentedManifestFile", input_mode="Pipe",
    shuffle_config=ShuffleConfig(7), attribute_names=["a", "b"], instance_groups=["g"])


class Documents(sdk_documents.Documents):
    files = {"train.py": "print('trained')\n"}
    argument = "train.py"

    def compare(self, name, inputs=None, estimator=Estimator, **arguments):
        arguments.setdefault("role", "arn:aws:iam::111122223333:role/Trainer")
        if "instance_groups" not in arguments:
            arguments.setdefault("instance_count", 1)
            arguments.setdefault("instance_type", "ml.m5.large")
        if estimator is Estimator:
            arguments.setdefault("image_uri", IMAGE)
        arguments.setdefault("debugger_hook_config", False)
        estimator(sagemaker_session=self.session, disable_profiler=True, **arguments).fit(
            inputs, wait=False, job_name=name)
        theirs = json.loads(json.dumps(self.client.create_training_job.call_args.kwargs))
        self.compare_documents(name, theirs)

    def test_plain(self):
        self.compare("plain", "s3://d/x", hyperparameters={"text": "x", "number": 5})

    def test_full(self):
        self.compare(
            "full", {"train": TrainingInput(**FULL_INPUT), "test": "s3://d/t"}, instance_count=2,
            instance_type="ml.c5.xlarge", volume_size=50, volume_kms_key="volume-key", max_run=100,
            input_mode="FastFile", output_path="s3://out/p", output_kms_key="output-key",
            hyperparameters={"objective": "reg:linear", "num_round": 50, "eta": 0.1}, environment={"A": "b"},
            metric_definitions=[{"Name": "loss", "Regex": "loss=(.*)"}], tags=[{"Key": "team", "Value": "x"}],
            subnets=["subnet-1"], security_group_ids=["sg-1"], enable_network_isolation=True,
            encrypt_inter_container_traffic=True, keep_alive_period_in_seconds=60, container_entry_point=["/bin/sh"],
            container_arguments=["-c", "true"], disable_output_compression=True, model_uri="s3://m/model.tar.gz",
            model_channel_name="start", enable_sagemaker_metrics=True, training_repository_access_mode="Vpc",
            training_repository_credentials_provider_arn="arn:aws:lambda:eu-west-1:1:function:f",
            enable_infra_check=True, enable_remote_debug=True, enable_session_tag_chaining=True,
            training_plan="arn:aws:sagemaker:eu-west-1:1:training-plan/p",
            instance_placement_config={"EnableMultipleJobs": True})

    def test_inputs(self):
        self.compare("single-input", TrainingInput(**FULL_INPUT))
        self.compare("file-system", FileSystemInput("fs-1", "EFS", "/data", "rw", "text/csv"))

    def test_spot(self):
        self.compare("spot", use_spot_instances=True, max_wait=90000, max_retry_attempts=3,
                     checkpoint_s3_uri="s3://c/k", checkpoint_local_path="/opt/ml/ck")

    def test_instance_groups(self):
        self.compare("groups", instance_groups=[
            InstanceGroup("a", "ml.c5.xlarge", 2), InstanceGroup("b", "ml.m5.large", 1)])

    def test_debugger(self):
        self.compare("debugger", debugger_hook_config=True)

    def test_sources(self):
        arguments = {"entry_point": self.argument_path, "hyperparameters": {"epochs": 5}}
        self.compare("script", **arguments)
        self.compare("script-output", output_path="s3://out/p", **arguments)
        self.compare("script-code", output_path="s3://out/p", code_location="s3://code/c", **arguments)
        self.compare("script-isolated", {"train": "s3://d/x"}, enable_network_isolation=True, **arguments)

    def pytorch(self, name, inputs=None, **arguments):
        if "instance_groups" not in arguments:
            arguments["instance_count"] = 2
        self.compare(name, inputs, PyTorch, entry_point=self.argument_path, framework_version="2.0.1",
                     py_version="py310", hyperparameters={"text": "x", "number": 5}, **arguments)

    def test_pytorch(self):
        enabled = {"enabled": True}
        self.pytorch("pytorch", "s3://d/x", instance_type="ml.c5.xlarge")
        self.pytorch("torch-distributed", instance_type="ml.p4d.24xlarge",
                     distribution={"torch_distributed": enabled})
        self.pytorch("ddp", instance_type="ml.p4d.24xlarge", distribution={"pytorchddp": enabled})
        self.pytorch("mpi", instance_type="ml.g5.xlarge", distribution={
            "mpi": {"enabled": True, "processes_per_host": 4, "custom_mpi_options": "-x A"}})
        groups = [InstanceGroup("a", "ml.g5.xlarge", 2), InstanceGroup("b", "ml.c5.xlarge", 1)]
        self.pytorch("mpi-group", instance_groups=groups,
                     distribution={"mpi": enabled, "instance_groups": groups[:1]})
        self.pytorch("parameter-server", instance_type="ml.c5.xlarge", distribution={"parameter_server": enabled})

    def test_images(self):
        asked = []
        for scope in ("training", "inference"):
            config = image_uris.config_for_framework("pytorch")[scope]
            names = {name: name for name in config["versions"]} | config["version_aliases"]
            for name, version in names.items():
                details = config["versions"][version]
                if [int(part) for part in version.split(".")] < [1, 7]:
                    continue  # older ones have repositories of their own, which ours does not know
                regions = [region for region in details["registries"] if not region.startswith("us-iso")]
                asked += [
                    ("pytorch", region, name, python, instance_type, scope)
                    for region in (regions if version == "2.4.0" else [REGION])
                    for python in details["py_versions"]
                    for instance_type in ("ml.m5.large", "ml.g5.xlarge", "ml.p4d.24xlarge")
                ]
        ours = sdk_documents.of_our_program("--images", text=json.dumps(asked))
        once = utils._botocore_resolver()  # the SDK reads the file of all endpoints anew for each image
        with mock.patch.object(utils, "_botocore_resolver", return_value=once):
            theirs = [
                image_uris.retrieve(framework, region, version=version, py_version=python, instance_type=instance_type,
                                    image_scope=scope)
                for framework, region, version, python, instance_type, scope in asked
            ]
        self.assertGreater(len(theirs), 300)
        self.assertEqual(ours, theirs)


if __name__ == "__main__":
    sdk_documents.main()
