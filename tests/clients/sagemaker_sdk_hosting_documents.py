"""The SageMaker Python SDK and ours ask SageMaker for the same when they deploy and update, and their serializers
write the same bytes.

The SDK's clients are stubs: nothing is sent. Ours are those of the program hosting_documents, named by
SAGEMAKER_TEST_DOCUMENTS, whose cases have the same names. The time, and what is random in names, are the same.
"""

import io
import os
import unittest

import sagemaker_local
import sdk_documents
from sdk_documents import IMAGE, ROLE, calls_of

try:
    import botocore.exceptions
    import numpy
    from sagemaker.async_inference import AsyncInferenceConfig
    from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
    from sagemaker.enums import EndpointType
    from sagemaker.model import Model
    from sagemaker.model_monitor import DataCaptureConfig
    from sagemaker.multidatamodel import MultiDataModel
    from sagemaker.pipeline import PipelineModel
    from sagemaker.predictor import Predictor
    from sagemaker.pytorch import PyTorchModel
    from sagemaker.serializers import RecordSerializer
    from sagemaker.serverless import ServerlessInferenceConfig
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

DATA = "s3://m/model.tar.gz"
TAGS = [{"Key": "k", "Value": "v"}]
OLD_CONFIG = {
    "EndpointConfigName": "old-config",
    "EndpointConfigArn": "arn:aws:sagemaker:eu-west-1:1:endpoint-config/old-config",
    "KmsKeyId": "old-key",
    "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://o/p"}},
    "ProductionVariants": [{
        "VariantName": "AllTraffic", "ModelName": "old-model", "InitialVariantWeight": 1.0,
        "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}],
}


class Documents(sdk_documents.Documents):
    files = {"inference.py": "print()\n"}
    argument = "inference.py"
    patches = {
        "sagemaker.model.unique_name_from_base": lambda base: f"{base}-1795244400-8000",
        "sagemaker.utils.repack_model": lambda **arguments: None,
        "time.sleep": lambda seconds: None,
    }

    def setUp(self):
        super().setUp()
        self.client.describe_endpoint.return_value = {
            "EndpointStatus": "InService", "EndpointConfigName": "old-config", "EndpointArn": "arn"}
        self.client.describe_endpoint_config.return_value = OLD_CONFIG
        self.client.list_tags.return_value = {"Tags": [{"Key": "old", "Value": "tag"}]}

    def compare(self, name):
        self.compare_documents(name, calls_of(self.client, "create", "update"))

    def model(self, **arguments):
        arguments.setdefault("model_data", DATA)
        return Model(image_uri=IMAGE, role=ROLE, sagemaker_session=self.session, **arguments)

    def deploy(self, case, model, **arguments):
        arguments.setdefault("wait", False)
        if "serverless_inference_config" not in arguments:
            arguments.setdefault("initial_instance_count", 1)
            arguments.setdefault("instance_type", "ml.c5.xlarge")
        model.deploy(**arguments)
        self.compare(case)

    def test_model(self):
        self.deploy("model", self.model(env={"A": "b"}, name="m"), initial_instance_count=2, endpoint_name="e")

    def test_names(self):
        self.deploy("unnamed", self.model())
        self.client.reset_mock()
        self.deploy("named", self.model(name="my-model-2026-11-21-07-00-00-123"))

    def test_full(self):
        model = self.model(
            name="m", vpc_config={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            enable_network_isolation=True, image_config={"RepositoryAccessMode": "Vpc"})
        self.deploy(
            "full", model, endpoint_name="e", instance_type="ml.g5.xlarge", tags=[{"Key": "team", "Value": "x"}],
            kms_key="key", volume_size=50, model_data_download_timeout=120,
            container_startup_health_check_timeout=180, accept_eula=True,
            routing_config={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
            inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
            data_capture_config=DataCaptureConfig(True, sagemaker_session=self.session))

    def test_prefix(self):
        source = {"S3DataSource": {"S3Uri": "s3://m/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
        self.deploy("prefix", self.model(name="m", model_data=source), endpoint_name="e")

    def test_capture(self):
        self.deploy("capture", self.model(name="m"), endpoint_name="e", data_capture_config=DataCaptureConfig(
            True, 50, "s3://c/capture", "key", ["RESPONSE"], ["text/x"], ["text/y"], self.session))

    def test_serverless(self):
        self.deploy("serverless", self.model(name="m"), endpoint_name="e",
                    serverless_inference_config=ServerlessInferenceConfig())
        self.client.reset_mock()
        self.deploy("serverless-full", self.model(name="m"), endpoint_name="e",
                    serverless_inference_config=ServerlessInferenceConfig(4096, 20, 2))

    def test_async(self):
        self.deploy("async", self.model(name="m"), endpoint_name="e", async_inference_config=AsyncInferenceConfig())
        self.client.reset_mock()
        self.deploy("async-full", self.model(name="m"), endpoint_name="e", async_inference_config=AsyncInferenceConfig(
            "s3://o/out", 4, "key", {"SuccessTopic": "arn:aws:sns:eu-west-1:1:t"}, "s3://o/failed"))

    def test_components(self):
        component = {"endpoint_type": EndpointType.INFERENCE_COMPONENT_BASED, "endpoint_name": "e",
                     "managed_instance_scaling": {"MaxInstanceCount": 3}}
        self.deploy("component", self.model(name="m"), **component, resources=ResourceRequirements(
            requests={"num_cpus": 1, "memory": 1024, "copies": 2}, limits={"memory": 2048}))
        self.client.reset_mock()
        self.client.describe_endpoint.side_effect = botocore.exceptions.ClientError(
            {"Error": {"Code": "ValidationException", "Message": "Could not find endpoint"}}, "DescribeEndpoint")
        self.deploy("new-component", self.model(name="m"), **component, inference_component_name="c", tags=TAGS,
                    instance_type="ml.g5.xlarge",
                    resources=ResourceRequirements(requests={"num_accelerators": 1, "memory": 512}))

    def test_scripts(self):
        self.deploy("script", self.model(name="m", env={"A": "b"}, entry_point=self.argument_path), endpoint_name="e")
        self.client.reset_mock()
        folder, name = os.path.split(self.argument_path)
        self.deploy("source-dir", self.model(name="m", entry_point=name, source_dir=folder), endpoint_name="e")

    def pytorch(self, case, model={}, **deploy):
        arguments = dict(framework_version="2.0.1", py_version="py310", entry_point=self.argument_path) | model
        self.client.reset_mock()
        self.deploy(case, PyTorchModel(DATA, ROLE, sagemaker_session=self.session, **arguments), **deploy)

    def test_pytorch(self):
        self.pytorch("pytorch", {"name": "m"})
        self.pytorch("pytorch-unnamed", instance_type="ml.g5.xlarge", endpoint_name="e")
        self.pytorch("pytorch-code", {"name": "m", "code_location": "s3://code/here", "model_server_workers": 2},
                     endpoint_name="e")
        self.pytorch("pytorch-serverless", {"name": "m"}, endpoint_name="e",
                     serverless_inference_config=ServerlessInferenceConfig())
        self.pytorch("pytorch-image", {"name": "m", "image_uri": IMAGE}, endpoint_name="e")

    def pipeline(self, **arguments):
        models = [self.model(env={"A": "b"}, name="a"), self.model(model_data="s3://m/b.tar.gz", name="b")]
        return PipelineModel(models, ROLE, sagemaker_session=self.session, **arguments)

    def test_pipelines(self):
        self.deploy("pipeline", self.pipeline(), tags=TAGS)
        self.client.reset_mock()
        self.deploy("pipeline-update", self.pipeline(name="p"), endpoint_name="e", update_endpoint=True)

    def test_multi_model(self):
        self.deploy("multi-model", MultiDataModel(
            "mm", "s3://m/models/", image_uri=IMAGE, role=ROLE, sagemaker_session=self.session))
        self.client.reset_mock()
        inner = self.model(env={"A": "b"}, name="inner")
        self.deploy("multi-model-of-a-model", MultiDataModel(
            "mm", "s3://m/models/", model=inner, sagemaker_session=self.session), endpoint_name="e")

    def test_updates(self):
        model = self.model(name="m")
        self.deploy("update", model, endpoint_name="e", update_endpoint=True)

    def predictor(self, case, change):
        self.client.reset_mock()
        change(Predictor("e", self.session))
        self.compare(case)

    def test_predictor(self):
        capture = DataCaptureConfig(True, sagemaker_session=self.session)._to_request_dict()
        self.predictor("predictor-update", lambda predictor: predictor.update_endpoint(3, "ml.c5.xlarge"))
        self.predictor("predictor-full", lambda predictor: predictor.update_endpoint(
            3, "ml.c5.xlarge", model_name="new-model", tags=TAGS, kms_key="new-key", max_instance_count=4,
            min_instance_count=2, data_capture_config_dict=capture))
        self.predictor("predictor-tags", lambda predictor: predictor.update_endpoint(tags=TAGS))
        self.predictor("capture-on", lambda predictor: predictor.enable_data_capture())
        self.predictor("capture-off", lambda predictor: predictor.disable_data_capture())


class Formats(unittest.TestCase):
    def test_bytes(self):
        ours = {name: bytes.fromhex(digits) for name, digits in sdk_documents.of_our_program("--formats").items()}
        for dtype, rows in {
            "float32": [[0.5, -2], [3, 1e30]], "float64": [[0.5, -2], [3, 1e300]],
            "int64": [[1, -2], [300, 2147483647]],
        }.items():
            theirs = RecordSerializer().serialize(numpy.array(rows, dtype=dtype)).read()
            self.assertEqual(ours.pop(f"records-{dtype}"), theirs)
        # What scipy.sparse.load_npz reads of a matrix in compressed rows.
        with numpy.load(io.BytesIO(ours.pop("sparse"))) as sparse:
            self.assertEqual(sparse["format"].item(), b"csr")
            for name, dtype, values in (
                ("shape", "int64", [3, 3]), ("indptr", "int32", [0, 1, 1, 3]), ("indices", "int32", [2, 0, 2]),
                ("data", "float64", [3, 1.5, 2]),
            ):
                self.assertEqual(sparse[name].dtype, dtype)
                self.assertEqual(sparse[name].tolist(), values)
        self.assertFalse(ours)


if __name__ == "__main__":
    sdk_documents.main()
