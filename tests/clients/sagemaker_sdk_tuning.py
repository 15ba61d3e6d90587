"""Version 2 of the SageMaker Python SDK, unchanged, tunes: HyperparameterTuners of all strategies, of scripts and of
several estimators; analytics, the best model on an endpoint, stops, attaching, warm starts, failures.

Run by the interpreter of an environment with the package; see install_python_clients.py.
"""

import contextlib
import io
import itertools
import os
import re
import time
import unittest

import sagemaker_local
import sagemaker_sdk

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import sagemaker
    from sagemaker.analytics import HyperparameterTuningJobAnalytics
    from sagemaker.estimator import Estimator
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.sklearn import SKLearn
    from sagemaker.tuner import (
        CategoricalParameter, ContinuousParameter, HyperbandStrategyConfig, HyperparameterTuner, IntegerParameter,
        StrategyConfig, TuningJobCompletionCriteriaConfig, WarmStartConfig, WarmStartTypes,
    )
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

# The objective is highest where x is 0.3, and a little higher where the flavour is sweet. It comes once an epoch, each
# time closer to its end. As an endpoint it answers with the x that it was trained with.
PROGRAM = """#!/usr/bin/env python3
import http.server, json, os, sys, time
if sys.argv[1] == "train":
    values = json.load(open("/opt/ml/input/config/hyperparameters.json"))
    if values.get("mode") == "fail": sys.exit("no such mode")
    x, epochs = float(values.get("x", 0.5)), int(values.get("epochs", 1))
    final = 1 - (x - 0.3) ** 2 + 0.01 * (values.get("flavour") == "sweet") - 0.1 * int(values.get("n", 0))
    for epoch in range(1, epochs + 1):
        print("score=%.8f;" % (final - 1 + epoch / epochs), flush=True)
    if values.get("mode") == "wait": time.sleep(1000000)
    open("/opt/ml/model/x", "w").write(str(x))
    sys.exit(0)
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(b"")
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(open("/opt/ml/model/x", "rb").read())
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""
SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("-x", type=float)  # the toolkit gives names of one letter one dash
parser.add_argument("--flavour")
parser.add_argument("--fixed", type=int)
options = parser.parse_args()
assert options.fixed == 7
print("score=%.8f;" % (1 - (options.x - 0.3) ** 2 + (options.flavour == "sweet")))
"""
METRICS = [{"Name": "score", "Regex": "score=(.*?);"}]
X = {"x": ContinuousParameter(0, 1)}


