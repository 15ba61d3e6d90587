"""What tests share whose jobs outlive their emulator: kill -9, shutdowns and disks that fail; and calls of operations
that the distribution's boto3 does not know yet.
"""

import json
import os
import tempfile

import local_emulator
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from waiting import Waiting


def restart(emulator, how="kill"):
    """`how`: "kill" for kill -9, "terminate" for a shutdown in good order."""
    if how == "kill":
        emulator.kill()
    else:
        emulator.process.terminate()
        if code := emulator.process.wait(60):
            raise AssertionError(f"the shutdown of sagemaker-local ended with {code}")
    emulator.start()


def call(emulator, operation, **members):
    """What boto3 would answer, or raise."""
    headers = {"X-Amz-Target": "SageMaker." + operation, "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", emulator.url + "/", headers=headers, data=json.dumps(members).encode())
    SigV4Auth(Credentials("test", "test"), "sagemaker", local_emulator.REGION).add_auth(request)
    response = URLLib3Session(verify=emulator.ca_file or True).send(request.prepare())
    answer = json.loads(response.text or "{}")
    if response.status_code != 200:
        raise ClientError({"Error": {"Code": answer["__type"], "Message": answer["message"]}}, operation)
    return answer


class FailingDisk:
    """A disk on which nothing can be made to last while the test says so. Skips the test where there is no such."""

    def __init__(self, test):
        shim = os.environ.get("SAGEMAKER_FAILING_DISK", "")
        if not os.path.exists(shim):
            test.skipTest("the library that fails syncs was not built")
        self.folder = tempfile.TemporaryDirectory(prefix="sagemaker-failing-")
        test.addCleanup(self.folder.cleanup)
        self.switch = self.path("failing")
        # Of the emulator.
        self.options = {"durability": "full", "environment": {"LD_PRELOAD": shim, "FAILING_DISK": self.switch}}

    def path(self, name):
        """A file for signs between the test and its programs."""
        return os.path.join(self.folder.name, name)

    def fail(self, names=""):
        """Now, for files whose names contain this: "-wal" for the database."""
        with open(self.switch, "w") as file:
            file.write(names)

    def mend(self):
        os.remove(self.switch)


class Restarts(Waiting):
    """For a unittest.TestCase: self.emulator_ and the clients self.sagemaker, self.s3 and self.logs."""

    def emulator(self, *arguments, **options):
        """One with a bucket named jobs."""
        emulator = local_emulator.LocalEmulator(*arguments, **options)
        self.addCleanup(emulator.stop)
        self.attach(emulator)
        self.s3.create_bucket(Bucket="jobs")
        return emulator

    def attach(self, emulator):
        self.emulator_ = emulator
        self.sagemaker = emulator.client("sagemaker", retries=False)
        self.s3 = emulator.client("s3")
        self.logs = emulator.client("logs")

    def restart(self, how="kill"):
        restart(self.emulator_, how)
        self.attach(self.emulator_)

    def call(self, operation, **members):
        return call(self.emulator_, operation, **members)
