"""boto3 drives models, endpoint configurations and endpoints, and invokes them."""

import contextlib
import io
import os
import sqlite3
import tarfile
import time
import unittest

import local_emulator
from botocore.exceptions import ClientError
from job_restarts import Restarts

SERVE = """#!/usr/bin/env python3
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("Accept", "text/plain"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"die": os._exit(7)
        if body == b"fail": return self.reply(500, b"the model is sad")
        if body == b"bad": return self.reply(415, b"not like this")
        if body == b"environment": return self.reply(200, os.environ["SUFFIX"].encode())
        self.reply(200, open("/opt/ml/model/word").read().encode() + body)
host, port = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
print("listening", flush=True)
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
"""


class Hosting(local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.s3.create_bucket(Bucket="models")
        for word in ("first", "second"):
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w:gz") as tar:
                member = tarfile.TarInfo("word")
                member.size = len(word)
                tar.addfile(member, io.BytesIO(word.encode()))
            cls.s3.put_object(Bucket="models", Key=word + ".tar.gz", Body=archive.getvalue())
        cls.s3.put_object(Bucket="models", Key="broken.tar.gz", Body=b"this is no archive")

    def deploy(self, name, word="first", script=SERVE):
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={
                "Image": self.emulator.program(name, script),
                "ModelDataUrl": f"s3://models/{word}.tar.gz",
                "Environment": {"SUFFIX": "-with-an-environment", "OTHER": "x"},
            },
        )
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": name,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                }
            ],
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def settled(self, name, within_s=60):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
            if endpoint["EndpointStatus"] in ("InService", "Failed"):
                return endpoint
            time.sleep(0.05)
        self.fail(f"{name} is still {endpoint['EndpointStatus']}")

    def invoke(self, name, body, **more):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)

    def gone(self, name):
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                self.sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                return error.response["Error"]["Message"]
            time.sleep(0.05)
        self.fail(f"{name} is still there")

    def test_an_endpoint_serves_and_is_deleted_config_first(self):
        self.deploy("serves")
        endpoint = self.settled("serves")
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)
        self.assertEqual(endpoint["ProductionVariants"][0]["CurrentInstanceCount"], 1)
        reply = self.invoke("serves", b"!", ContentType="text/csv", Accept="text/plain")
        self.assertEqual(
            (reply["Body"].read(), reply["ContentType"], reply["InvokedProductionVariant"]),
            (b"first!", "text/plain", "AllTraffic"),
        )
        self.assertEqual(self.invoke("serves", b"environment")["Body"].read(), b"-with-an-environment")
        # As the SageMaker Python SDK does: the configuration goes first, the model last.
        self.sagemaker.delete_endpoint_config(EndpointConfigName="serves")
        self.assertEqual(self.invoke("serves", b"?")["Body"].read(), b"first?")
        self.sagemaker.delete_endpoint(EndpointName="serves")
        self.assertEqual(
            self.gone("serves"),
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/serves".',
        )
        self.sagemaker.delete_model(ModelName="serves")

    def test_errors_of_the_container_are_model_errors(self):
        self.deploy("errors")
        self.settled("errors")
        with self.assertRaises(ClientError) as caught:
            self.invoke("errors", b"fail")
        response = caught.exception.response
        self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], 424)
        self.assertEqual(response["Error"]["Code"], "ModelError")
        self.assertEqual((response["OriginalStatusCode"], response["OriginalMessage"]), (500, "the model is sad"))
        self.assertTrue(
            response["Error"]["Message"].startswith(
                'Received server error (500) from primary with message "the model is sad". '
                "See https://us-east-1.console."
            )
        )
        with self.assertRaises(ClientError) as caught:
            self.invoke("errors", b"bad")
        self.assertTrue(
            caught.exception.response["Error"]["Message"].startswith("Received client error (415) from primary")
        )
        with self.assertRaises(ClientError) as caught:
            self.invoke("nowhere", b"")
        self.assertEqual(
            (caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"]),
            ("ValidationError", "Endpoint nowhere of account 000000000000 not found."),
        )
        with self.assertRaises(ClientError):  # the container ends without an answer...
            self.invoke("errors", b"die")
        deadline = time.monotonic() + 30
        while True:  # ...and comes back
            try:
                self.assertEqual(self.invoke("errors", b"+")["Body"].read(), b"first+")
                break
            except ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "ModelError")
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.sagemaker.delete_endpoint(EndpointName="errors")
        self.gone("errors")

    def test_a_model_that_cannot_start_fails_the_endpoint(self):
        self.deploy("exits", script="#!/bin/sh\necho no model today\nexit 1\n")
        endpoint = self.settled("exits")
        self.assertEqual(
            (endpoint["EndpointStatus"], endpoint["FailureReason"]),
            (
                "Failed",
                "The primary container for production variant AllTraffic did not pass the ping health "
                "check. Please check CloudWatch logs for this endpoint.",
            ),
        )
        self.deploy("broken", word="broken")
        endpoint = self.settled("broken")
        self.assertEqual(endpoint["EndpointStatus"], "Failed")
        self.assertIn('from URL "s3://models/broken.tar.gz"', endpoint["FailureReason"])
        for name in ("exits", "broken"):
            self.sagemaker.delete_endpoint(EndpointName=name)
            self.gone(name)

    def test_an_update_switches_without_a_gap(self):
        self.deploy("update")
        self.settled("update")
        self.sagemaker.create_model(
            ModelName="update-2",
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={
                "Image": self.emulator.program("update", SERVE),
                "ModelDataUrl": "s3://models/second.tar.gz",
            },
        )
        self.sagemaker.create_endpoint_config(
            EndpointConfigName="update-2",
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": "update-2",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                }
            ],
        )
        self.sagemaker.update_endpoint(EndpointName="update", EndpointConfigName="update-2")
        with self.assertRaises(ClientError) as caught:
            self.sagemaker.delete_endpoint(EndpointName="update")
        self.assertEqual(
            caught.exception.response["Error"]["Message"],
            "Cannot update in-progress endpoint " '"arn:aws:sagemaker:us-east-1:000000000000:endpoint/update".',
        )
        answers = set()
        while self.sagemaker.describe_endpoint(EndpointName="update")["EndpointStatus"] == "Updating":
            answers.add(self.invoke("update", b"")["Body"].read())
        self.assertLessEqual(answers, {b"first", b"second"})
        self.assertEqual(self.invoke("update", b"")["Body"].read(), b"second")
        self.sagemaker.delete_endpoint(EndpointName="update")
        self.gone("update")

    def test_refusals_use_the_words_of_aws(self):
        def message(call):
            with self.assertRaises(ClientError) as caught:
                call()
            return caught.exception.response["Error"]["Message"]

        self.assertEqual(
            message(lambda: self.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="none")),
            'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/none".',
        )
        self.assertEqual(
            message(
                lambda: self.sagemaker.create_model(
                    ModelName="m",
                    ExecutionRoleArn=local_emulator.ROLE,
                    PrimaryContainer={
                        "Image": self.emulator.program("m", "#!/bin/sh\n"),
                        "ModelDataUrl": "s3://models/none.tar.gz",
                    },
                )
            ),
            "Could not find model data at s3://models/none.tar.gz.",
        )
        self.assertEqual(
            message(
                lambda: self.sagemaker.create_endpoint_config(
                    EndpointConfigName="c",
                    ProductionVariants=[
                        {
                            "VariantName": "v",
                            "ModelName": "none",
                            "InstanceType": "ml.m5.large",
                            "InitialInstanceCount": 1,
                        }
                    ],
                )
            ),
            'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/none".',
        )


