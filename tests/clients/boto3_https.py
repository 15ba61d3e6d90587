"""boto3 over HTTPS and through the emulator as its proxy: uploads in aws-chunked coding with trailers, permission to
send a body, restarts, and the addresses of AWS that the SageMaker Python SDK has built in."""

import io
import json
import os
import socket
import ssl
import time
import unittest
import urllib.error
import urllib.request
from unittest import mock

import local_emulator
from local_emulator import LocalEmulator, boto3, botocore
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ProxyConnectionError, SSLError

REGION = local_emulator.REGION


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = LocalEmulator(tls=True)
        cls.port = cls.emulator.url.rsplit(":", 1)[1]

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def proxied(self, service, region=REGION, **arguments):
        """A client as a user has it who set HTTPS_PROXY and AWS_CA_BUNDLE and nothing else."""
        environment = {
            "HTTPS_PROXY": "http://127.0.0.1:" + self.port,
            "AWS_CA_BUNDLE": self.emulator.ca_file,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        with mock.patch.dict(os.environ, environment):
            return boto3.session.Session().client(
                service, region_name=region, config=Config(retries={"max_attempts": 0}), **arguments)


class Https(TlsTest):
    def test_the_address_is_https_and_the_state_is_told(self):
        self.assertTrue(self.emulator.url.startswith("https://127.0.0.1:"))
        context = ssl.create_default_context(cafile=self.emulator.ca_file)
        for url, options in [(self.emulator.url, {"context": context}), ("http://127.0.0.1:" + self.port, {})]:
            with urllib.request.urlopen(url + "/_local/health", **options) as answer:
                health = json.load(answer)
            self.assertEqual(health["tls"], "self-made")
            self.assertEqual(health["ca_bundle"], self.emulator.ca_file)

    def test_a_client_that_does_not_trust_it_is_told_so_by_its_own_library(self):
        client = boto3.client("sts", endpoint_url=self.emulator.url, region_name=REGION, aws_access_key_id="test",
                              aws_secret_access_key="test", config=Config(retries={"max_attempts": 0}))
        with self.assertRaises(SSLError):
            client.get_caller_identity()
        deadline = time.monotonic() + 10  # its words travel after its own error
        log = ""
        while "does not trust this server's certificate" not in log:
            self.assertLess(time.monotonic(), deadline, log)
            with open(self.emulator.log.name) as file:
                log = file.read()

    def test_objects_in_the_codings_that_https_brings(self):
        s3 = self.emulator.client("s3")
        s3.create_bucket(Bucket="over-https")
        # Over HTTPS botocore signs no payload; newer versions send aws-chunked bodies with a checksum in the trailer.
        for size in (0, 1, 65_536, 3_000_000):
            data = os.urandom(size)
            s3.put_object(Bucket="over-https", Key="object", Body=io.BytesIO(data), ChecksumAlgorithm="SHA256")
            answer = s3.get_object(Bucket="over-https", Key="object", ChecksumMode="ENABLED")
            self.assertEqual(answer["Body"].read(), data)
            self.assertIn("ChecksumSHA256", answer)
        seen = []
        s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: seen.append(dict(request.headers)))
        s3.put_object(Bucket="over-https", Key="object", Body=io.BytesIO(b"x" * 1000), ChecksumAlgorithm="CRC32")
        self.assertIn("STREAMING-UNSIGNED-PAYLOAD-TRAILER", str(seen[-1]))
        data = os.urandom(20_000_000)
        s3.upload_fileobj(io.BytesIO(data), "over-https", "large")  # several parts over several connections
        target = io.BytesIO()
        s3.download_fileobj("over-https", "large", target)
        self.assertEqual(target.getvalue(), data)
        part = s3.get_object(Bucket="over-https", Key="large", Range="bytes=16383-16385")["Body"].read()
        self.assertEqual(part, data[16383:16386])

    def test_a_refused_upload_is_refused_before_its_body(self):
        s3 = self.emulator.client("s3", retries=False)
        with self.assertRaises(ClientError) as caught:
            s3.put_object(Bucket="no-such-bucket", Key="object", Body=b"x" * 50_000_000)
        self.assertEqual(caught.exception.response["Error"]["Code"], "NoSuchBucket")
        wrong = self.emulator.client("s3", secret="wrong", retries=False)
        with self.assertRaises(ClientError) as caught:
            wrong.put_object(Bucket="no-such-bucket", Key="object", Body=b"x" * 50_000_000)
        self.assertEqual(caught.exception.response["Error"]["Code"], "SignatureDoesNotMatch")

    def test_the_other_services(self):
        self.assertEqual(self.emulator.client("sagemaker").list_training_jobs()["TrainingJobSummaries"], [])
        self.assertEqual(self.emulator.client("sts").get_caller_identity()["Account"], "000000000000")
        self.assertEqual(self.emulator.client("logs").describe_log_groups()["logGroups"], [])

    def test_presigned_urls(self):
        s3 = self.emulator.client("s3", signature_version="s3v4")
        s3.create_bucket(Bucket="presigned-https")
        s3.put_object(Bucket="presigned-https", Key="object", Body=b"content")
        url = s3.generate_presigned_url("get_object", {"Bucket": "presigned-https", "Key": "object"})
        context = ssl.create_default_context(cafile=self.emulator.ca_file)
        with urllib.request.urlopen(url, context=context) as answer:
            self.assertEqual(answer.read(), b"content")


