"""boto3 asks for tuning jobs: what is refused, in AWS's words, and what Describe, List, Stop and Delete say.

How tuning jobs work is in boto3_tuning.py.
"""

import time

import local_emulator
from botocore.exceptions import ClientError

# Ends when there is a file named "go" beside it, or at once where it is said so.
TRAIN = """#!/bin/sh
while grep -q '"wait"' /opt/ml/input/config/hyperparameters.json && [ ! -e "$GO" ]; do sleep 0.05; done
echo "loss=0.5;"
"""


def lr(least="1e-4", most="1", scale=None):
    return {"Name": "lr", "MinValue": least, "MaxValue": most, **({"ScalingType": scale} if scale else {})}


def categories(name="opt", values=("sgd", "adam")):
    return {"Name": name, "Values": list(values)}


class TuningTest(local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False, parameter_validation=False)
        cls.s3 = cls.emulator.client("s3")
        cls.s3.create_bucket(Bucket="jobs")
        cls.s3.put_object(Bucket="jobs", Key="input/part.csv", Body=b"1,2,3\n")
        cls.image = cls.emulator.program("train", TRAIN)
        cls.go = cls.emulator.path("go")

    def request(self, name="tune", **changes):
        """`changes`: by the name of a member, wherever it stands in the request; None takes it out."""
        request = {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {"ContinuousParameterRanges": [lr()]},
            },
            "TrainingJobDefinition": self.definition(),
        }
        places = [
            request,
            request["HyperParameterTuningJobConfig"],
            request["HyperParameterTuningJobConfig"]["ResourceLimits"],
            request["TrainingJobDefinition"],
            request["TrainingJobDefinition"]["AlgorithmSpecification"],
        ]
        homes = {
            "TrainingJobDefinitions": 0, "WarmStartConfig": 0, "Autotune": 0, "Tags": 0,
            "StrategyConfig": 1, "TrainingJobEarlyStoppingType": 1, "RandomSeed": 1, "TuningJobCompletionCriteria": 1,
            "MaxRuntimeInSeconds": 2,
        }  # fmt: skip
        for member, value in changes.items():
            home = next((place for place in places if member in place), places[homes.get(member, 3)])
            if value is None:
                home.pop(member, None)
            else:
                home[member] = value
        return request

    def definition(self, **more):
        return {
            "StaticHyperParameters": {"epochs": "3"},
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}],
            },
            "RoleArn": local_emulator.ROLE,
            "InputDataConfig": [
                {
                    "ChannelName": "training",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://jobs/input/"}},
                }
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://jobs/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "Environment": {"GO": self.go},
            **more,
        }

    def create(self, name="tune", **changes):
        return self.sagemaker.create_hyper_parameter_tuning_job(**self.request(name, **changes))

    def describe(self, name):
        return self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def ended(self, name, within_s=90):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            job = self.describe(name)
            if job["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped"):
                return job
            time.sleep(0.05)
        self.fail(f"{name} is still {job['HyperParameterTuningJobStatus']}")

    def refusal(self, call, code="ValidationException"):
        with self.assertRaises(ClientError) as caught:
            call()
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def refused(self, text, code="ValidationException", **changes):
        with self.subTest(text):
            self.assertIn(text, self.refusal(lambda: self.create(**changes), code))
            self.refusal(lambda: self.describe("tune"), "ResourceNotFound")  # nothing of it is kept


