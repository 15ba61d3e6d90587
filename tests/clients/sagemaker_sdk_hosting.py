"""Version 2 of the SageMaker Python SDK, unchanged, deploys Python models: SKLearnModel, PyTorchModel (whose script the
SDK packs into the model's archive), an estimator that trained, a TorchScript model without a script, MultiDataModel;
Predictors with its serializers.

Run by the interpreter of an environment with the package; see install_python_clients.py.
"""

import contextlib
import functools
import io
import os
import subprocess
import tarfile
import unittest

import sagemaker_local
import sagemaker_sdk

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import numpy
    import sagemaker
    from botocore.exceptions import ClientError
    from sagemaker.base_deserializers import BytesDeserializer
    from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, NumpyDeserializer
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.image_uris import retrieve
    from sagemaker.model import Model
    from sagemaker.multidatamodel import MultiDataModel
    from sagemaker.predictor import Predictor
    from sagemaker.pytorch import PyTorch, PyTorchModel
    from sagemaker.serializers import CSVSerializer, IdentitySerializer, JSONSerializer, NumpySerializer
    from sagemaker.sklearn import SKLearnModel
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

ON = {"initial_instance_count": 1, "instance_type": "ml.m5.large"}
TORCH = {"framework_version": "2.1", "py_version": "py310"}

# Rows of numbers, doubled by a model that torch loads.
TORCH_INFERENCE = """
import os, torch
import helper
def model_fn(model_dir):
    return torch.load(os.path.join(model_dir, "factor.pth"))
def predict_fn(data, model):
    return helper.multiply(data, model)
"""
TRAIN_AND_SERVE = """
import argparse, os, torch

def model_fn(model_dir):
    net = torch.nn.Linear(2, 1)
    net.load_state_dict(torch.load(os.path.join(model_dir, "model.pth")))
    return net

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    net = torch.nn.Linear(2, 1)
    data = torch.rand(64, 2)
    target = data.sum(dim=1, keepdim=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(arguments.steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(data), target).backward()
        optimizer.step()
    torch.save(net.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
"""
SKLEARN_INFERENCE = """
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pickle"), "rb") as file:
        return pickle.load(file)
"""


