"""Version 2 of the SageMaker Python SDK, unchanged, transforms: Transformers of a model, of a pipeline of models, of an
estimator that trained and of a PyTorch model; failures, stops, attaching, data capture.

Run by the interpreter of an environment with the package; see install_python_clients.py.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
import unittest

import sagemaker_local
import sagemaker_sdk

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import sagemaker
    from botocore.exceptions import ClientError
    from sagemaker.estimator import Estimator
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.inputs import BatchDataCaptureConfig
    from sagemaker.model import Model
    from sagemaker.pipeline import PipelineModel
    from sagemaker.pytorch import PyTorchModel
    from sagemaker.s3 import S3Downloader
    from sagemaker.transformer import Transformer
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

from transform_jobs import program  # after the check: it needs botocore

ON = {"instance_count": 1, "instance_type": "ml.m5.large"}
CSV = {"content_type": "text/csv", "split_type": "Line"}
# Doubles the first number of every line; a line "fail" makes the request a bad one.
DOUBLE = """
lines = body.decode().splitlines()
print("doubling", len(lines), os.environ.get("FLAVOUR"), flush=True)
if "fail" in lines: self.reply(400, b"cannot double this")
elif "wait" in lines: time.sleep(1000000)
else: self.reply(200, "".join("%d\\n" % (2 * int(line.split(",")[0])) for line in lines).encode())
"""
INFERENCE = """
import os, torch
def model_fn(model_dir):
    return torch.load(os.path.join(model_dir, "factor.pth"))
def predict_fn(data, model):
    return data * model
