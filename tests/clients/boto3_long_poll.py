"""Describe requests that wait for news: those of the SageMaker Python SDK, told by its User-Agent, and nobody else's.
"""

import threading
import time
import unittest

import local_emulator
import tuning_jobs
from botocore.exceptions import EndpointConnectionError, HTTPClientError

SDK_2 = "lib/AWS-SageMaker-Python-SDK#2.257.7"
SDK_3 = "lib/AWS-SageMaker-Python-SDK#3.0"
# Runs until the test writes the file named by its hyperparameter; ends in an error after 30 seconds.
UNTIL_TOLD = """#!/bin/sh
for i in $(seq 3000); do
  test -e %s && exit 0
  sleep 0.01
done
exit 1
"""


class LongPoll(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.emulator = local_emulator.LocalEmulator("--sandbox", "none", *self.arguments)
        self.addCleanup(self.emulator.stop)
        self.plain = self.emulator.client("sagemaker", retries=False)
        self.emulator.client("s3").create_bucket(Bucket="jobs")

    def client(self, agent):
        return self.emulator.client("sagemaker", retries=False, user_agent_extra=agent)

    def start(self, name):
        """A job that runs until the returned function is called."""
        told = self.emulator.path(name + ".told")
        self.plain.create_training_job(
            TrainingJobName=name,
            RoleArn=local_emulator.ROLE,
            AlgorithmSpecification={
                "TrainingImage": self.emulator.program(name, UNTIL_TOLD % told),
                "TrainingInputMode": "File",
            },
            OutputDataConfig={"S3OutputPath": "s3://jobs/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        return lambda: open(told, "w").close()

    def later(self, client, name):
        """The status that one DescribeTrainingJob gives, in a list that is filled when it is there; and its thread."""
        seen = []
        def ask():
            try:
                seen.append(client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"])
            except (EndpointConnectionError, HTTPClientError):
                pass

        thread = threading.Thread(target=ask)
        thread.start()
        return seen, thread


class OfTheSdk(LongPoll):
    def test_one_request_of_the_sdk_ends_with_the_job(self):
        tell = self.start("waits")
        requests = [self.later(self.client(agent), "waits") for agent in (SDK_2, SDK_3)]
        # Others are told at once what is, also while those wait.
        for _ in range(20):
            job = self.plain.describe_training_job(TrainingJobName="waits")
            self.assertEqual(job["TrainingJobStatus"], "InProgress")
        for seen, _ in requests:
            self.assertEqual(seen, [])
        tell()
        for seen, thread in requests:
            thread.join(20)
            self.assertEqual(seen, ["Completed"])

    def test_a_job_that_is_stopped_is_news(self):
        self.start("stopped")
        seen, thread = self.later(self.client(SDK_2), "stopped")
        self.plain.stop_training_job(TrainingJobName="stopped")
        thread.join(20)
        self.assertEqual(seen, ["Stopped"])

    def test_who_waits_is_answered_when_the_emulator_ends(self):
        self.start("shutdown")
        seen, thread = self.later(self.client(SDK_2), "shutdown")
        begin = time.monotonic()
        self.emulator.stop()
        thread.join(20)
        self.assertLess(time.monotonic() - begin, 15)
        self.assertIn(seen, (["InProgress"], ["Failed"], []))  # []: the request came too late

    def test_an_endpoint_that_cannot_start_is_news(self):
        self.plain.create_model(
            ModelName="m",
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={"Image": self.emulator.program("gone", "#!/bin/sh\nexit 1\n")},
        )
        self.plain.create_endpoint_config(
            EndpointConfigName="c",
            ProductionVariants=[
                {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
            ],
        )
        self.plain.create_endpoint(EndpointName="e", EndpointConfigName="c")
        self.assertEqual(self.client(SDK_2).describe_endpoint(EndpointName="e")["EndpointStatus"], "Failed")


class OfATuningJob(tuning_jobs.TuningJobs, LongPoll):
    """The SDK asks for descriptions not only to wait: it pauses before those with which it does, as
    sagemaker_sdk_tuning.py has it.
    """

    def setUp(self):
        super().setUp()
        self.emulator_, self.sagemaker = self.emulator, self.plain
        self.go = self.emulator.path("go")
        self.tune("tunes", f"await {self.go}\nvalue $x\n", jobs=1)
        self.addCleanup(lambda: open(self.go, "w").close())

    def status(self):
        job = self.client(SDK_2).describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tunes")
        return job["HyperParameterTuningJobStatus"]

    def test_who_attaches_is_told_at_once(self):
        began = time.monotonic()
        for _ in range(3):
            self.assertEqual(self.status(), "InProgress")
        self.assertLess(time.monotonic() - began, 45)  # a description that is held comes after 50 seconds


class OfEverybody(LongPoll):
    arguments = ("--long-poll", "all:1")

    def test_everybody_waits_but_not_for_longer_than_was_said(self):
        tell = self.start("all")
        begin = time.monotonic()
        self.assertEqual(self.plain.describe_training_job(TrainingJobName="all")["TrainingJobStatus"], "InProgress")
        self.assertGreaterEqual(time.monotonic() - begin, 0.9)
        tell()
        self.plain.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName="all", WaiterConfig={"Delay": 0, "MaxAttempts": 100}
        )


class OfNobody(LongPoll):
    arguments = ("--long-poll", "off")

    def test_the_sdk_is_told_at_once(self):
        tell = self.start("off")
        status = self.client(SDK_2).describe_training_job(TrainingJobName="off")["TrainingJobStatus"]
        self.assertEqual(status, "InProgress")
        tell()


if __name__ == "__main__":
    local_emulator.main()
