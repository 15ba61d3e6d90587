"""Version 2 of the SageMaker Python SDK, unchanged, trains: Estimator with a program of this machine, PyTorch with a
script on real MNIST, fit, attach, stop, metrics.

Run by the interpreter of an environment with the package; see install_python_clients.py.
"""

import contextlib
import io
import os
import tarfile
import time
import unittest

import sagemaker_local
import sagemaker_sdk

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import sagemaker
    from sagemaker.analytics import TrainingJobAnalytics
    from sagemaker.estimator import Estimator
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.inputs import TrainingInput
    from sagemaker.pytorch import PyTorch
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

TRAIN = """#!/bin/sh
echo "hyperparameters $(cat /opt/ml/input/config/hyperparameters.json)"
for file in /opt/ml/input/data/*/*; do echo "$file: $(cat $file)"; done
echo "flavour $FLAVOUR on $(hostname)"
for loss in 0.5 0.25 1e-1; do echo "train:loss=$loss;"; done
cp /opt/ml/input/data/training/numbers.csv /opt/ml/model/weights
"""
METRICS = [{"Name": "train:loss", "Regex": "train:loss=(.*?);"}]


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.torch = sagemaker_sdk.python_with_torch()
        cls.emulator = sagemaker_sdk.start(*(["--python", cls.torch] if cls.torch else []))
        cls.session = sagemaker.Session()
        path = cls.emulator.file("data/numbers.csv", b"1,2,3")
        cls.data = cls.session.upload_data(os.path.dirname(path), key_prefix="numbers")

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def estimator(self, name, script, **options):
        arguments = {"instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": self.session}
        return Estimator(self.emulator.program(name, script), sagemaker_local.ROLE, **{**arguments, **options})

    def model_files(self, estimator):
        bucket, key = estimator.model_data[len("s3://") :].split("/", 1)
        body = self.session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
            files = [member for member in tar.getmembers() if member.isfile()]
            return {os.path.normpath(member.name): tar.extractfile(member).read() for member in files}

    def test_fit_shows_the_log_and_returns_with_the_job(self):
        estimator = self.estimator(
            "fit",
            TRAIN,
            instance_count=2,
            hyperparameters={"epochs": 3, "name": "a b"},
            environment={"FLAVOUR": "sour"},
            metric_definitions=METRICS,
            base_job_name="fit",
            tags=[{"Key": "team", "Value": "a"}],
        )
        shown = io.StringIO()
        begin = time.monotonic()
        with contextlib.redirect_stdout(shown):
            estimator.fit({"training": TrainingInput(self.data, content_type="text/csv")}, logs="All")
        self.assertLess(time.monotonic() - begin, 25)  # 5 of sleep; without long polls 45
        shown = shown.getvalue()
        for text in (
            "Starting - Preparing the instances for training",
            "Training - Training image download completed. Training in progress.",
            "Uploading - Uploading generated training model",
            "Completed - Training job completed",
            'hyperparameters {"epochs":"3","name":"a b"}',
            "/opt/ml/input/data/training/numbers.csv: 1,2,3",
            "flavour sour on algo-1",
            "flavour sour on algo-2",
            "Training seconds: ",
            "Billable seconds: ",
        ):
            self.assertIn(text, shown)
        name = estimator.latest_training_job.name
        self.assertEqual(
            estimator.model_data, f"s3://{self.session.default_bucket()}/{name}/output/model.tar.gz"
        )
        self.assertEqual(self.model_files(estimator), {"weights": b"1,2,3"})
        job = estimator.latest_training_job.describe()
        self.assertEqual([metric["Value"] for metric in job["FinalMetricDataList"]], [0.1])

        frame = TrainingJobAnalytics(name, sagemaker_session=self.session).dataframe()
        self.assertEqual(list(frame.columns), ["timestamp", "metric_name", "value"])
        self.assertEqual(set(frame["metric_name"]), {"train:loss"})
        self.assertAlmostEqual(frame["value"].mean(), (0.5 + 0.25 + 0.1) / 3, places=2)

        attached = Estimator.attach(name, sagemaker_session=self.session)
        self.assertEqual(attached.model_data, estimator.model_data)
        self.assertEqual(attached.hyperparameters(), {"epochs": "3", "name": "a b"})

    def test_a_job_that_fails_raises_with_its_reason(self):
        estimator = self.estimator("fails", "#!/bin/sh\necho the disk is sour > /opt/ml/output/failure\nexit 1\n")
        with self.assertRaises(UnexpectedStatusException) as caught:
            estimator.fit(logs=False)
        self.assertEqual(caught.exception.actual_status, "Failed")
        self.assertIn("AlgorithmError: the disk is sour", str(caught.exception))

    def test_a_job_in_the_background_is_stopped_and_waited_for(self):
        estimator = self.estimator(
            "stopped",
            "#!/bin/sh\ntrap 'echo half > /opt/ml/model/half; exit 0' TERM\necho running\n"
            "while :; do sleep 0.05; done\n",
        )
        estimator.fit(wait=False)
        name = estimator.latest_training_job.name
        logs = self.session.boto_session.client("logs")
        deadline = time.monotonic() + 30
        events = []
        while not events and time.monotonic() < deadline:
            with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
                events = logs.filter_log_events(
                    logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/"
                )["events"]
            time.sleep(0.05)
        estimator.latest_training_job.stop()
        # Stopped is an end that the SDK warns of and does not raise for.
        self.assertEqual(self.session.wait_for_job(name, poll=0.1)["TrainingJobStatus"], "Stopped")
        self.assertEqual(self.model_files(estimator), {"half": b"half\n"})

    def test_spot_and_checkpoints(self):
        bucket = self.session.default_bucket()
        estimator = self.estimator(
            "spot",
            "#!/bin/sh\necho one > /opt/ml/checkpoints/one\n",
            use_spot_instances=True,
            max_run=60,
            max_wait=120,
            checkpoint_s3_uri=f"s3://{bucket}/checkpoints",
        )
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            estimator.fit()
        self.assertIn("Managed Spot Training savings: ", shown.getvalue())
        self.assertEqual(self.session.read_s3_file(bucket, "checkpoints/one"), "one\n")

    def test_pytorch_trains_a_script_on_mnist(self):
        folder = sagemaker_sdk.mnist()
        if not folder:
            self.skipTest("MNIST is not here: SAGEMAKER_DATA_DIR/mnist with the four .gz files")
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        data = self.session.upload_data(folder, key_prefix="mnist")
        estimator = PyTorch(
            entry_point="train_mnist.py",
            source_dir=os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs"),
            framework_version="2.1",
            py_version="py310",
            role=sagemaker_local.ROLE,
            instance_count=1,
            instance_type="ml.c5.xlarge",
            hyperparameters={"epochs": 1, "learning-rate": 0.2},
            metric_definitions=[
                {"Name": "train:loss", "Regex": r"train:loss=([0-9\.]+)"},
                {"Name": "test:accuracy", "Regex": r"test:accuracy=([0-9\.]+);"},
            ],
            sagemaker_session=self.session,
        )
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            estimator.fit({"training": data})
        self.assertIn("epoch=1 train:loss=", shown.getvalue())
        job = estimator.latest_training_job.describe()
        metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
        self.assertGreater(metrics["test:accuracy"], 0.9)
        self.assertIn("model.pth", self.model_files(estimator))
        attached = PyTorch.attach(estimator.latest_training_job.name, sagemaker_session=self.session)
        self.assertEqual(attached.model_data, estimator.model_data)
        self.assertEqual(attached.entry_point, "train_mnist.py")

    def test_pytorch_shows_why_a_script_failed(self):
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        script = self.emulator.file("code/train.py", b"raise ValueError('the data is sour')\n")
        estimator = PyTorch(
            entry_point=script,
            framework_version="2.1",
            py_version="py310",
            role=sagemaker_local.ROLE,
            instance_count=1,
            instance_type="ml.c5.xlarge",
            sagemaker_session=self.session,
        )
        with self.assertRaises(UnexpectedStatusException) as caught:
            estimator.fit(logs=False)
        self.assertIn("AlgorithmError: ExecuteUserScriptError:", str(caught.exception))
        self.assertIn("ValueError: the data is sour", str(caught.exception))


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__)
    unittest.main()
