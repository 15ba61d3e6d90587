"""boto3 tunes hyperparameters with training jobs that really run: strategies, objectives, failures, early stopping and
the ends of tuning jobs."""

import json
import time
import urllib.request

import local_emulator
from tuning_jobs import SQUARE, TuningJobs, parameters_of, value_of

# What a trial leaves when it is stopped.
KEPT = "echo weights > /opt/ml/model/weights\n"


class Tuning(TuningJobs, local_emulator.TrainingJobs, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emulator_ = cls.emulator
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.logs = cls.emulator.client("logs")
        cls.s3.create_bucket(Bucket="jobs")

    def counters(self, job):
        return {
            key: value
            for counters in (job["TrainingJobStatusCounters"], job["ObjectiveStatusCounters"])
            for key, value in counters.items()
            if value
        }

    def test_random_search_runs_training_jobs_and_finds_the_best(self):
        self.tune(
            "random",
            SQUARE,
            jobs=6,
            parallel=2,
            request={"Tags": [{"Key": "team", "Value": "a"}]},
            StaticHyperParameters={"epochs": "3"},
        )
        job = self.tuned("random")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed", job)
        self.assertEqual(self.counters(job), {"Completed": 6, "Succeeded": 6})
        trials = self.trials("random")
        self.check_numbers("random", trials)
        for trial in trials:
            x = float(trial["TunedHyperParameters"]["x"])
            self.assertAlmostEqual(value_of(trial), (x - 0.3) ** 2)
            self.assertEqual(trial["ObjectiveStatus"], "Succeeded")
            child = self.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])
            self.assertEqual(child["TuningJobArn"], job["HyperParameterTuningJobArn"])
            self.assertEqual(
                child["HyperParameters"],
                {"x": trial["TunedHyperParameters"]["x"], "epochs": "3", "_tuning_objective_metric": "score"},
            )
            tags = self.sagemaker.list_tags(ResourceArn=child["TrainingJobArn"])["Tags"]
            self.assertEqual(tags, [{"Key": "team", "Value": "a"}])
        best = min(trials, key=value_of)
        self.assertEqual(job["BestTrainingJob"]["TrainingJobName"], best["TrainingJobName"])
        self.assertEqual(value_of(job["BestTrainingJob"]), value_of(best))
        self.assertEqual(len({x for trial in trials for x in trial["TunedHyperParameters"].values()}), 6)
        self.assertIn("RuntimeInSeconds", job["ConsumedResources"])
        self.assertGreaterEqual(job["HyperParameterTuningEndTime"], job["CreationTime"])

    def test_no_more_trials_at_once_than_asked_for(self):
        go = self.emulator.path("parallel.go")
        self.tune("parallel", f"value 1\nawait {go}\n", jobs=5, parallel=2)
        self.training("parallel", 2)
        self.assertEqual(len(self.trials("parallel")), 2)
        self.assertEqual(self.counters(self.tuning("parallel")), {"InProgress": 2, "Pending": 2})
        open(go, "w").close()
        self.tuned("parallel")
        trials = self.trials("parallel")
        self.assertEqual(len(trials), 5)
        for trial in trials:
            beside = [
                other
                for other in trials
                if other["CreationTime"] <= trial["CreationTime"] < other["TrainingEndTime"]
            ]
            self.assertLessEqual(len(beside), 2)

    def test_grid_search_tries_every_combination_once(self):
        ranges = {
            "CategoricalParameterRanges": [
                {"Name": "x", "Values": ["1", "2", "3"]},
                {"Name": "y", "Values": ["a", "b"]},
            ]
        }
        self.tune("grid", "value $x\n", jobs=None, parallel=3, ranges=ranges, strategy="Grid", goal="Maximize")
        job = self.tuned("grid")
        self.assertEqual(self.counters(job), {"Completed": 6, "Succeeded": 6})
        tried = {(p["x"], p["y"]) for p in parameters_of(self.trials("grid"))}
        self.assertEqual(tried, {(x, y) for x in "123" for y in "ab"})
        self.assertEqual(value_of(job["BestTrainingJob"]), 3)

    def test_the_same_seed_gives_the_same_trials(self):
        for strategy in ("Random", "Bayesian"):
            tried = {}
            for name, seed in (("one", 7), ("two", 7), ("three", 8)):
                name = f"{strategy}-{name}"
                self.tune(name, SQUARE, jobs=6, strategy=strategy, config={"RandomSeed": seed})
                self.assertEqual(self.tuned(name)["HyperParameterTuningJobStatus"], "Completed")
                tried[name.split("-")[1]] = parameters_of(self.trials(name))
            self.assertEqual(tried["one"], tried["two"])
            self.assertNotEqual(tried["one"], tried["three"])

    def test_bayesian_search_comes_close(self):
        self.tune("bayesian", SQUARE, jobs=14, parallel=2, strategy="Bayesian", config={"RandomSeed": 1})
        job = self.tuned("bayesian")
        self.assertLess(value_of(job["BestTrainingJob"]), 1e-3)

    def test_the_last_value_of_a_trial_is_its_objective(self):
        self.tune("last", "value 5\nvalue nan\nvalue 2\nvalue inf\n", jobs=1)
        self.assertEqual(value_of(self.tuned("last")["BestTrainingJob"]), 2)

    def test_trials_that_fail_or_say_nothing_have_no_objective(self):
        self.tune("mixed", "case $n in 1) value 4; exit 3;; 2) echo nothing;; 3) value 3;; esac\n", jobs=3)
        job = self.tuned("mixed")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(self.counters(job), {"Completed": 2, "NonRetryableError": 1, "Succeeded": 1, "Failed": 2})
        failed, silent, good = self.trials("mixed")
        self.assertEqual((failed["TrainingJobStatus"], failed["ObjectiveStatus"]), ("Failed", "Failed"))
        self.assertIn("AlgorithmError", failed["FailureReason"])
        self.assertEqual((silent["TrainingJobStatus"], silent["ObjectiveStatus"]), ("Completed", "Failed"))
        self.assertEqual((value_of(failed), value_of(silent), value_of(good)), (None, None, 3))
        self.assertEqual(job["BestTrainingJob"]["TrainingJobName"], good["TrainingJobName"])

    def test_without_a_success_the_tuning_job_fails(self):
        endings = {
            "fails": ("exit 1\n", 9, "No training job succeeded after 5 attempts."),
            "fails-soon": ("exit 1\n", 2, "All training jobs failed."),
            "silent": ("echo hello\n", 9, "No objective metrics found after running 5 training jobs."),
        }
        for name, (script, jobs, reason) in endings.items():
            self.tune(name, script, jobs=jobs)
            job = self.tuned(name)
            self.assertEqual(job["HyperParameterTuningJobStatus"], "Failed")
            self.assertTrue(job["FailureReason"].startswith(reason), job["FailureReason"])
            self.assertEqual(len(self.trials(name)), min(jobs, 5))
            self.assertNotIn("BestTrainingJob", job)

    def local(self, path):
        request = urllib.request.Request(self.emulator.url + "/_local/" + path, data=b"{}", method="POST")
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def test_internal_errors_are_retried_as_often_as_the_trials_say(self):
        for name, retries in (("breaks", 0), ("retried", 1)):
            go = self.emulator.path(name + ".go")
            more = {"RetryStrategy": {"MaximumRetryAttempts": retries}} if retries else {}
            self.tune(name, f"value $n\nawait {go}\n", jobs=2, **more)
            self.local(f"training-jobs/{self.training(name)[0]}/break-down")
            open(go, "w").close()
            expected = {"Completed": 2, "Succeeded": 2}
            if not retries:
                expected = {"Completed": 1, "RetryableError": 1, "Succeeded": 1, "Failed": 1}
            self.assertEqual(self.counters(self.tuned(name)), expected)

    def test_early_stopping_ends_what_falls_behind(self):
        # Whoever falls behind would never end by itself.
        script = KEPT + "test $n -gt 6 && { value 9; value 9; hang; }\nfor e in 1 2 3 4; do value 1; done\n"
        self.tune("early", script, jobs=8, config={"TrainingJobEarlyStoppingType": "Auto"})
        job = self.tuned("early")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(self.counters(job), {"Completed": 6, "Stopped": 2, "Succeeded": 8})
        for trial in self.trials("early")[6:]:
            self.assertEqual((trial["TrainingJobStatus"], value_of(trial)), ("Stopped", 9))
            self.s3.head_object(Bucket="jobs", Key=f"output/{trial['TrainingJobName']}/output/model.tar.gz")
        self.assertEqual(value_of(job["BestTrainingJob"]), 1)

    def test_hyperband_stops_trials_at_its_rungs(self):
        # Nobody ends by itself: those that use the greatest resource are stopped then, others before.
        script = "for e in 1 2 3 4 5 6 7 8 9; do value $n.$e; test $n -gt 1 && sleep 0.1; done\nhang\n"
        config = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}}
        self.tune("hyperband", script, jobs=9, parallel=1, strategy="Hyperband", config=config)
        job = self.tuned("hyperband")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(self.counters(job), {"Stopped": 9, "Succeeded": 9})
        self.assertEqual(value_of(job["BestTrainingJob"]), 1.9)

    def test_a_target_that_is_reached_ends_the_tuning_job(self):
        go = self.emulator.path("target.go")
        script = f"test $n = 2 && {{ await {go}; value 0.25; exit 0; }}\nvalue 0.5\n{KEPT}"
        script += "echo said\ntest $n = 1 || hang\n"
        config = {"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.25}}
        self.tune("target", script, jobs=9, parallel=2, config=config)
        self.until(lambda: len(self.trials("target")) == 3, "trial 3")
        third = self.training("target", 2)[1]
        self.until(lambda: "said" in self.messages(third), "a trial that hangs")
        open(go, "w").close()
        job = self.tuned("target")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(self.counters(job), {"Completed": 2, "Stopped": 1, "Succeeded": 3})
        self.assertEqual(value_of(job["BestTrainingJob"]), 0.25)

    def test_trials_that_do_not_improve_end_the_tuning_job(self):
        config = {
            "TuningJobCompletionCriteria": {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
        }
        self.tune("plateau", "test $n = 1 && value 2 || value 1\n", jobs=20, config=config)
        job = self.tuned("plateau")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(len(self.trials("plateau")), 5)
        self.assertEqual(job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"], 3)

    def test_several_definitions_share_the_trials(self):
        objective = {"Type": "Minimize", "MetricName": "score"}
        definitions = [
            {
                "DefinitionName": name,
                "TuningObjective": objective,
                "HyperParameterRanges": {
                    "ContinuousParameterRanges": [{"Name": "x", "MinValue": low, "MaxValue": high}]
                },
                **self.definition("value $x\n"),
            }
            for name, low, high in (("small", "1", "2"), ("large", "5", "6"))
        ]
        self.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="several",
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2},
            },
            TrainingJobDefinitions=definitions,
        )
        job = self.tuned("several")
        self.assertEqual(self.counters(job), {"Completed": 6, "Succeeded": 6})
        trials = self.trials("several")
        self.check_numbers("several", trials)
        names = [trial["TrainingJobDefinitionName"] for trial in trials]
        self.assertEqual((names.count("small"), names.count("large")), (3, 3))
        self.assertEqual(job["BestTrainingJob"]["TrainingJobDefinitionName"], "small")
        for trial in trials:
            self.assertEqual(trial["TrainingJobDefinitionName"] == "small", value_of(trial) < 3)

    def test_a_trial_that_is_stopped_by_hand_counts_and_the_rest_goes_on(self):
        self.tune("by-hand", "value 4\nif [ $n = 1 ]; then echo said; hang; fi\n", jobs=3)
        trial = self.training("by-hand")[0]
        self.until(lambda: "said" in self.messages(trial), "a trial that hangs")
        self.sagemaker.stop_training_job(TrainingJobName=trial)
        job = self.tuned("by-hand")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(self.counters(job), {"Completed": 2, "Stopped": 1, "Succeeded": 3})

    def test_fifty_trials_ten_at_once(self):
        began = time.monotonic()
        self.tune("fifty", SQUARE, jobs=50, parallel=10)
        job = self.tuned("fifty")
        print(f"50 trials, 10 at once: {time.monotonic() - began:.1f} s")
        self.assertEqual(self.counters(job), {"Completed": 50, "Succeeded": 50})
        trials = self.trials("fifty")
        self.check_numbers("fifty", trials)
        self.assertEqual(value_of(job["BestTrainingJob"]), min(map(value_of, trials)))


if __name__ == "__main__":
    local_emulator.main()
