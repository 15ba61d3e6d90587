"""boto3 follows training jobs through queues, spot interruptions, checkpoints, retries, warm pools and restarts."""

import io
import json
import tarfile
import threading
import unittest
import urllib.error
import urllib.request

import local_emulator
from botocore.exceptions import ClientError
from job_restarts import Restarts

# Counts up in its checkpoint, one number a second part, and goes on where an earlier attempt was interrupted.
COUNTER = """#!/bin/sh
trap 'exit 0' TERM
n=$(cat /opt/ml/checkpoints/deep/count 2>/dev/null || echo 0)
echo "starts at $n"
mkdir -p /opt/ml/checkpoints/deep; cd /opt/ml/checkpoints/deep
while [ ! -e /opt/ml/checkpoints/enough ]; do
  n=$((n+1)); echo $n > .count; mv .count count
  sleep 0.05
done
echo "ends at $n"; echo $n > /opt/ml/model/count
"""
# Says that it runs, and ends when the test puts an object into its checkpoints or stops it.
WAITER = "#!/bin/sh\ntrap 'exit 0' TERM\necho running\nwhile :; do sleep 0.05; done\n"


class TrainingLife(Restarts, local_emulator.TrainingJobs, unittest.TestCase):
    def create(self, name, script, **changes):
        request = {
            "TrainingJobName": name,
            "RoleArn": local_emulator.ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": self.emulator_.program(name, script),
                "TrainingInputMode": "File",
            },
            "OutputDataConfig": {"S3OutputPath": "s3://jobs/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        request.update(changes)
        return self.sagemaker.create_training_job(**request)

    @staticmethod
    def instances(count):
        return {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 5}

    def spot(self, name, script, wait_s=120, **changes):
        return self.create(
            name,
            script,
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": wait_s},
            CheckpointConfig={"S3Uri": f"s3://jobs/checkpoints/{name}"},
            **changes,
        )

    def reaches(self, name, secondary):
        return self.until(
            lambda: (job := self.describe(name))["SecondaryStatus"] == secondary and job, f"{name} {secondary}"
        )

    def local(self, method, path, **headers):
        request = urllib.request.Request(self.emulator_.url + "/_local/" + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def delete(self, name):
        self.call("DeleteTrainingJob", TrainingJobName=name)

    def refusal(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]

    def object(self, key):
        try:
            return self.s3.get_object(Bucket="jobs", Key=key)["Body"].read().decode()
        except ClientError:
            return None

    def statuses(self, job):
        return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]

    def test_jobs_wait_for_instances_in_the_order_of_their_creation(self):
        self.emulator("--capacity", "2")
        self.create("first", WAITER)
        self.reaches("first", "Training")
        self.create("large", WAITER, ResourceConfig=self.instances(2))
        self.reaches("large", "Pending")
        self.create("small", WAITER)  # there is one instance left, but the large one came before
        self.assertEqual(self.reaches("small", "Pending")["TrainingJobStatus"], "InProgress")
        self.assertEqual(self.local("GET", "capacity"), (200, {"Instances": 2, "InUse": 1}))
        self.sagemaker.stop_training_job(TrainingJobName="small")
        small = self.ended("small")
        self.assertEqual((small["TrainingJobStatus"], small["SecondaryStatus"]), ("Stopped", "Stopped"))
        self.assertNotIn("TrainingStartTime", small)
        self.assertNotIn("BillableTimeInSeconds", small)
        self.sagemaker.stop_training_job(TrainingJobName="first")
        self.assertIn("Pending", self.statuses(self.reaches("large", "Training")))
        self.sagemaker.stop_training_job(TrainingJobName="large")
        self.ended("large")
        self.assertEqual(self.local("GET", "capacity"), (200, {"Instances": 2, "InUse": 0}))

    def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(self):
        self.emulator("--spot-interruptions", "3600:1:0")  # never by itself here, and back at once
        self.spot("spot", COUNTER)
        self.until(lambda: int(self.object("checkpoints/spot/deep/count") or 0) > 3, "a checkpoint in S3")
        self.assertEqual(self.local("POST", "training-jobs/spot/interrupt")[0], 200)
        self.until(lambda: len([m for m in self.messages("spot") if m.startswith("starts at")]) == 2, "a second start")
        at = [int(m.split()[-1]) for m in self.messages("spot") if m.startswith("starts at")]
        self.assertEqual(at[0], 0)
        self.assertGreater(at[1], 3)
        self.s3.put_object(Bucket="jobs", Key="checkpoints/spot/enough", Body=b"")  # comes down while it runs
        job = self.ended("spot")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(
            self.statuses(job),
            ["Starting", "Training", "Interrupted", "Starting", "Training", "Uploading", "Completed"],
        )
        self.assertLess(job["BillableTimeInSeconds"], job["TrainingTimeInSeconds"] + 1)
        self.assertTrue(all(t["StatusMessage"] for t in job["SecondaryStatusTransitions"]))
        code, look = self.local("GET", "training-jobs/spot")
        self.assertEqual(code, 200)
        self.assertAlmostEqual(
            look["EstimatedCostUSD"], look["InstanceHours"] * 0.115 * 0.3, delta=look["EstimatedCostUSD"] / 100
        )

    def test_the_schedule_takes_spot_instances_away(self):
        self.emulator("--spot-interruptions", "0.3:2:0.05")
        self.spot(
            "thrice",
            "#!/bin/sh\ntrap 'exit 0' TERM\ncd /opt/ml/checkpoints\n"
            "[ -e b ] && exit 0\n[ -e a ] && touch b\ntouch a\nwhile :; do sleep 0.05; done\n",
        )
        job = self.ended("thrice")
        self.assertEqual(self.statuses(job).count("Interrupted"), 2, self.statuses(job))
        self.assertEqual(job["TrainingJobStatus"], "Completed")

    def test_a_spot_job_ends_when_its_waiting_time_is_over(self):
        self.emulator("--capacity", "8")
        limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
        self.create("holds", WAITER, ResourceConfig=self.instances(8))
        self.reaches("holds", "Training")
        self.create("waits", WAITER, EnableManagedSpotTraining=True, StoppingCondition=limits)
        job = self.ended("waits")
        self.assertEqual((job["TrainingJobStatus"], job["SecondaryStatus"]), ("Stopped", "MaxWaitTimeExceeded"))
        self.assertEqual(self.statuses(job), ["Starting", "Pending", "MaxWaitTimeExceeded"])
        self.sagemaker.stop_training_job(TrainingJobName="holds")
        self.ended("holds")
        self.create("runs", WAITER, EnableManagedSpotTraining=True, StoppingCondition=limits)
        job = self.ended("runs")
        self.assertEqual(job["TrainingJobStatus"], "Stopped")
        self.assertIn(job["SecondaryStatus"], ("MaxWaitTimeExceeded", "MaxRuntimeExceeded"))
        self.s3.head_object(Bucket="jobs", Key="output/runs/output/model.tar.gz")
        self.assertEqual(
            self.refusal(lambda: self.create("x", WAITER, EnableManagedSpotTraining=True)),
            (
                "ValidationException",
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
            ),
        )

    def test_checkpoints_and_intermediate_output_are_in_step_while_the_job_runs(self):
        self.emulator()
        self.s3.put_object(Bucket="jobs", Key="ck/old/one.txt", Body=b"from before")
        self.create(
            "steps",
            "#!/bin/sh\necho old: $(cat /tmp/ck/old/one.txt)\nln -s /etc/passwd /tmp/ck/link\n"
            "echo new > /tmp/ck/new.txt\necho interim > /opt/ml/output/intermediate/i.txt\n"
            "while [ ! -e /tmp/ck/go ]; do sleep 0.02; done\necho last > /tmp/ck/last.txt\n",
            CheckpointConfig={"S3Uri": "s3://jobs/ck/", "LocalPath": "/tmp/ck"},
        )
        self.until(lambda: self.object("ck/new.txt") == "new\n", "the new checkpoint in S3")
        self.until(lambda: self.object("output/steps/output/intermediate/i.txt") == "interim\n", "intermediate output")
        self.assertEqual(self.describe("steps")["SecondaryStatus"], "Training")
        self.s3.put_object(Bucket="jobs", Key="ck/go", Body=b"")
        job = self.ended("steps")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertIn("old: from before", self.messages("steps"))
        self.assertEqual(self.object("ck/last.txt"), "last\n")
        self.assertIsNone(self.object("ck/link"))
        self.assertEqual(job["CheckpointConfig"], {"S3Uri": "s3://jobs/ck/", "LocalPath": "/tmp/ck"})
        code, message = self.refusal(
            lambda: self.create("no", WAITER, CheckpointConfig={"S3Uri": "s3://jobs/x", "LocalPath": "/opt/ml/model"})
        )
        self.assertEqual(code, "ValidationException")
        self.assertIn("LocalPath", message)
        for taken in (
            "/opt/ml/model/",
            "/opt/ml/input/data/train",
            "/opt/ml/checkpoints/../output",
            "checkpoints",
            "/checkpoints",
            "/etc",
            "/tmp/../dev/ck",
        ):
            config = {"S3Uri": "s3://jobs/x", "LocalPath": taken}
            code, message = self.refusal(lambda: self.create("no", WAITER, CheckpointConfig=config))
            self.assertIn(taken, message)

    def test_checkpoints_among_the_artifacts_are_stored_as_both(self):
        self.emulator()
        for folder in ("model", "output/data"):
            name = folder.replace("/", "-")
            place = f"/opt/ml/{folder}/points"
            self.create(
                name,
                f"#!/bin/sh\necho last > {place}/last.txt\n",
                CheckpointConfig={"S3Uri": f"s3://jobs/among/{name}", "LocalPath": place},
            )
            job = self.ended(name)
            self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
            self.assertEqual(self.object(f"among/{name}/last.txt"), "last\n")
            archive = f"output/{name}/output/{folder.split('/')[0]}.tar.gz"
            packed = self.s3.get_object(Bucket="jobs", Key=archive)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(packed)) as artifacts:
                self.assertIn("points/last.txt", artifacts.getnames())

    def test_internal_errors_are_retried_as_often_as_asked(self):
        self.emulator()
        self.create("retried", WAITER, RetryStrategy={"MaximumRetryAttempts": 1})
        self.create("plain", WAITER)
        for number in (1, 2):
            self.until(lambda: self.messages("retried").count("running") == number, f"start {number}")
            self.assertEqual(self.local("POST", "training-jobs/retried/break-down")[0], 200)
        self.reaches("plain", "Training")
        self.assertEqual(self.local("POST", "training-jobs/plain/interrupt")[0], 409)  # no spot instances
        self.assertEqual(self.local("POST", "training-jobs/plain/break-down", Origin="http://evil.example")[0], 403)
        self.assertEqual(self.local("POST", "training-jobs/plain/break-down")[0], 200)
        for name in ("retried", "plain"):
            job = self.ended(name)
            self.assertEqual(
                (job["TrainingJobStatus"], job["FailureReason"]),
                ("Failed", "InternalServerError: We encountered an internal error. Please try again."),
            )
            self.assertEqual(self.statuses(job).count("Training"), 2 if name == "retried" else 1)
        self.assertEqual(self.local("GET", "training-jobs/retried")[1]["Retries"], 1)
        self.assertEqual(self.local("POST", "training-jobs/plain/break-down")[0], 409)
        self.assertEqual(self.local("POST", "training-jobs/nobody/break-down")[0], 404)

    def test_warm_pools_pass_from_job_to_job(self):
        self.emulator()
        warm = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5, "KeepAlivePeriodInSeconds": 600}
        cache = "/opt/ml/sagemaker/warmpoolcache"
        script = f"#!/bin/sh\necho found: $(cat {cache}/who 2>/dev/null)\necho $TRAINING_JOB_NAME > {cache}/who\n"
        self.create("one", script, ResourceConfig=warm)
        job = self.ended("one")
        self.assertEqual(job["WarmPoolStatus"]["Status"], "Available")
        self.assertEqual(job["SecondaryStatusTransitions"][-1]["StatusMessage"], "Resource retained for reuse")
        self.assertEqual(
            self.refusal(lambda: self.delete("one"))[0], "ValidationException"
        )
        self.create("other-type", script, ResourceConfig={**warm, "InstanceType": "ml.c5.xlarge"})
        self.create("two", script, ResourceConfig=warm)
        self.ended("two")
        self.ended("other-type")
        self.assertIn("found: one", self.messages("two"))
        self.assertIn("found:", self.messages("other-type"))
        pool = self.describe("one")["WarmPoolStatus"]
        self.assertEqual((pool["Status"], pool["ReusedByJob"]), ("Reused", "two"))
        listed = self.sagemaker.list_training_jobs(
            WarmPoolStatusEquals="Available", SortBy="Name", SortOrder="Ascending"
        )
        self.assertEqual([j["TrainingJobName"] for j in listed["TrainingJobSummaries"]], ["other-type", "two"])
        page = self.sagemaker.list_training_jobs(WarmPoolStatusEquals="Available", MaxResults=1)
        self.assertEqual(len(page["TrainingJobSummaries"]), 1)
        rest = self.sagemaker.list_training_jobs(WarmPoolStatusEquals="Available", NextToken=page["NextToken"])
        self.assertEqual(len(rest["TrainingJobSummaries"]), 1)
        self.sagemaker.update_training_job(TrainingJobName="two", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        self.assertEqual(self.describe("two")["WarmPoolStatus"]["Status"], "Terminated")
        self.delete("two")
        self.assertEqual(
            self.refusal(
                lambda: self.sagemaker.update_training_job(
                    TrainingJobName="one", ResourceConfig={"KeepAlivePeriodInSeconds": 60}
                )
            )[0],
            "ValidationException",
        )

    def test_a_warm_pool_has_one_job_at_a_time_and_ends_with_it(self):
        self.emulator()
        warm = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5, "KeepAlivePeriodInSeconds": 600}
        mark = (
            "#!/bin/sh\ncd /opt/ml/sagemaker/warmpoolcache\necho found: $(cat who 2>/dev/null)\n"
            "echo $TRAINING_JOB_NAME > who\n"
        )
        self.create("one", mark, ResourceConfig=warm)
        self.ended("one")
        # Spot jobs do not take it; the next job that fits does, and while it runs nobody else does.
        self.spot("spot", "#!/bin/sh\nls /opt/ml/sagemaker/warmpoolcache && exit 1; exit 0\n")
        self.assertEqual(self.ended("spot")["TrainingJobStatus"], "Completed")
        self.create("two", mark + WAITER[len("#!/bin/sh\n") :], ResourceConfig=warm)
        self.until(lambda: "running" in self.messages("two"), "two runs")
        self.assertIn("found: one", self.messages("two"))
        self.delete("one")
        self.create("one", mark + "echo new\n", ResourceConfig=warm)
        self.ended("one")
        self.assertEqual(self.messages("one"), ["found:", "found:", "new"])
        # What UpdateTrainingJob says while a job runs is what counts at its end.
        self.create("three", WAITER, ResourceConfig={**warm, "InstanceType": "ml.c5.xlarge"})
        self.reaches("three", "Training")
        self.sagemaker.update_training_job(TrainingJobName="three", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        self.create("four", WAITER, ResourceConfig={**warm, "InstanceType": "ml.c5.2xlarge"})
        self.reaches("four", "Training")
        for name in ("two", "three"):
            self.sagemaker.stop_training_job(TrainingJobName=name)
            self.assertEqual(self.ended(name)["WarmPoolStatus"]["Status"], "Terminated")
        modified = self.describe("three")["LastModifiedTime"]
        self.sagemaker.update_training_job(TrainingJobName="three")
        self.assertEqual(self.describe("three")["LastModifiedTime"], modified)
        self.restart()
        self.assertEqual(self.ended("four")["WarmPoolStatus"]["Status"], "Terminated")

    def test_after_a_crash_jobs_go_on_where_they_can(self):
        self.emulator("--capacity", "3")
        self.spot("spot", COUNTER)
        self.create(
            "retry",
            "#!/bin/sh\n[ -e /opt/ml/checkpoints/x ] && exit 0\ntouch /opt/ml/checkpoints/x\nexec sleep 60\n",
            CheckpointConfig={"S3Uri": "s3://jobs/retry"},
            RetryStrategy={"MaximumRetryAttempts": 2},
        )
        self.create("plain", WAITER)
        self.until(lambda: int(self.object("checkpoints/spot/deep/count") or 0) > 3, "a checkpoint of spot")
        self.until(lambda: self.object("retry/x") is not None, "a checkpoint of retry")
        self.reaches("plain", "Training")
        self.create("queued", "#!/bin/sh\necho my turn\n")
        self.reaches("queued", "Pending")
        self.restart()
        queued = self.ended("queued")
        self.assertEqual(queued["TrainingJobStatus"], "Completed")
        statuses = self.statuses(queued)
        self.assertEqual(statuses[statuses.index("Training") - 1], "Starting", statuses)
        self.assertFalse([now for now, then in zip(statuses, statuses[1:]) if now == then], statuses)
        self.assertEqual(self.ended("retry")["TrainingJobStatus"], "Completed")
        plain = self.describe("plain")
        self.assertEqual(plain["TrainingJobStatus"], "Failed")
        self.assertTrue(plain["FailureReason"].startswith("InternalServerError"), plain["FailureReason"])
        self.s3.put_object(Bucket="jobs", Key="checkpoints/spot/enough", Body=b"")
        self.assertEqual(self.ended("spot")["TrainingJobStatus"], "Completed")
        self.assertIn("Interrupted", self.statuses(self.describe("spot")))
        at = [int(m.split()[-1]) for m in self.messages("spot") if m.startswith("starts at")]
        self.assertEqual(len(at), 2, at)
        self.assertGreater(at[1], 3)

    def test_a_shutdown_leaves_spot_jobs_to_the_next_start(self):
        self.emulator()
        self.spot("spot", COUNTER)
        self.until(lambda: int(self.object("checkpoints/spot/deep/count") or 0) > 3, "a checkpoint")
        self.restart("terminate")
        self.s3.put_object(Bucket="jobs", Key="checkpoints/spot/enough", Body=b"")
        job = self.ended("spot")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job)
        self.assertIn("Interrupted", self.statuses(job))

    def streams(self, name):
        streams = self.logs.describe_log_streams(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/"
        )["logStreams"]
        return {
            stream["logStreamName"]: self.logs.get_log_events(
                logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
            for stream in streams
        }

    def test_every_attempt_has_a_stream_of_its_own_and_metrics_outlive_it(self):
        self.emulator("--spot-interruptions", "3600:1:0")
        script = (
            "#!/bin/sh\ntrap 'exit 0' TERM\ncd /opt/ml/checkpoints\n[ -e second ] && { echo accuracy=0.5; exit; }\n"
            "touch second; echo loss=3 accuracy=0.1\nwhile :; do sleep 0.02; done\n"
        )
        self.spot(
            "metrics",
            script,
            AlgorithmSpecification={
                "TrainingImage": self.emulator_.program("metrics", script),
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": "loss", "Regex": "loss=(\\S+)"},
                    {"Name": "accuracy", "Regex": "accuracy=(\\S+)"},
                ],
            },
        )
        self.until(lambda: "loss=3 accuracy=0.1" in self.messages("metrics"), "the first attempt")
        self.assertEqual(self.local("POST", "training-jobs/metrics/interrupt")[0], 200)
        metrics = {m["MetricName"]: m["Value"] for m in self.ended("metrics")["FinalMetricDataList"]}
        self.assertEqual(metrics, {"loss": 3, "accuracy": 0.5})
        self.assertEqual([len(events) for events in self.streams("metrics").values()], [1, 1])
        # So has a job that takes the name of a deleted one, within the same second as likely as not.
        for _ in range(3):
            self.create("again", "#!/bin/sh\necho $TRAINING_JOB_NAME\n")
            self.ended("again")
            self.delete("again")
        self.assertEqual([len(events) for events in self.streams("again").values()], [1, 1, 1])

    def test_a_stop_before_the_program_runs_is_no_failure(self):
        self.emulator()
        threads = [
            threading.Thread(
                target=lambda first: [
                    self.s3.put_object(Bucket="jobs", Key=f"ck/{n}", Body=b"x") for n in range(first, 1200, 4)
                ],
                args=(first,),
            )
            for first in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.create(
            "early",
            WAITER,
            CheckpointConfig={"S3Uri": "s3://jobs/ck", "LocalPath": "/opt/ml/checkpoints/"},
            ResourceConfig=self.instances(4),
        )
        self.until(lambda: "TrainingStartTime" in self.describe("early"), "the start of early")
        self.sagemaker.stop_training_job(TrainingJobName="early")
        job = self.ended("early")
        self.assertEqual(job["TrainingJobStatus"], "Stopped", job.get("FailureReason"))

    def test_many_jobs_at_once_end_and_leave_nothing(self):
        self.emulator("--capacity", "4")
        names = [f"many-{number}" for number in range(24)]
        threads = [
            threading.Thread(target=self.create, args=(name, "#!/bin/sh\necho $TRAINING_JOB_NAME\n")) for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in names:
            self.assertEqual(self.ended(name)["TrainingJobStatus"], "Completed")
        listed = []
        token = {}
        while True:
            page = self.sagemaker.list_training_jobs(MaxResults=5, **token)
            listed += [job["TrainingJobName"] for job in page["TrainingJobSummaries"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(sorted(listed), sorted(names))
        self.assertEqual(self.local("GET", "capacity")[1]["InUse"], 0)


if __name__ == "__main__":
    local_emulator.main()
