"""A TorchScript model alone, without any code, is deployed and answers in every format.

Made by Python's torch.jit (skipped where this Python has no torch) and by C++'s torch::jit (CODEC_PROGRAM).
"""

import io
import json
import os
import struct
import subprocess
import tarfile
import tempfile
import time
import unittest
import zlib

import local_emulator
from botocore.exceptions import ClientError

try:
    import torch
except ImportError:
    torch = None
    print("SKIPPED: this Python has no torch (Debian: python3-torch); only the model made in C++ is deployed")

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/"
PIXELS = [(i * 7) % 256 for i in range(784)]
ROW = [pixel / 255 for pixel in PIXELS]



def probabilities(row):
    """What the model of tests/toolkit/programs/codec.cpp answers."""
    from math import exp

    logits = [sum(x * ((k * 784 + i) % 13) / 1000 for i, x in enumerate(row)) for k in range(10)]
    total = sum(map(exp, logits))
    return [exp(logit) / total for logit in logits]


def png(width, height, pixels):
    """Grey, eight bits."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + bytes(pixels[y * width : (y + 1) * width]) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def npy(row):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, %d), }" % len(row)
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(row)}f", *row)


class ModelWithoutCode(local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.s3.create_bucket(Bucket="models")

    def upload(self, name, files):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        self.s3.put_object(Bucket="models", Key=name + ".tar.gz", Body=archive.getvalue())

    def deploy(self, name, image, **container):
        """The endpoint when it has settled, and how long that took."""
        container.setdefault("ModelDataUrl", f"s3://models/{name}.tar.gz")
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={"Image": REGISTRY + image, **container},
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        start = time.monotonic()
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        deadline = start + 60
        while time.monotonic() < deadline:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
            if endpoint["EndpointStatus"] in ("InService", "Failed"):
                return endpoint, time.monotonic() - start
            time.sleep(0.02)
        self.fail(f"{name} is still {endpoint['EndpointStatus']}")

    def invoke(self, name, body, content_type, accept="application/json"):
        reply = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=content_type, Accept=accept)
        return reply["ContentType"], reply["Body"].read()

    def check_answers(self, name):
        requests = {
            "application/json": json.dumps({"instances": [ROW]}),
            "application/jsonlines": json.dumps({"features": ROW}) + "\n",
            "text/csv": ",".join(map(str, ROW)) + "\n",
            "text/libsvm": " ".join(f"{i}:{x}" for i, x in enumerate(ROW) if x) + "\n",
            "application/x-npy": npy(ROW),
            "image/png": png(28, 28, PIXELS),
            "application/x-image": png(28, 28, PIXELS),
        }
        expected = probabilities(ROW)
        for content_type, body in requests.items():
            with self.subTest(content_type):
                # The last number of the sparse row may be a zero that is not sent.
                if content_type == "text/libsvm":
                    content_type += "; feature_dim=784"
                kind, answer = self.invoke(name, body, content_type)
                self.assertEqual(kind, "application/json")
                self.check(json.loads(answer)[0], expected)
        kind, answer = self.invoke(name, requests["text/csv"] * 3, "text/csv", "text/csv;q=0.5, image/png")
        rows = [line.split(",") for line in answer.decode().splitlines()]
        self.assertEqual((kind, len(rows)), ("text/csv", 3))
        self.check(list(map(float, rows[2])), expected)
        kind, answer = self.invoke(name, requests["text/csv"] * 2, "text/csv", "application/jsonlines")
        self.check(json.loads(answer.splitlines()[1]), expected)
        kind, answer = self.invoke(name, requests["text/csv"], "text/csv", "application/x-npy")
        self.check(struct.unpack("<10f", answer[-40:]), expected)

    def check(self, answer, expected):
        self.assertEqual(len(answer), len(expected))
        for got, wanted in zip(answer, expected):
            self.assertAlmostEqual(got, wanted, places=5)

    def check_refusals(self, name):
        for body, content_type, accept, message in (
            (b"[[1, 2], [3]]", "application/json", "*/*", "arrays of 2 and of 1 items"),
            (b"1,x", "text/csv", "*/*", "'x' in line 1, column 2 is not a number"),
            (b"GIF89a", "image/png", "*/*", "it is neither PNG nor JPEG"),
            (png(2**24, 2**24, []), "image/png", "*/*", "invalid image input"),
            (b"x", "image/gif", "*/*", "Content type 'image/gif' is not supported"),
            (json.dumps([ROW]), "application/json", "text/html", "Accept 'text/html' is not supported"),
        ):
            with self.subTest(message), self.assertRaises(ClientError) as caught:
                self.invoke(name, body, content_type, accept)
            self.assertEqual(caught.exception.response["Error"]["Code"], "ModelError")
            self.assertIn(message, caught.exception.response["OriginalMessage"])
        kind, answer = self.invoke(name, ",".join(map(str, ROW)), "text/csv")  # and it lives on
        self.check(json.loads(answer)[0], probabilities(ROW))

    def delete(self, name):
        self.sagemaker.delete_endpoint(EndpointName=name)

    def model_of_cpp(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "model.pt")
            subprocess.run([os.environ["CODEC_PROGRAM"], "model", file], check=True, timeout=60)
            with open(file, "rb") as stream:
                return stream.read()

    def test_several_on_one_endpoint(self):
        for name in ("many/one", "many/two"):
            self.upload(name, {"model.pt": self.model_of_cpp()})
        endpoint, _ = self.deploy(
            "many", "sagemaker-cpp:latest", Mode="MultiModel", ModelDataUrl="s3://models/many/"
        )
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)
        for target in ("one.tar.gz", "two.tar.gz", "one.tar.gz"):
            reply = self.runtime.invoke_endpoint(
                EndpointName="many", Body=json.dumps([ROW]), ContentType="application/json", TargetModel=target
            )
            self.check(json.loads(reply["Body"].read())[0], probabilities(ROW))
        self.delete("many")

    def test_made_in_cpp(self):
        self.upload("cpp", {"model.pt": self.model_of_cpp()})
        endpoint, took = self.deploy("cpp", "sagemaker-cpp:latest")
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)
        print(f"InService after {took:.2f} s")
        self.check_answers("cpp")
        self.check_refusals("cpp")
        self.delete("cpp")

    def test_made_in_python(self):
        if torch is None:
            self.skipTest("no torch")

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                weight = torch.arange(7840).remainder(13).view(10, 784).float() / 1000
                self.weight = torch.nn.Parameter(weight)

            def forward(self, x):
                return torch.softmax(torch.flatten(x, 1) @ self.weight.t(), 1)

        scripted, traced = io.BytesIO(), io.BytesIO()
        torch.jit.save(torch.jit.script(Net()), scripted)
        torch.jit.save(torch.jit.trace(Net(), torch.rand(1, 784)), traced)
        for name, image, file, model in (
            ("scripted", "sagemaker-cpp:latest", "model.pth", scripted),
            ("traced", "pytorch-inference:2.4.0-cpu-py311", "model.pt", traced),
        ):
            with self.subTest(name):
                self.upload(name, {file: model.getvalue()})
                endpoint, _ = self.deploy(name, image)
                self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)
                self.check_answers(name)
                self.delete(name)

    def test_a_model_that_is_no_torchscript_fails_with_the_reason_in_its_log(self):
        self.upload("broken", {"model.pt": b"these are no weights"})
        endpoint, _ = self.deploy("broken", "sagemaker-cpp:latest")
        self.assertEqual(endpoint["EndpointStatus"], "Failed")
        logs = self.emulator.client("logs")
        group = "/aws/sagemaker/Endpoints/broken"
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        lines = [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        ]
        self.assertIn("model", " ".join(lines))
        self.assertIn("cannot be loaded", " ".join(lines))
        self.delete("broken")


if __name__ == "__main__":
    local_emulator.main()
