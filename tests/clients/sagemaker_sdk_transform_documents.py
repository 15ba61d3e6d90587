"""The SageMaker Python SDK and ours ask SageMaker for the same when they start batch transform jobs.

The SDK's clients are stubs: nothing is sent. Ours are those of the program transform_documents, named by
SAGEMAKER_TEST_DOCUMENTS, whose cases have the same names. The time in names is the same.
"""

import sagemaker_local
import sdk_documents
from sdk_documents import IMAGE, ROLE, calls_of

try:
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import BatchDataCaptureConfig
    from sagemaker.model import Model
    from sagemaker.pipeline import PipelineModel
    from sagemaker.transformer import Transformer
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

DATA = "s3://d/rows/"
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


class Documents(sdk_documents.Documents):
    def setUp(self):
        super().setUp()
        self.client.describe_model.return_value = {"PrimaryContainer": {"Image": IMAGE}}
        self.client.describe_training_job.return_value = {
            "ModelArtifacts": {"S3ModelArtifacts": "s3://m/model.tar.gz"}}
        self.client.describe_transform_job.return_value = OLD_JOB

    def compare(self, name, *transformers, **arguments):
        for transformer in transformers:
            transformer.transform(DATA, wait=False, **arguments)
        # The SDK's training jobs have configurations of debugger and profiler that ours do not have unless told to.
        self.compare_documents(name, calls_of(self.client, "create"), drop=("CreateTrainingJob",))

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
    sdk_documents.main()
