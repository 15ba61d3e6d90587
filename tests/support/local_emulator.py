"""Starts a sagemaker-local for a Python test and makes boto3 clients for it.

Exits 77 (skipped) where boto3 is missing.
"""

import sys
import time
import unittest

import sagemaker_local
from sagemaker_local import REGION, ROLE  # noqa: F401, for the tests

try:
    import boto3
    import botocore
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    sagemaker_local.skip(f"{sys.executable} has no boto3 (Debian: python3-boto3)")


class LocalEmulator(sagemaker_local.LocalEmulator):
    def client(self, service, secret=sagemaker_local.SECRET_KEY, retries=True, **config):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=sagemaker_local.ACCESS_KEY,
            aws_secret_access_key=secret,
            verify=self.ca_file,
            config=Config(retries={"max_attempts": 3 if retries else 0}, **config),
        )


class EmulatorTest(sagemaker_local.EmulatorTest):
    emulator_class = LocalEmulator


class TrainingJobs:
    """What tests of training jobs share. It needs the clients self.sagemaker and self.logs."""

    log_group = "/aws/sagemaker/TrainingJobs"

    def describe(self, name):
        return self.sagemaker.describe_training_job(TrainingJobName=name)

    def ended(self, name, within_s=90):
        """The description of a job when it has ended."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            job = self.describe(name)
            if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
                return job
            time.sleep(0.05)
        self.fail(f"{name} is still {job['TrainingJobStatus']}/{job['SecondaryStatus']}")

    def messages(self, name):
        """The lines of a job's log, stream after stream; none where there is no log yet."""
        try:
            page = self.logs.describe_log_streams(logGroupName=self.log_group, logStreamNamePrefix=name + "/")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        return [
            event["message"]
            for stream in page["logStreams"]
            for event in self.logs.get_log_events(
                logGroupName=self.log_group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]


def main():
    print("boto3", boto3.__version__, "botocore", botocore.__version__)
    unittest.main()
