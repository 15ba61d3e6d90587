"""Batch transform through boto3: requests, objects, batches, failures, stops and what is stored."""

import datetime
import gzip
import json
import re
import threading

import local_emulator
from transform_jobs import AT_GATE, TransformTest, program

ECHO = "self.reply(200, body)"
# Doubles the number of every line.
DOUBLE = """
lines = body.decode().splitlines()
self.reply(200, "".join("%d\\n" % (2 * int(line)) for line in lines).encode())
"""


class Requests(TransformTest):
    """What a job is, whatever its objects."""

    def test_whole_objects_and_what_describe_says(self):
        self.model(
            "whole",
            'print("got", self.headers["Content-Type"], self.headers["Accept"], len(body), flush=True)\n'
            'self.reply(200, b"<" + body + b">")',
        )
        self.put("whole", a__csv=b"1,2\n3,4\n", b__csv=b"5,6")
        self.s3.put_object(Bucket="bucket", Key="whole/sub/c.csv", Body=b"7")
        self.s3.put_object(Bucket="bucket", Key="whole/folder/", Body=b"")
        answer = self.create(
            "whole",
            input={"ContentType": "text/csv"},
            output={"Accept": "text/plain"},
            Tags=[{"Key": "k", "Value": "v"}],
        )
        job = self.completed("whole")
        self.assertEqual(job["TransformJobArn"], answer["TransformJobArn"])
        self.assertEqual(
            self.outputs("whole"), {"a.csv.out": b"<1,2\n3,4\n>", "b.csv.out": b"<5,6>", "sub/c.csv.out": b"<7>"}
        )
        self.assertEqual(job["ModelName"], "whole")
        self.assertEqual(job["TransformResources"], {"InstanceType": "ml.m5.large", "InstanceCount": 1})
        self.assertEqual(job["TransformInput"]["SplitType"], "None")
        self.assertEqual(job["TransformInput"]["CompressionType"], "None")
        self.assertEqual(job["TransformOutput"]["AssembleWith"], "None")
        self.assertEqual(job["DataProcessing"], {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"})
        self.assertLessEqual(job["CreationTime"], job["TransformStartTime"])
        self.assertLessEqual(job["TransformStartTime"], job["TransformEndTime"])
        self.assertNotIn("FailureReason", job)
        self.assertEqual(
            self.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"], [{"Key": "k", "Value": "v"}]
        )
        self.assertEqual(
            self.data_log("whole"), ["MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"]
        )
        self.assertRegex(
            self.messages("whole", True)[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}:\[sagemaker logs\]: Max"
        )
        self.assertIn("got text/csv text/plain 8", self.messages("whole", False))
        names = self.streams("whole")
        self.assertEqual(len(names), 2)
        self.assertRegex(names[0], r"^whole/i-[0-9a-f]{17}-\d+$")
        self.assertEqual(names[1], names[0] + "/data-log")

    def test_one_question_of_the_sdk_is_answered_when_the_job_has_ended(self):
        gate = self.gate()
        self.model("asked", AT_GATE + "\n" + ECHO, environment={"GATE": gate.url})
        self.put("asked", a=b"1")
        self.create("asked")
        gate.wait_asked()
        sdk = self.emulator.client("sagemaker", retries=False, user_agent_extra="lib/AWS-SageMaker-Python-SDK#2.257.7")
        threading.Timer(0.3, gate.open).start()  # meanwhile the question arrives; where it does not, this passes too
        job = sdk.describe_transform_job(TransformJobName="asked")
        self.assertEqual(job["TransformJobStatus"], "Completed")

    def test_an_object_named_in_full_and_part_of_a_name(self):
        self.model("named", ECHO)
        self.put("named", day1__csv=b"1", day2__csv=b"2", other=b"3")
        self.create("named", uri="s3://bucket/named/day1.csv")
        self.completed("named")
        self.assertEqual(self.outputs("named"), {"day1.csv.out": b"1"})
        self.create("named2", model="named", uri="s3://bucket/named/day")
        self.completed("named2")
        self.assertEqual(self.outputs("named2"), {"day1.csv.out": b"1", "day2.csv.out": b"2"})

    def test_manifest_and_gzip(self):
        self.model("listed", ECHO)
        self.put("listed", a=gzip.compress(b"one"), b=gzip.compress(b"two"), c=b"not named")
        manifest = [{"prefix": "s3://bucket/listed/"}, "b", "a"]
        self.s3.put_object(Bucket="bucket", Key="listed.manifest", Body=json.dumps(manifest))
        source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/listed.manifest"}}
        self.create("listed", input={"DataSource": source, "CompressionType": "Gzip"})
        self.completed("listed")
        self.assertEqual(self.outputs("listed"), {"a.out": b"one", "b.out": b"two"})

    def test_environment_and_parameters(self):
        tell = (
            'told = ("SAGEMAKER_BATCH", "SAGEMAKER_MAX")\n'
            'names = [name for name in os.environ if name in ("A", "B") or name.startswith(told)]\n'
            "self.reply(200, json.dumps({name: os.environ[name] for name in names}).encode())"
        )
        said = '{"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 3}'
        self.model("told", tell, said, {"A": "model", "B": "model"})
        self.put("told", a=b"1")
        self.create("told", Environment={"A": "job"})
        self.completed("told")
        self.assertEqual(
            json.loads(self.outputs("told")["a.out"]), {"A": "job", "B": "model", "SAGEMAKER_BATCH": "true"}
        )
        self.assertEqual(
            self.data_log("told"), ["MaxConcurrentTransforms=8, MaxPayloadInMB=3, BatchStrategy=SINGLE_RECORD"]
        )
        # 100 MB of requests at once are the most.
        said = '{"MaxConcurrentTransforms": 50, "MaxPayloadInMB": 40}'
        self.model("much", tell, said)
        self.put("much", a=b"1")
        self.create("much")
        self.completed("much")
        self.assertEqual(
            self.data_log("much"), ["MaxConcurrentTransforms=2, MaxPayloadInMB=40, BatchStrategy=MULTI_RECORD"]
        )
        # What the request says wins.
        self.create(
            "told2",
            model="told",
            uri="s3://bucket/told/",
            MaxConcurrentTransforms=2,
            MaxPayloadInMB=5,
            BatchStrategy="MultiRecord",
        )
        self.completed("told2")
        environment = json.loads(self.outputs("told2")["a.out"])
        self.assertEqual(environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"], "2")
        self.assertEqual(environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"], "5")
        self.assertEqual(environment["SAGEMAKER_BATCH_STRATEGY"], "MULTI_RECORD")
        self.assertEqual(
            self.data_log("told2"), ["MaxConcurrentTransforms=2, MaxPayloadInMB=5, BatchStrategy=MULTI_RECORD"]
        )

    def test_refused_requests(self):
        self.model("refused", ECHO)
        self.put("refused", a=b"1")

        def refusal(**more):
            return self.refusal(self.create, "refused", **more)

        code, message = refusal(model="nobody")
        self.assertEqual(code, "ValidationException")
        self.assertEqual(message, 'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/nobody".')
        code, message = refusal(uri="s3://bucket/nothing-here/")
        self.assertEqual(code, "ValidationException")
        self.assertIn('No S3 objects found under S3 URL "s3://bucket/nothing-here/"', message)
        source = {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://bucket/refused/"}}
        self.assertIn("AugmentedManifestFile", refusal(input={"DataSource": source})[1])
        self.assertIn("100 MB", refusal(MaxPayloadInMB=101)[1])
        self.assertIn("100 MB", refusal(MaxPayloadInMB=51, MaxConcurrentTransforms=2)[1])
        code, message = refusal(resources={"InstanceCount": 101})
        self.assertEqual(code, "ResourceLimitExceeded")
        self.assertIn("'ml.m5.large for transform job usage' is 100 Instances", message)
        self.assertEqual(refusal(DataProcessing={"InputFilter": "$[x"})[0], "ValidationException")
        image = self.emulator.program("several", "#!/bin/sh\n")
        self.create_model("multi", {"Image": image, "Mode": "MultiModel", "ModelDataUrl": "s3://bucket/models/"})
        self.assertIn("MultiModel", refusal(model="multi")[1])
        containers = [{"Image": image, "ContainerHostname": name} for name in ("x", "y")]
        self.create_model("direct", *containers, InferenceExecutionConfig={"Mode": "Direct"})
        self.assertIn("Direct", refusal(model="direct")[1])
        for call in (self.sagemaker.describe_transform_job, self.sagemaker.stop_transform_job):
            self.assertEqual(self.refusal(call, TransformJobName="nobody")[0], "ValidationException")
        # None of them has left a job behind.
        self.assertEqual(self.sagemaker.list_transform_jobs(NameContains="refused")["TransformJobSummaries"], [])

    def test_a_name_is_taken_and_an_ended_job_is_not_stopped(self):
        self.model("taken", ECHO)
        self.put("taken", a=b"1")
        self.create("taken")
        self.completed("taken")
        code, message = self.refusal(self.create, "taken")
        self.assertEqual(code, "ResourceInUse")
        self.assertIn("Job name must be unique within an AWS account and region", message)
        code, message = self.refusal(self.sagemaker.stop_transform_job, TransformJobName="taken")
        self.assertEqual(code, "ValidationException")
        self.assertEqual(message, "The request was rejected because the transform job is in status Completed.")
        (entry,) = self.sagemaker.list_transform_jobs(StatusEquals="Completed", NameContains="taken")[
            "TransformJobSummaries"
        ]
        self.assertEqual(entry["TransformJobName"], "taken")
        self.assertIn("TransformEndTime", entry)
        self.assertEqual(
            self.sagemaker.list_transform_jobs(StatusEquals="Failed", NameContains="taken")["TransformJobSummaries"],
            [],
        )

    def test_an_output_bucket_that_is_not_there(self):
        self.model("homeless", ECHO)
        self.put("homeless", a=b"1")
        self.create("homeless", output={"S3OutputPath": "s3://no-such-bucket/out"})
        reason = self.failed("homeless")
        self.assertTrue(reason.startswith("ClientError: "), reason)
        self.assertIn("no-such-bucket", reason)

    def test_a_container_that_does_not_start(self):
        image = self.emulator.program("dies", "#!/bin/sh\necho cannot start\nexit 3\n")
        self.create_model("dies", {"Image": image})
        self.put("dies", a=b"1")
        self.create("dies")
        self.assertEqual(self.failed("dies"), "AlgorithmError: Model container failed to respond to ping")
        self.assertIn("cannot start", self.messages("dies"))

    def test_a_pipeline(self):
        one = self.emulator.program("first", program('self.reply(200, b"(" + body + b")", "x/between")'))
        two = self.emulator.program(
            "second", program('self.reply(200, self.headers["Content-Type"].encode() + b" " + body)')
        )
        self.create_model("pipe", {"Image": one}, {"Image": two})
        self.put("pipe", a=b"1")
        self.create("pipe", input={"ContentType": "text/csv"})
        self.completed("pipe")
        self.assertEqual(self.outputs("pipe"), {"a.out": b"x/between (1)"})
        ends = sorted(name.rsplit("/", 1)[1] for name in self.streams("pipe"))
        self.assertEqual(ends, ["container-1", "container-2", "data-log"])


class Records(TransformTest):
    """Records, batches, and what is joined to them."""

    LINES = {"SplitType": "Line", "ContentType": "text/csv"}

    def test_lines_in_batches_and_one_by_one(self):
        self.model("lines", 'print("batch", body.count(b"\\n"), flush=True)\n' + DOUBLE)
        numbers = "".join(f"{n}\n" for n in range(1000)).encode()
        doubled = "".join(f"{2 * n}\n" for n in range(1000)).encode()
        self.put("lines", a__csv=numbers)
        self.create("lines", input=self.LINES, output={"AssembleWith": "Line"})
        self.completed("lines")
        self.assertEqual(self.outputs("lines"), {"a.csv.out": doubled})
        self.assertIn("batch 1000", self.messages("lines"))
        few = "".join(f"{n}\n" for n in range(5)).encode()
        self.put("singly", a__csv=few)
        self.create(
            "singly", model="lines", input=self.LINES, output={"AssembleWith": "Line"}, BatchStrategy="SingleRecord"
        )
        self.completed("singly")
        self.assertEqual(self.outputs("singly"), {"a.csv.out": b"0\n2\n4\n6\n8\n"})
        self.assertEqual(len([line for line in self.messages("singly") if line.startswith("batch")]), 5)

    def test_several_requests_at_once_keep_the_order(self):
        # Every request waits until three are there: with fewer at once nothing would ever be answered.
        self.model("together", "barrier.wait(60)\n" + DOUBLE)
        with open(self.emulator.path("together")) as file:
            text = file.read()
        text = text.replace("class Handler", "import threading\nbarrier = threading.Barrier(3)\nclass Handler", 1)
        self.emulator.program("together", text)
        lines = {"input": self.LINES, "output": {"AssembleWith": "Line"}, "BatchStrategy": "SingleRecord"}
        width = 9000  # one object large enough to be sent in several requests at once
        self.put("together", a="".join(f"{n:>{width}d}\n" for n in range(9)).encode())
        self.create("together", MaxConcurrentTransforms=3, **lines)
        self.completed("together")
        self.assertEqual(self.outputs("together"), {"a.out": "".join(f"{2 * n}\n" for n in range(9)).encode()})
        # Small objects are sent side by side.
        self.put("side", **{f"o{n}": f"{n}\n".encode() for n in range(6)})
        self.create("side", model="together", MaxConcurrentTransforms=3, **lines)
        self.completed("side")
        self.assertEqual(self.outputs("side"), {f"o{n}.out": f"{2 * n}\n".encode() for n in range(6)})

    def test_several_instances_share_the_objects(self):
        self.model("shared", 'print("did", body.decode(), flush=True)\n' + ECHO)
        self.put("shared", **{f"o{n}": f"{n}" for n in range(7)})
        self.create("shared", resources={"InstanceCount": 2})
        self.completed("shared")
        self.assertEqual(self.outputs("shared"), {f"o{n}.out": b"%d" % n for n in range(7)})
        containers = [name for name in self.streams("shared") if not name.endswith("/data-log")]
        self.assertEqual(len(containers), 2)
        did = [
            {
                line["message"]
                for line in self.logs.get_log_events(
                    logGroupName="/aws/sagemaker/TransformJobs", logStreamName=name, startFromHead=True
                )["events"]
            }
            for name in containers
        ]
        self.assertEqual(did[0] & did[1], set())
        self.assertEqual(sorted(map(len, did)), [3, 4])

    def test_an_object_is_streamed(self):
        # Begins to answer before it has read all: the pieces come with chunked encoding, whatever their number.
        self.model("streamed", "assert False")
        with open(self.emulator.path("streamed")) as file:
            text = file.read()
        text = text.replace(
            "    def do_POST",
            """    def do_POST(self):
        if self.headers.get("Transfer-Encoding") != "chunked" or "Content-Length" in self.headers:
            return self.reply(400, b"not a stream")
        length = 0
        while size := int(self.rfile.readline(), 16):
            length += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        self.begin()
        for part in range(3): self.chunk(b"%d of %d\\n" % (part, length))
        self.chunk(b"")
    def unused""",
        )
        self.emulator.program("streamed", text)
        self.put("streamed", a=b"x" * (9 << 20), b=b"y" * 10)
        self.create("streamed", MaxPayloadInMB=0)
        self.completed("streamed")
        answers = {
            f"{name}.out": "".join(f"{part} of {length}\n" for part in range(3)).encode()
            for name, length in (("a", 9 << 20), ("b", 10))
        }
        self.assertEqual(self.outputs("streamed"), answers)
        # Without it, an object that is larger than a request may be is not sent.
        self.create("limited", model="streamed", uri="s3://bucket/streamed/a")
        self.assertEqual(self.failed("limited"), "ClientError: See job logs for more information")
        self.assertEqual(self.outputs("limited"), {})

    def test_filters_and_joins(self):
        self.model(
            "joined",
            "sums = [sum(map(int, line.split(','))) for line in body.decode().split()]\n"
            'self.reply(200, "".join("%d\\n" % number for number in sums).encode())',
        )
        self.put("joined", a__csv=b"id1,1,2\nid2,3,4\n")
        self.create(
            "joined",
            input=self.LINES,
            output={"AssembleWith": "Line", "Accept": "text/csv"},
            DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        )
        self.completed("joined")
        self.assertEqual(self.outputs("joined"), {"a.csv.out": b"id1,3\nid2,7\n"})

    def test_data_capture_and_inference_ids(self):
        self.model("captured", DOUBLE)
        self.put("captured", a__csv=b"1\n2\n", b__csv=b"3\n")
        self.create(
            "captured",
            input=self.LINES,
            output={"AssembleWith": "Line", "Accept": "text/csv"},
            DataCaptureConfig={"DestinationS3Uri": "s3://bucket/captured-capture", "GenerateInferenceId": True},
        )
        job = self.completed("captured")
        outputs = self.outputs("captured")
        self.assertEqual(sorted(outputs), ["a.csv.out", "b.csv.out"])
        uuid, time = (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        )
        self.assertRegex(outputs["a.csv.out"].decode(), f"^2,{uuid},{time}\n4,{uuid},{time}\n$")
        capture = self.stored("captured-capture")
        hour = job["TransformStartTime"].astimezone(datetime.timezone.utc).strftime("%Y/%m/%d/%H")
        manifests = {
            key.split("/")[0]: json.loads(body)
            for key, body in capture.items()
            if re.match(rf"(in|out)put/{hour}/", key)
        }
        self.assertEqual(manifests["input"], [{"prefix": "s3://bucket/captured/"}, "a.csv", "b.csv"])
        self.assertEqual(manifests["output"], [{"prefix": "s3://bucket/captured-out/"}, "a.csv.out", "b.csv.out"])

    def test_inference_ids_are_in_the_format_of_the_answer(self):
        self.model("identified", 'self.reply(200, b\'{"label": 3}\')')
        self.put("identified", a=b"a picture")
        self.create(
            "identified",
            input={"ContentType": "image/png"},
            output={"Accept": "application/json"},
            DataCaptureConfig={"DestinationS3Uri": "s3://bucket/identified-capture", "GenerateInferenceId": True},
        )
        self.completed("identified")
        answer = json.loads(self.outputs("identified")["a.out"])
        self.assertEqual(sorted(answer), ["SageMakerInferenceId", "SageMakerInferenceTime", "label"])


class Failures(TransformTest):
    """Records that cannot be transformed, containers that fail, jobs that are stopped."""

    LINES = Records.LINES

    def test_a_bad_record_costs_its_object_only(self):
        self.model(
            "bad",
            'print("asked", flush=True)\n'
            'if b"bad" in body: self.reply(400, b"cannot read line\\nthe second one")\n'
            "else: self.reply(200, body)",
        )
        self.put("bad", a=b"1\n", b=b"2\nbad\n3\n", c=b"4\n")
        self.create("bad", input=self.LINES, output={"AssembleWith": "Line"}, BatchStrategy="SingleRecord")
        self.assertEqual(self.failed("bad"), "ClientError: See job logs for more information")
        self.assertEqual(self.outputs("bad"), {"a.out": b"1\n", "c.out": b"4\n"})
        log = self.data_log("bad")
        self.assertEqual(
            [line for line in log if line.startswith("bucket/bad/b: ")],
            [
                "bucket/bad/b: " + line
                for line in ("ClientError: 400", "", "Message:", "cannot read line", "the second one")
            ],
        )
        self.assertEqual(len([line for line in log if "ClientError" in line]), 1)
        # A request that the container refuses is not sent again.
        self.assertLessEqual(self.messages("bad").count("asked"), 5)

    def test_an_output_that_cannot_be_an_object_costs_itself_only(self):
        self.model("longest", ECHO)
        self.put("longest", a=b"1", **{"b" * 1010: b"2"}, c=b"3")
        self.create("longest")
        reason = self.failed("longest")
        self.assertTrue(reason.startswith("ClientError: Output upload failed: the key of the output"), reason)
        self.assertEqual(self.outputs("longest"), {"a.out": b"1", "c.out": b"3"})

    def test_server_errors_are_tried_again(self):
        count = (
            "state = Server.__dict__.get('asked', 0) + 1; Server.asked = state\nprint('asked', state, flush=True)\n"
        )
        self.model("flaky", count + "if state < 3: self.reply(503, b'not yet')\nelse: self.reply(200, body)")
        self.put("flaky", a=b"1")
        self.create("flaky")
        self.completed("flaky")
        self.assertEqual(self.outputs("flaky"), {"a.out": b"1"})
        self.model("broken", count + "self.reply(500, b'Traceback')")
        self.put("broken", a=b"1")
        self.create("broken", ModelClientConfig={"InvocationsMaxRetries": 1})
        self.assertEqual(self.failed("broken"), "AlgorithmError: See job logs for more information")
        self.assertEqual(
            [line for line in self.messages("broken") if line.startswith("asked")], ["asked 1", "asked 2"]
        )
        self.assertIn("bucket/broken/a: AlgorithmError: 500", self.data_log("broken"))
        self.assertIn("bucket/broken/a: Traceback", self.data_log("broken"))
        self.assertEqual(self.outputs("broken"), {})

    def test_an_answer_that_does_not_come(self):
        gate = self.gate()
        self.model("silent", AT_GATE, environment={"GATE": gate.url})
        self.put("silent", a=b"1")
        self.create("silent", ModelClientConfig={"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0})
        self.assertEqual(self.failed("silent"), "AlgorithmError: See job logs for more information")
        self.assertIn("bucket/silent/a: Unable to get response from algorithm", self.data_log("silent"))

    def test_a_container_that_ends_is_started_again(self):
        # The object ends the container that gets it first; the next container takes it.
        self.model(
            "mortal",
            'print("got", body.decode(), flush=True)\n'
            'alive = os.environ["SM_MODEL_DIR"] + "/alive"\n'
            'if body == b"fatal" and os.path.exists(alive): self.reply(200, b"survived")\n'
            'elif body == b"fatal": open(alive, "w").close(); os._exit(9)\n'
            "else: self.reply(200, body)",
        )
        self.put("mortal", a=b"1", b=b"fatal", c=b"3")
        self.create("mortal")
        self.completed("mortal")
        self.assertEqual(self.outputs("mortal"), {"a.out": b"1", "b.out": b"survived", "c.out": b"3"})

    def test_a_stop_ends_it_and_stores_nothing(self):
        gate = self.gate()
        self.model("stopped", f"if body == b'wait': {AT_GATE}\n" + ECHO, environment={"GATE": gate.url})
        self.put("stopped", a=b"1", b=b"wait", c=b"3")
        self.create("stopped")
        gate.wait_asked()
        self.sagemaker.stop_transform_job(TransformJobName="stopped")
        self.assertIn(
            self.refusal(self.sagemaker.stop_transform_job, TransformJobName="stopped")[0], ["ValidationException"]
        )
        job = self.ended("stopped", within_s=60)
        self.assertEqual(job["TransformJobStatus"], "Stopped")
        self.assertNotIn("FailureReason", job)
        self.assertIn("TransformEndTime", job)
        self.assertEqual(self.outputs("stopped"), {})

    def test_a_stop_while_the_container_starts(self):
        gate = self.gate()
        text = f"#!/usr/bin/env python3\nimport os\n{AT_GATE}\n"
        self.create_model("slow", {"Image": self.emulator.program("slow", text), "Environment": {"GATE": gate.url}})
        self.put("slow", a=b"1")
        self.create("slow")
        gate.wait_asked()
        self.sagemaker.stop_transform_job(TransformJobName="slow")
        self.assertEqual(self.ended("slow", within_s=60)["TransformJobStatus"], "Stopped")

    def test_objects_that_change_meanwhile(self):
        gate = self.gate()
        self.model("moving", f"if body == b'wait': {AT_GATE}\n" + ECHO, environment={"GATE": gate.url})
        self.put("moving", a=b"wait", b=b"gone", c=b"old", d=b"4")
        self.create("moving")
        gate.wait_asked()
        self.s3.delete_object(Bucket="bucket", Key="moving/a")  # it is being read
        self.s3.delete_object(Bucket="bucket", Key="moving/b")
        self.put("moving", c=b"new")
        gate.open()
        self.assertEqual(self.failed("moving"), "ClientError: See job logs for more information")
        self.assertEqual(self.outputs("moving"), {"a.out": b"wait", "c.out": b"new", "d.out": b"4"})
        self.assertTrue(
            [line for line in self.data_log("moving") if line.startswith("bucket/moving/b: ") and "NoSuchKey" in line]
        )

    def test_the_model_may_be_deleted_meanwhile(self):
        gate = self.gate()
        self.model("orphan", AT_GATE + "\n" + ECHO, environment={"GATE": gate.url})
        self.put("orphan", a=b"1")
        self.create("orphan")
        gate.wait_asked()
        self.sagemaker.delete_model(ModelName="orphan")
        gate.open()
        self.completed("orphan")
        self.assertEqual(self.outputs("orphan"), {"a.out": b"1"})

    def test_two_jobs_with_one_output(self):
        self.model("twins", ECHO)
        self.put("twins", **{f"o{n}": b"%d" % n for n in range(20)})
        for name in ("twins", "twins2"):
            self.create(
                name, model="twins", uri="s3://bucket/twins/", output={"S3OutputPath": "s3://bucket/twins-out"}
            )
        for name in ("twins", "twins2"):
            self.completed(name)
        self.assertEqual(self.outputs("twins"), {f"o{n}.out": b"%d" % n for n in range(20)})


if __name__ == "__main__":
    local_emulator.main()