class Refusals(TuningTest):
    def ranges(self, **lists):
        names = {"c": "Continuous", "i": "Integer", "k": "Categorical"}
        return {"ParameterRanges": {names[key] + "ParameterRanges": value for key, value in lists.items()}}

    def refused_bounds(self, text, **lists):
        self.refused("The range of the hyperparameter lr is invalid: " + text, **self.ranges(**lists))

    def test_bounds(self):
        self.refused_bounds("MinValue [low] is not a number.", c=[lr("low")])
        self.refused_bounds("MaxValue [1e999] is not a number.", c=[lr(most="1e999")])
        self.refused_bounds("MinValue [0.5] is not an integer.", i=[lr("0.5", "3")])
        self.refused_bounds("MinValue must be less than MaxValue: MinValue [2], MaxValue [1].", c=[lr("2", "1")])
        self.refused_bounds("MinValue must be less than MaxValue: MinValue [3], MaxValue [3].", i=[lr("3", "3")])
        self.refused_bounds(
            "Logarithmic scaling works only for ranges that have only values greater than 0",
            c=[lr("0", "1", "Logarithmic")],
        )
        self.refused_bounds("Logarithmic scaling works only for", i=[lr("0", "8", "Logarithmic")])
        for least, most in (("-0.1", "0.5"), ("0.5", "1")):
            self.refused_bounds(
                "ReverseLogarithmic scaling works only for ranges that are entirely within the range 0<=x<1.0",
                c=[lr(least, most, "ReverseLogarithmic")],
            )
        self.refused_bounds(
            "ReverseLogarithmic scaling works only for continuous hyperparameters.",
            i=[lr("-5", "0", "ReverseLogarithmic")],
        )
        self.refused(
            "the value [sgd] is in Values more than once.", **self.ranges(k=[categories(values=("sgd", "sgd"))])
        )

    def test_names_and_numbers_of_hyperparameters(self):
        self.refused("The hyperparameter lr is defined more than once", **self.ranges(c=[lr()], i=[lr("1", "9")]))
        self.refused(
            "The hyperparameter lr is defined both in StaticHyperParameters and in ParameterRanges.",
            StaticHyperParameters={"lr": "1"},
        )
        self.refused("names that start with an underscore are reserved", **self.ranges(k=[categories("_opt")]))
        self.refused("The static hyperparameter _tuning_objective_metric is reserved",
                     StaticHyperParameters={"_tuning_objective_metric": "accuracy"})  # fmt: skip
        self.refused("At least one hyperparameter range is required", ParameterRanges={})
        many = [dict(lr(), Name=f"p{i}") for i in range(31)]
        self.refused(
            "The number of hyperparameters to search, [31], must be equal to or less than [30].",
            **self.ranges(c=many[:20], i=[dict(one, MinValue="1", MaxValue="9") for one in many[20:]]),
        )
        self.refused("must be equal to or less than [100]", StaticHyperParameters={f"s{i}": "1" for i in range(99)})
        self.refused("length less than or equal to 30", **self.ranges(k=[categories(values=map(str, range(31)))]))

    def test_objective_needs_a_metric(self):
        text = "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric"
        self.refused(text + " definitions.", MetricDefinitions=[{"Name": "accuracy", "Regex": "a=(.*)"}])
        self.refused(text, MetricDefinitions=None)
        self.refused("HyperParameterTuningJobObjective is required", HyperParameterTuningJobObjective=None)

    def test_combinations(self):
        self.refused(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            "combinations for the provided ranges [3.0] must be equal or greater than the value of MaxNumberOfJobs, "
            "[10]. Provide additional ranges.",
            **self.ranges(i=[lr("1", "3")]),
            ResourceLimits={"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 1},
        )

    def test_grid(self):
        two_by_two = self.ranges(k=[categories(), categories("act", ("relu", "tanh"))])
        text = "The Grid strategy supports only categorical hyperparameter ranges."
        self.refused(text, Strategy="Grid")
        self.refused(text, Strategy="Grid", **self.ranges(i=[lr("1", "2")]))
        self.refused("must be equal to the total number of hyperparameter combinations", Strategy="Grid", **two_by_two)
        self.refused(
            "'Maximum number of training jobs per hyperparameter tuning job' is 750",
            "ResourceLimitExceeded",
            Strategy="Grid",
            MaxNumberOfTrainingJobs=None,
            **self.ranges(k=[categories(f"c{i}", map(str, range(10))) for i in range(3)]),
        )

    def test_hyperband(self):
        self.refused(
            "MaxResource parameter is not provided and could not be inferred from provided static hyperparameters of "
            "TrainingJobDefinition.",
            Strategy="Hyperband",
            StaticHyperParameters={"depth": "3"},
        )
        config = lambda **resource: {"HyperbandStrategyConfig": resource}  # noqa: E731
        self.refused("[20001], must be equal to or less than [20000]", Strategy="Hyperband",
                     StrategyConfig=config(MaxResource=20001))  # fmt: skip
        self.refused("The value of MinResource, [4], must be equal to or less than the value of MaxResource, [3].",
                     Strategy="Hyperband", StrategyConfig=config(MinResource=4))  # fmt: skip
        self.refused("TrainingJobEarlyStoppingType must be Off to use the Hyperband strategy.", Strategy="Hyperband",
                     TrainingJobEarlyStoppingType="Auto")  # fmt: skip
        self.refused("HyperbandStrategyConfig is only supported for the Hyperband strategy.",
                     StrategyConfig=config(MaxResource=9))  # fmt: skip

    def test_limits(self):
        quota = "The account-level service limit "
        quota += "'Maximum number of {}training jobs per hyperparameter tuning job' is {}"
        limits = lambda jobs, parallel: {  # noqa: E731
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel}
        }
        for strategy, jobs, parallel in (("Bayesian", 750, 10), ("Random", 10_000, 100)):
            self.refused(quota.format("", jobs), "ResourceLimitExceeded", Strategy=strategy, **limits(jobs + 1, 1))
            self.refused(quota.format("parallel ", parallel), "ResourceLimitExceeded", Strategy=strategy,
                         **limits(200, parallel + 1))  # fmt: skip
        self.refused("The value of MaxParallelTrainingJobs, [3], must be equal to or less than", **limits(2, 3))
        self.refused("MaxNumberOfTrainingJobs is required", MaxNumberOfTrainingJobs=None)
        for seconds in (119, 15768001):
            self.refused("maxRuntimeInSeconds", MaxRuntimeInSeconds=seconds)
        self.refused("maxNumberOfTrainingJobsNotImproving", TuningJobCompletionCriteria={
            "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 2}})  # fmt: skip
        self.refused(
            "The account-level service limit 'ml.m5.large for training job usage' is 250 Instances, with current "
            "utilization of 0 Instances and a request delta of 260 Instances.",
            "ResourceLimitExceeded",
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 130, "VolumeSizeInGB": 5},
            **limits(2, 2),
        )

    def test_definitions(self):
        text = "You must specify exactly one of TrainingJobDefinition and TrainingJobDefinitions."
        self.refused(text, TrainingJobDefinitions=[self.definition()])
        self.refused(text, TrainingJobDefinition=None)
        several = {"TrainingJobDefinition": None, "HyperParameterTuningJobObjective": None, "ParameterRanges": None}
        one = self.definition(
            DefinitionName="a",
            TuningObjective={"Type": "Minimize", "MetricName": "loss"},
            HyperParameterRanges={"ContinuousParameterRanges": [lr()]},
        )
        self.refused("The DefinitionName a is used by more than one", TrainingJobDefinitions=[one, one], **several)
        other = dict(one, DefinitionName="b", TuningObjective={"Type": "Maximize", "MetricName": "loss"})
        self.refused("The Type of TuningObjective must be the same for all of TrainingJobDefinitions",
                     TrainingJobDefinitions=[one, other], **several)  # fmt: skip
        for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
            other = {key: value for key, value in one.items() if key != member}
            self.refused(f"{member} is required for each", TrainingJobDefinitions=[one, other], **several)
        self.refused("HyperParameterTuningJobObjective can't be specified here", TrainingJobDefinitions=[one],
                     TrainingJobDefinition=None, ParameterRanges=None)  # fmt: skip
        self.refused("TuningObjective can't be specified here", TuningObjective=one["TuningObjective"])
        self.refused("length less than or equal to 10", TrainingJobDefinitions=[one] * 11, **several)
        variables = [
            dict(one, DefinitionName=name, Environment={f"{name}{i}": "1" for i in range(25)}) for name in "ab"
        ]
        self.refused("environment variables of all training job definitions, [50]", TrainingJobDefinitions=variables,
                     **several)  # fmt: skip

    def test_resources(self):
        fixed = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
        flexible = "HyperParameterTuningResourceConfig"
        text = "You must specify exactly one of ResourceConfig and HyperParameterTuningResourceConfig."
        self.refused(text, **{flexible: fixed})
        self.refused(text, ResourceConfig=None)
        wrong = {
            "InstanceType is required": {"InstanceCount": 1},
            "If you use InstanceConfigs, do not provide a value for InstanceCount.": {
                "InstanceConfigs": [fixed],
                "InstanceCount": 1,
            },
            "AllocationStrategy is only supported with InstanceConfigs.": dict(fixed, AllocationStrategy="Prioritized"),
        }
        for text, config in wrong.items():
            self.refused(text, ResourceConfig=None, **{flexible: config})

    def test_what_create_training_job_would_refuse(self):
        self.refused("No S3 objects found under S3 URL", InputDataConfig=[
            {"ChannelName": "training", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                                                       "S3Uri": "s3://jobs/none/"}}}])  # fmt: skip
        self.refused('ECR image "nothing" is invalid', TrainingImage="nothing")
        self.refused("Invalid MaxWaitTimeInSeconds", EnableManagedSpotTraining=True)
        self.refused("is used by SageMaker", CheckpointConfig={"S3Uri": "s3://jobs/c", "LocalPath": "/opt/ml/model"})
        self.refused("AlgorithmName is not implemented by sagemaker-local yet", TrainingImage=None,
                     AlgorithmSpecification=dict(self.definition()["AlgorithmSpecification"], TrainingImage=None,
                                                 AlgorithmName="mine"))  # fmt: skip

    def test_autotune(self):
        hint = {"AutoParameters": [{"Name": "depth", "ValueHint": "4"}]}
        self.refused("AutoParameters can only be used if the Mode of Autotune is Enabled.", ParameterRanges=hint)
        self.refused("The hyperparameter depth is defined both", ParameterRanges=hint, Autotune={"Mode": "Enabled"},
                     StaticHyperParameters={"depth": "3"})  # fmt: skip

    def test_names(self):
        for name in ("a" * 33, "-a", "a_b", ""):
            self.assertIn("hyperParameterTuningJobName", self.refusal(lambda: self.create(name)))

    def test_jobs_that_are_not_there(self):
        text = "Amazon SageMaker can't find a tuning job with the name, none"
        for operation in ("describe", "stop", "delete"):
            call = getattr(self.sagemaker, f"{operation}_hyper_parameter_tuning_job")
            self.assertIn(
                text, self.refusal(lambda: call(HyperParameterTuningJobName="none"), "ResourceNotFound"), operation
            )
        children = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job
        self.assertIn(text, self.refusal(lambda: children(HyperParameterTuningJobName="none"), "ResourceNotFound"))


