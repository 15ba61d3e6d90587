"""The SageMaker Python SDK, unchanged: it asks STS at AWS's own address whatever AWS_ENDPOINT_URL says. With the three
lines of the README (HTTPS_PROXY, AWS_CA_BUNDLE, credentials) that address is the emulator.

Run by the interpreter of an environment with the package; see install_python_clients.py.
"""

import os
import unittest

import sagemaker_local

REGION = "us-west-2"  # not the emulator's default: the SDK builds its addresses from the region
os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import boto3
    import sagemaker
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")


class BuiltInAddresses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = sagemaker_local.LocalEmulator("--region", REGION, tls=True)
        os.environ.update(
            HTTPS_PROXY=cls.emulator.url.replace("https:", "http:"),
            AWS_CA_BUNDLE=cls.emulator.ca_file,
            AWS_ACCESS_KEY_ID=sagemaker_local.ACCESS_KEY,
            AWS_SECRET_ACCESS_KEY=sagemaker_local.SECRET_KEY,
            AWS_DEFAULT_REGION=REGION,
        )

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def test_the_default_bucket_is_named_after_the_account_that_sts_tells(self):
        session = sagemaker.Session()
        self.assertEqual(session.account_id(), "000000000000")
        self.assertEqual(session.default_bucket(), f"sagemaker-{REGION}-000000000000")
        path = self.emulator.file("data/numbers.csv", b"1,2,3\n")
        uri = session.upload_data(path, key_prefix="data")
        self.assertEqual(uri, f"s3://sagemaker-{REGION}-000000000000/data/numbers.csv")
        self.assertEqual(session.read_s3_file(session.default_bucket(), "data/numbers.csv"), "1,2,3\n")

    def test_the_execution_role_is_that_of_the_caller(self):
        credentials = boto3.client("sts", endpoint_url=f"https://sts.{REGION}.amazonaws.com").assume_role(
            RoleArn=sagemaker_local.ROLE, RoleSessionName="sdk")["Credentials"]
        session = sagemaker.Session(
            boto3.session.Session(
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
                region_name=REGION,
            )
        )
        self.assertEqual(sagemaker.get_execution_role(session), sagemaker_local.ROLE)

    def test_other_hosts_are_out_of_reach(self):
        with self.assertRaises(Exception) as caught:
            boto3.client("sts", endpoint_url="https://sts.example.com").get_caller_identity()
        self.assertIn("Failed to connect to proxy URL", str(caught.exception))


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__, "boto3", boto3.__version__)
    unittest.main()
