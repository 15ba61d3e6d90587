"""boto3 follows processing jobs through queues, stops, deletes and restarts of the emulator, and is told what is wrong
with a request."""

import unittest

import local_emulator
from job_restarts import restart
from processing_jobs import ProcessingJobs, s3_input, s3_output

# Says that it runs, and ends when it is stopped.
WAITER = (
    "#!/bin/sh\ntrap 'echo stopped > /opt/ml/processing/out/stopped; exit 0' TERM\n"
    "echo half > /opt/ml/processing/out/half\necho running\nwhile :; do sleep 0.05; done\n"
)


class ProcessingLife(ProcessingJobs, unittest.TestCase):
    def start(self, *arguments):
        emulator = local_emulator.LocalEmulator(*arguments)
        self.addCleanup(emulator.stop)
        self.attach(emulator)
        self.s3.create_bucket(Bucket=self.bucket)

    def waiter(self, name, **changes):
        return self.create(name, WAITER, outputs=[s3_output("out", f"s3://jobs/{name}")], **changes)

    def test_jobs_wait_for_instances_and_can_be_stopped_there(self):
        self.start("--capacity", "2")
        self.waiter("first")
        self.runs("first")
        self.waiter("large", ProcessingResources=self.cluster(2))
        self.waiter("last")
        self.stop("large")
        job = self.ended("large")
        self.assertEqual(job["ProcessingJobStatus"], "Stopped")
        self.assertNotIn("ProcessingStartTime", job)
        self.runs("last")  # it had waited behind the large one
        for name in ("first", "last"):
            self.stop(name)
            self.assertEqual(self.ended(name)["ProcessingJobStatus"], "Stopped")
            self.assertEqual(self.objects(name + "/"), {"half": "half\n", "stopped": "stopped\n"})
        code, message = self.refusal(lambda: self.stop("first"))
        self.assertEqual(code, "ValidationException")
        self.assertEqual(message, "The request was rejected because the processing job is in status Stopped.")

    def test_a_job_can_be_stopped_at_any_moment(self):
        self.start("--capacity", "3")
        for number in range(200):
            self.put(f"in/{number}", "x")
        names = [f"job-{number}" for number in range(12)]
        for name in names:  # queued, downloading, starting, running
            self.create(name, WAITER, [s3_input("in", "s3://jobs/in/")], [s3_output("out", f"s3://jobs/{name}")])
            self.stop(name)
        for name in names:
            self.assertEqual(self.ended(name)["ProcessingJobStatus"], "Stopped")
            self.assertLessEqual(set(self.objects(name + "/")), {"half", "stopped"})

    def test_a_job_that_runs_too_long_is_stopped(self):
        self.start()
        self.waiter("long", StoppingCondition={"MaxRuntimeInSeconds": 3})
        self.assertEqual(self.ended("long")["ProcessingJobStatus"], "Stopped")
        self.assertEqual(self.objects("long/"), {"half": "half\n", "stopped": "stopped\n"})
        self.assertTrue(any("MaxRuntimeInSeconds (3)" in line for line in self.job_messages("long")))

    def test_the_sdk_hears_of_the_end_at_once(self):
        self.start()
        self.sagemaker = self.emulator.client("sagemaker", user_agent_extra="lib/AWS-SageMaker-Python-SDK#2.257.7")
        self.create("short", "#!/bin/sh\nsleep 1\n")
        self.assertEqual(self.describe("short")["ProcessingJobStatus"], "Completed")  # asked once

    def test_a_name_is_free_again_after_a_delete(self):
        self.start()
        arn = self.waiter("twice", Tags=[{"Key": "a", "Value": "b"}])
        self.runs("twice")
        code, message = self.refusal(lambda: self.waiter("twice"))
        self.assertEqual(code, "ResourceInUse")
        self.assertEqual(
            message,
            "Job name must be unique within an AWS account and region, and a job with this name already exists "
            f"({arn})",
        )
        self.assertEqual(self.refusal(lambda: self.delete("twice"))[0], "ResourceInUse")
        self.stop("twice")
        self.ended("twice")
        self.delete("twice")
        self.assertEqual(
            self.refusal(lambda: self.describe("twice")),
            ("ValidationException", "Could not find requested job with name: twice"),
        )
        self.assertEqual(self.refusal(lambda: self.delete("twice"))[0], "ValidationException")
        self.assertEqual(self.refusal(lambda: self.stop("twice"))[0], "ValidationException")
        self.assertEqual(self.sagemaker.list_processing_jobs()["ProcessingJobSummaries"], [])
        self.create("twice", "#!/bin/sh\necho again\n")
        self.completed("twice")
        self.assertEqual(self.sagemaker.list_tags(ResourceArn=arn)["Tags"], [])

    def test_a_killed_emulator_fails_what_ran_and_goes_on_with_what_waited(self):
        self.start("--capacity", "1")
        self.waiter("ran")
        self.runs("ran")
        self.create(
            "waited",
            "#!/bin/sh\necho a > /opt/ml/processing/out/a\n",
            outputs=[s3_output("out", "s3://jobs/waited")],
        )
        self.waiter("unwanted")
        restart(self.emulator)
        self.attach(self.emulator)
        ran = self.ended("ran")
        self.assertEqual(ran["ProcessingJobStatus"], "Failed")
        self.assertEqual(
            ran["FailureReason"], "InternalServerError: sagemaker-local ended while the job ran. Please try again."
        )
        self.assertEqual(self.objects("ran/"), {})
        self.completed("waited")
        self.assertEqual(self.objects("waited/"), {"a": "a\n"})
        self.runs("unwanted")
        self.stop("unwanted")
        self.assertEqual(self.ended("unwanted")["ProcessingJobStatus"], "Stopped")

    def test_a_job_that_was_stopping_is_stopped_after_a_restart(self):
        self.start()
        self.create("stubborn", "#!/bin/sh\ntrap '' TERM\necho running\nwhile :; do sleep 0.05; done\n")
        self.runs("stubborn")
        self.stop("stubborn")
        self.assertEqual(self.describe("stubborn")["ProcessingJobStatus"], "Stopping")
        restart(self.emulator)
        self.attach(self.emulator)
        self.assertEqual(self.ended("stubborn")["ProcessingJobStatus"], "Stopped")

    def test_a_shutdown_fails_what_runs_with_a_reason(self):
        self.start("--capacity", "1")
        self.waiter("ran")
        self.runs("ran")
        self.waiter("waited")
        restart(self.emulator, "terminate")
        self.attach(self.emulator)
        self.assertEqual(
            self.ended("ran")["FailureReason"],
            "InternalServerError: sagemaker-local was shut down while the job ran.",
        )
        self.runs("waited")
        self.stop("waited")
        self.ended("waited")

    def test_requests_that_cannot_be(self):
        self.start()
        program = "#!/bin/sh\nexit 0\n"

        def given(name="a", path=None, **changes):
            return s3_input(name, "s3://jobs/x", path, **changes)

        def kept(name="a", path=None):
            return s3_output(name, "s3://jobs/x", local_path=path)

        without_path = given()
        del without_path["S3Input"]["LocalPath"]
        athena = {
            "Catalog": "c",
            "Database": "d",
            "QueryString": "q",
            "OutputS3Uri": "s3://jobs/x",
            "OutputFormat": "PARQUET",
        }
        data_set = {"InputName": "a", "DatasetDefinition": {"AthenaDatasetDefinition": athena}}
        features = {"OutputName": "a", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}
        folder = "/opt/ml/processing/"
        for wrong, inputs, outputs in (
            ("inputs must be unique: a", [given(), given(path=folder + "b")], []),
            ("outputs must be unique: a", [], [kept(), kept(path=folder + "b")]),
            ("local paths of a processing job must be unique", [given(), given("b", folder + "a/")], []),
            ("local paths of a processing job must be unique", [given()], [kept("b", folder + "a")]),
            ("LocalPath is required when AppManaged is false", [without_path], []),
            ("must begin with /opt/ml/processing/", [given(path="/opt/ml/model")], []),
            ("must begin with /opt/ml/processing/", [given(path=folder + "../x")], []),
            ("must begin with /opt/ml/processing/", [], [kept(path="/tmp/out")]),
            ("it must contain S3Input", [{"InputName": "a"}], []),
            ("it must contain S3Output", [], [{"OutputName": "a"}]),
            ("S3InputMode Pipe (ProcessingInput a) is not implemented", [given(S3InputMode="Pipe")], []),
            ("Gzip can only be used when Pipe mode", [given(S3CompressionType="Gzip")], []),
            ("DatasetDefinition.AthenaDatasetDefinition (ProcessingInput a) is not implemented", [data_set], []),
            ("FeatureStoreOutput (ProcessingOutput a) is not implemented", [], [features]),
        ):
            with self.subTest(wrong):
                code, message = self.refusal(lambda: self.create("wrong", program, inputs, outputs))
                self.assertEqual(code, "ValidationException")
                self.assertIn(wrong, message)
        code, message = self.refusal(lambda: self.create("wrong", AppSpecification={"ImageUri": "nobody/knows:1"}))
        self.assertEqual(code, "ValidationException")
        self.assertIn("nobody/knows", message)
        self.assertEqual(self.sagemaker.list_processing_jobs()["ProcessingJobSummaries"], [])


if __name__ == "__main__":
    local_emulator.main()
