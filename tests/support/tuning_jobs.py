"""What tests of tuning jobs share: requests for small ones, and what became of them."""

import re
import time

import local_emulator
from waiting import Waiting

# Gives $x, a hyperparameter, and $n, the number of the trial, to the lines behind it.
TRIAL = """#!/bin/sh
x=$(tr -d '\\n' < /opt/ml/input/config/hyperparameters.json | sed 's/.*"x": *"\\([^"]*\\)".*/\\1/')
n=$(echo $TRAINING_JOB_NAME | sed 's/.*-0*\\([0-9][0-9]*\\)-[0-9a-f]*$/\\1/')
value() { echo "score=$1;"; }
hang() { trap 'exit 0' TERM; while :; do sleep 0.05; done; }
await() { while ! test -e "$1"; do sleep 0.05; done; }
"""
SQUARE = 'value $(echo $x | awk \'{ printf "%.12g", ($1 - 0.3) ^ 2 }\')\n'
X = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
ENDS = ("Completed", "Failed", "Stopped")


class TuningJobs(Waiting):
    """It needs self.emulator_ and the client self.sagemaker, and a bucket named jobs."""

    def definition(self, script, **changes):
        name = f"program-{abs(hash(script))}"
        return {
            "AlgorithmSpecification": {
                "TrainingImage": self.emulator_.program(name, TRIAL + script),
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "score", "Regex": "score=(.*?);"}],
            },
            "RoleArn": local_emulator.ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://jobs/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **changes,
        }

    def tune(self, name, script, jobs=4, parallel=1, ranges=None, strategy="Random", config=None, request=None,
             goal="Minimize", **definition):
        limits = {"MaxParallelTrainingJobs": parallel}
        if jobs:
            limits["MaxNumberOfTrainingJobs"] = jobs
        self.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": strategy,
                "HyperParameterTuningJobObjective": {"Type": goal, "MetricName": "score"},
                "ResourceLimits": limits,
                "ParameterRanges": ranges or X,
                **(config or {}),
            },
            TrainingJobDefinition=self.definition(script, **definition),
            **(request or {}),
        )

    def tuning(self, name):
        return self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def tuned(self, name, within_s=120):
        """The description of a tuning job when it has ended."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            job = self.tuning(name)
            if job["HyperParameterTuningJobStatus"] in ENDS:
                return job
            time.sleep(0.05)
        self.fail(f"{name}: {job}\n{self.trials(name)}")

    def trials(self, name):
        """The trials of a tuning job in the order of their numbers."""
        trials, more = [], {}
        while True:
            page = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
                HyperParameterTuningJobName=name, MaxResults=100, **more
            )
            trials += page["TrainingJobSummaries"]
            if "NextToken" not in page:
                return sorted(trials, key=lambda trial: trial["TrainingJobName"])
            more = {"NextToken": page["NextToken"]}

    def training(self, name, count=1):
        """The names of the trials that are training, when there are so many."""

        def found():
            names = [t["TrainingJobName"] for t in self.trials(name) if t["TrainingJobStatus"] == "InProgress"]
            names = [
                job
                for job in names
                if self.sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatus"] == "Training"
            ]
            return names if len(names) == count else None

        return self.until(found, f"{count} trials of {name} that run")

    def check_numbers(self, name, trials):
        """Every number once, from 1, in AWS's form of names."""
        pattern = re.compile(re.escape(name) + r"-(\d{3,})-[0-9a-f]{8}")
        numbers = [int(pattern.fullmatch(trial["TrainingJobName"]).group(1)) for trial in trials]
        self.assertEqual(numbers, list(range(1, len(trials) + 1)))


def value_of(trial):
    """The final objective of a trial; None: it has none."""
    return trial.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")


def parameters_of(trials):
    return [trial["TunedHyperParameters"] for trial in trials]
