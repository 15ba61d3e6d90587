"""An endpoint whose container never answers: more callers wait for it than the emulator has threads, and everybody else
is served as before."""

import threading
import time
import unittest

import local_emulator
from botocore.exceptions import ClientError

SERVE = """#!/usr/bin/env python3
import http.server, os, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"hang": threading.Event().wait()
        self.reply(body)
http.server.ThreadingHTTPServer.request_queue_size = 200
http.server.ThreadingHTTPServer((os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])),
                                Handler).serve_forever()
"""

CALLERS = 100  # the emulator serves 64 requests at once


class HungEndpoint(local_emulator.EmulatorTest):
    def test_others_are_served_meanwhile(self):
        sagemaker = self.emulator.client("sagemaker")
        sagemaker.create_model(ModelName="hangs", ExecutionRoleArn=local_emulator.ROLE,
                               PrimaryContainer={"Image": self.emulator.program("serve", SERVE)})
        variant = {"VariantName": "AllTraffic", "ModelName": "hangs", "InstanceType": "ml.m5.large",
                   "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName="hangs", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="hangs", EndpointConfigName="hangs")
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName="hangs", WaiterConfig={"Delay": 1, "MaxAttempts": 60})

        runtime = self.emulator.client("sagemaker-runtime", retries=False, read_timeout=90, max_pool_connections=200)
        codes = []

        def call():
            try:
                runtime.invoke_endpoint(EndpointName="hangs", Body=b"hang")
                codes.append("answered")
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])

        callers = [threading.Thread(target=call) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        self.until_all_wait()
        begin = time.monotonic()
        s3 = self.emulator.client("s3", retries=False)
        s3.create_bucket(Bucket="meanwhile")
        self.assertEqual(len(s3.list_buckets()["Buckets"]), 1)
        self.assertEqual(runtime.invoke_endpoint(EndpointName="hangs", Body=b"quick")["Body"].read(), b"quick")
        self.assertLess(time.monotonic() - begin, 10)  # those who wait do so for a minute
        self.assertEqual(codes, [])
        sagemaker.delete_endpoint(EndpointName="hangs")
        for caller in callers:
            caller.join(60)
        self.assertEqual(codes, ["ModelError"] * CALLERS)

    def until_all_wait(self):
        """Until each call has its thread in the emulator, which it keeps while it waits."""
        deadline = time.monotonic() + 30
        while self.threads_of_emulator() < CALLERS:
            self.assertLess(time.monotonic(), deadline, "not all calls arrive: others starve them")
            time.sleep(0.05)

    def threads_of_emulator(self):
        with open(f"/proc/{self.emulator.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


if __name__ == "__main__":
    unittest.main()
