"""Processing jobs run while the emulator is killed with SIGKILL again and again: every acknowledged job comes to an end
with a reason, and what is in S3 is whole. And a disk that cannot store an output fails the job with a reason."""

import os
import random
import time
import unittest

import local_emulator
from job_restarts import FailingDisk, restart
from processing_jobs import ProcessingJobs, s3_input, s3_output

SIZE = 300_000
# Copies its input, file after file, and says so.
COPIER = """#!/bin/sh
for file in /opt/ml/processing/in/*; do
  cp $file /opt/ml/processing/during/; cp $file /opt/ml/processing/after/; sleep 0.02
done
echo copied > /opt/ml/output/message
"""


class ProcessingRestarts(ProcessingJobs, unittest.TestCase):
    def start(self, *arguments, **options):
        emulator = local_emulator.LocalEmulator(*arguments, **options)
        self.addCleanup(emulator.stop)
        self.attach(emulator)
        self.s3.create_bucket(Bucket=self.bucket)

    def whole(self, prefix):
        """The names below the prefix, of which every object must have all of its bytes."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        for item in listed:
            name = item["Key"].rpartition("/")[2]
            body = self.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read()
            self.assertEqual(body, self.content(int(name)), item["Key"])
        return {item["Key"].rpartition("/")[2] for item in listed}

    @staticmethod
    def content(number):
        return bytes([ord("a") + number]) * SIZE

    def test_jobs_reach_their_end_over_many_crashes(self):
        seed = random.randrange(1 << 30)
        print("seed", seed)
        chance = random.Random(seed)
        self.start("--capacity", "2")
        for number in range(8):
            self.put(f"in/{number}", self.content(number))
        everything = {str(number) for number in range(8)}

        def create(name):
            outputs = [
                s3_output("during", f"s3://jobs/out/{name}/during", "Continuous"),
                s3_output("after", f"s3://jobs/out/{name}/after"),
            ]
            self.create(name, COPIER, [s3_input("in", "s3://jobs/in/")], outputs)
            return name

        names = []
        for round_number in range(5):
            names += [create(f"{kind}-{round_number}") for kind in ("a", "b", "c")]
            time.sleep(chance.uniform(0, 0.9))
            restart(self.emulator)
            self.attach(self.emulator)
        names.append(create("last"))
        completed = set()
        for name in names:
            job = self.ended(name)
            stored = self.whole(f"out/{name}/during/"), self.whole(f"out/{name}/after/")
            if job["ProcessingJobStatus"] == "Completed":
                completed.add(name)
                self.assertEqual(stored, (everything, everything), name)
                self.assertEqual(job["ExitMessage"], "copied")
            else:
                self.assertEqual(job["ProcessingJobStatus"], "Failed")
                self.assertIn("sagemaker-local ended while the job ran", job["FailureReason"])
        self.assertIn("last", completed)
        self.assertEqual(os.listdir(os.path.join(self.emulator.data, "work", "processing")), [])

    def test_an_output_that_the_disk_cannot_keep_fails_the_job(self):
        disk = FailingDisk(self)
        go = disk.path("go")
        self.start("--sandbox", "none", **disk.options)
        self.create(
            "job",
            f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.02; done\n"
            "echo a > $SAGEMAKER_BASE_DIR/processing/out/a\n",
            outputs=[s3_output("out", "s3://jobs/out")],
        )
        self.until(lambda: "ProcessingStartTime" in self.describe("job"), "it runs")
        disk.fail()
        open(go, "w").close()
        said = "a is not in step with s3://jobs/out/"
        self.until(lambda: any(said in line for line in self.job_messages("job")), "an output that cannot be kept")
        disk.mend()
        job = self.ended("job")
        self.assertEqual(job["ProcessingJobStatus"], "Failed")
        self.assertTrue(job["FailureReason"].startswith("InternalServerError: Failed to upload data. a: "), job)
        self.assertEqual(self.objects("out/"), {})


if __name__ == "__main__":
    local_emulator.main()