class ExpectContinue(TlsTest):
    """Raw sockets: whether the permission to send a body comes is what a library would hide."""

    def connect(self, encrypted):
        connection = socket.create_connection(("127.0.0.1", int(self.port)), timeout=10)
        if not encrypted:
            return connection
        context = ssl.create_default_context(cafile=self.emulator.ca_file)
        return context.wrap_socket(connection, server_hostname="localhost")

    def first_status(self, connection):
        """The status of the next response; its head is read, and nothing behind it."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return None
            head += byte
        return int(head.split()[1])

    def head(self, bucket, secret="test", body=b"hello"):
        """A signed PutObject that waits for its 100."""
        request = AWSRequest("PUT", f"http://localhost/{bucket}/object", data=body,
                             headers={"Host": "localhost", "Content-Length": str(len(body))})
        S3SigV4Auth(Credentials("test", secret), "s3", REGION).add_auth(request)
        lines = [f"PUT /{bucket}/object HTTP/1.1", "Expect: 100-continue"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def test_permission_comes_behind_the_checks_that_need_no_body(self):
        s3 = self.emulator.client("s3")
        s3.create_bucket(Bucket="expected")
        for encrypted in (False, True):
            for bucket, secret, status in [("no-such-bucket", "test", 404), ("expected", "wrong", 403)]:
                with self.subTest(encrypted=encrypted, status=status), self.connect(encrypted) as connection:
                    connection.sendall(self.head(bucket, secret))
                    self.assertEqual(self.first_status(connection), status)
            with self.subTest(encrypted=encrypted), self.connect(encrypted) as connection:
                connection.sendall(self.head("expected"))
                self.assertEqual(self.first_status(connection), 100)
                connection.sendall(b"hello")
                self.assertEqual(self.first_status(connection), 200)
            with self.subTest("one that does not wait", encrypted=encrypted), self.connect(encrypted) as connection:
                connection.sendall(self.head("expected", body=b"howdy") + b"howdy")
                status = self.first_status(connection)
                self.assertEqual(self.first_status(connection) if status == 100 else status, 200)
            self.assertEqual(s3.get_object(Bucket="expected", Key="object")["Body"].read(), b"howdy")

    def test_documents_are_not_asked_for_from_strangers(self):
        head = ("POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\n"
                "Content-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        for encrypted in (False, True):
            with self.subTest(encrypted=encrypted), self.connect(encrypted) as connection:
                connection.sendall(head.encode())
                self.assertEqual(self.first_status(connection), 403)


class AsProxy(TlsTest):
    def test_the_address_that_the_sagemaker_sdk_has_built_in(self):
        sts = self.proxied("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
        self.assertEqual(sts.get_caller_identity()["Account"], "000000000000")

    def test_every_service_at_its_own_address(self):
        s3 = self.proxied("s3")
        s3.create_bucket(Bucket="through-the-tunnel")
        data = os.urandom(9_000_000)
        s3.upload_fileobj(io.BytesIO(data), "through-the-tunnel", "object")
        self.assertEqual(s3.get_object(Bucket="through-the-tunnel", Key="object")["Body"].read(), data)
        self.assertEqual(self.proxied("sagemaker").list_models()["Models"], [])
        self.assertEqual(self.proxied("logs").describe_log_groups()["logGroups"], [])
        with self.assertRaises(ClientError) as caught:
            self.proxied("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b"")
        self.assertEqual(caught.exception.response["Error"]["Code"], "ValidationError")

    def test_another_region_is_refused_as_without_a_tunnel(self):
        sts = self.proxied("sts", region="us-west-2", endpoint_url="https://sts.us-west-2.amazonaws.com")
        with self.assertRaises(ClientError) as caught:
            sts.get_caller_identity()
        self.assertIn("'us-west-2'", str(caught.exception))
        self.assertIn("'us-east-1'", str(caught.exception))

    def test_telemetry_finds_an_answer_and_no_bucket(self):
        context = ssl.create_default_context(cafile=self.emulator.ca_file)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": "http://127.0.0.1:" + self.port}),
            urllib.request.HTTPSHandler(context=context))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open("https://sm-pysdk-t-us-east-1.s3.us-east-1.amazonaws.com/telemetry?x-accountId=0", timeout=10)
        self.assertIn(caught.exception.code, (403, 404))
        caught.exception.close()

    def test_the_rest_of_the_world_is_refused_in_words(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"https": "http://127.0.0.1:" + self.port}))
        with self.assertRaises(urllib.error.URLError) as caught:
            opener.open("https://example.com/", timeout=10)
        self.assertIn("403 Not an address of AWS", str(caught.exception))
        with self.assertRaises(ProxyConnectionError):
            self.proxied("sts", endpoint_url="https://sts.example.com").get_caller_identity()


class Region(unittest.TestCase):
    def test_an_emulator_of_another_region_answers_at_that_regions_address(self):
        emulator = LocalEmulator("--region", "us-west-2", tls=True)
        try:
            proxy = emulator.url.replace("https:", "http:")
            sts = boto3.client("sts", endpoint_url="https://sts.us-west-2.amazonaws.com", region_name="us-west-2",
                               aws_access_key_id="test", aws_secret_access_key="test", verify=emulator.ca_file,
                               config=Config(proxies={"https": proxy}))
            self.assertEqual(sts.get_caller_identity()["Account"], "000000000000")
        finally:
            emulator.stop()

    def test_clients_go_on_over_a_restart(self):
        emulator = LocalEmulator(tls=True)
        try:
            with open(emulator.ca_file) as file:
                before = file.read()
            emulator.process.terminate()
            emulator.process.wait(20)
            emulator.start()
            with open(emulator.ca_file) as file:
                self.assertEqual(file.read(), before)
            self.assertEqual(emulator.client("sts").get_caller_identity()["Account"], "000000000000")
        finally:
            emulator.stop()


if __name__ == "__main__":
    print("boto3", boto3.__version__, "botocore", botocore.__version__, ssl.OPENSSL_VERSION)
    unittest.main()
