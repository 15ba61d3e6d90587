"""The disk is full, loses what was written, cannot be written at all, or there is no file descriptor left. A request
that cannot be stored is answered with 503 and leaves nothing; what was acknowledged stays whole; when the trouble is
over everything works again, without a restart."""

import os
import resource
import subprocess
import tempfile
import unittest

import local_emulator
from botocore.exceptions import BotoCoreError, ClientError
from job_restarts import FailingDisk

MEBIBYTE = 1 << 20


def namespaces_work():
    try:
        return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                              timeout=20).returncode == 0
    except OSError:
        return False


def body_of(number):
    return bytes([number % 256]) * MEBIBYTE


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rsplit(") ", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class OnFullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not namespaces_work():
            raise unittest.SkipTest("no user and mount namespaces here for a small file system")

    def test_what_does_not_fit_is_refused_and_what_was_acknowledged_stays(self):
        emulator = local_emulator.LocalEmulator(
            "--sandbox", "none",
            prefix=["unshare", "-rm", "sh", "-ec",
                    'mkdir {data}; mount -t tmpfs -o size=24m none {data}; exec "$@"', "sh"])
        self.addCleanup(emulator.stop)
        s3 = emulator.client("s3", retries=False)
        s3.create_bucket(Bucket="disk")
        stored = []
        with self.assertRaises(ClientError) as refused:
            for number in range(64):
                s3.put_object(Bucket="disk", Key=f"{number:03}", Body=body_of(number))
                stored.append(number)
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)
        self.assertEqual(refused.exception.response["Error"]["Code"], "ServiceUnavailable")
        self.assertIn("No space left on device", refused.exception.response["Error"]["Message"])
        self.assertGreater(len(stored), 4)

        listed = [item["Key"] for item in s3.list_objects_v2(Bucket="disk")["Contents"]]
        self.assertEqual(listed, [f"{number:03}" for number in stored])
        for number in stored:
            self.assertEqual(s3.get_object(Bucket="disk", Key=f"{number:03}")["Body"].read(), body_of(number))

        # Deleting needs no room that is not there.
        for number in stored[:4]:
            s3.delete_object(Bucket="disk", Key=f"{number:03}")
        s3.put_object(Bucket="disk", Key="after", Body=body_of(7))
        self.assertEqual(s3.get_object(Bucket="disk", Key="after")["Body"].read(), body_of(7))
        # What was refused has left no bytes behind: they would fill the disk again.
        for number in range(3):
            s3.put_object(Bucket="disk", Key=f"again-{number}", Body=body_of(number))

    def test_a_read_only_folder_is_refused_at_the_start(self):
        with tempfile.TemporaryDirectory(prefix="sagemaker-read-only-") as disk:
            mount = f"mount -t tmpfs -o ro none {disk}; exec \"$@\""
            started = subprocess.run(
                ["unshare", "-rm", "sh", "-ec", mount, "sh", os.environ["SAGEMAKER_LOCAL_BIN"], "--port", "0",
                 "--data-dir", disk + "/data"], capture_output=True, text=True, timeout=30)
            self.assertNotEqual(started.returncode, 0)
            self.assertGreater(started.returncode, 0, "ended by a signal")
            self.assertIn("Read-only file system", started.stderr)
            self.assertEqual(started.stdout, "")