"""


class Transform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.torch = sagemaker_sdk.python_with_torch()
        cls.emulator = sagemaker_sdk.start("--python", cls.torch or "/usr/bin/python3")
        cls.session = sagemaker.Session()
        cls.client = cls.session.sagemaker_client
        cls.image = cls.emulator.program("double", program(DOUBLE))

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def model(self, name, **more):
        return Model(
            image_uri=self.image, role=sagemaker_local.ROLE, name=name, sagemaker_session=self.session, **more
        )

    def rows(self, name, **objects):
        """s3://.../rows/NAME/ with these objects, called *.csv."""
        for key, text in objects.items():
            self.session.upload_string_as_file_body(text, self.session.default_bucket(), f"rows/{name}/{key}.csv")
        return f"s3://{self.session.default_bucket()}/rows/{name}/"

    def outputs(self, transformer):
        """What is stored below the output path, by name."""
        folder = transformer.output_path
        return {
            uri[len(folder) :].strip("/"): S3Downloader.read_file(uri, sagemaker_session=self.session)
            for uri in S3Downloader.list(folder, sagemaker_session=self.session)
        }

    def shown(self, call):
        """What is shown meanwhile, without colours."""
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            call()
        return re.sub("\x1b\\[[0-9;]*m", "", shown.getvalue())

    def test_a_model_with_filters_joins_and_logs(self):
        transformer = self.model("joined", env={"FLAVOUR": "sweet"}).transformer(
            2, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", accept="text/csv", env={"FLAVOUR": "sour"},
            max_concurrent_transforms=2, max_payload=1, tags=[{"Key": "k", "Value": "v"}],
        )
        data = self.rows("joined", a="x,1\ny,2\n", b="z,3\n")
        begin = time.monotonic()
        shown = self.shown(lambda: transformer.transform(
            data, input_filter="$[1]", output_filter="$[0,-1]", join_source="Input", **CSV))
        self.assertLess(time.monotonic() - begin, 60)  # its pauses are 10 s each
        self.assertEqual(self.outputs(transformer), {"a.csv.out": "x,2\ny,4\n", "b.csv.out": "z,6\n"})
        self.assertIn("doubling 2 sour", shown)
        self.assertIn("MaxConcurrentTransforms=2, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD", shown)
        job = self.client.describe_transform_job(TransformJobName=transformer.latest_transform_job.name)
        self.assertEqual(
            self.client.list_tags(ResourceArn=job["TransformJobArn"])["Tags"], [{"Key": "k", "Value": "v"}]
        )
        transformer.delete_model()
        with self.assertRaises(ClientError):
            self.client.describe_model(ModelName="joined")

    def test_a_pipeline(self):
        pipeline = PipelineModel(
            [self.model("one"), self.model("two")], sagemaker_local.ROLE, name="both", sagemaker_session=self.session
        )
        transformer = pipeline.transformer(**ON, assemble_with="Line", accept="text/csv")
        self.shown(lambda: transformer.transform(self.rows("both", a="1\n2\n"), logs=False, **CSV))
        self.assertEqual(self.outputs(transformer), {"a.csv.out": "4\n8\n"})

    def test_an_estimator_that_trained(self):
        both = program(DOUBLE).replace(
            "import http.server, json, os, sys, time\n",
            "import http.server, json, os, sys, time\n"
            'if sys.argv[1] == "train":\n'
            '    open("/opt/ml/model/model.txt", "w").write("trained")\n'
            "    sys.exit(0)\n",
        )
        estimator = Estimator(
            self.emulator.program("train-and-double", both), sagemaker_local.ROLE, 1, "ml.m5.large",
            base_job_name="doubler", sagemaker_session=self.session,
        )
        self.shown(lambda: estimator.fit(logs=False))
        transformer = estimator.transformer(**ON, assemble_with="Line", accept="text/csv")
        self.shown(lambda: transformer.transform(self.rows("trained", a="5\n"), logs=False, **CSV))
        self.assertTrue(transformer.latest_transform_job.name.startswith("doubler-"))
        self.assertEqual(self.outputs(transformer), {"a.csv.out": "10\n"})

    def test_a_pytorch_model_in_its_formats(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        factor = self.emulator.path("torch", "factor.pth")
        subprocess.run(
            [self.torch, "-c", "import sys, torch; torch.save(torch.tensor([2.0]), sys.argv[1])", factor], check=True
        )
        archive = self.emulator.path("torch", "model.tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(factor, "factor.pth")
        model = PyTorchModel(
            model_data=self.session.upload_data(archive, key_prefix="torch"), role=sagemaker_local.ROLE,
            entry_point=self.emulator.file("torch/inference.py", INFERENCE.encode()),
            framework_version="2.1", py_version="py310", sagemaker_session=self.session,
        )
        transformer = model.transformer(**ON, assemble_with="Line", accept="application/json", strategy="SingleRecord")
        data = self.rows("numbers", a="[[1, 2]]\n[[3, 4]]\n")
        self.shown(lambda: transformer.transform(data, content_type="application/json", split_type="Line", logs=False))
        lines = self.outputs(transformer)["a.csv.out"].splitlines()
        self.assertEqual([json.loads(line) for line in lines], [[[2, 4]], [[6, 8]]])

    def test_a_failure_is_told(self):
        transformer = self.model("fails").transformer(**ON, assemble_with="Line")
        data = self.rows("fails", a="1\n", b="fail\n")
        with self.assertRaises(UnexpectedStatusException) as caught:
            self.shown(lambda: transformer.transform(data, logs=False, job_name="fails", **CSV))
        self.assertIn(
            "Error for Transform job fails: Failed. Reason: ClientError: See job logs for more information",
            str(caught.exception),
        )
        self.assertEqual(self.outputs(transformer), {"a.csv.out": "2\n"})

    def test_a_job_is_stopped_and_found_again(self):
        transformer = self.model("stops").transformer(**ON, assemble_with="Line", max_payload=2)
        transformer.transform(self.rows("stops", a="wait\n"), wait=False, **CSV)
        name = transformer.latest_transform_job.name
        attached = Transformer.attach(name, self.session)
        self.assertEqual((attached.model_name, attached.max_payload, attached.assemble_with), ("stops", 2, "Line"))
        attached.stop_transform_job(wait=False)
        self.assertEqual(self.session.wait_for_transform_job(name, poll=0.1)["TransformJobStatus"], "Stopped")
        attached.stop_transform_job(wait=False)  # it has ended: no error
        self.assertEqual(self.outputs(transformer), {})

    def test_data_capture(self):
        transformer = self.model("captured").transformer(**ON, assemble_with="Line", accept="text/csv")
        capture = f"s3://{self.session.default_bucket()}/capture"
        self.shown(lambda: transformer.transform(
            self.rows("captured", a="1\n"), logs=False, batch_data_capture_config=BatchDataCaptureConfig(
                capture, generate_inference_id=True), **CSV))
        self.assertRegex(self.outputs(transformer)["a.csv.out"], r"^2,[0-9a-f-]{36},\d{4}-\d\d-\d\dT[0-9:.]+Z?\n$")
        captured = S3Downloader.list(capture, sagemaker_session=self.session)
        for part in ("input", "output"):
            self.assertTrue(any(re.match(rf"{capture}/{part}/\d{{4}}/\d\d/\d\d/\d\d/", uri) for uri in captured))

    def test_what_cannot_be_transformed(self):
        transformer = Transformer("missing", 1, "ml.m5.large", sagemaker_session=self.session)
        with self.assertRaisesRegex(ValueError, "Failed to fetch model information for missing"):
            transformer.transform("s3://bucket/rows")
        with self.assertRaisesRegex(ClientError, "Could not find model"):
            transformer.transform("s3://bucket/rows", job_name="missing")


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__)
    unittest.main()