class Jobs(TuningTest):
    def test_what_describe_shows(self):
        answer = self.create(
            "shown",
            Tags=[{"Key": "k", "Value": "v"}],
            ResourceConfig=None,
            HyperParameterTuningResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        self.assertEqual(
            self.refusal(lambda: self.create("shown"), "ResourceInUse"),
            "A hyperparameter tuning job with the name, shown, already exists. Choose a different name.",
        )
        job = self.ended("shown")
        self.assertEqual(job["HyperParameterTuningJobArn"], answer["HyperParameterTuningJobArn"])
        self.assertTrue(job["HyperParameterTuningJobArn"].endswith(":hyper-parameter-tuning-job/shown"))
        config = job["HyperParameterTuningJobConfig"]
        self.assertEqual(config["TrainingJobEarlyStoppingType"], "Off")
        self.assertEqual(
            config["ParameterRanges"],
            {
                "ContinuousParameterRanges": [lr(scale="Auto")],
                "IntegerParameterRanges": [],
                "CategoricalParameterRanges": [],
            },
        )
        definition = job["TrainingJobDefinition"]
        self.assertEqual(
            definition["StaticHyperParameters"], {"epochs": "3", "_tuning_objective_metric": "loss"}
        )
        # What the SDK's HyperparameterTuner.attach() reads.
        self.assertEqual(
            definition["ResourceConfig"], {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        )
        self.assertEqual(definition["OutputDataConfig"], {"S3OutputPath": "s3://jobs/output", "KmsKeyId": ""})
        self.assertLessEqual(job["CreationTime"], job["HyperParameterTuningEndTime"])
        self.assertLessEqual(job["HyperParameterTuningEndTime"], job["LastModifiedTime"])
        self.assertEqual(
            set(job["TrainingJobStatusCounters"]),
            {"Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"},
        )
        self.assertEqual(set(job["ObjectiveStatusCounters"]), {"Succeeded", "Pending", "Failed"})
        self.assertEqual(
            self.sagemaker.list_tags(ResourceArn=job["HyperParameterTuningJobArn"])["Tags"],
            [{"Key": "k", "Value": "v"}],
        )
        self.assertNotIn("_notes", job)

    def test_autotune_shows_what_it_chose(self):
        self.create("chosen", Autotune={"Mode": "Enabled"}, MaxNumberOfTrainingJobs=2, ParameterRanges={
            "AutoParameters": [{"Name": "depth", "ValueHint": "4"}]})  # fmt: skip
        job = self.ended("chosen")
        self.assertEqual(job["Autotune"], {"Mode": "Enabled"})
        ranges = job["HyperParameterTuningJobConfig"]["ParameterRanges"]
        self.assertNotIn("AutoParameters", ranges)
        self.assertEqual([one["Name"] for one in ranges["IntegerParameterRanges"]], ["depth"])
        self.assertEqual(job["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"], "Auto")

    def test_lists(self):
        for name in ("list-b", "list-a", "list-c"):
            self.create(name)
            self.ended(name)
        names = lambda **more: [  # noqa: E731
            job["HyperParameterTuningJobName"]
            for job in self.sagemaker.list_hyper_parameter_tuning_jobs(NameContains="list-", **more)[
                "HyperParameterTuningJobSummaries"
            ]
        ]
        self.assertEqual(names(), ["list-a", "list-b", "list-c"])  # by name, ascending, where nothing is said
        self.assertEqual(names(SortOrder="Descending"), ["list-c", "list-b", "list-a"])
        self.assertEqual(names(SortBy="CreationTime"), ["list-b", "list-a", "list-c"])
        self.assertEqual(names(StatusEquals="InProgress"), [])
        pages = self.sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
            NameContains="list-", PaginationConfig={"PageSize": 2}
        )
        found = [job for page in pages for job in page["HyperParameterTuningJobSummaries"]]
        self.assertEqual(len(found), 3)
        self.assertEqual(found[0]["Strategy"], "Random")
        self.assertEqual(found[0]["ResourceLimits"], {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1})
        for member in ("HyperParameterTuningEndTime", "TrainingJobStatusCounters", "ObjectiveStatusCounters"):
            self.assertIn(member, found[0])
        self.assertEqual(
            self.refusal(lambda: self.sagemaker.list_hyper_parameter_tuning_jobs(NextToken="none")),
            "Invalid pagination token given.",
        )

    def test_ended_jobs_can_be_deleted_and_not_stopped(self):
        self.create("gone", Tags=[{"Key": "k", "Value": "v"}])
        job = self.ended("gone")
        self.assertEqual(
            self.refusal(lambda: self.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="gone")),
            "The request was rejected because the hyperparameter tuning job is in status "
            f"{job['HyperParameterTuningJobStatus']}.",
        )
        self.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="gone")
        self.refusal(lambda: self.describe("gone"), "ResourceNotFound")
        self.create("gone")  # the name is free again, and nothing of the first job is there
        self.assertEqual(
            self.sagemaker.list_tags(ResourceArn=job["HyperParameterTuningJobArn"])["Tags"], []
        )
        self.ended("gone")


    def test_a_job_under_way_and_its_training_jobs(self):
        children = lambda **more: self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(  # noqa: E731
            HyperParameterTuningJobName="runs", **more
        )["TrainingJobSummaries"]
        self.create("runs", StaticHyperParameters={"mode": "wait"}, Tags=[{"Key": "team", "Value": "a"}])
        deadline = time.monotonic() + 60
        while not children() and time.monotonic() < deadline:
            time.sleep(0.05)
        child = children(StatusEquals="InProgress")[0]
        self.assertRegex(child["TrainingJobName"], r"^runs-001-[0-9a-f]{8}$")
        self.assertEqual(child["ObjectiveStatus"], "Pending")
        self.assertEqual(list(child["TunedHyperParameters"]), ["lr"])
        self.assertEqual(children(SortBy="FinalObjectiveMetricValue"), [])
        job = self.describe("runs")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "InProgress")
        self.assertNotIn("BestTrainingJob", job)
        training = self.sagemaker.describe_training_job(TrainingJobName=child["TrainingJobName"])
        self.assertEqual(training["TuningJobArn"], job["HyperParameterTuningJobArn"])
        self.assertEqual(
            training["HyperParameters"],
            {"mode": "wait", "_tuning_objective_metric": "loss", **child["TunedHyperParameters"]},
        )
        self.assertNotIn("_notes", training)
        self.assertEqual(
            self.sagemaker.list_tags(ResourceArn=child["TrainingJobArn"])["Tags"], [{"Key": "team", "Value": "a"}]
        )
        delete = lambda: self.sagemaker.delete_hyper_parameter_tuning_job(  # noqa: E731
            HyperParameterTuningJobName="runs"
        )
        self.assertIn("hyperparameter tuning job is in status InProgress", self.refusal(delete, "ResourceInUse"))
        warm = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "runs"}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
        self.refused("All parent jobs must be in a terminal state", WarmStartConfig=warm)
        with open(self.go, "w"):
            pass
        job = self.ended("runs")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(job["BestTrainingJob"]["ObjectiveStatus"], "Succeeded")
        self.assertEqual(
            job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"], {"MetricName": "loss", "Value": 0.5}
        )
        for order in ("Name", "CreationTime", "Status", "FinalObjectiveMetricValue"):
            first = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
                HyperParameterTuningJobName="runs", SortBy=order, MaxResults=1
            )
            rest = children(SortBy=order, NextToken=first["NextToken"])
            self.assertEqual(
                [job["TrainingJobName"][:8] for job in first["TrainingJobSummaries"] + rest], ["runs-001", "runs-002"]
            )
        delete()
        self.assertEqual(  # which deletes none of its training jobs
            self.sagemaker.describe_training_job(TrainingJobName=child["TrainingJobName"])["TrainingJobStatus"],
            "Completed",
        )


