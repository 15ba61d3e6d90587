"""Starts a sagemaker-local for a Python test and makes boto3 clients for it.

Exits 77 (skipped) where boto3 is missing.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

# A signature must come from the test, not from the environment or the profile of whoever runs it.
for name in list(os.environ):
    if name.startswith("AWS_"):
        del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

try:
    import boto3
    import botocore
    from botocore.config import Config
except ImportError:
    print("SKIPPED: python3 has no boto3 (Debian: python3-boto3)")
    sys.exit(77)

REGION = "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/SageMakerRole"


class LocalEmulator:
    def __init__(self, *arguments, prefix=(), durability="process", environment=None):
        """`prefix`: a command that runs the emulator, such as unshare(1) with its options; {data}: its data folder."""
        self.directory = tempfile.mkdtemp(prefix="sagemaker-test-")
        self.data = os.path.join(self.directory, "data")
        self.log = open(os.path.join(self.directory, "emulator.log"), "ab")
        self.command = [word.format(data=self.data) for word in prefix]
        self.command += [os.environ["SAGEMAKER_LOCAL_BIN"], "--port", "0", "--data-dir", self.data]
        self.command += ["--durability", durability, *arguments]
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.start()

    def start(self):
        """Starts it, or starts it again on the same folder after it ended."""
        if self.process:
            self.process.stdout.close()
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, env=self.environment)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready: "):
            self.stop()
            raise RuntimeError("sagemaker-local did not start: " + line)
        self.url = line.split()[1]

    def kill(self):
        """kill -9: whatever it was doing."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, service, secret="test", retries=True, **config):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 3 if retries else 0}, **config),
        )

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()
        if self.process.returncode != 0 or os.environ.get("SAGEMAKER_TEST_LOG"):
            with open(self.log.name, errors="replace") as log:
                sys.stderr.write(log.read()[-4000:])
        shutil.rmtree(self.directory, ignore_errors=True)

    def program(self, name, text):
        """Writes an executable script and returns the image name that runs it."""
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        return "file://" + path


class EmulatorTest(unittest.TestCase):
    """One emulator for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.emulator = LocalEmulator()

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()


def main():
    print("boto3", boto3.__version__, "botocore", botocore.__version__)
    unittest.main()
