"""boto3 follows tuning jobs through kill -9, shutdowns, stops, deletions and queues for instances."""

import contextlib
import os
import sqlite3
import time
import unittest

import local_emulator
from botocore.exceptions import ClientError
from job_restarts import Restarts
from tuning_jobs import SQUARE, TuningJobs, parameters_of, value_of


class TuningLife(Restarts, TuningJobs, local_emulator.TrainingJobs, unittest.TestCase):
    def stop(self, name):
        self.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def records(self):
        return contextlib.closing(sqlite3.connect(os.path.join(self.emulator_.data, "records.db")))

    def restart_with(self, change):
        """After a kill -9, with this change of what is stored."""
        self.emulator_.kill()
        with self.records() as records, records:
            self.assertEqual(records.execute("UPDATE records SET " + change).rowcount, 1)
        self.emulator_.start()
        self.attach(self.emulator_)

    def note(self, name):
        """What only the emulator keeps with its tuning job."""
        with self.records() as records:
            query = "SELECT json_extract(document, '$._notes.' || ?) FROM records WHERE kind = ?"
            return records.execute(query, (name, "hyper-parameter-tuning-job")).fetchone()[0]

    def begun_and_interrupted(self, how):
        """A tuning job of 6 trials, 2 at once, whose emulator ends when trials 3 and 4 run."""
        self.emulator()
        go = self.emulator_.path("go")
        script = f"value 1\nif [ $n -gt 2 ]; then await {go}; fi\nvalue $n\n"
        self.tune("job", script, jobs=6, parallel=2, goal="Maximize")
        self.until(lambda: len(self.trials("job")) == 4, "trial 4")
        running = self.training("job", 2)
        before = self.trials("job")
        self.assertEqual([trial["TrainingJobName"] for trial in before[2:]], sorted(running))
        self.restart(how)
        self.assertEqual(self.tuning("job")["HyperParameterTuningJobStatus"], "InProgress")
        self.assertEqual(self.training("job", 2), running)
        open(go, "w").close()
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 6)
        trials = self.trials("job")
        self.check_numbers("job", trials)
        self.assertEqual(trials[:2], before[:2])
        self.assertEqual(parameters_of(trials)[:4], parameters_of(before))
        self.assertEqual([value_of(trial) for trial in trials], [1, 2, 3, 4, 5, 6])
        self.assertEqual(job["BestTrainingJob"]["TrainingJobName"], trials[5]["TrainingJobName"])

    def test_goes_on_after_kill_9(self):
        self.begun_and_interrupted("kill")

    def test_goes_on_after_a_shutdown(self):
        self.begun_and_interrupted("terminate")

    def test_the_same_seed_gives_the_same_trials_across_a_restart(self):
        self.emulator()
        go = self.emulator_.path("go")
        config = {"RandomSeed": 3}
        self.tune("whole", SQUARE, jobs=6, config=config)
        self.tuned("whole")
        self.tune("broken", f"if [ $n = 3 ]; then await {go}; fi\n" + SQUARE, jobs=6, config=config)
        self.until(lambda: len(self.trials("broken")) == 3, "trial 3")
        self.training("broken")
        self.restart()
        open(go, "w").close()
        self.tuned("broken")
        self.assertEqual(parameters_of(self.trials("broken")), parameters_of(self.trials("whole")))

    def test_stop_stops_the_trials_and_keeps_what_they_made(self):
        self.emulator()
        self.tune("job", "echo weights > /opt/ml/model/w\nvalue 3\necho said\nhang\n", jobs=9, parallel=2)
        running = self.training("job", 2)
        for trial in running:  # which has said its value, too
            self.until(lambda: "said" in self.messages(trial), "a trial that hangs")
        self.stop("job")
        with self.assertRaises(ClientError):
            self.stop("job")
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Stopped")
        self.assertEqual(job["TrainingJobStatusCounters"]["Stopped"], 2)
        self.assertEqual(job["TrainingJobStatusCounters"]["InProgress"], 0)
        self.assertEqual(value_of(job["BestTrainingJob"]), 3)
        trials = self.trials("job")
        self.assertEqual([trial["TrainingJobName"] for trial in trials], sorted(running))
        for trial in trials:
            self.assertEqual((trial["TrainingJobStatus"], value_of(trial)), ("Stopped", 3))
            self.s3.head_object(Bucket="jobs", Key=f"output/{trial['TrainingJobName']}/output/model.tar.gz")

    def test_a_stop_is_not_forgotten_by_a_kill(self):
        self.emulator()
        self.tune("job", "value 3\nhang\n", jobs=9, parallel=2)
        self.training("job", 2)
        self.stop("job")
        self.restart()
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Stopped")
        self.assertEqual({trial["TrainingJobStatus"] for trial in self.trials("job")}, {"Stopped"})
        self.assertEqual(len(self.trials("job")), 2)

    def test_stopped_at_once(self):
        self.emulator()
        for n in range(5):
            self.tune(f"job-{n}", "value 3\n", jobs=50, parallel=2)
            self.stop(f"job-{n}")
        for n in range(5):
            job = self.tuned(f"job-{n}")
            self.assertEqual(job["HyperParameterTuningJobStatus"], "Stopped")
            ends = {trial["TrainingJobStatus"] for trial in self.trials(f"job-{n}")}
            self.assertLessEqual(ends, {"Stopped", "Completed"})

    def test_two_tuning_jobs_share_one_instance(self):
        self.emulator("--capacity", "1")
        for name in ("one", "two"):
            self.tune(name, SQUARE, jobs=5, parallel=3)
        for name in ("one", "two"):
            job = self.tuned(name)
            self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 5)

    def test_a_trial_that_is_deleted_stays_counted(self):
        self.emulator()
        go = self.emulator_.path("go")
        self.tune("job", f"value $n\nif [ $n = 2 ]; then await {go}; fi\n", jobs=4)
        self.until(lambda: len(self.trials("job")) == 2, "trial 2")
        self.call("DeleteTrainingJob", TrainingJobName=self.trials("job")[0]["TrainingJobName"])
        open(go, "w").close()
        job = self.tuned("job")
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 4)
        self.assertEqual(value_of(job["BestTrainingJob"]), 1)
        numbers = [trial["TrainingJobName"].split("-")[1] for trial in self.trials("job")]
        self.assertEqual(numbers, ["002", "003", "004"])

    def test_a_number_is_not_used_again_after_a_deletion_and_a_kill(self):
        self.emulator()
        self.tune("job", "value $n\nif [ $n = 2 ]; then hang; fi\n", jobs=4)
        self.until(lambda: len(self.trials("job")) == 2, "trial 2")
        second = self.training("job")[0]
        self.call("DeleteTrainingJob", TrainingJobName=self.trials("job")[0]["TrainingJobName"])
        self.restart()
        self.sagemaker.stop_training_job(TrainingJobName=second)
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        numbers = [trial["TrainingJobName"].split("-")[1] for trial in self.trials("job")]
        self.assertEqual(numbers, ["002", "003", "004"])
        self.assertEqual(value_of(job["BestTrainingJob"]), 1)
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 3)

    def test_a_clock_that_is_set_back_hides_no_trial(self):
        """The tuning job was created an hour after its trials, by what the clock said."""
        self.emulator()
        go = self.emulator_.path("go")
        self.tune("job", f"value $n\nif [ $n = 2 ]; then await {go}; fi\n", jobs=3)
        self.until(lambda: len(self.trials("job")) == 2, "trial 2")
        running = self.training("job")
        self.restart_with(
            "created_ms = created_ms + 3600000, document = json_set(document, '$.CreationTime', "
            "json_extract(document, '$.CreationTime') + 3600) WHERE kind = 'hyper-parameter-tuning-job'"
        )
        self.assertEqual(self.training("job"), running)
        self.assertEqual(len(self.trials("job")), 2)
        open(go, "w").close()
        job = self.tuned("job")
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 3)
        self.assertEqual([value_of(trial) for trial in self.trials("job")], [1, 2, 3])

    def test_the_time_of_a_quiet_trial_counts_across_a_shutdown(self):
        self.emulator()
        self.tune("job", "hang\n", jobs=1)
        self.training("job")
        self.until(lambda: self.note("created") == 1, "a tuning job that knows its trial")
        before, begin = self.note("run_ms"), time.monotonic()
        self.assertEqual(self.tuning("job")["HyperParameterTuningJobStatus"], "InProgress")
        quiet_ms = int((time.monotonic() - begin) * 1000)
        self.emulator_.process.terminate()
        self.assertEqual(self.emulator_.process.wait(60), 0)
        self.assertGreater(self.note("run_ms"), before)
        self.assertGreaterEqual(self.note("run_ms"), before + quiet_ms)

    def test_the_time_of_a_quiet_trial_counts_across_kills(self):
        self.emulator()
        limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1, "MaxRuntimeInSeconds": 36000}
        self.tune("job", "hang\n", config={"ResourceLimits": limits})
        for _ in range(2):
            self.training("job")
            before = self.note("run_ms") or 0
            self.until(lambda: (self.note("run_ms") or 0) >= before + 2000, "two seconds without a change")
            self.emulator_.kill()
            noted = self.note("run_ms")
            self.emulator_.start()
            self.attach(self.emulator_)
            self.until(lambda: self.note("run_ms") > noted, "time that goes on")
            self.assertEqual(self.tuning("job")["HyperParameterTuningJobStatus"], "InProgress")

    def test_convergence_was_detected_when_it_was(self):
        self.emulator()
        self.tune("job", "value 1\nhang\n", jobs=1)
        trial = self.training("job")[0]
        detected = self.tuning("job")["CreationTime"].timestamp()
        self.restart_with(
            f"document = json_set(document, '$.TuningJobCompletionDetails.ConvergenceDetectedTime', {detected}) "
            "WHERE kind = 'hyper-parameter-tuning-job'"
        )
        self.sagemaker.stop_training_job(TrainingJobName=trial)
        details = self.tuned("job")["TuningJobCompletionDetails"]
        self.assertEqual(details["ConvergenceDetectedTime"].timestamp(), detected)

    # A plan that an emulator of another version has stored, perhaps.
    UNREADABLE = (
        "document = json_set(document, '$.HyperParameterTuningJobConfig.ParameterRanges."
        "ContinuousParameterRanges[0].MinValue', 'none') WHERE kind = 'hyper-parameter-tuning-job'"
    )

    def test_no_trial_runs_on_without_a_plan(self):
        self.emulator()
        self.tune("job", "hang\n", jobs=9, parallel=2)
        running = self.training("job", 2)
        self.restart_with(self.UNREADABLE)
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Failed")
        self.assertIn("InternalServerError", job["FailureReason"])
        self.assertNotIn("json", job["FailureReason"])  # no text of a library
        for trial in running:
            status = self.sagemaker.describe_training_job(TrainingJobName=trial)["TrainingJobStatus"]
            self.assertEqual(status, "Stopped")
        counters = job["TrainingJobStatusCounters"]
        self.assertEqual((counters["InProgress"], counters["Stopped"]), (0, 2))
        self.assertEqual(job["ObjectiveStatusCounters"], {"Succeeded": 0, "Pending": 0, "Failed": 2})

    def test_a_trial_that_cannot_be_read_lets_none_run_on(self):
        self.emulator()
        self.tune("job", "value 1\nif [ $n = 2 ]; then hang; fi\n", jobs=9)
        self.until(lambda: len(self.trials("job")) == 2, "trial 2")
        ended, running = self.trials("job")[0]["TrainingJobName"], self.training("job")[0]
        self.restart_with(f"document = json_set(document, '$._notes.tuning.tuned', 5) WHERE name = '{ended}'")
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Failed")
        self.assertEqual(job["BestTrainingJob"]["TrainingJobName"], ended)  # which was known
        counters = job["TrainingJobStatusCounters"]
        self.assertEqual(tuple(counters[n] for n in ("Completed", "InProgress", "Stopped")), (1, 0, 1))
        self.assertEqual(job["ObjectiveStatusCounters"], {"Succeeded": 1, "Pending": 0, "Failed": 1})
        self.assertNotIn("json", job["FailureReason"])
        status = self.sagemaker.describe_training_job(TrainingJobName=running)["TrainingJobStatus"]
        self.assertEqual(status, "Stopped")

    def test_counters_that_cannot_be_read_are_counted_again(self):
        self.emulator()
        self.tune("job", "value 1\nif [ $n = 2 ]; then hang; fi\n", jobs=9)
        self.until(lambda: len(self.trials("job")) == 2, "trial 2")
        self.restart_with(
            "document = json_set(document, '$.TrainingJobStatusCounters.Completed', 'many') "
            "WHERE kind = 'hyper-parameter-tuning-job'"
        )
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Failed")
        counters = job["TrainingJobStatusCounters"]
        self.assertEqual(tuple(counters[n] for n in ("Completed", "InProgress", "Stopped")), (1, 0, 1))

    def test_a_stop_is_no_failure(self):
        self.emulator()
        self.tune("job", "trap '' TERM\nwhile :; do sleep 0.05; done\n", jobs=9)
        self.training("job")
        self.stop("job")
        self.restart_with(self.UNREADABLE)
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Stopped")
        self.assertNotIn("FailureReason", job)

    def test_a_tuning_job_of_the_same_name_begins_anew(self):
        self.emulator()
        self.tune("job", "value 1\n", jobs=2)
        self.tuned("job")
        self.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName="job")
        self.tune("job", "value 2\n", jobs=3)
        job = self.tuned("job")
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 3)
        self.assertEqual(value_of(job["BestTrainingJob"]), 2)
        self.assertEqual([value_of(trial) for trial in self.trials("job")], [2, 2, 2])


if __name__ == "__main__":
    local_emulator.main()