class HostingTags(Restarts, unittest.TestCase):
    def create(self, value):
        """A model and the configuration of an endpoint, with one tag each; their ARNs."""
        model = self.sagemaker.create_model(
            ModelName="tagged",
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={"Image": self.emulator_.program("tagged", SERVE)},
            Tags=[{"Key": value, "Value": "x"}],
        )
        variant = {"VariantName": "v", "ModelName": "tagged", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        config = self.sagemaker.create_endpoint_config(
            EndpointConfigName="tagged", ProductionVariants=[variant], Tags=[{"Key": value, "Value": "x"}]
        )
        return model["ModelArn"], config["EndpointConfigArn"]

    def test_what_a_kill_left_of_a_deleted_resource_tags_no_other(self):
        """It came between the end of the resource and that of its tags."""
        self.emulator()
        self.create("old")
        self.emulator_.kill()
        with contextlib.closing(sqlite3.connect(os.path.join(self.emulator_.data, "records.db"))) as records, records:
            erased = records.execute("DELETE FROM records WHERE kind IN ('model', 'endpoint-config')")
            self.assertEqual(erased.rowcount, 2)
        self.emulator_.start()
        self.attach(self.emulator_)
        for arn in self.create("new"):
            tags = self.sagemaker.list_tags(ResourceArn=arn)["Tags"]
            self.assertEqual(tags, [{"Key": "new", "Value": "x"}])


if __name__ == "__main__":
    local_emulator.main()
