"""What tests share that compare what the SageMaker Python SDK asks for with what ours asks for.

The SDK's clients are stubs: nothing is sent. Ours are those of a program, named by SAGEMAKER_TEST_DOCUMENTS, which
prints the documents of its cases as one JSON object. Each case has the same name on both sides, and a case of one side
only is a fault. Time and what is random in names are the same.
"""

import json
import os
import subprocess
import tempfile
import unittest
from unittest import mock

import sagemaker_local

REGION = "eu-west-1"
BUCKET = "sagemaker-eu-west-1-111122223333"
ROLE = "arn:aws:iam::111122223333:role/Server"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/image:1"
# Read when the SDK is imported, so this module comes first.
os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import boto3
    import sagemaker
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")


def of_our_program(*arguments, text=None):
    """What our program prints when it is called with `arguments` and `text` as its input."""
    printed = subprocess.run(
        [os.environ["SAGEMAKER_TEST_DOCUMENTS"], *arguments], input=text, check=True, capture_output=True, text=True)
    return json.loads(printed.stdout)


def make_session(client):
    """The SDK's session, with `client` in place of SageMaker's and nothing behind S3's."""
    boto = boto3.Session(aws_access_key_id="AKID", aws_secret_access_key="secret", region_name=REGION)
    boto.resource = mock.Mock()
    session = sagemaker.Session(
        boto, sagemaker_client=client, sagemaker_runtime_client=mock.Mock(), default_bucket=BUCKET,
        default_bucket_prefix="our/prefix")
    session._default_bucket = BUCKET  # known to be there
    session.s3_resource = session.s3_client = mock.Mock()
    session._get_account_id_if_default_bucket = lambda bucket: None
    return session


def calls_of(client, *kinds):
    """The calls of a stub whose names begin with one of `kinds`, as [operation, its document]."""
    return [
        ["".join(word.capitalize() for word in called.split("_")), json.loads(json.dumps(arguments))]
        for called, _, arguments in client.method_calls if called.startswith(kinds)]


class Documents(unittest.TestCase):
    """Compares the cases of one program. Each test has a stub `client` and the SDK's `session` on it."""

    maxDiff = None
    files = {}  # path: text, written to `folder` before our program runs
    argument = None  # our program's only one, a path in `folder`
    patches = {}  # of the SDK, target: replacement

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        for name, text in cls.files.items():
            path = os.path.join(cls.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        cls.argument_path = os.path.normpath(os.path.join(cls.folder, cls.argument or "."))
        cls.ours = of_our_program(*([cls.argument_path] if cls.argument else []))
        cls.compared = set()
        for target, replacement in {
            "sagemaker.utils.sagemaker_timestamp": lambda: "2026-11-21-07-00-00-123",
            "sagemaker.telemetry.telemetry_logging._send_telemetry_request": lambda *_, **__: None,  # would call AWS
        }.items() | cls.patches.items():
            patch = mock.patch(target, replacement)
            patch.start()
            cls.addClassCleanup(patch.stop)

    @classmethod
    def tearDownClass(cls):
        assert cls.compared == set(cls.ours), f"cases of one side only: {cls.compared ^ set(cls.ours)}"

    def setUp(self):
        self.client = mock.MagicMock()
        self.session = make_session(self.client)

    def compare_documents(self, name, theirs, drop=()):
        """Fails unless our case `name` is what the SDK made, both without the calls of the operations `drop`."""
        self.compared.add(name)
        ours = self.ours[name]
        if drop:
            ours, theirs = ([call for call in calls if call[0] not in drop] for calls in (ours, theirs))
        self.assertEqual(ours, theirs)


def main():
    print("sagemaker", sagemaker.__version__)
    unittest.main()
