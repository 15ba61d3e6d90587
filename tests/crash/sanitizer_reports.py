#!/usr/bin/env python3
"""What a sanitizer says of an emulator fails the test that ran it, also where every answer had been given before."""

import os
import sys
import tempfile
import unittest
from unittest import mock

from sagemaker_local import LocalEmulator

UNDEFINED = "emulator/a.cpp:3:41: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented"
LEAKS = "==27==ERROR: LeakSanitizer: detected memory leaks"
BLIND = ("emulator/a.cpp:1:4: runtime error: member call on address 0x60 which does not point to an object\n"
         "0x60: note: object has invalid vptr\n<memory cannot be printed>")
JOB = "[info] training job a: RuntimeError, runtime error: 3:41 of the user's own"


class SanitizerReports(unittest.TestCase):
    def begin(self, says, code):
        """A program that says this, as the last of all, when it is told to end."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = os.path.join(folder.name, "sagemaker-local")
        with open(program, "w", encoding="utf-8") as script:
            script.write(f"""#!{sys.executable}
import os, signal, sys
def end(*_):
    os.write(2, {(says + chr(10)).encode()!r})
    os._exit({code})
signal.signal(signal.SIGTERM, end)
print("ready: http://127.0.0.1:1", flush=True)
while True:
    signal.pause()
""")
        os.chmod(program, 0o755)
        with mock.patch.dict(os.environ, {"SAGEMAKER_LOCAL_BIN": program}):
            return LocalEmulator()

    def test_reports_fail(self):
        for report in (UNDEFINED, LEAKS):
            emulator = self.begin(report, 1)
            with self.assertRaisesRegex(AssertionError, "LeakSanitizer|runtime error"):
                emulator.stop()
            self.assertFalse(os.path.exists(emulator.directory))

    def test_after_one_that_saw_nothing(self):
        with self.assertRaisesRegex(AssertionError, "LeakSanitizer"):
            self.begin(BLIND + "\n" + LEAKS, 1).stop()

    def test_other_words_do_not(self):
        for words in (JOB, BLIND):
            self.begin(words, 0).stop()


if __name__ == "__main__":
    unittest.main()
