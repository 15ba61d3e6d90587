"""The aws CLI, as people type it: s3 cp, sync, ls, mv, rm, presign, s3api with its errors, logs, sts, tuning jobs."""

import json
import os
import subprocess
import time
import unittest
import urllib.request

import sagemaker_local

AWS = sagemaker_local.tool("aws", "Debian: awscli")
VERSION_TEXT = subprocess.check_output([AWS, "--version"], text=True).strip()
VERSION = int(VERSION_TEXT.split("/")[1].split(".")[0])
CLIENT_ERROR = 254 if VERSION >= 2 else 255  # "an error occurred when calling the operation"
MIB = 1024 * 1024
# The loss is x itself.
TUNED = """#!/bin/sh
sed 's/.*"x":"\\([^"]*\\)".*/loss=\\1;/' /opt/ml/input/config/hyperparameters.json
"""


class Cli(sagemaker_local.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.emulator.path("site", "")
        cls.emulator.file("site/index.html", b"<h1>hello</h1>")
        cls.emulator.file("site/a folder/\u00fcml\u00e4ut & plus+.txt", b"text")
        cls.emulator.file("site/deep/er/empty", b"")
        for name in sagemaker_local.tree(cls.folder):  # older than any object, even by S3's clock of whole seconds
            os.utime(os.path.join(cls.folder, name), (1_600_000_000, 1_600_000_000))
        cls.aws("s3", "mb", "s3://cli")

    @classmethod
    def aws(cls, *arguments, **options):
        return cls.emulator.run(AWS, "--endpoint-url", cls.emulator.url, *arguments, **options)

    def api(self, *arguments):
        text = self.aws("s3api", *arguments)
        return json.loads(text) if text.strip() else {}

    def test_buckets_are_made_listed_and_removed(self):
        self.aws("s3", "mb", "s3://short-lived")
        self.assertIn("short-lived", self.aws("s3", "ls"))
        self.assertEqual(self.aws("s3", "ls", "s3://short-lived"), "")
        self.aws("s3", "rb", "s3://short-lived")
        self.assertNotIn("short-lived", self.aws("s3", "ls"))
        self.aws("s3", "mb", "s3://full")
        self.aws("s3", "cp", os.path.join(self.folder, "index.html"), "s3://full/")
        self.assertIn("BucketNotEmpty", self.aws("s3", "rb", "s3://full", code=1))
        self.aws("s3", "rb", "s3://full", "--force")

    def test_a_large_file_goes_up_and_comes_back_in_parts(self):
        body = os.urandom(20 * MIB + 11)
        path = self.emulator.file("large", body)
        self.aws("s3", "cp", path, "s3://cli/large", "--no-progress")
        self.assertIn('-3"', self.api("head-object", "--bucket", "cli", "--key", "large")["ETag"])
        self.aws("s3", "cp", "s3://cli/large", path + ".back", "--no-progress")
        self.assertTrue(sagemaker_local.read(path + ".back") == body, "the bytes differ")
        self.aws("s3", "cp", "s3://cli/large", "s3://cli/large-copy", "--no-progress")
        self.assertEqual(self.api("head-object", "--bucket", "cli", "--key", "large-copy")["ContentLength"], len(body))
        self.api("get-object", "--bucket", "cli", "--key", "large-copy", "--range", "bytes=-100", path + ".tail")
        self.assertEqual(sagemaker_local.read(path + ".tail"), body[-100:])

    def test_standard_input_and_output_are_streams(self):
        body = os.urandom(9 * MIB)
        self.aws("s3", "cp", "-", "s3://cli/stream", input=body)
        self.assertEqual(self.api("head-object", "--bucket", "cli", "--key", "stream")["ContentLength"], len(body))
        self.aws("s3", "cp", "-", "s3://cli/words", input=b"some words")
        self.assertEqual(self.aws("s3", "cp", "s3://cli/words", "-"), "some words")

    def test_a_folder_is_synchronised_both_ways(self):
        self.aws("s3", "sync", self.folder, "s3://cli/synced/")
        self.assertEqual(self.aws("s3", "sync", self.folder, "s3://cli/synced/"), "", "nothing was left to do")
        back = self.emulator.path("site-back", "")
        self.aws("s3", "sync", "s3://cli/synced/", back)
        self.assertEqual(sagemaker_local.tree(back), sagemaker_local.tree(self.folder))
        os.remove(os.path.join(back, "index.html"))
        deleted = self.aws("s3", "sync", "--delete", back, "s3://cli/synced/")
        self.assertIn("delete: s3://cli/synced/index.html", deleted)
        listed = self.aws("s3", "ls", "--recursive", "--summarize", "s3://cli/synced/")
        self.assertIn("Total Objects: 2", listed)
        self.assertIn("a folder/\u00fcml\u00e4ut & plus+.txt", listed)
        self.assertIn("PRE a folder/", self.aws("s3", "ls", "s3://cli/synced/"))

    def test_copy_move_and_remove_work_recursively(self):
        self.aws("s3", "cp", "--recursive", self.folder, "s3://cli/one/", "--exclude", "deep/*")
        self.aws("s3", "cp", "--recursive", "s3://cli/one/", "s3://cli/two/")
        self.aws("s3", "mv", "s3://cli/two/index.html", "s3://cli/two/moved.html")
        keys = [o["Key"] for o in self.api("list-objects-v2", "--bucket", "cli", "--prefix", "two/")["Contents"]]
        self.assertEqual(keys, ["two/a folder/\u00fcml\u00e4ut & plus+.txt", "two/moved.html"])
        here = self.emulator.path("moved", "file.html")
        self.aws("s3", "mv", "s3://cli/two/moved.html", here)
        self.assertEqual(sagemaker_local.read(here), b"<h1>hello</h1>")
        self.aws("s3", "rm", "--recursive", "s3://cli/two/")
        self.assertEqual(self.aws("s3", "ls", "s3://cli/two/", code=1), "")

    def test_the_content_type_and_metadata_arrive(self):
        path = os.path.join(self.folder, "index.html")
        self.aws("s3", "cp", path, "s3://cli/typed", "--metadata", "who=me", "--cache-control", "max-age=5")
        head = self.api("head-object", "--bucket", "cli", "--key", "typed")
        self.assertEqual(
            (head["ContentType"], head["CacheControl"], head["Metadata"]), ("text/html", "max-age=5", {"who": "me"})
        )

    def test_errors_have_their_exit_codes_and_words(self):
        self.assertIn("(404)", self.aws("s3", "cp", "s3://cli/nowhere", "-", code=1))
        self.assertIn("NoSuchBucket", self.aws("s3", "ls", "s3://no-such-bucket-here", code=CLIENT_ERROR))
        self.assertIn("(NoSuchKey)", self.failing_api("get-object", "--bucket", "cli", "--key", "nowhere", os.devnull))
        self.assertIn("(404)", self.failing_api("head-object", "--bucket", "cli", "--key", "nowhere"))
        wrong = {"AWS_SECRET_ACCESS_KEY": "wrong"}
        self.assertIn("(SignatureDoesNotMatch)", self.failing_api("list-buckets", **wrong))
        unknown = {"AWS_ACCESS_KEY_ID": "nobody"}
        self.assertIn("(InvalidAccessKeyId)", self.failing_api("list-buckets", **unknown))

    def failing_api(self, *arguments, **environment):
        return self.aws("s3api", *arguments, code=CLIENT_ERROR, **environment)

    def test_a_presigned_url_is_fetched_by_anybody(self):
        self.aws("s3", "cp", os.path.join(self.folder, "index.html"), "s3://cli/signed page.html")
        to_sign = ("s3://cli/signed page.html", "--expires-in", "60")
        # Version 1 presigns with signature version 2 unless told.
        for version in ("", "s3v4"):
            config = self.emulator.file("config", f"[default]\ns3 =\n  signature_version = {version}\n".encode())
            environment = {"AWS_CONFIG_FILE": config} if version else {}
            url = self.aws("s3", "presign", *to_sign, **environment).strip()
            with urllib.request.urlopen(url) as answer:
                self.assertEqual((answer.read(), answer.headers["Content-Type"]), (b"<h1>hello</h1>", "text/html"))

    def test_logs_are_written_and_followed(self):
        self.aws("logs", "create-log-group", "--log-group-name", "/cli")
        self.aws("logs", "create-log-stream", "--log-group-name", "/cli", "--log-stream-name", "one")
        now = int(time.time() * 1000)
        events = [{"timestamp": now + i, "message": f"line {i}"} for i in range(3)]
        to_stream = ("--log-group-name", "/cli", "--log-stream-name", "one")
        self.aws("logs", "put-log-events", *to_stream, "--log-events", json.dumps(events))
        got = json.loads(self.aws("logs", "get-log-events", *to_stream))
        self.assertEqual([e["message"] for e in got["events"]], ["line 0", "line 1", "line 2"])
        if VERSION >= 2:  # version 1 has no such command
            tailed = self.aws("logs", "tail", "/cli", "--format", "short", "--filter-pattern", "line -1")
            self.assertEqual([line.split(" ", 1)[1] for line in tailed.splitlines()], ["line 0", "line 2"])
        missing = self.aws("logs", "describe-log-streams", "--log-group-name", "/none", code=CLIENT_ERROR)
        self.assertIn("(ResourceNotFoundException)", missing)

    def test_the_other_services_answer(self):
        self.assertEqual(json.loads(self.aws("sts", "get-caller-identity"))["Account"], "000000000000")
        jobs = json.loads(self.aws("sagemaker", "list-training-jobs", "--max-results", "5", "--name-contains", "none"))
        self.assertEqual(jobs["TrainingJobSummaries"], [])
        refused = self.aws("sagemaker", "describe-training-job", "--training-job-name", "none", code=CLIENT_ERROR)
        self.assertIn("(ValidationException)", refused)
        self.assertIn("Requested resource not found.", refused)

    def test_a_tuning_job_is_created_from_documents_and_listed_in_pages(self):
        image = self.emulator.program("tuned", TUNED)
        config = {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
        }
        definition = {
            "AlgorithmSpecification": {
                "TrainingImage": image, "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}],
            },
            "RoleArn": sagemaker_local.ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://cli/tuned"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        name = ("--hyper-parameter-tuning-job-name", "cli")
        self.aws("sagemaker", "create-hyper-parameter-tuning-job", *name,
                 "--hyper-parameter-tuning-job-config", json.dumps(config),
                 "--training-job-definition", json.dumps(definition))
        deadline = time.monotonic() + 90
        job = {"HyperParameterTuningJobStatus": "InProgress"}
        while job["HyperParameterTuningJobStatus"] == "InProgress" and time.monotonic() < deadline:
            job = json.loads(self.aws("sagemaker", "describe-hyper-parameter-tuning-job", *name))
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 3)
        listed = self.aws("sagemaker", "list-training-jobs-for-hyper-parameter-tuning-job", *name, "--page-size", "1",
                          "--sort-by", "FinalObjectiveMetricValue", "--sort-order", "Ascending")
        jobs = json.loads(listed)["TrainingJobSummaries"]
        losses = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in jobs]
        self.assertEqual((len(losses), losses), (3, sorted(losses)))
        self.assertEqual(jobs[0]["TrainingJobName"], job["BestTrainingJob"]["TrainingJobName"])
        missing = self.aws("sagemaker", "describe-hyper-parameter-tuning-job", "--hyper-parameter-tuning-job-name",
                           "nowhere", code=CLIENT_ERROR)
        self.assertIn("(ResourceNotFound)", missing)


if __name__ == "__main__":
    print(VERSION_TEXT)
    unittest.main()
