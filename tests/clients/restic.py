"""restic: a tree is backed up into a bucket, changed, backed up again, restored, checked, forgotten and pruned."""

import json
import os
import shutil
import unittest

import sagemaker_local

RESTIC = sagemaker_local.tool("restic", "Debian: restic")


class Restic(sagemaker_local.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.emulator.path("tree", "")
        for i in range(40):
            cls.emulator.file(f"tree/{i % 4}/file {i}", os.urandom(i * 1000))
        cls.emulator.file("tree/large", os.urandom(9 * 1024 * 1024))
        cls.restic("init")

    @classmethod
    def restic(cls, *arguments, **options):
        trust = ("--cacert", cls.emulator.ca_file) if cls.emulator.ca_file else ()
        return cls.emulator.run(
            RESTIC,
            *trust,
            "--repo",
            f"s3:{cls.emulator.url}/restic-bucket/a/repository",
            *arguments,
            **{"RESTIC_PASSWORD": "secret", **options},
        )

    def restored(self, snapshot):
        target = self.emulator.path("restored", "")
        shutil.rmtree(target)
        self.restic("restore", snapshot, "--target", target)
        return sagemaker_local.tree(target + self.folder)

    def test_a_backup_is_restored_byte_by_byte_and_outlives_a_prune(self):
        self.restic("backup", self.folder)
        first = sagemaker_local.tree(self.folder)
        self.assertTrue(self.restored("latest") == first, "the restored tree differs")

        self.emulator.file("tree/0/file 0", b"changed")
        os.remove(self.folder + "large")
        self.emulator.file("tree/new", os.urandom(100_000))
        self.restic("backup", self.folder)
        second = sagemaker_local.tree(self.folder)
        snapshots = json.loads(self.restic("snapshots", "--json"))
        self.assertEqual(len(snapshots), 2)
        self.assertTrue(self.restored(snapshots[0]["id"]) == first, "the older snapshot differs")
        self.assertTrue(self.restored(snapshots[1]["id"]) == second, "the newer snapshot differs")

        self.assertIn("no errors were found", self.restic("check", "--read-data"))
        self.restic("forget", "--keep-last", "1", "--prune")
        self.assertEqual(len(json.loads(self.restic("snapshots", "--json"))), 1)
        self.assertIn("no errors were found", self.restic("check", "--read-data"))
        self.assertTrue(self.restored("latest") == second, "the pruned repository differs")

    def test_a_wrong_password_and_a_second_repository_are_refused(self):
        self.assertIn("already", self.restic("init", code=1))
        self.assertIn("wrong password", self.restic("snapshots", code=1, RESTIC_PASSWORD="wrong"))


if __name__ == "__main__":
    unittest.main()
