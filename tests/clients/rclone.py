"""rclone: sync and check of a tree, ranges, multipart, server-side copy, listing, purge."""

import json
import os
import time
import unittest

import sagemaker_local

RCLONE = sagemaker_local.tool("rclone", "Debian: rclone")
MIB = 1024 * 1024


class Rclone(sagemaker_local.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.emulator.path("tree", "")
        for i in range(30):
            cls.emulator.file(f"tree/{i % 3}/file {i}+\u00e9.bin", os.urandom(i * 100))
        cls.large = os.urandom(17 * MIB + 3)
        cls.emulator.file("tree/large", cls.large)
        cls.rclone("mkdir", "local:rclone")

    @classmethod
    def rclone(cls, *arguments, **options):
        return cls.emulator.run(
            RCLONE,
            *arguments,
            RCLONE_CONFIG=os.path.join(cls.emulator.directory, "none.conf"),
            RCLONE_CONFIG_LOCAL_TYPE="s3",
            RCLONE_CONFIG_LOCAL_PROVIDER="Other",
            RCLONE_CONFIG_LOCAL_ENV_AUTH="true",
            RCLONE_CONFIG_LOCAL_ENDPOINT=cls.emulator.url,
            RCLONE_CONFIG_LOCAL_REGION=sagemaker_local.REGION,
            RCLONE_S3_CHUNK_SIZE="5M",
            RCLONE_S3_UPLOAD_CUTOFF="8M",
            RCLONE_CA_CERT=cls.emulator.ca_file or "",
            AWS_CA_BUNDLE="",  # rclone has its own name for it, and refuses to start where this one is set
            **options,
        )

    def test_a_tree_is_synchronised_and_checked(self):
        self.rclone("sync", self.folder, "local:rclone/tree")
        self.assertIn("31 matching files", self.rclone("check", self.folder, "local:rclone/tree", "-v", both=True))
        self.rclone("check", "--download", self.folder, "local:rclone/tree")
        back = self.emulator.path("tree-back", "")
        self.rclone("sync", "local:rclone/tree", back)
        self.assertTrue(sagemaker_local.tree(back) == sagemaker_local.tree(self.folder), "the trees differ")
        os.remove(os.path.join(back, "large"))
        self.assertIn("1 differences found", self.rclone("check", back, "local:rclone/tree", code=1))
        self.rclone("sync", back, "local:rclone/tree")
        self.rclone("check", back, "local:rclone/tree")

    def test_files_keep_their_time_and_are_not_sent_twice(self):
        self.rclone("copy", self.folder, "local:rclone/times")
        again = self.rclone("copy", self.folder, "local:rclone/times", "--dry-run", "-v", both=True)
        self.assertNotIn("Skipped copy", again)
        listed = {e["Path"]: e for e in json.loads(self.rclone("lsjson", "-R", "local:rclone/times"))}
        stamp = os.stat(os.path.join(self.folder, "large")).st_mtime_ns
        self.assertTrue(listed["large"]["ModTime"].startswith(rfc3339(stamp)), listed["large"])
        self.assertEqual(listed["large"]["Size"], len(self.large))

    def test_parts_of_an_object_are_read(self):
        self.rclone("copyto", os.path.join(self.folder, "large"), "local:rclone/large")
        for offset, count in ((0, 10), (8 * MIB - 5, 1000), (len(self.large) - 7, 7)):
            got = self.rclone("cat", "--offset", str(offset), "--count", str(count), "local:rclone/large", raw=True)
            self.assertTrue(got == self.large[offset : offset + count], f"{count} bytes from {offset} differ")

    def test_objects_are_copied_and_moved_by_the_server(self):
        self.rclone("copyto", os.path.join(self.folder, "large"), "local:rclone/server/a")
        in_parts = ("--s3-copy-cutoff", "6M", "-v")
        sent = self.rclone("copy", "local:rclone/server", "local:rclone/server-copy", *in_parts, both=True)
        self.assertIn("server-side copy", sent)
        self.rclone("moveto", "local:rclone/server-copy/a", "local:rclone/server-copy/b")
        self.assertEqual(self.rclone("lsf", "local:rclone/server-copy"), "b\n")
        self.assertTrue(self.rclone("cat", "local:rclone/server-copy/b", raw=True) == self.large, "the bytes differ")

    def test_a_stream_of_unknown_length_is_stored(self):
        self.rclone("rcat", "local:rclone/stream", input=self.large)
        self.assertTrue(self.rclone("cat", "local:rclone/stream", raw=True) == self.large, "the bytes differ")

    def test_a_bucket_is_purged(self):
        self.rclone("mkdir", "local:purged")
        self.rclone("copy", self.folder, "local:purged/x", "--exclude", "large")
        self.assertIn("30", self.rclone("size", "local:purged"))
        self.rclone("purge", "local:purged")
        self.assertNotIn("purged", self.rclone("lsd", "local:"))


def rfc3339(nanoseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9))


if __name__ == "__main__":
    unittest.main()
