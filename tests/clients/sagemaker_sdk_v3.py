"""Version 3 of the SageMaker Python SDK, unchanged: ModelTrainer with a SourceCode entry script on real MNIST, and
ScriptProcessor.

Run by the interpreter of an environment with the package (1 GB); see install_python_clients.py.
"""

import contextlib
import io
import json
import os
import unittest

import sagemaker_local
import sagemaker_sdk

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.processing import ScriptProcessor
    from sagemaker.core.resources import TrainingJob
    from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output, StoppingCondition
    from sagemaker.core.training.configs import Compute, InputData, SourceCode
    from sagemaker.core.utils.exceptions import FailedStatusError
    from sagemaker.train import ModelTrainer
except ImportError as error:
    sagemaker_local.skip(f"version 3 of the SageMaker Python SDK is not here: {error}")

IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.1-cpu-py310"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.torch = sagemaker_sdk.python_with_torch()
        cls.emulator = sagemaker_sdk.start(*(["--python", cls.torch] if cls.torch else []))
        cls.session = Session()
        # This version looks at the role before it uses it: that there is one, what it may do and who trusts it.
        cls.role = cls.session.boto_session.client("iam").create_role(
            RoleName="SageMakerRole", AssumeRolePolicyDocument=json.dumps(TRUST)
        )["Role"]["Arn"]

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def trainer(self, source_code, **options):
        return ModelTrainer(
            training_image=IMAGE,
            source_code=source_code,
            compute=Compute(instance_type="ml.c5.xlarge", instance_count=1),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=120),
            role=self.role,
            sagemaker_session=self.session,
            **options,
        )

    def messages(self, name):
        logs = self.session.boto_session.client("logs")
        return [
            event["message"]
            for event in logs.filter_log_events(
                logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/"
            )["events"]
        ]

    def job(self, base_name):
        jobs = self.session.sagemaker_client.list_training_jobs(NameContains=base_name)["TrainingJobSummaries"]
        return TrainingJob.get(jobs[0]["TrainingJobName"], region=sagemaker_sdk.REGION)

    def test_a_script_trains_on_mnist(self):
        folder = sagemaker_sdk.mnist()
        if not folder:
            self.skipTest("MNIST is not here: SAGEMAKER_DATA_DIR/mnist with the four .gz files")
        if not self.torch:
            self.skipTest("no Python of this machine has torch (Debian: python3-torch)")
        programs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
        trainer = self.trainer(
            SourceCode(source_dir=programs, entry_script="train_mnist.py"),
            hyperparameters={"epochs": 1, "learning-rate": 0.2},
            base_job_name="v3-mnist",
        )
        trainer.train(input_data_config=[InputData(channel_name="training", data_source=folder)])
        job = self.job("v3-mnist")
        self.assertEqual(job.training_job_status, "Completed")
        told = [line for line in self.messages(job.training_job_name) if line.startswith("epoch=1 train:loss=")]
        self.assertEqual(len(told), 1)
        self.assertGreater(float(told[0].split("test:accuracy=")[1].rstrip(";")), 0.9)
        bucket, key = job.model_artifacts.s3_model_artifacts[len("s3://") :].split("/", 1)
        self.session.boto_session.client("s3").head_object(Bucket=bucket, Key=key)

    def test_a_command_that_fails_raises(self):
        source = os.path.dirname(self.emulator.file("code/nothing.txt", b""))
        trainer = self.trainer(
            SourceCode(source_dir=source, command="echo it is sour; exit 3"), base_job_name="v3-fails"
        )
        with self.assertRaises(FailedStatusError):
            trainer.train()
        self.assertIn("it is sour", self.messages(self.job("v3-fails").training_job_name))


class Processing(unittest.TestCase):
    def test_a_script_processes(self):
        emulator = sagemaker_sdk.start()
        self.addCleanup(emulator.stop)
        session = Session()
        s3_output = ProcessingS3Output(
            s3_uri=f"s3://{session.default_bucket()}/out",
            local_path="/opt/ml/processing/out",
            s3_upload_mode="EndOfJob",
        )
        processor = ScriptProcessor(
            image_uri="sagemaker-python",
            command=["python3"],
            role=sagemaker_local.ROLE,
            instance_count=1,
            instance_type="ml.m5.large",
            sagemaker_session=session,
        )
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            processor.run(
                code=emulator.file(
                    "scripts/say.py", b"open('/opt/ml/processing/out/said', 'w').write('hello')\nprint('written')\n"
                ),
                outputs=[ProcessingOutput(output_name="out", s3_output=s3_output)],
            )
        self.assertIn("written", shown.getvalue())
        stored = session.boto_session.client("s3").get_object(Bucket=session.default_bucket(), Key="out/said")
        self.assertEqual(stored["Body"].read(), b"hello")


if __name__ == "__main__":
    unittest.main()