class Tuning(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = sagemaker_sdk.start("--python", "/usr/bin/python3")
        cls.session = sagemaker.Session()
        cls.client = cls.session.sagemaker_client
        cls.image = cls.emulator.program("tuned", PROGRAM)
        cls.numbers = itertools.count(1)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def estimator(self, **hyperparameters):
        return Estimator(
            self.image, sagemaker_local.ROLE, 1, "ml.m5.large", sagemaker_session=self.session,
            hyperparameters=hyperparameters,
        )

    def tuner(self, estimator=None, ranges=None, **options):
        return HyperparameterTuner(
            estimator or self.estimator(), "score", ranges or X, METRICS,
            **{"max_jobs": 4, "max_parallel_jobs": 2, **options},
        )

    def shown(self, call):
        """What is shown meanwhile."""
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            call()
        return shown.getvalue()

    def fitted(self, tuner, **options):
        """The tuner, and its job's description when it has ended. The SDK's own names are one a minute."""
        if not tuner.base_tuning_job_name:
            options.setdefault("job_name", f"tuned-{next(self.numbers)}")
        self.shown(lambda: tuner.fit(**options))
        return tuner, tuner.describe()

    def jobs(self, tuner):
        """Summaries of the training jobs in the order of their creation."""
        return sorted(tuner.analytics().training_job_summaries(), key=lambda job: job["TrainingJobName"])

    def test_bayesian_search_with_analytics(self):
        tuner, job = self.fitted(self.tuner(
            self.estimator(epochs=2), {**X, "flavour": CategoricalParameter(["sweet", "sour"])}, strategy="Bayesian",
            max_jobs=8, base_tuning_job_name="bayes", random_seed=1, tags=[{"Key": "k", "Value": "v"}]))
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertRegex(tuner.latest_tuning_job.name, r"^bayes-\d{6}-\d{4}$")
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 8)
        self.assertEqual(job["ObjectiveStatusCounters"]["Succeeded"], 8)
        best = tuner.best_training_job()
        self.assertRegex(best, rf"^{tuner.latest_tuning_job.name}-00[1-8]-[0-9a-f]{{8}}$")
        training = self.client.describe_training_job(TrainingJobName=best)
        self.assertEqual(training["TuningJobArn"], job["HyperParameterTuningJobArn"])
        self.assertEqual(training["HyperParameters"]["_tuning_objective_metric"], "score")
        self.assertEqual(training["HyperParameters"]["epochs"], "2")
        for arn in (job["HyperParameterTuningJobArn"], training["TrainingJobArn"]):
            self.assertIn({"Key": "k", "Value": "v"}, self.client.list_tags(ResourceArn=arn)["Tags"])

        analytics = tuner.analytics()
        self.assertIsInstance(analytics, HyperparameterTuningJobAnalytics)
        frame = analytics.dataframe()
        self.assertEqual(len(frame), 8)
        self.assertTrue((frame["TrainingJobStatus"] == "Completed").all())
        highest = frame.loc[frame["FinalObjectiveValue"].idxmax()]
        self.assertEqual(highest["TrainingJobName"], best)
        self.assertAlmostEqual(
            highest["FinalObjectiveValue"], 1 - (highest["x"] - 0.3) ** 2 + 0.01 * (highest["flavour"] == "sweet"), 5)
        self.assertGreater(highest["FinalObjectiveValue"], 0.95)
        self.assertTrue((frame["TrainingElapsedTimeSeconds"] >= 0).all())
        self.assertEqual(analytics.tuning_ranges["x"]["MaxValue"], "1")
        self.assertEqual(analytics.tuning_ranges["flavour"]["Values"], ["sweet", "sour"])

    def test_the_best_model_is_deployed(self):
        tuner, _ = self.fitted(self.tuner(strategy="Random"))
        best = tuner.best_estimator()
        self.assertEqual(best.latest_training_job.name, tuner.best_training_job())
        predictor = tuner.deploy(1, "ml.m5.large")
        self.assertEqual(predictor.endpoint_name, tuner.best_training_job())
        summary = next(job for job in self.jobs(tuner) if job["TrainingJobName"] == tuner.best_training_job())
        self.assertEqual(float(predictor.predict(b"?")), float(summary["TunedHyperParameters"]["x"]))
        predictor.delete_model()
        predictor.delete_endpoint()

    def test_a_grid_and_the_least(self):
        tuner, job = self.fitted(self.tuner(
            ranges={"n": CategoricalParameter([1, 2, 3]), "flavour": CategoricalParameter(["sweet", "sour"])},
            strategy="Grid", max_jobs=6, objective_type="Minimize"))
        jobs = self.jobs(tuner)
        self.assertEqual(len({tuple(sorted(job["TunedHyperParameters"].items())) for job in jobs}), 6)
        self.assertEqual(job["BestTrainingJob"]["TunedHyperParameters"], {"n": "3", "flavour": "sour"})

    def test_a_script_of_a_framework(self):
        """Its values travel as JSON, in both directions."""
        script = self.emulator.file("script/train.py", SCRIPT.encode())
        estimator = SKLearn(
            script, role=sagemaker_local.ROLE, instance_type="ml.m5.large", framework_version="1.2-1",
            sagemaker_session=self.session, hyperparameters={"fixed": 7},
        )
        ranges = {**X, "flavour": CategoricalParameter(["sweet", "sour"])}
        tuner, job = self.fitted(self.tuner(estimator, ranges, max_jobs=6, strategy="Random"))
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 6)
        self.assertEqual(job["BestTrainingJob"]["TunedHyperParameters"]["flavour"], '"sweet"')
        best = tuner.best_estimator()
        self.assertIsInstance(best, SKLearn)
        self.assertEqual(best.hyperparameters()["fixed"], "7")

    def test_hyperband(self):
        tuner, job = self.fitted(self.tuner(
            self.estimator(epochs=9), strategy="Hyperband", max_jobs=9, max_parallel_jobs=3,
            strategy_config=StrategyConfig(HyperbandStrategyConfig(max_resource=9, min_resource=1))))
        counters = job["TrainingJobStatusCounters"]
        self.assertEqual(counters["Completed"] + counters["Stopped"], 9)
        self.assertEqual(job["HyperParameterTuningJobConfig"]["StrategyConfig"]["HyperbandStrategyConfig"],
                         {"MinResource": 1, "MaxResource": 9})
        self.assertTrue(tuner.best_training_job())

    def test_several_estimators(self):
        tuner = HyperparameterTuner.create(
            {"sweet": self.estimator(flavour="sweet"), "sour": self.estimator(flavour="sour", n=1)},
            {"sweet": "score", "sour": "score"}, {"sweet": X, "sour": X}, {"sweet": METRICS, "sour": METRICS},
            strategy="Random", max_jobs=6, max_parallel_jobs=2)
        tuner, job = self.fitted(tuner, inputs={}, include_cls_metadata={})
        self.assertEqual(job["BestTrainingJob"]["TrainingJobDefinitionName"], "sweet")
        frame = tuner.analytics().dataframe()
        self.assertEqual(set(frame["TrainingJobDefinitionName"]), {"sweet", "sour"})
        self.assertEqual(tuner.analytics().tuning_ranges["sour"]["x"]["MinValue"], "0")
        self.assertEqual(tuner.best_estimator().hyperparameters()["flavour"], "sweet")
        attached = HyperparameterTuner.attach(tuner.latest_tuning_job.name, self.session)
        self.assertEqual(set(attached.estimator_dict), {"sweet", "sour"})

    def test_a_job_is_stopped_and_found_again(self):
        tuner = self.tuner(self.estimator(mode="wait"))
        tuner.fit(wait=False, job_name="stops")
        deadline = time.monotonic() + 60
        while len(self.jobs(tuner)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        began = time.monotonic()
        attached = HyperparameterTuner.attach("stops", self.session)
        self.assertEqual(attached.describe()["HyperParameterTuningJobStatus"], "InProgress")
        self.assertEqual(set(attached.analytics().tuning_ranges), {"x"})
        self.assertLess(time.monotonic() - began, 45)  # a description that is held comes after 50 seconds
        tuner.stop_tuning_job()
        self.assertEqual((attached.max_jobs, attached.max_parallel_jobs, attached.strategy), (4, 2, "Bayesian"))
        self.assertEqual(attached.hyperparameter_ranges()["ContinuousParameterRanges"][0]["Name"], "x")
        self.shown(attached.wait)
        self.assertEqual(attached.describe()["HyperParameterTuningJobStatus"], "Stopped")
        self.assertEqual({job["TrainingJobStatus"] for job in self.jobs(attached)}, {"Stopped"})
        attached.stop_tuning_job()  # it has ended: no error

    def test_warm_starts(self):
        parent, _ = self.fitted(self.tuner(self.estimator(epochs=1), random_seed=3))
        name = parent.latest_tuning_job.name
        same = parent.identical_dataset_and_algorithm_tuner()
        same.metric_definitions = METRICS  # the SDK's helper leaves them out
        same, job = self.fitted(same)
        self.assertEqual(job["WarmStartConfig"]["WarmStartType"], "IdenticalDataAndAlgorithm")
        self.assertEqual(
            job["WarmStartConfig"]["ParentHyperParameterTuningJobs"], [{"HyperParameterTuningJobName": name}])
        values = [
            one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in self.jobs(parent) + self.jobs(same)
        ]
        self.assertAlmostEqual(
            job["OverallBestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], max(values), 5)

        other = self.tuner(self.estimator(epochs=3), warm_start_config=WarmStartConfig(
            WarmStartTypes.TRANSFER_LEARNING, {name, same.latest_tuning_job.name}))
        _, job = self.fitted(other)
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertNotIn("OverallBestTrainingJob", job)

    def test_the_end_is_near(self):
        """A target that the first training job reaches."""
        tuner, job = self.fitted(self.tuner(
            max_jobs=50, max_parallel_jobs=1, completion_criteria_config=TuningJobCompletionCriteriaConfig(
                target_objective_metric_value=0.01)))
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertLess(len(self.jobs(tuner)), 50)

    def test_autotune(self):
        """The estimator's own values say where to look."""
        tuner = HyperparameterTuner(
            self.estimator(x=0.5, epochs=2), "score", None, METRICS, max_jobs=3, max_parallel_jobs=1, autotune=True,
            hyperparameters_to_keep_static=["epochs"])
        tuner, job = self.fitted(tuner)
        self.assertEqual(job["Autotune"], {"Mode": "Enabled"})
        for one in self.jobs(tuner):
            self.assertEqual(set(one["TunedHyperParameters"]), {"x"})

    def test_a_failure_is_told(self):
        with self.assertRaises(UnexpectedStatusException) as caught:
            self.fitted(self.tuner(self.estimator(mode="fail")), job_name="fails")
        self.assertRegex(str(caught.exception), "Error for HyperParameterTuning job fails: Failed. Reason: .+")
        self.assertEqual(
            self.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="fails")
            ["ObjectiveStatusCounters"]["Succeeded"], 0)

    def test_whole_numbers_stay_whole(self):
        tuner, _ = self.fitted(self.tuner(ranges={"n": IntegerParameter(0, 5)}))
        for job in self.jobs(tuner):
            self.assertTrue(re.fullmatch("[0-5]", job["TunedHyperParameters"]["n"]))


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__)
    unittest.main()
