"""The emulator is killed with SIGKILL again and again while it tunes: no trial is lost, none is there twice, and the
tuning job comes to its end. And a disk that can store nothing keeps a tuning job only while it fails."""

import os
import random
import time
import unittest

import local_emulator
import sagemaker_local
from job_restarts import FailingDisk, Restarts
from tuning_jobs import TuningJobs, parameters_of, value_of


class TuningRestarts(Restarts, TuningJobs, unittest.TestCase):
    def test_no_trial_is_lost_or_doubled_over_many_crashes(self):
        seed = random.randrange(1 << 30)
        print("seed", seed)
        chance = random.Random(seed)
        self.emulator("--capacity", "2")
        self.tune(
            "job",
            "for e in 1 2 3; do value $n.$e; sleep 0.03; done\n",
            jobs=14,
            parallel=3,
            config={"TrainingJobEarlyStoppingType": "Auto"},
            request={"Tags": [{"Key": "team", "Value": "a"}]},
        )
        seen = {}
        for _ in range(6):
            time.sleep(chance.uniform(0, 0.5))
            for trial in self.trials("job"):
                seen[trial["TrainingJobName"]] = trial
            self.restart()
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        trials = self.trials("job")
        self.check_numbers("job", trials)
        self.assertEqual(len(trials), 14)
        by_name = {trial["TrainingJobName"]: trial for trial in trials}
        for name, trial in seen.items():
            self.assertEqual(by_name[name]["TunedHyperParameters"], trial["TunedHyperParameters"])
            if "TrainingEndTime" in trial:
                self.assertEqual(by_name[name], trial)  # what has ended stays as it was
        counters = job["TrainingJobStatusCounters"]
        self.assertEqual(counters["Completed"] + counters["Stopped"], 14, counters)
        self.assertEqual(value_of(job["BestTrainingJob"]), min(v for v in map(value_of, trials) if v is not None))
        self.assertEqual(len({str(parameters) for parameters in parameters_of(trials)}), 14)
        for trial in trials:
            tags = self.sagemaker.list_tags(ResourceArn=trial["TrainingJobArn"])["Tags"]
            self.assertEqual(tags, [{"Key": "team", "Value": "a"}])

    def test_a_tuning_job_goes_on_when_the_disk_can_store_again(self):
        disk = FailingDisk(self)
        go, done = disk.path("go"), disk.path("done")
        emulator = self.emulator("--sandbox", "none", **disk.options)
        self.tune("job", f"value $n\ntest $n = 1 && {{ await {go}; touch {done}; }}\nexit 0\n", jobs=4)
        self.training("job")
        disk.fail("-wal")  # nothing can be stored in the database
        open(go, "w").close()
        self.until(lambda: os.path.exists(done), "the end of the program")
        said = b"could not be stored"
        self.until(lambda: said in sagemaker_local.read(emulator.log.name), "a state that could not be stored")
        self.assertEqual(self.tuning("job")["HyperParameterTuningJobStatus"], "InProgress")
        self.assertEqual(len(self.trials("job")), 1)
        disk.mend()
        job = self.tuned("job")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed")
        trials = self.trials("job")
        self.check_numbers("job", trials)
        self.assertEqual(len(trials), 4)


if __name__ == "__main__":
    local_emulator.main()
