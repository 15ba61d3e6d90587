"""What tests of batch transform jobs share: models that are a few lines of Python, jobs, their outputs and logs."""

import http.server
import threading
import time

import endpoints
import local_emulator
from botocore.exceptions import ClientError

LOG_GROUP = "/aws/sagemaker/TransformJobs"


class Gate:
    """Holds containers until a test lets them go on: they ask for its `url`, and get an answer when it is opened."""

    def __init__(self):
        self.opened = threading.Event()
        self.asked = threading.Semaphore(0)
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                gate.asked.release()
                gate.opened.wait()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:  # the container is gone
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_asked(self, times=1, within_s=60):
        for _ in range(times):
            if not self.asked.acquire(timeout=within_s):
                raise AssertionError("no container has come to the gate")

    def open(self):
        self.opened.set()

    def close(self):
        self.opened.set()
        self.server.shutdown()
        self.server.server_close()


# How a container's program waits at the gate.
AT_GATE = 'import urllib.request; urllib.request.urlopen(os.environ["GATE"]).read()'


def program(answer, parameters=None):
    """`answer`: see endpoints.program; `parameters`: what GET /execution-parameters says, as Python."""
    text = endpoints.program(answer)
    if parameters is not None:
        text = text.replace(
            'def do_GET(self): self.reply(200, b"")',
            'def do_GET(self): self.reply(200, json.dumps(%s).encode() if self.path == "/execution-parameters"'
            ' else b"", "application/json")' % parameters,
        )
    return text


class TransformTest(endpoints.Endpoints, local_emulator.EmulatorTest):
    EMULATOR = ()  # further arguments of the emulator

    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.emulator_class(*cls.EMULATOR)
        cls.make_clients()
        cls.s3.create_bucket(Bucket="bucket")

    @classmethod
    def make_clients(cls):
        """Again after a restart, which may bring another port."""
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.logs = cls.emulator.client("logs")

    def gate(self):
        gate = Gate()
        self.addCleanup(gate.close)
        return gate

    def model(self, name, answer, parameters=None, environment=None):
        image = self.emulator.program(name, program(answer, parameters))
        self.create_model(name, {"Image": image, "Environment": environment or {}})

    def put(self, prefix, **objects):
        """Objects below s3://bucket/PREFIX/; "__" in a name stands for a dot."""
        for name, body in objects.items():
            self.s3.put_object(Bucket="bucket", Key=f"{prefix}/{name.replace('__', '.')}", Body=body)

    def create(self, name, model=None, input=None, output=None, resources=None, uri=None, **more):
        """A job over s3://bucket/NAME/ that stores in s3://bucket/NAME-out; `input`, `output`: further members."""
        source = {"S3DataType": "S3Prefix", "S3Uri": uri or f"s3://bucket/{name}/"}
        return self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model or name,
            TransformInput={"DataSource": {"S3DataSource": source}, **(input or {})},
            TransformOutput={"S3OutputPath": f"s3://bucket/{name}-out", **(output or {})},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1, **(resources or {})},
            **more,
        )

    def job(self, name):
        return self.sagemaker.describe_transform_job(TransformJobName=name)

    def ended(self, name, within_s=120):
        """The description of a job when it has ended."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            job = self.job(name)
            if job["TransformJobStatus"] in ("Completed", "Failed", "Stopped"):
                return job
            time.sleep(0.05)
        self.fail(f"{name} is still {job['TransformJobStatus']}")

    def completed(self, name, within_s=120):
        job = self.ended(name, within_s)
        self.assertEqual(job["TransformJobStatus"], "Completed", (job.get("FailureReason"), self.messages(name)))
        return job

    def failed(self, name):
        job = self.ended(name)
        self.assertEqual(job["TransformJobStatus"], "Failed")
        return job["FailureReason"]

    def stored(self, prefix):
        """The objects below s3://bucket/PREFIX/ by their names there."""
        found = self.s3.list_objects_v2(Bucket="bucket", Prefix=prefix + "/").get("Contents", [])
        return {
            entry["Key"][len(prefix) + 1 :]: self.s3.get_object(Bucket="bucket", Key=entry["Key"])["Body"].read()
            for entry in found
        }

    def outputs(self, name):
        return self.stored(name + "-out")

    def streams(self, name):
        try:
            page = self.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=name + "/")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        return [stream["logStreamName"] for stream in page["logStreams"]]

    def messages(self, name, data_log=None):
        """The lines of a job's log; `data_log`: those of the data logs only, or of the containers only."""
        return [
            event["message"]
            for stream in self.streams(name)
            if data_log is None or data_log == stream.endswith("/data-log")
            for event in self.logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True)[
                "events"
            ]
        ]

    def data_log(self, name):
        """What the data logs say, without the times."""
        return [line.split(":[sagemaker logs]: ", 1)[1] for line in self.messages(name, True)]
