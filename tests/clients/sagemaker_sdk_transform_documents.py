"""The SageMaker Python SDK and ours ask SageMaker for the same when they start batch transform jobs.

The SDK's clients are stubs: nothing is sent. Ours are those of the program transform_documents, named by
SAGEMAKER_TEST_DOCUMENTS, whose cases have the same names. The time in names is the same.
"""

import json
import os
import subprocess
import unittest
from unittest import mock

import sagemaker_local

REGION = "eu-west-1"
BUCKET = "sagemaker-eu-west-1-111122223333"
ROLE = "arn:aws:iam::111122223333:role/Server"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1"
DATA = "s3://d/rows/"
os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import boto3
    import sagemaker
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import BatchDataCaptureConfig
    from sagemaker.model import Model
    from sagemaker.pipeline import PipelineModel
    from sagemaker.transformer import Transformer
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

OLD_JOB = {
    "TransformJobName": "old", "ModelName": "m", "BatchStrategy": "SingleRecord", "MaxPayloadInMB": 3,
    "MaxConcurrentTransforms": 2,
    "TransformResources": {"InstanceCount": 2, "InstanceType": "ml.c5.xlarge", "VolumeKmsKeyId": "volume-key"},
    "TransformOutput": {
        "S3OutputPath": "s3://o/p", "AssembleWith": "Line", "KmsKeyId": "key", "Accept": "text/csv"},
}


def full():
    return {
        "instance_count": 2, "instance_type": "ml.c5.xlarge", "strategy": "MultiRecord", "assemble_with": "Line",
        "output_path": "s3://o/out", "output_kms_key": "output-key", "accept": "text/csv",
        "max_concurrent_transforms": 4, "max_payload": 0, "tags": [{"Key": "team", "Value": "x"}],
        "env": {"A": "b"}, "volume_kms_key": "volume-key"}


class Documents(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        printed = subprocess.run(
            [os.environ["SAGEMAKER_TEST_DOCUMENTS"]], check=True, capture_output=True, text=True)
        cls.ours = json.loads(printed.stdout)
        cls.compared = set()
        for target, replacement in {
            "sagemaker.utils.sagemaker_timestamp": lambda: "2026-11-21-07-00-00-123",
            "sagemaker.telemetry.telemetry_logging._send_telemetry_request": lambda *_, **__: None,
        }.items():
            patch = mock.patch(target, replacement)
            patch.start()
            cls.addClassCleanup(patch.stop)

    @classmethod
    def tearDownClass(cls):
        assert cls.compared == set(cls.ours), f"cases of one side only: {cls.compared ^ set(cls.ours)}"

    def setUp(self):
        boto = boto3.Session(aws_access_key_id="AKID", aws_secret_access_key="secret", region_name=REGION)
        boto.resource = mock.Mock()
        client = self.client = mock.MagicMock()
        client.describe_model.return_value = {"PrimaryContainer": {"Image": IMAGE}}
        client.describe_training_job.return_value = {"ModelArtifacts": {"S3ModelArtifacts": "s3://m/model.tar.gz"}}
        client.describe_transform_job.return_value = OLD_JOB
        self.session = sagemaker.Session(
            boto, sagemaker_client=client, default_bucket=BUCKET, default_bucket_prefix="our/prefix")
        self.session._default_bucket = BUCKET  # known to be there
        self.session.s3_resource = self.session.s3_client = mock.Mock()
        self.session._get_account_id_if_default_bucket = lambda bucket: None

    def compare(self, name, *transformers, **arguments):
        for transformer in transformers:
            transformer.transform(DATA, wait=False, **arguments)
        theirs = [
            ["".join(word.capitalize() for word in called.split("_")), json.loads(json.dumps(arguments))]
            for called, _, arguments in self.client.method_calls if called.startswith("create")]
        self.compared.add(name)
        ours = self.ours[name]
        if any(operation == "CreateTrainingJob" for operation, _ in ours):
            # The SDK's jobs have configurations of debugger and profiler that ours do not have unless told to.
            ours, theirs = ([call for call in calls if call[0] != "CreateTrainingJob"] for calls in (ours, theirs))
        self.assertEqual(ours, theirs)

    def transformer(self, **arguments):
        return Transformer(
            "m", sagemaker_session=self.session,
            **{"instance_count": 1, "instance_type": "ml.m5.large"} | arguments)

    def model(self, **arguments):
        return Model(image_uri=IMAGE, role=ROLE, sagemaker_session=self.session,
                     model_data="s3://m/model.tar.gz", **arguments)

    def test_transformers(self):
        self.compare("plain", self.transformer())

    def test_named(self):
        self.compare("named", self.transformer(), job_name="j")

    def test_full(self):
        self.compare(
            "full", self.transformer(**full(), base_transform_job_name="mine"),
            content_type="text/csv", compression_type="Gzip", split_type="Line", input_filter="$[1:]",
            output_filter="$[0,-1]", join_source="Input",
            experiment_config={"ExperimentName": "e", "TrialName": "t"},
            model_client_config={"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 0},
            batch_data_capture_config=BatchDataCaptureConfig("s3://c/capture", "capture-key", True))

    def test_manifest(self):
        self.compare("manifest", self.transformer(), data_type="ManifestFile", output_filter="$.x")

    def test_capture(self):
        self.compare(
            "capture", self.transformer(), model_client_config={"InvocationsMaxRetries": 1},
            batch_data_capture_config=BatchDataCaptureConfig("s3://c/capture"))

    def test_twice(self):
        transformer = self.transformer()
        transformer.transform(DATA, job_name="j", wait=False)
        self.compare("twice", transformer, job_name="k")

    def test_attached(self):
        self.compare("attached", Transformer.attach("old", self.session))

    def test_models(self):
        self.compare("model", self.model().transformer(1, "ml.m5.large"))

    def test_model_full(self):
        self.compare("model-full", self.model(name="m", env={"M": "n"}).transformer(**full()))

    def test_isolated(self):
        model = self.model(name="m", enable_network_isolation=True)
        self.compare("isolated", model.transformer(1, "ml.m5.large", env={"A": "b"}))

    def test_pipeline(self):
        pipeline = PipelineModel(
            [self.model(), self.model()], role=ROLE, name="p", sagemaker_session=self.session)
        self.compare("pipeline", pipeline.transformer(1, "ml.m5.large", tags=[{"Key": "team", "Value": "x"}]))

    def estimator(self):
        estimator = Estimator(
            IMAGE, ROLE, 1, "ml.m5.large", output_kms_key="key", tags=[{"Key": "team", "Value": "y"}],
            subnets=["subnet-1"], security_group_ids=["sg-1"], sagemaker_session=self.session)
        estimator.fit("s3://d/train", wait=False, job_name="t")
        return estimator

    def test_estimators(self):
        self.compare("estimator", self.estimator().transformer(1, "ml.m5.large"))

    def test_estimator_full(self):
        self.compare("estimator-full", self.estimator().transformer(
            **full(), model_name="m", role="arn:aws:iam::111122223333:role/Other", vpc_config_override=None,
            enable_network_isolation=True))


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__)
    unittest.main()
