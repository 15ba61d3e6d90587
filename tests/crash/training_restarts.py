"""Spot jobs run while the emulator is killed with SIGKILL again and again: every acknowledged job comes to its end, and
its checkpoints never go back. And a disk that cannot store the end of a job keeps it only while it fails."""

import os
import random
import time
import unittest

import local_emulator
import sagemaker_local
from botocore.exceptions import ClientError
from job_restarts import FailingDisk, Restarts

# Counts in its checkpoint, and ends when it has counted far enough.
COUNTER = """#!/bin/sh
trap 'exit 0' TERM
cd /opt/ml/checkpoints
n=$(cat count 2>/dev/null || echo 0)
echo "starts at $n"
while [ ! -e enough ]; do n=$((n+1)); echo $n > .count; mv .count count; sleep 0.02; done
echo $n > /opt/ml/model/count
"""


class TrainingRestarts(Restarts, unittest.TestCase):
    def create(self, name, script, run_s=600, **changes):
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=local_emulator.ROLE,
            AlgorithmSpecification={
                "TrainingImage": self.emulator_.program(name, script),
                "TrainingInputMode": "File",
            },
            OutputDataConfig={"S3OutputPath": "s3://jobs/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            **{"StoppingCondition": {"MaxRuntimeInSeconds": run_s}, **changes},
        )

    def ended(self, name):
        def job():
            job = self.sagemaker.describe_training_job(TrainingJobName=name)
            return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return self.until(job, f"the end of {name}")

    def count(self, name):
        try:
            return int(self.s3.get_object(Bucket="jobs", Key=f"checkpoints/{name}/count")["Body"].read())
        except ClientError:
            return 0

    def test_jobs_reach_their_end_over_many_crashes(self):
        seed = random.randrange(1 << 30)
        print("seed", seed)
        chance = random.Random(seed)
        emulator = self.emulator("--capacity", "2", "--spot-interruptions", "0.4:1000000:0.05")
        names, stopped, counts = [], [], {}
        for round_number in range(4):
            for kind in ("long", "stopped"):
                name = f"{kind}-{round_number}"
                self.create(
                    name,
                    COUNTER,
                    EnableManagedSpotTraining=True,
                    StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 3600},
                    CheckpointConfig={"S3Uri": f"s3://jobs/checkpoints/{name}"},
                )
                names.append(name)
            time.sleep(chance.uniform(0, 0.8))
            if chance.random() < 0.8:
                self.sagemaker.stop_training_job(TrainingJobName=f"stopped-{round_number}")
                stopped.append(f"stopped-{round_number}")
            self.restart()
            for name in names:
                count = self.count(name)
                self.assertGreaterEqual(count, counts.get(name, 0), name)
                counts[name] = count
        for name in names:
            self.s3.put_object(Bucket="jobs", Key=f"checkpoints/{name}/enough", Body=b"")
        for name in names:
            job = self.ended(name)
            expected = "Stopped" if name in stopped else "Completed"
            self.assertEqual(job["TrainingJobStatus"], expected, (name, job.get("FailureReason")))
            self.assertGreaterEqual(self.count(name), counts[name], name)
        self.assertEqual(os.listdir(os.path.join(emulator.data, "work", "training")), [])

    def test_the_end_of_a_job_is_stored_when_the_disk_can_again(self):
        disk = FailingDisk(self)
        go, done = disk.path("go"), disk.path("done")
        emulator = self.emulator("--sandbox", "none", **disk.options)
        self.create("job", f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.02; done\ntouch {done}\n")
        def describe():
            return self.sagemaker.describe_training_job(TrainingJobName="job")

        self.until(lambda: describe()["SecondaryStatus"] == "Training", "it runs")
        disk.fail("-wal")  # nothing can be stored in the database
        open(go, "w").close()
        self.until(lambda: os.path.exists(done), "the end of the program")
        said = b"could not be stored"
        self.until(lambda: said in sagemaker_local.read(emulator.log.name), "a state that could not be stored")
        self.assertEqual(describe()["TrainingJobStatus"], "InProgress")
        disk.mend()
        self.assertIn(self.ended("job")["TrainingJobStatus"], ("Completed", "Failed"))


if __name__ == "__main__":
    local_emulator.main()
