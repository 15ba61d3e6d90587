"""Metrics of training jobs as boto3 sees them: MetricDefinitions over the log of all hosts, FinalMetricDataList and
CloudWatch. And a job that is stopped before it began.
"""

import datetime
import time

import local_emulator

NAMESPACE = "/aws/sagemaker/TrainingJobs"


class Metrics(local_emulator.TrainingJobs, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.cloudwatch = cls.emulator.client("cloudwatch")
        cls.logs = cls.emulator.client("logs")
        cls.emulator.client("s3").create_bucket(Bucket="jobs")

    def create(self, name, script, definitions, hosts=1):
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=local_emulator.ROLE,
            AlgorithmSpecification={
                "TrainingImage": self.emulator.program(name, "#!/bin/sh\n" + script),
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": key, "Regex": regex} for key, regex in definitions.items()],
            },
            OutputDataConfig={"S3OutputPath": "s3://jobs/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": 120},
        )

    def final(self, job):
        return {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}

    def statistics(self, job, metric):
        name = job["TrainingJobName"]
        points = self.cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=[{"Name": "TrainingJobName", "Value": name}],
            StartTime=job["TrainingStartTime"] - datetime.timedelta(minutes=1),
            EndTime=job["TrainingEndTime"] + datetime.timedelta(minutes=1),
            Period=3600,
            Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
        )["Datapoints"]
        return {key: sum(point[key] for point in points) for key in ("SampleCount", "Sum")}

    def test_both_streams_of_all_hosts_give_values(self):
        self.create(
            "hosts",
            'echo "loss=1.5;"\necho "loss=2.5;" >&2\necho "loss=nan;"\n'
            'echo "epoch 7 (host $(cat /opt/ml/input/config/resourceconfig.json | tr -d "\\n"))"\n',
            {"train:loss": r"loss=(.*?);", "epoch": r"(?P<word>epoch) (?P<n>\d+)", "number": r"epoch (?P<n>\d+)"},
            hosts=2,
        )
        job = self.ended("hosts")
        self.assertEqual(job["TrainingJobStatus"], "Completed")
        final = self.final(job)
        self.assertIn(final.pop("train:loss"), (1.5, 2.5))
        self.assertEqual(final, {"number": 7.0})  # the first group of `epoch` is a word
        self.assertEqual(self.statistics(job, "train:loss"), {"SampleCount": 4.0, "Sum": 8.0})
        listed = self.cloudwatch.list_metrics(
            Namespace=NAMESPACE, Dimensions=[{"Name": "TrainingJobName", "Value": "hosts"}]
        )["Metrics"]
        self.assertEqual(sorted(metric["MetricName"] for metric in listed), ["number", "train:loss"])

    def test_many_values_cost_no_time(self):
        self.create("many", "seq -f 'step %g;' 100000\n", {"step": r"step (\d+);"})
        job = self.ended("many")
        self.assertEqual(self.final(job), {"step": 100000.0})
        self.assertEqual(self.statistics(job, "step"), {"SampleCount": 100000.0, "Sum": 5000050000.0})

    def test_a_value_can_be_read_while_the_job_runs(self):
        told = self.emulator.path("running.told")
        self.create("running", f"echo loss=3\nwhile ! test -e {told}; do sleep 0.05; done\n", {"loss": r"loss=(\d)"})
        deadline = time.monotonic() + 30
        seen = []
        while not seen and time.monotonic() < deadline:
            seen = self.cloudwatch.list_metrics(
                Namespace=NAMESPACE, Dimensions=[{"Name": "TrainingJobName", "Value": "running"}]
            )["Metrics"]
            time.sleep(0.05)
        self.sagemaker.stop_training_job(TrainingJobName="running")
        self.assertEqual([metric["MetricName"] for metric in seen], ["loss"])
        self.assertEqual(self.final(self.ended("running")), {"loss": 3.0})

    def test_expressions_that_do_not_work_are_told_in_the_log(self):
        self.create(
            "told",
            "head -c 65536 /dev/zero | tr '\\0' a\necho '!'\necho loss=4\n",
            {"bad": "loss=(", "slow": "(a+)+$", "loss": r"loss=(\d)"},
        )
        self.assertEqual(self.final(self.ended("told")), {"loss": 4.0})
        told = [message for message in self.messages("told") if message.startswith("sagemaker-local: ")]
        self.assertEqual(len(told), 2, told)
        self.assertIn("metric bad will have no values: its regular expression loss=( does not compile", told[0])
        self.assertIn("metric slow: its regular expression takes more than 20 ms for a line", told[1])

    def test_a_job_that_is_stopped_before_it_began_is_stopped(self):
        for number in range(20):
            self.create(f"early-{number}", "exec sleep 60\n", {})
            self.sagemaker.stop_training_job(TrainingJobName=f"early-{number}")
        for number in range(20):
            job = self.ended(f"early-{number}")
            self.assertEqual((job["TrainingJobStatus"], job.get("FailureReason")), ("Stopped", None))


if __name__ == "__main__":
    local_emulator.main()
