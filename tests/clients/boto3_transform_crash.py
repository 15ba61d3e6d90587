"""Batch transform and the end of the emulator: kill -9, shutdown, a full machine. And objects larger than memory."""

import os
import subprocess
import time
import unittest

import local_emulator
import sagemaker_local
from transform_jobs import AT_GATE, TransformTest

ECHO = "self.reply(200, body)"
MIB = 1 << 20


class Crash(TransformTest):
    def restarted(self):
        self.emulator.start()
        self.make_clients()

    def at_gate(self, name, gate):
        self.model(name, f"if body == b'wait': {AT_GATE}\n" + ECHO, environment={"GATE": gate.url})
        self.put(name, a=b"1", b=b"wait", c=b"3")
        self.create(name)
        gate.wait_asked()

    def test_kill_9_in_the_middle(self):
        gate = self.gate()
        self.at_gate("killed", gate)
        self.assertEqual(self.outputs("killed"), {})  # nothing before the end
        self.emulator.kill()
        gate.open()
        self.restarted()
        self.completed("killed")
        self.assertEqual(self.outputs("killed"), {"a.out": b"1", "b.out": b"wait", "c.out": b"3"})

    def test_kill_9_while_it_stops(self):
        gate = self.gate()
        self.at_gate("both", gate)
        self.sagemaker.stop_transform_job(TransformJobName="both")
        self.emulator.kill()
        self.restarted()
        self.assertEqual(self.ended("both")["TransformJobStatus"], "Stopped")
        self.assertEqual(self.outputs("both"), {})

    def test_shutdown_in_the_middle(self):
        gate = self.gate()
        self.at_gate("shut", gate)
        begin = time.monotonic()
        self.emulator.process.terminate()
        self.assertEqual(self.emulator.process.wait(60), 0)
        self.assertLess(time.monotonic() - begin, 30)
        gate.open()
        self.restarted()
        self.completed("shut")
        self.assertEqual(self.outputs("shut"), {"a.out": b"1", "b.out": b"wait", "c.out": b"3"})


class Capacity(TransformTest):
    EMULATOR = ("--capacity", "1")

    def test_a_job_waits_for_instances_and_may_be_stopped_there(self):
        gate = self.gate()
        self.model("first", AT_GATE + "\n" + ECHO, environment={"GATE": gate.url})
        self.put("first", a=b"1")
        self.create("first")
        gate.wait_asked()
        for name in ("second", "third"):
            self.create(name, model="first", uri="s3://bucket/first/")
            self.assertNotIn("TransformStartTime", self.job(name))
        self.sagemaker.stop_transform_job(TransformJobName="second")
        self.assertEqual(self.ended("second")["TransformJobStatus"], "Stopped")
        gate.open()
        self.completed("first")
        self.completed("third")
        self.assertEqual(self.outputs("second"), {})


class FullDisk(TransformTest):
    """On a file system of 24 MiB of its own."""

    MOUNT = 'mkdir {data}; mount -t tmpfs -o size=24m none {data}; exec "$@"'

    @classmethod
    def setUpClass(cls):
        test = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], stderr=subprocess.DEVNULL)
        if test.returncode != 0:
            raise unittest.SkipTest("no user and mount namespaces here for a small file system")
        super().setUpClass()

    @classmethod
    def emulator_class(cls):
        return local_emulator.LocalEmulator(
            "--sandbox", "none", prefix=["unshare", "-rm", "sh", "-ec", cls.MOUNT, "sh"]
        )

    def test_outputs_that_do_not_fit(self):
        self.model("swollen", 'self.reply(200, body * 1000 if body == b"x" * 100000 else body)')
        self.put("swollen", a=b"1", b=b"x" * 100000, c=b"3")
        self.create("swollen", input={"SplitType": "None"})
        reason = self.failed("swollen")
        self.assertTrue(reason.startswith("InternalServerError: "), reason)
        self.assertIn("No space left on device", reason)
        self.assertNotIn("b.out", self.outputs("swollen"))
        # Nothing of it is left that fills the disk.
        self.put("after", a=b"y" * (4 << 20))
        self.create("after", model="swollen", MaxPayloadInMB=10)
        self.completed("after")


class Large(TransformTest):
    def peak(self):
        """The most memory that the emulator has held since the last call of reset(), in bytes."""
        with open(f"/proc/{self.emulator.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

    def reset(self):
        with open(f"/proc/{self.emulator.process.pid}/clear_refs", "w") as refs:
            refs.write("5")

    def test_a_gibibyte_in_constant_memory(self):
        line = b"0.125," * 170 + b"1.00\n"  # 1025 bytes
        piece = line * 65535
        key = {"Bucket": "bucket", "Key": "large/data.csv"}
        self.s3.put_object(Bucket="bucket", Key="piece", Body=piece)
        upload = self.s3.create_multipart_upload(**key)["UploadId"]
        parts = []
        for number in range(1, 17):
            part = self.s3.upload_part_copy(UploadId=upload, PartNumber=number, CopySource="bucket/piece", **key)
            parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
        self.s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **key)
        size = self.s3.head_object(**key)["ContentLength"]
        self.assertGreater(size, 1 << 30)
        self.model("large", 'self.reply(200, b"%d\\n" % body.count(b"\\n"))')
        self.reset()
        before = self.peak()
        self.create(
            "large",
            input={"SplitType": "Line", "ContentType": "text/csv"},
            output={"AssembleWith": "None"},
            MaxConcurrentTransforms=2,
            MaxPayloadInMB=6,
        )
        self.completed("large", within_s=250)
        grown = self.peak() - before
        answers = self.outputs("large")["data.csv.out"].split()
        self.assertEqual(sum(map(int, answers)), 16 * 65535)
        self.assertEqual(len(answers), -(-16 * 65535 // (6 * MIB // len(line))))
        # The batches in flight, read ahead and answered: not the object.
        if not sagemaker_local.has_sanitizer():
            self.assertLess(grown, 128 * MIB, f"{grown // MIB} MiB")
        print(f"{size // MIB} MiB: {grown // MIB} MiB of memory")


if __name__ == "__main__":
    if not os.access("/proc/self/clear_refs", os.W_OK):
        del Large
    local_emulator.main()