class Hosting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.torch = sagemaker_sdk.python_with_torch()
        cls.python = cls.torch or "/usr/bin/python3"
        cls.emulator = sagemaker_sdk.start("--python", cls.python)
        cls.session = sagemaker.Session()
        cls.session.wait_for_endpoint = functools.partial(cls.session.wait_for_endpoint, poll=0.1)
        cls.client = cls.session.sagemaker_client

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def need(self, package):
        if subprocess.run([self.python, "-c", f"import {package}"], capture_output=True).returncode != 0:
            self.skipTest(f"{self.python} has no {package} (Debian: python3-{package})")

    def python_file(self, name, program):
        """What a program of the interpreter with torch writes to the path that it gets."""
        path = self.emulator.path(name)
        subprocess.run([self.python, "-c", program, path], check=True)
        return path

    def archive(self, name, files):
        """Packs {name in the archive: path} and uploads it; its address."""
        path = self.emulator.path(name, "model.tar.gz")
        with tarfile.open(path, "w:gz") as tar:
            for member, file in files.items():
                tar.add(file, member)
        return self.session.upload_data(path, key_prefix=name)

    def factor_archive(self, name, factor):
        path = self.python_file(
            name + "/factor.pth", f"import sys, torch; torch.save(torch.tensor([{factor}]), sys.argv[1])"
        )
        return self.archive(name, {"factor.pth": path})

    def source(self, name, **files):
        folder = os.path.dirname(self.emulator.path(name, "source", "x"))
        for module, text in files.items():
            self.emulator.file(os.path.join(name, "source", module + ".py"), text.encode())
        return folder

    def torch_model(self, name, factor):
        return PyTorchModel(
            model_data=self.factor_archive(name, factor),
            role=sagemaker_local.ROLE,
            entry_point="inference.py",
            source_dir=self.source(
                name, inference=TORCH_INFERENCE, helper="def multiply(data, model):\n    return data * model\n"
            ),
            sagemaker_session=self.session,
            **TORCH,
        )

    def deploy(self, model, **options):
        with contextlib.redirect_stdout(io.StringIO()):
            return model.deploy(**{**ON, **options})

    def remove(self, predictor):
        predictor.delete_model()
        predictor.delete_endpoint()
        for attempt in range(600):
            try:
                self.client.describe_endpoint(EndpointName=predictor.endpoint_name)
            except ClientError:
                return
        self.fail("the endpoint is still there")

    def test_sklearn_model(self):
        self.need("sklearn")
        path = self.python_file(
            "sklearn/model.pickle",
            "import pickle, sys; from sklearn.linear_model import LinearRegression\n"
            "model = LinearRegression().fit([[0, 0], [1, 1], [2, 1]], [1, 4, 6])\n"
            "pickle.dump(model, open(sys.argv[1], 'wb'))",
        )
        model = SKLearnModel(
            model_data=self.archive("sklearn", {"model.pickle": path}),
            role=sagemaker_local.ROLE,
            entry_point=os.path.join(self.source("sklearn", inference=SKLEARN_INFERENCE), "inference.py"),
            framework_version="1.2-1",
            sagemaker_session=self.session,
        )
        predictor = self.deploy(model)  # NumPy's format both ways
        self.assertTrue(numpy.allclose(predictor.predict(numpy.array([[3.0, 2.0]])), [9.0]))
        predictor.serializer, predictor.deserializer = CSVSerializer(), CSVDeserializer()
        self.assertAlmostEqual(float(predictor.predict([[0, 1], [1, 0]])[0][0]), 2.0, places=5)
        predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
        self.assertAlmostEqual(predictor.predict([[1, 1]])[0], 4.0, places=5)
        self.remove(predictor)

    def test_pytorch_model_and_its_update(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        model = self.torch_model("first", 2.0)
        predictor = self.deploy(model)
        self.assertTrue((predictor.predict(numpy.float32([[1, 2.5]])) == numpy.float32([[2, 5]])).all())
        predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
        self.assertEqual(predictor.predict([[1, 2], [3, 4]]), [[2, 4], [6, 8]])
        predictor.serializer, predictor.deserializer = CSVSerializer(), CSVDeserializer()
        self.assertEqual(predictor.predict("1,2\n3,4"), [["2.0", "4.0"], ["6.0", "8.0"]])

        # The archive that the SDK made of the model and its script is what the container unpacked.
        described = self.client.describe_model(ModelName=model.name)["PrimaryContainer"]
        self.assertEqual(described["Environment"]["SAGEMAKER_PROGRAM"], "inference.py")
        self.assertNotEqual(described["ModelDataUrl"], model.model_data)

        predictor.serializer = IdentitySerializer("image/png")
        predictor.deserializer = BytesDeserializer()
        with self.assertRaises(ClientError) as caught:
            predictor.predict(b"x")
        self.assertEqual(caught.exception.response["Error"]["Code"], "ModelError")
        self.assertEqual(caught.exception.response["OriginalStatusCode"], 415)
        self.assertIn("Content type image/png is not supported", caught.exception.response["OriginalMessage"])

        second = self.torch_model("second", 10.0)
        second.create(instance_type="ml.m5.large")
        with contextlib.redirect_stdout(io.StringIO()):
            predictor.update_endpoint(
                initial_instance_count=1, instance_type="ml.m5.large", model_name=second.name, wait=True
            )
        predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
        self.assertEqual(predictor.predict([[1]]), [[10]])
        self.client.delete_model(ModelName=model.name)
        self.remove(predictor)

    def test_an_estimator_trains_and_deploys(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        estimator = PyTorch(
            entry_point="train.py",
            source_dir=self.source("trained", train=TRAIN_AND_SERVE),
            role=sagemaker_local.ROLE,
            hyperparameters={"steps": 400},
            sagemaker_session=self.session,
            instance_count=1,
            instance_type="ml.m5.large",
            **TORCH,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            estimator.fit()
        predictor = self.deploy(estimator)
        self.assertAlmostEqual(float(predictor.predict(numpy.float32([[0.25, 0.5]]))[0][0]), 0.75, places=1)
        # Another program finds the endpoint by its name.
        again = Predictor(
            predictor.endpoint_name,
            sagemaker_session=self.session,
            serializer=JSONSerializer(),
            deserializer=NumpyDeserializer(),
        )
        self.assertEqual(again.predict([[0.25, 0.5], [1, 1]]).shape, (2, 1))
        self.remove(predictor)

    def test_a_torchscript_model_without_a_script(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        path = self.python_file(
            "plain/model.pt",
            "import sys, torch; net = torch.nn.Linear(2, 1); torch.nn.init.ones_(net.weight);"
            "torch.nn.init.zeros_(net.bias); torch.jit.script(net).save(sys.argv[1])",
        )
        image = retrieve(
            "pytorch", self.session.boto_region_name, version="2.1", py_version="py310", image_scope="inference",
            instance_type="ml.m5.large",
        )  # fmt: skip
        model = Model(
            image, self.archive("plain", {"model.pt": path}), sagemaker_local.ROLE, sagemaker_session=self.session,
            predictor_cls=Predictor,
        )  # fmt: skip
        predictor = self.deploy(model, serializer=JSONSerializer(), deserializer=JSONDeserializer())
        self.assertEqual(predictor.predict([[1, 2], [3, 4]]), [[3.0], [7.0]])
        self.remove(predictor)

    def test_a_script_that_fails_fails_the_endpoint(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        model = PyTorchModel(
            model_data=self.factor_archive("failing", 1.0),
            role=sagemaker_local.ROLE,
            entry_point="inference.py",
            source_dir=self.source("failing", inference="raise ValueError('the script is sour')"),
            sagemaker_session=self.session,
            **TORCH,
        )
        with self.assertRaises(UnexpectedStatusException) as caught:
            self.deploy(model, endpoint_name="failing")
        self.assertIn("did not pass the ping health check", str(caught.exception))
        logs = self.session.boto_session.client("logs")
        events = logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/failing")["events"]
        self.assertTrue(any("ValueError: the script is sour" in event["message"] for event in events))
        self.client.delete_endpoint(EndpointName="failing")

    def test_several_models_on_one_endpoint(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        models = {name: self.torch_model("of-" + name, factor) for name, factor in (("two", 2.0), ("ten", 10.0))}
        bucket = self.session.default_bucket()
        shared = MultiDataModel(
            "many", f"s3://{bucket}/many/", model=models["two"], sagemaker_session=self.session
        )
        predictor = self.deploy(shared, serializer=JSONSerializer(), deserializer=JSONDeserializer())
        for name, model in models.items():
            model.prepare_container_def(instance_type="ml.m5.large")  # packs the script
            shared.add_model(model.repacked_model_data, name + ".tar.gz")
        self.assertEqual(sorted(shared.list_models()), ["ten.tar.gz", "two.tar.gz"])
        self.assertEqual(predictor.predict([[1, 2]], target_model="two.tar.gz"), [[2, 4]])
        self.assertEqual(predictor.predict([[1, 2]], target_model="ten.tar.gz"), [[10, 20]])
        self.remove(predictor)


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__)
    unittest.main()