class OnLostWrites(unittest.TestCase):
    def start(self):
        """An emulator on a disk that fails while a file exists; that file, and a client."""
        disk = FailingDisk(self)
        emulator = local_emulator.LocalEmulator(**disk.options)
        self.addCleanup(emulator.stop)
        return emulator, disk.switch, emulator.client("s3", retries=False)

    def test_a_write_whose_end_is_unknown_leaves_the_old_bytes_or_the_new_ones(self):
        emulator, switch, s3 = self.start()
        s3.create_bucket(Bucket="disk")
        for key in ("kept", "parts"):
            s3.put_object(Bucket="disk", Key=key, Body=b"old")
        upload = {"Bucket": "disk", "Key": "parts"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        sizes = (5 * MEBIBYTE, 3)
        parts = [{"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=b"p" * size)["ETag"]}
                 for number, size in enumerate(sizes, 1)]
        writes = {
            "kept": lambda: s3.put_object(Bucket="disk", Key="kept", Body=b"new"),
            "parts": lambda: s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}),
        }
        for key, write in writes.items():
            with open(switch, "w") as file:
                file.write("-wal")  # the bytes are safe, only the database does not know whether it is
            with self.assertRaises(ClientError) as refused:
                write()
            self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)
            self.assertEqual(s3.get_object(Bucket="disk", Key=key)["Body"].read(), b"old")
            emulator.kill()
            os.remove(switch)
            emulator.start()
            s3 = emulator.client("s3", retries=False)
            self.assertIn(s3.get_object(Bucket="disk", Key=key)["Body"].read(), (b"old", b"new", b"p" * sum(sizes)))

    def test_what_such_a_write_left_is_swept(self):
        emulator, switch, s3 = self.start()
        s3.create_bucket(Bucket="disk")
        with open(switch, "w") as file:
            file.write("-wal")
        with self.assertRaises(ClientError):
            s3.put_object(Bucket="disk", Key="lost", Body=b"lost")
        os.remove(switch)
        s3.put_object(Bucket="disk", Key="kept", Body=b"kept")
        def blobs():
            return [name for _, _, files in os.walk(emulator.data) for name in files if len(name) == 32]

        self.assertEqual(len(blobs()), 2)
        emulator.process.terminate()  # in good order
        self.assertEqual(emulator.process.wait(20), 0)
        emulator.start()
        self.assertEqual(len(blobs()), 1)
        self.assertEqual(emulator.client("s3").get_object(Bucket="disk", Key="kept")["Body"].read(), b"kept")

    def test_bytes_that_could_not_be_synced_are_not_acknowledged(self):
        emulator, switch, s3 = self.start()
        s3.create_bucket(Bucket="disk")
        s3.put_object(Bucket="disk", Key="kept", Body=body_of(1))
        with open(switch, "w"):
            pass
        for key in ("kept", "new"):
            with self.assertRaises(ClientError) as refused:
                s3.put_object(Bucket="disk", Key=key, Body=body_of(2))
            self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)
        with self.assertRaises(ClientError):
            s3.create_bucket(Bucket="another")
        self.assertEqual(s3.get_object(Bucket="disk", Key="kept")["Body"].read(), body_of(1))

        os.remove(switch)
        s3.put_object(Bucket="disk", Key="after", Body=body_of(3))
        expected = {"kept": body_of(1), "after": body_of(3)}
        for _ in range(2):
            listed = [item["Key"] for item in s3.list_objects_v2(Bucket="disk")["Contents"]]
            self.assertEqual(listed, sorted(expected))
            for key, body in expected.items():
                self.assertEqual(s3.get_object(Bucket="disk", Key=key)["Body"].read(), body)
            self.assertEqual([bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], ["disk"])
            emulator.kill()
            emulator.start()
            s3 = emulator.client("s3", retries=False)


class WithoutDescriptors(unittest.TestCase):
    def test_it_survives_and_recovers(self):
        emulator = local_emulator.LocalEmulator()
        self.addCleanup(emulator.stop)
        s3 = emulator.client("s3", retries=False, connect_timeout=5, read_timeout=5)
        s3.create_bucket(Bucket="files")
        s3.put_object(Bucket="files", Key="before", Body=b"before")
        pid = emulator.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, hard))  # what is open stays open
        # The connection is there, a file for the bytes is not.
        with self.assertRaises((ClientError, BotoCoreError)) as refused:
            s3.put_object(Bucket="files", Key="refused", Body=b"refused")
        if isinstance(refused.exception, ClientError):
            self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)
        before = processor_seconds(pid)
        # New connections wait or are refused; the process does not turn in circles over them.
        # (The accept(2) that is under way has its descriptor already: the first one still comes through.)
        with self.assertRaises((ClientError, BotoCoreError)):
            for _ in range(2):
                emulator.client("s3", retries=False, connect_timeout=1, read_timeout=1).list_buckets()
        self.assertLess(processor_seconds(pid) - before, 0.5)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        s3 = emulator.client("s3")
        s3.put_object(Bucket="files", Key="after", Body=b"after")
        self.assertEqual([item["Key"] for item in s3.list_objects_v2(Bucket="files")["Contents"]], ["after", "before"])


if __name__ == "__main__":
    local_emulator.main()
