"""boto3 deploys models with Python handlers on AWS's image names, and invokes them: headers both ways, errors with the
traceback, streams, a worker that dies, several models.
"""

import io
import tarfile
import time
import unittest

import local_emulator
from botocore.exceptions import ClientError

ACCOUNT = "763104351884.dkr.ecr.us-east-1.amazonaws.com/"
IMAGE = ACCOUNT + "pytorch-inference:2.1-cpu-py310"
INFERENCE = """
import os, time
def model_fn(model_dir):
    return open(os.path.join(model_dir, "word")).read()
def transform_fn(model, data, content_type, accept, context):
    if data == "fail":
        raise ValueError("the data is sour")
    if data == "die":
        os._exit(7)
    if data == "stream":
        return (("%s %d\\n" % (model, i)) for i in range(5)), "text/event-stream"
    tag = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "back:%s" % tag)
    return "%s %s %s" % (model, data, accept), "text/plain"
"""


def model_archive(word):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in (("word", word), ("code/inference.py", INFERENCE)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()


class PythonHandlers(local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.s3.create_bucket(Bucket="models")
        for word in ("red", "blue"):
            cls.s3.put_object(Bucket="models", Key=f"all/{word}.tar.gz", Body=model_archive(word))

    def deploy(self, name, **container):
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=local_emulator.ROLE, PrimaryContainer={"Image": IMAGE, **container}
        )
        variant = {
            "VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
        }  # fmt: skip
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        deadline = time.monotonic() + 60
        while True:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
            if endpoint["EndpointStatus"] != "Creating" or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)

    def invoke(self, name, body, **more):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv", **more)

    def test_one_model(self):
        self.deploy("one", ModelDataUrl="s3://models/all/red.tar.gz")
        reply = self.invoke("one", "x", CustomAttributes="id=7")
        self.assertEqual(reply["Body"].read(), b"red x application/json")
        self.assertEqual((reply["ContentType"], reply["CustomAttributes"]), ("text/plain", "back:id=7"))

        with self.assertRaises(ClientError) as caught:
            self.invoke("one", "fail")
        error = caught.exception.response
        self.assertEqual((error["Error"]["Code"], error["OriginalStatusCode"]), ("ModelError", 500))
        self.assertTrue(error["OriginalMessage"].startswith("the data is sour\nTraceback (most recent call last):\n"))
        self.assertIn("ValueError: the data is sour", error["OriginalMessage"])

        with self.assertRaises(ClientError) as caught:
            self.invoke("one", "die")
        self.assertIn("exit code 7", caught.exception.response["OriginalMessage"])
        self.assertEqual(self.invoke("one", "y", Accept="a/b")["Body"].read(), b"red y a/b")

        if hasattr(self.runtime, "invoke_endpoint_with_response_stream"):  # younger than Debian's boto3
            reply = self.runtime.invoke_endpoint_with_response_stream(
                EndpointName="one", Body="stream", ContentType="text/csv"
            )
            self.assertEqual(reply["ContentType"], "text/event-stream")
            pieces = b"".join(event["PayloadPart"]["Bytes"] for event in reply["Body"])
            self.assertEqual(pieces, b"red 0\nred 1\nred 2\nred 3\nred 4\n")
        self.sagemaker.delete_endpoint(EndpointName="one")

    def test_several_models(self):
        self.deploy("many", ModelDataUrl="s3://models/all/", Mode="MultiModel")
        for word in ("red", "blue", "red"):
            reply = self.invoke("many", "x", TargetModel=f"{word}.tar.gz")
            self.assertEqual(reply["Body"].read(), f"{word} x application/json".encode())
        self.sagemaker.delete_endpoint(EndpointName="many")


if __name__ == "__main__":
    unittest.main()
