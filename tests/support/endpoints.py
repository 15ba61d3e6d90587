"""What tests of endpoints share: a container in a few lines of Python, and endpoints of it."""

import time

import local_emulator
from botocore.exceptions import ClientError

# A container's program: `ANSWER` is the body of `def do_POST(self)` of Python's http.server, with `body` at hand.
PROGRAM = """#!/usr/bin/env python3
import http.server, json, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body, content_type=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type or self.headers.get("Accept") or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def begin(self, content_type="text/plain", **headers):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
    def chunk(self, data):
        self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(data), data))
        self.wfile.flush()
    def do_GET(self): self.reply(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
ANSWER
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    def handle_error(self, *args): pass
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
Server(address, Handler).serve_forever()
"""


def program(answer):
    lines = ["        " + line for line in answer.strip("\n").split("\n")]
    return PROGRAM.replace("ANSWER", "\n".join(lines))


class EndpointTest(local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_clients()
        cls.s3.create_bucket(Bucket="bucket")

    @classmethod
    def make_clients(cls):
        """Again after a restart, which may bring another port."""
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.cloudwatch = cls.emulator.client("cloudwatch")

    def variant(self, name, answer, variant="AllTraffic", count=1, **more):
        """A model of its own, and the variant that serves it."""
        model = f"{name}-{variant}"
        self.sagemaker.create_model(
            ModelName=model,
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={"Image": self.emulator.program(model, program(answer))},
        )
        return {
            "VariantName": variant,
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
            **more,
        }

    def deploy(self, name, answer, count=1, variants=None, **config):
        """An endpoint that is in service."""
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=variants or [self.variant(name, answer, count=count)],
            **config,
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self.in_service(name)

    def in_service(self, name):
        def settled():
            endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
            return endpoint["EndpointStatus"] in ("InService", "Failed") and endpoint

        endpoint = self.eventually(settled)
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)

    def delete(self, name):
        """An endpoint with its configuration and its models."""
        self.sagemaker.delete_endpoint(EndpointName=name)
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)
        self.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        for variant in config["ProductionVariants"] + config.get("ShadowProductionVariants", []):
            self.sagemaker.delete_model(ModelName=variant["ModelName"])

        def gone():
            try:
                self.sagemaker.describe_endpoint(EndpointName=name)
            except ClientError:
                return True

        self.eventually(gone)

    def eventually(self, ask, within_s=40):
        """The first answer that counts as true."""
        deadline = time.monotonic() + within_s
        while True:
            answer = ask()
            if answer:
                return answer
            if time.monotonic() > deadline:
                self.fail(f"still {answer!r} after {within_s} s")
            time.sleep(0.02)

    def refusal(self, call):
        """Code and message of the error that a call ends in."""
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]
