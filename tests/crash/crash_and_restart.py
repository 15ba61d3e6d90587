"""The emulator is killed with SIGKILL while jobs and endpoints run and objects are written; a new one starts on the
same folder. Nothing stays InProgress, endpoints come back, every acknowledged object is whole, no process is left
behind."""

import fcntl
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import local_emulator
import sagemaker_local
from botocore.exceptions import ClientError
from waiting import Waiting

SERVE = """#!/usr/bin/env python3
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"word")
    do_GET = do_POST = answer
http.server.ThreadingHTTPServer((os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])),
                                Handler).serve_forever()
"""


class CrashAndRestart(Waiting, unittest.TestCase):
    def setUp(self):
        self.emulator = local_emulator.LocalEmulator()
        self.marker = f"crash-{os.getpid()}-{random.randrange(1 << 30)}"

    def tearDown(self):
        self.emulator.stop()

    def processes(self):
        """Command lines on this machine that carry the marker of this test."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    line = file.read().decode(errors="replace")
            except OSError:
                continue
            if self.marker in line and int(pid) != os.getpid():
                found.append(line)
        return found

    def train(self, name, script):
        self.emulator.client("sagemaker").create_training_job(
            TrainingJobName=name,
            RoleArn=local_emulator.ROLE,
            OutputDataConfig={"S3OutputPath": "s3://crash/out"},
            AlgorithmSpecification={
                "TrainingImage": self.emulator.program(name, script),
                "TrainingInputMode": "File",
            },
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )

    def test_jobs_end_endpoints_return_and_nothing_is_left_running(self):
        sagemaker, s3 = self.emulator.client("sagemaker"), self.emulator.client("s3")
        s3.create_bucket(Bucket="crash")
        # A daemon that leaves its process group, and a program that ignores SIGTERM: neither may survive.
        self.train(
            "running",
            f"#!/bin/sh\ntrap '' TERM\nsetsid sleep 600.{self.marker[6:].replace('-', '')} &\n"
            f"exec python3 -c 'import time; time.sleep(600)' {self.marker}\n",
        )
        self.train(
            "stopping", f"#!/bin/sh\ntrap '' TERM\nexec python3 -c 'import time; time.sleep(600)' {self.marker}\n"
        )
        sagemaker.create_model(
            ModelName="m",
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={"Image": self.emulator.program("serve", SERVE)},
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName="m",
            ProductionVariants=[
                {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            ],
        )
        sagemaker.create_endpoint(EndpointName="m", EndpointConfigName="m")
        self.until(
            lambda: sagemaker.describe_endpoint(EndpointName="m")["EndpointStatus"] == "InService", "in service"
        )
        self.until(lambda: len(self.processes()) >= 2, "both jobs run")
        sagemaker.stop_training_job(TrainingJobName="stopping")
        # What the endpoint was made from may go: it must come back all the same.
        sagemaker.delete_endpoint_config(EndpointConfigName="m")
        sagemaker.delete_model(ModelName="m")
        self.emulator.kill()
        self.until(lambda: not self.processes(), f"left behind: {self.processes()}")
        self.emulator.start()
        sagemaker = self.emulator.client("sagemaker")
        running = sagemaker.describe_training_job(TrainingJobName="running")
        self.assertEqual(running["TrainingJobStatus"], "Failed")
        self.assertTrue(running["FailureReason"].startswith("InternalServerError: "), running["FailureReason"])
        self.assertEqual(
            sagemaker.describe_training_job(TrainingJobName="stopping")["TrainingJobStatus"], "Stopped"
        )
        self.until(
            lambda: sagemaker.describe_endpoint(EndpointName="m")["EndpointStatus"] == "InService",
            "back in service",
        )
        runtime = self.emulator.client("sagemaker-runtime")
        self.assertEqual(runtime.invoke_endpoint(EndpointName="m", Body=b"x")["Body"].read(), b"word")

    def test_a_sandbox_that_was_left_while_it_was_made_is_ended(self):
        """An emulator killed at the wrong moment leaves bubblewrap waiting for ever; here another process looks so."""
        folder = os.path.realpath(os.path.join(self.emulator.data, "work"))
        ends = {}
        for name, path in (("ours", folder + "/x/y"), ("another's", folder + "-of-another/x")):
            words = ["/usr/bin/bwrap", "-c", "import sys; sys.stdin.read()", "--bind", path]
            ends[name] = subprocess.Popen(words, executable=sys.executable, stdin=subprocess.PIPE)
            self.addCleanup(ends[name].wait)
            self.addCleanup(ends[name].stdin.close)
        self.emulator.kill()
        self.emulator.start()
        self.assertEqual(ends["ours"].wait(timeout=60), -signal.SIGKILL)
        self.assertIsNone(ends["another's"].poll())

    def test_acknowledged_objects_survive_and_half_written_ones_do_not_appear(self):
        seed = random.randrange(1 << 30)
        print("seed", seed)
        chance = random.Random(seed)
        acknowledged = {}
        self.emulator.client("s3").create_bucket(Bucket="objects")
        for round_number in range(5):
            stop = threading.Event()

            def write(worker, client):
                count = 0
                while not stop.is_set():
                    key = f"r{round_number}-w{worker}-{count}"
                    body = os.urandom(chance.randrange(1, 300_000))
                    try:
                        client.put_object(Bucket="objects", Key=key, Body=body)
                    except Exception:  # the connection broke off: not acknowledged
                        return
                    acknowledged[key] = hashlib.md5(body).hexdigest()
                    count += 1

            threads = [
                threading.Thread(target=write, args=(worker, self.emulator.client("s3", retries=False)))
                for worker in range(3)
            ]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.1, 0.5))
            self.emulator.kill()
            stop.set()
            for thread in threads:
                thread.join()
            self.emulator.start()
            s3 = self.emulator.client("s3")
            listed = {
                o["Key"]: o
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket="objects")
                for o in page.get("Contents", [])
            }
            self.assertLessEqual(set(acknowledged), set(listed))
            for key, entry in listed.items():
                body = s3.get_object(Bucket="objects", Key=key)["Body"].read()
                self.assertEqual(
                    (len(body), f'"{hashlib.md5(body).hexdigest()}"'), (entry["Size"], entry["ETag"]), key
                )
                if key in acknowledged:
                    self.assertEqual(hashlib.md5(body).hexdigest(), acknowledged[key])
        self.assertGreater(len(acknowledged), 10)
        stored = sum(
            len(files) for _, _, files in os.walk(os.path.join(self.emulator.directory, "data", "objects"))
        )
        self.assertEqual(stored, len(listed), "one file for each object: no temporary or orphaned file is left")

    def test_what_a_dead_emulator_left_behind_is_waited_for(self):
        # A program that it was starting when it was killed: until that has begun, it holds the lock.
        self.emulator.kill()
        with open(os.path.join(self.emulator.data, "lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            starting = threading.Thread(target=self.emulator.start)
            starting.start()
            try:
                said = b"waiting for what sagemaker-local"
                self.until(
                    lambda: said in sagemaker_local.read(self.emulator.log.name) or not starting.is_alive(), "a wait"
                )
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)
                starting.join()
        self.emulator.client("s3").list_buckets()

    def test_a_second_emulator_on_the_same_folder_refuses_to_start(self):
        second = subprocess.run(
            [
                os.environ["SAGEMAKER_LOCAL_BIN"],
                "--port",
                "0",
                "--data-dir",
                os.path.join(self.emulator.directory, "data"),
            ],
            capture_output=True,
            timeout=20,
        )
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(self.emulator.process.pid), second.stderr.decode())
        with self.assertRaises(ClientError):
            self.emulator.client("sagemaker").describe_training_job(
                TrainingJobName="none"
            )  # the first one still answers


if __name__ == "__main__":
    local_emulator.main()
