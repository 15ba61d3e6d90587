"""SIGTERM at bad moments: the emulator ends soon whatever it was doing, and at once when it is told twice."""

import gzip
import os
import random
import signal
import tarfile
import time
import unittest

import local_emulator
from waiting import Waiting

SERVE = """#!/usr/bin/env python3
import http.server, os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer((os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])),
                                Handler).serve_forever()
"""

# A file without blocks on the disk, which takes long to read and to pack.
TRAIN = """#!/bin/sh
truncate -s {size} "$SM_MODEL_DIR/weights"
"""

LARGE = 6 << 30  # nothing here packs or unpacks it within the seconds that a shutdown may take
# Says what it is told. Its answers end connections, so that nothing of it is waited for but the program.
TELLS = """#!/usr/bin/env python3
import http.server, os, signal, sys
def end(*_):
    print("was asked to end", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer((os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])),
                                Handler).serve_forever()
"""

ENDS_WITHIN_S = 6  # two seconds of grace for containers, and a slow machine


def archive_of_zeros(size):
    """A tar.gz with one large file of zeros, made from few bytes: a gzip file may consist of many members."""
    piece = gzip.compress(bytes(1 << 26), 9)
    member = tarfile.TarInfo("weights")
    member.size = size
    return gzip.compress(member.tobuf()) + piece * (size >> 26) + gzip.compress(bytes(1024))


class Shutdown(Waiting, unittest.TestCase):
    def setUp(self):
        self.emulator = local_emulator.LocalEmulator()
        self.sagemaker = self.emulator.client("sagemaker")
        self.emulator.client("s3").create_bucket(Bucket="bucket")

    def tearDown(self):
        self.emulator.stop()

    def logged(self, text):
        with open(self.emulator.log.name, errors="replace") as log:
            return text in log.read()

    def terminate(self):
        """The seconds from SIGTERM to the end."""
        begin = time.monotonic()
        self.emulator.process.send_signal(signal.SIGTERM)
        self.emulator.process.wait(60)
        return time.monotonic() - begin

    def create_endpoint(self, image, **container):
        self.sagemaker.create_model(ModelName="model", ExecutionRoleArn=local_emulator.ROLE,
                                    PrimaryContainer={"Image": image, **container})
        variant = {"VariantName": "AllTraffic", "ModelName": "model", "InstanceType": "ml.m5.large",
                   "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName="endpoint", EndpointConfigName="config")

    def files_below(self, folder):
        return [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]

    def test_a_second_signal_ends_it_at_once(self):
        marker = f"ignores-sigterm-{random.randrange(1 << 30)}"
        self.create_endpoint(self.emulator.program(marker, SERVE))
        self.until_in_service()
        self.emulator.process.send_signal(signal.SIGTERM)
        self.until(lambda: self.logged("SIGTERM: stopping"), "the first signal is not noticed")
        self.emulator.process.send_signal(signal.SIGINT)  # its container would be waited for for two seconds
        self.assertEqual(self.emulator.process.wait(20), 128 + signal.SIGINT)
        self.assertTrue(self.logged("SIGINT again: ending at once"))

        def left_behind():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        if marker.encode() in file.read():
                            return True
                except OSError:
                    pass
            return False

        self.until(lambda: not left_behind(), "the container outlives the emulator")
        self.emulator.start()
        self.assertIn(self.sagemaker_again().describe_endpoint(EndpointName="endpoint")["EndpointStatus"],
                      ("SystemUpdating", "InService"))

    def sagemaker_again(self):
        return self.emulator.client("sagemaker")

    def test_the_containers_of_an_endpoint_are_asked_to_end(self):
        self.create_endpoint(self.emulator.program("tells", TELLS))
        self.until_in_service()
        self.assertLess(self.terminate(), ENDS_WITHIN_S)
        self.emulator.start()
        self.until_in_service()  # it serves again
        self.assertEqual(self.told(), 1)
        self.sagemaker_again().delete_endpoint(EndpointName="endpoint")
        self.until(lambda: self.told() == 2, "DeleteEndpoint did not ask the container to end")

    def told(self):
        events = self.emulator.client("logs").filter_log_events(
            logGroupName="/aws/sagemaker/Endpoints/endpoint", filterPattern='"was asked to end"')["events"]
        return len(events)

    def until_in_service(self):
        self.until(lambda: self.sagemaker_again().describe_endpoint(EndpointName="endpoint")["EndpointStatus"]
                   == "InService", "the endpoint does not come up")

    def test_a_signal_that_means_nothing_changes_nothing(self):
        self.emulator.process.send_signal(signal.SIGUSR1)  # blocked: it is taken in the order of its sending
        self.assertLess(self.terminate(), ENDS_WITHIN_S)
        self.assertEqual(self.emulator.process.returncode, 0)

    def test_unpacking_a_large_model_does_not_hold_it_up(self):
        self.emulator.client("s3").put_object(Bucket="bucket", Key="model.tar.gz", Body=archive_of_zeros(LARGE))
        self.create_endpoint(self.emulator.program("serve", SERVE), ModelDataUrl="s3://bucket/model.tar.gz")
        work = os.path.join(self.emulator.data, "work")
        self.until(lambda: any(path.endswith("ml/model/weights") for path in self.files_below(work)),
                   "the model is not being unpacked")
        self.assertLess(self.terminate(), ENDS_WITHIN_S)
        self.assertEqual(self.emulator.process.returncode, 0)

    def test_packing_a_large_artifact_does_not_hold_it_up(self):
        self.sagemaker.create_training_job(
            TrainingJobName="job", RoleArn=local_emulator.ROLE,
            AlgorithmSpecification={"TrainingImage": self.emulator.program("train", TRAIN.format(size=LARGE)),
                                    "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": "s3://bucket/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 100},
            StoppingCondition={"MaxRuntimeInSeconds": 60})
        work = os.path.join(self.emulator.data, "work")
        self.until(lambda: any(path.endswith("model.tar.gz.partial") for path in self.files_below(work)),
                   "the artifact is not being packed")
        self.assertLess(self.terminate(), ENDS_WITHIN_S)
        self.assertEqual(self.emulator.process.returncode, 0)
        self.emulator.start()
        job = self.sagemaker_again().describe_training_job(TrainingJobName="job")
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertIn("shut down", job["FailureReason"])
        self.assertFalse(job.get("ModelArtifacts", {}).get("S3ModelArtifacts"))


if __name__ == "__main__":
    unittest.main()
