"""Starts a sagemaker-local for a test in Python, and other people's programs against it.

Needs nothing but Python itself; local_emulator.py adds boto3's clients.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

# A signature must come from the test, not from the environment or the profile of whoever runs it.
for name in list(os.environ):
    if name.startswith("AWS_"):
        del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

REGION = "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/SageMakerRole"
ACCESS_KEY = SECRET_KEY = "test"


def skip(reason):
    """Ends a test program that lacks what it needs: ctest says Skipped, the summary says why."""
    print("SKIPPED: " + reason)
    sys.exit(77)


def tool(name, package):
    """The path of a program, which an environment variable such as SAGEMAKER_TEST_AWS may decide."""
    path = os.environ.get("SAGEMAKER_TEST_" + name.upper()) or shutil.which(name)
    if not path or not os.access(path, os.X_OK):
        skip(f"there is no {path or name} here ({package})")
    return path


# UndefinedBehaviorSanitizer looks through a pipe at objects before it judges them: out of descriptors, it takes each
# one for invalid and says that it cannot print it. One that is nowhere indeed kills the emulator at the next
# instruction.
SANITIZER_REPORT = re.compile(
    r"^(?:==\d+==)?(?:ERROR|WARNING): (?:\w+Sanitizer|ASan)"
    r"|^\S+:\d+:\d+: runtime error: (?!.*\n.* note: object has invalid vptr\n<memory cannot be printed>)",
    re.MULTILINE,
)


def has_sanitizer():
    """Of the emulator. One that has takes terabytes, so it limits no container's memory, and keeps what was freed."""
    with open(os.environ["SAGEMAKER_LOCAL_BIN"], "rb") as program:
        return re.search(rb"__[at]san_init", program.read()) is not None


class LocalEmulator:
    def __init__(self, *arguments, prefix=(), durability="process", environment=None, tls=None):
        """`tls`: HTTPS; None leaves it to SAGEMAKER_TEST_TLS, so that a whole test can be run over it.

        `prefix`: a command that runs the emulator, such as unshare(1) with its options; {data}: its data folder.
        """
        self.directory = tempfile.mkdtemp(prefix="sagemaker-test-")
        self.data = os.path.join(self.directory, "data")
        self.log = open(os.path.join(self.directory, "emulator.log"), "ab")
        self.command = [word.format(data=self.data) for word in prefix]
        self.command += [os.environ["SAGEMAKER_LOCAL_BIN"], "--port", "0", "--data-dir", self.data]
        self.command += ["--durability", durability, *arguments]
        self.environment = {**os.environ, **(environment or {})}
        if tls is None:
            tls = bool(os.environ.get("SAGEMAKER_TEST_TLS"))
        self.command += ["--tls"] if tls else []
        self.ca_file = os.path.join(self.data, "tls", "ca.pem") if tls else None  # what a client must trust
        if os.environ.get("SAGEMAKER_TEST_TLS"):
            # What the test itself makes of urllib and botocore trusts it too.
            os.environ["SSL_CERT_FILE"] = os.environ["AWS_CA_BUNDLE"] = self.ca_file
        self.process = None
        self.start()

    def start(self):
        """Starts it, or starts it again on the same folder after it ended."""
        if self.process:
            self.process.stdout.close()
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, env=self.environment)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready: "):
            self.stop()
            raise RuntimeError("sagemaker-local did not start: " + line)
        self.url = line.split()[1]

    def kill(self):
        """kill -9: whatever it was doing."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client_environment(self, **more):
        """What a program must find in its environment to talk to this emulator and to nothing else."""
        values = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": self.directory,
            "TMPDIR": self.directory,
            "NO_PROXY": "127.0.0.1,localhost",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.ca_file:
            for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
                values[variable] = self.ca_file
        values.update(more)
        return values

    def run(self, *command, code=0, both=False, raw=False, input=None, timeout=120, **environment):
        """Runs a program to its end; anything but the exit code `code` is an error.

        Returns its standard output: as text, or as bytes where `raw`. With `both`, and where it is to fail, its
        standard error follows.
        """
        done = subprocess.run(
            command,
            env=self.client_environment(**environment),
            cwd=self.directory,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
        )
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if done.returncode != code:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}, not {code}\n{out}\n{err}")
        if raw:
            return done.stdout
        return out + err if both or code != 0 else out

    def stop(self):
        if self.log.closed:
            return  # it was stopped before
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()
        with open(self.log.name, errors="replace") as log:
            said = log.read()
        if self.process.returncode != 0 or os.environ.get("SAGEMAKER_TEST_LOG"):
            sys.stderr.write(said[-4000:])
        shutil.rmtree(self.directory, ignore_errors=True)
        # What a sanitizer found may not have changed an answer: a leak is found when all of them were given.
        if found := SANITIZER_REPORT.search(said):
            raise AssertionError("sagemaker-local: " + said[found.start() :][:4000])

    def path(self, *parts):
        """A path in the test's own folder, whose parents exist."""
        path = os.path.join(self.directory, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def file(self, name, content):
        """Writes a file into the test's own folder and returns its path."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def program(self, name, text):
        """Writes an executable script and returns the image name that runs it."""
        path = self.file(name, text.encode())
        os.chmod(path, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        return "file://" + path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tree(folder):
    """Every file below a folder with its bytes, by its path relative to the folder."""
    files = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            files[os.path.relpath(path, folder)] = read(path)
    return files


class EmulatorTest(unittest.TestCase):
    """One emulator for all tests of a class."""

    emulator_class = LocalEmulator

    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.emulator_class()

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()
