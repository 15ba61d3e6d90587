"""Starts a sagemaker-local for a Python test and makes boto3 clients for it.

Exits 77 (skipped) where boto3 is missing.
"""

import sys
import unittest

import sagemaker_local
from sagemaker_local import REGION, ROLE  # noqa: F401, for the tests

try:
    import boto3
    import botocore
    from botocore.config import Config
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


def main():
    print("boto3", boto3.__version__, "botocore", botocore.__version__)
    unittest.main()