class WarmStarts(TuningTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        self = cls()
        self.create("parent", StaticHyperParameters={f"s{i}": "1" for i in range(6)})
        self.ended("parent")

    def warm(self, text, kind="IdenticalDataAndAlgorithm", parents=("parent",), **changes):
        changes.setdefault("StaticHyperParameters", {f"s{i}": "1" for i in range(6)})
        config = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name} for name in parents],
            "WarmStartType": kind,
        }
        self.refused(text, WarmStartConfig=config, **changes)

    def test_parents(self):
        self.warm("can't find a tuning job with the name, none", parents=["none"])
        self.warm("length less than or equal to 5", parents=["parent"] * 6)
        self.warm("must name each parent hyperparameter tuning job once", parents=["parent", "parent"])

    def test_hyperparameters(self):
        self.warm(
            "The set of tunable plus static HyperParameter names is not the same across current and parent tuning "
            "jobs. Please ensure this set is constant when warm starting. Note that previously static HyperParameters "
            "can be tuned in warm start jobs and vice versa.",
            StaticHyperParameters={"s0": "1"},
        )
        self.warm("The type of the HyperParameter lr is not the same", ParameterRanges={
            "IntegerParameterRanges": [lr("1", "9")]})  # fmt: skip
        self.warm("[12], must be equal to or less than [10]", "TransferLearning",
                  StaticHyperParameters={f"s{i}": "2" for i in range(6)})  # fmt: skip
        self.warm("The objective metric for the tuning job must be the same",
                  HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "loss"})  # fmt: skip

    def test_the_rest_of_the_definition(self):
        free = "outputDataConfig, staticHyperParameters, roleArn, resourceConfig, stoppingCondition, vpcConfig, "
        free += "enableManagedSpotTraining, checkpointConfig]."
        text = "Only the following fields in TrainingJobDefinition are allowed to change: ["
        self.warm(text + "algorithmSpecification, inputDataConfig, " + free, "TransferLearning", Environment={"A": "1"})
        self.warm(text + free, InputDataConfig=None)
        self.warm(text + free, TrainingImage=self.emulator.program("other", TRAIN))

    def test_what_may_change(self):
        config = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}]}
        self.create(
            "child",
            WarmStartConfig=dict(config, WarmStartType="TransferLearning"),
            InputDataConfig=None,
            StaticHyperParameters={f"s{i}": "1" for i in range(5)},
            ParameterRanges={"ContinuousParameterRanges": [lr("0.1", "2"), dict(lr(), Name="s5")]},
            TrainingImage=self.emulator.program("other", TRAIN),
        )
        job = self.ended("child")
        self.assertEqual(job["WarmStartConfig"]["WarmStartType"], "TransferLearning")
        self.assertNotIn("OverallBestTrainingJob", job)

    def test_the_best_of_all(self):
        parents = [{"HyperParameterTuningJobName": "parent"}]
        self.create(
            "same",
            WarmStartConfig={
                "ParentHyperParameterTuningJobs": parents,
                "WarmStartType": "IdenticalDataAndAlgorithm",
            },
            StaticHyperParameters={f"s{i}": "1" for i in range(6)},
            TrainingImage=self.image_with("loss=0.75"),
        )
        job = self.ended("same")
        self.assertEqual(job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], 0.75)
        best = job["OverallBestTrainingJob"]
        self.assertEqual(best["TuningJobName"], "parent")
        self.assertEqual(best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], 0.5)
        self.assertTrue(best["TrainingJobName"].startswith("parent-00"))

    def image_with(self, line):
        """The same image, which prints something else from now on."""
        self.emulator.program("train", "#!/bin/sh\necho '%s;'\n" % line)
        self.addCleanup(self.emulator.program, "train", TRAIN)
        return self.image


if __name__ == "__main__":
    local_emulator.main()
