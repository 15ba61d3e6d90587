"""boto3 drives training jobs: create, describe, logs, artifacts, stop, failures and refusals in AWS's words."""

import io
import tarfile
import time

import local_emulator
from botocore.exceptions import ClientError

TRAIN = """#!/bin/sh
echo "starting with $(cat /opt/ml/input/config/hyperparameters.json)"
cat /opt/ml/input/data/training/part.csv
echo "environment: $FLAVOUR $SIZE"
echo "validation:accuracy=0.5;"
echo "validation:accuracy=0.875;"
echo weights > /opt/ml/model/weights.txt
echo report > /opt/ml/output/data/report.txt
"""


class Training(local_emulator.TrainingJobs, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.logs = cls.emulator.client("logs")
        cls.s3.create_bucket(Bucket="jobs")
        cls.s3.put_object(Bucket="jobs", Key="input/part.csv", Body=b"1,2,3\n")

    def create(self, name, script, **changes):
        request = {
            "TrainingJobName": name,
            "RoleArn": local_emulator.ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": self.emulator.program(name, script),
                "TrainingInputMode": "File",
            },
            "InputDataConfig": [
                {
                    "ChannelName": "training",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": "s3://jobs/input/",
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://jobs/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        request.update(changes)
        return self.sagemaker.create_training_job(**request)

    def refusal(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]

    def test_a_job_runs_and_leaves_model_output_logs_and_metrics(self):
        self.create(
            "complete",
            TRAIN,
            Environment={"FLAVOUR": "sour cherry", "SIZE": "2"},
            HyperParameters={"epochs": "3"},
            Tags=[{"Key": "team", "Value": "a"}],
            AlgorithmSpecification={
                "TrainingImage": self.emulator.program("complete", TRAIN),
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "validation:accuracy", "Regex": "validation:accuracy=(.*?);"}],
            },
        )
        job = self.ended("complete")
        self.assertEqual((job["TrainingJobStatus"], job["SecondaryStatus"]), ("Completed", "Completed"), job)
        self.assertEqual(
            [t["Status"] for t in job["SecondaryStatusTransitions"]],
            ["Starting", "Downloading", "Training", "Uploading", "Completed"],
        )
        self.assertTrue(all(t["StatusMessage"] for t in job["SecondaryStatusTransitions"]))
        self.assertEqual(job["ModelArtifacts"]["S3ModelArtifacts"], "s3://jobs/output/complete/output/model.tar.gz")
        self.assertEqual(
            [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]], [("validation:accuracy", 0.875)]
        )
        for archive, member, text in (
            ("model", "weights.txt", b"weights\n"),
            ("output", "report.txt", b"report\n"),
        ):
            body = self.s3.get_object(Bucket="jobs", Key=f"output/complete/output/{archive}.tar.gz")["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
                names = [name[2:] if name.startswith("./") else name for name in tar.getnames()]
                self.assertIn(member, names)
                self.assertEqual(tar.extractfile(tar.getnames()[names.index(member)]).read(), text)
        messages = self.messages("complete")
        self.assertEqual(messages[0], 'starting with {"epochs":"3"}')
        self.assertIn("1,2,3", messages)
        self.assertIn("environment: sour cherry 2", messages)
        self.assertIn(
            "complete", [j["TrainingJobName"] for j in self.sagemaker.list_training_jobs()["TrainingJobSummaries"]]
        )
        self.assertEqual(
            self.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"], [{"Key": "team", "Value": "a"}]
        )

    def test_the_prefix_of_a_channel_decides_the_names_of_its_files(self):
        self.s3.put_object(Bucket="jobs", Key="names/deep/er.csv", Body=b"")
        self.s3.put_object(Bucket="jobs", Key="names/top.csv", Body=b"")
        expected = {
            "s3://jobs/names": "./deep/er.csv ./top.csv",
            "s3://jobs/names/": "./deep/er.csv ./top.csv",
            "s3://jobs/names/to": "./top.csv",
            "s3://jobs/names/top.csv": "./top.csv",
            "s3://jobs/nam": "./names/deep/er.csv ./names/top.csv",
        }
        for number, (uri, names) in enumerate(expected.items()):
            self.create(
                f"names-{number}",
                "#!/bin/sh\ncd /opt/ml/input/data/training\n" "echo files: $(find . -type f | LC_ALL=C sort)\n",
                InputDataConfig=[
                    {
                        "ChannelName": "training",
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                    }
                ],
            )
        for number, (uri, names) in enumerate(expected.items()):
            self.ended(f"names-{number}")
            self.assertIn("files: " + names, self.messages(f"names-{number}"), uri)

    def test_a_job_that_is_stopped_keeps_what_it_saved(self):
        self.create(
            "stopped",
            "#!/bin/sh\ntrap 'echo half > /opt/ml/model/half; exit 0' TERM\n"
            "echo running\nwhile :; do sleep 0.05; done\n",
        )
        deadline = time.monotonic() + 30
        while "running" not in (self.messages("stopped") if time.monotonic() < deadline else ["running"]):
            time.sleep(0.05)
        self.sagemaker.stop_training_job(TrainingJobName="stopped")
        job = self.ended("stopped")
        self.assertEqual((job["TrainingJobStatus"], job["SecondaryStatus"]), ("Stopped", "Stopped"))
        self.s3.head_object(Bucket="jobs", Key="output/stopped/output/model.tar.gz")
        self.assertEqual(
            self.refusal(lambda: self.sagemaker.stop_training_job(TrainingJobName="stopped")),
            ("ValidationException", "The request was rejected because the training job is in status Stopped."),
        )

    def test_failures_have_the_reason_that_aws_gives(self):
        cases = {
            "exit-three": ("#!/bin/sh\nexit 3\n", "AlgorithmError: , exit code: 3"),
            "failure-file": (
                "#!/bin/sh\necho the disk is sour > /opt/ml/output/failure\nexit 1\n",
                "AlgorithmError: the disk is sour",
            ),
            "killed": ("#!/bin/sh\nkill -9 $$\n", "AlgorithmError: , exit code: 137"),
        }
        for name, (script, _) in cases.items():
            self.create(name, script)
        for name, (_, reason) in cases.items():
            job = self.ended(name)
            self.assertEqual((job["TrainingJobStatus"], job["FailureReason"]), ("Failed", reason))

    def test_a_job_over_its_time_is_stopped(self):
        self.create("slow", "#!/bin/sh\nexec sleep 60\n", StoppingCondition={"MaxRuntimeInSeconds": 1})
        job = self.ended("slow")
        self.assertEqual((job["TrainingJobStatus"], job["SecondaryStatus"]), ("Stopped", "MaxRuntimeExceeded"))

    def test_refusals_use_the_words_of_aws(self):
        self.create("twice", "#!/bin/sh\n")
        self.assertEqual(
            self.refusal(lambda: self.create("twice", "#!/bin/sh\n")),
            (
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a "
                "training job with this name already exists "
                "(arn:aws:sagemaker:us-east-1:000000000000:training-job/twice)",
            ),
        )
        self.assertEqual(
            self.refusal(lambda: self.sagemaker.describe_training_job(TrainingJobName="nobody")),
            ("ValidationException", "Requested resource not found."),
        )
        code, message = self.refusal(lambda: self.create("under_score", "#!/bin/sh\n"))
        self.assertEqual(code, "ValidationException")
        self.assertIn(
            "Value 'under_score' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ",
            message,
        )
        code, message = self.refusal(
            lambda: self.create(
                "empty",
                "#!/bin/sh\n",
                InputDataConfig=[
                    {
                        "ChannelName": "training",
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://jobs/none/"}},
                    }
                ],
            )
        )
        self.assertTrue(
            message.startswith('No S3 objects found under S3 URL "s3://jobs/none/" given in input data source.')
        )
        code, message = self.refusal(
            lambda: self.create(
                "image",
                "",
                AlgorithmSpecification={"TrainingImage": "nobody/knows:this", "TrainingInputMode": "File"},
            )
        )
        self.assertTrue(message.startswith('ECR image "nobody/knows:this" is invalid.'), message)
        self.assertIn("--images", message)

    def test_a_wrong_secret_is_refused(self):
        wrong = self.emulator.client("sagemaker", secret="wrong", retries=False)
        code, _ = self.refusal(lambda: wrong.list_training_jobs())
        self.assertEqual(code, "InvalidSignatureException")
        self.assertEqual(self.emulator.client("sts").get_caller_identity()["Account"], "000000000000")


if __name__ == "__main__":
    local_emulator.main()
