"""Starts a sagemaker-local for a Python test and makes boto3 clients for it.

Exits 77 (skipped) where boto3 is missing.
"""

import io
import sys
import tarfile
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


def archive(**files):
    """A model.tar.gz of these files: their names and texts."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


class Endpoints:
    """What tests of endpoints share. It needs the clients self.sagemaker and self.runtime."""

    INSTANCE = "ml.m5.large"

    def create_model(self, name, *containers, **more):
        """One container becomes the primary one, several are a pipeline."""
        if len(containers) == 1:
            more["PrimaryContainer"] = containers[0]
        else:
            more["Containers"] = list(containers)
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, **more)

    def variant(self, model, name="AllTraffic", count=1, **more):
        return {
            "VariantName": name,
            "ModelName": model,
            "InstanceType": self.INSTANCE,
            "InitialInstanceCount": count,
            **more,
        }

    def create_endpoint(self, name, *variants, **config):
        """An endpoint and its configuration of the same name."""
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **config)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def deploy(self, name, *containers, count=1, variant=None, **config):
        """A model, a configuration and an endpoint of one name; returns the description when it has settled."""
        self.create_model(name, *containers)
        self.create_endpoint(name, self.variant(name, count=count, **(variant or {})), **config)
        return self.in_service(name)

    def describe(self, name):
        return self.sagemaker.describe_endpoint(EndpointName=name)

    def settled(self, name, within_s=60):
        """The description of an endpoint when nothing is under way with it any more."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            endpoint = self.describe(name)
            if endpoint["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed"):
                return endpoint
            time.sleep(0.05)
        self.fail(f"{name} is still {endpoint['EndpointStatus']}")

    def in_service(self, name, within_s=60):
        endpoint = self.settled(name, within_s)
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint.get("FailureReason"))
        return endpoint

    def delete(self, name, within_s=60):
        """Deletes an endpoint and returns, when it is gone, what DescribeEndpoint says then."""
        self.sagemaker.delete_endpoint(EndpointName=name)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                self.describe(name)
            except ClientError as error:
                return error.response["Error"]["Message"]
            time.sleep(0.05)
        self.fail(f"{name} is still there")

    def invoke(self, name, body=b"", **more):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)

    def answer(self, name, body=b"", **more):
        return self.invoke(name, body, **more)["Body"].read()

    def refusal(self, call, *arguments, **more):
        """The error that a call ends with: its code and its message."""
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **more)
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]


def main():
    print("boto3", boto3.__version__, "botocore", botocore.__version__)
    unittest.main()
