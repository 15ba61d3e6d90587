"""boto3 sees what endpoints tell about their invocations: metrics, captured data, shadow variants."""

import base64
import collections
import datetime
import json
import time
import unittest
import uuid

import endpoints
import local_emulator
from botocore.exceptions import ClientError

ANSWER = """
if body == b"bad": return self.reply(415, b"not like this")
if body == b"sad": return self.reply(500, b"the model is sad")
if body == b"big": return self.reply(200, b"y" * 20_000_000, "application/octet-stream")
self.reply(200, b"A:" + body, "application/json" if body.startswith(b"{") else "text/plain")
"""
SHADOW = """
if body == b"sad": return self.reply(500, b"the shadow is sad")
self.reply(200, b"B:" + body, "text/plain")
"""


class Captures(endpoints.EndpointTest):
    def invoke(self, name, body, **more):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)["Body"].read()

    def failing(self, name, body):
        with self.assertRaises(ClientError):
            self.invoke(name, body)

    def sum_of(self, name, metric, statistic="Sum", variant="AllTraffic"):
        now = datetime.datetime.now(datetime.timezone.utc)
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": variant}],
            StartTime=now - datetime.timedelta(minutes=10),
            EndTime=now + datetime.timedelta(minutes=10),
            Period=3600,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(point[statistic] for point in points)

    def captured(self, name, count, prefix="captured"):
        """The captured lines of an endpoint, by key, as soon as there are so many."""

        def lines():
            found = collections.OrderedDict()
            for entry in self.s3.list_objects_v2(Bucket="bucket", Prefix=f"{prefix}/{name}/").get("Contents", []):
                text = self.s3.get_object(Bucket="bucket", Key=entry["Key"])["Body"].read().decode()
                self.assertTrue(text.endswith("\n"))
                found[entry["Key"]] = [json.loads(line) for line in text.splitlines()]
            return sum(map(len, found.values())) >= count and found

        return self.eventually(lines)

    def config(self, **more):
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://bucket/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
            **more,
        }

    def test_invocations_are_counted(self):
        self.deploy("counted", ANSWER, count=2)
        for _ in range(8):
            self.invoke("counted", b"x")
        self.failing("counted", b"bad")
        self.failing("counted", b"sad")
        self.eventually(lambda: self.sum_of("counted", "Invocations") == 10)
        self.assertEqual(self.sum_of("counted", "InvocationsPerInstance"), 5)
        self.assertEqual(self.sum_of("counted", "Invocation4XXErrors"), 1)
        self.assertEqual(self.sum_of("counted", "Invocation5XXErrors"), 1)
        self.assertEqual(self.sum_of("counted", "InvocationModelErrors"), 2)
        self.assertAlmostEqual(self.sum_of("counted", "InvocationModelErrors", "Average"), 0.2)
        for metric in ("ModelLatency", "OverheadLatency"):
            self.assertEqual(self.sum_of("counted", metric, "SampleCount"), 10)
            self.assertGreater(self.sum_of("counted", metric, "Average"), 0)
            self.assertLess(self.sum_of("counted", metric, "Maximum"), 5e6)  # microseconds
        self.delete("counted")

    def test_lines_are_those_of_aws(self):
        self.deploy("lines", ANSWER, DataCaptureConfig=self.config())
        before = time.time()
        self.invoke("lines", b"1,2", ContentType="text/csv; charset=utf-8", InferenceId="mine", CustomAttributes="c")
        self.invoke("lines", b'{"a": "\xc3\xa9"}', ContentType="application/json")
        self.invoke("lines", b"\xff\x00", ContentType="image/png")
        self.failing("lines", b"sad")  # is not captured
        files = self.captured("lines", 3)
        records = [record for lines in files.values() for record in lines]
        self.assertEqual(len(records), 3)
        first = records[0]
        self.assertEqual(
            first["captureData"],
            {
                "endpointInput": {
                    "observedContentType": "text/csv; charset=utf-8",
                    "mode": "INPUT",
                    "data": "1,2",
                    "encoding": "CSV",
                },
                "endpointOutput": {
                    "observedContentType": "text/plain",
                    "mode": "OUTPUT",
                    "data": base64.b64encode(b"A:1,2").decode(),
                    "encoding": "BASE64",
                },
            },
        )
        metadata = first["eventMetadata"]
        self.assertEqual(str(uuid.UUID(metadata.pop("eventId"))).count("-"), 4)
        when = datetime.datetime.strptime(metadata.pop("inferenceTime"), "%Y-%m-%dT%H:%M:%SZ")
        self.assertLess(abs(when.replace(tzinfo=datetime.timezone.utc).timestamp() - before), 60)
        self.assertEqual(metadata, {"inferenceId": "mine", "customAttributes": ["c"]})
        self.assertEqual(first["eventVersion"], "0")
        self.assertEqual(records[1]["captureData"]["endpointInput"]["data"], '{"a": "\u00e9"}')
        self.assertEqual(records[1]["captureData"]["endpointOutput"]["encoding"], "JSON")
        self.assertEqual(records[2]["captureData"]["endpointInput"]["data"], base64.b64encode(b"\xff\x00").decode())
        for key in files:
            self.assertRegex(
                key,
                r"^captured/lines/AllTraffic/\d{4}/\d\d/\d\d/\d\d/"
                r"\d\d-\d\d-\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl$",
            )
        self.delete("lines")

    def test_one_side_and_no_sampling(self):
        inputs = self.config(CaptureOptions=[{"CaptureMode": "Input"}])
        del inputs["CaptureContentTypeHeader"]
        self.deploy("inputs", ANSWER, DataCaptureConfig=inputs)
        self.deploy("never", ANSWER, DataCaptureConfig=self.config(InitialSamplingPercentage=0))
        self.deploy("off", ANSWER, DataCaptureConfig=self.config(EnableCapture=False))
        for name in ("never", "off", "inputs"):
            self.invoke(name, b"1", ContentType="text/csv")
        (records,) = self.captured("inputs", 1).values()
        self.assertEqual(list(records[0]["captureData"]), ["endpointInput"])
        self.assertEqual(records[0]["captureData"]["endpointInput"]["encoding"], "BASE64")
        listing = self.s3.list_objects_v2(Bucket="bucket", Prefix="captured/")["Contents"]
        self.assertFalse([entry for entry in listing if "/never/" in entry["Key"] or "/off/" in entry["Key"]])

    def test_large_bodies_and_the_end_of_the_emulator(self):
        emulator = local_emulator.LocalEmulator()
        kept = self.emulator, self.sagemaker, self.runtime, self.s3, self.cloudwatch
        try:
            type(self).emulator = emulator
            self.make_clients()
            self.s3.create_bucket(Bucket="bucket")
            self.deploy("large", ANSWER, DataCaptureConfig=self.config())
            body = b"x" * 20_000_000
            self.assertEqual(len(self.invoke("large", body)), len(body) + 2)
            self.assertEqual(len(self.invoke("large", b"big")), len(body))
            emulator.process.terminate()
            emulator.process.wait(20)  # what is not in S3 yet is so now
            emulator.start()
            self.make_clients()
            records = [record for lines in self.captured("large", 2).values() for record in lines]
            self.assertEqual(base64.b64decode(records[0]["captureData"]["endpointInput"]["data"]), body)
            self.assertEqual(
                base64.b64decode(records[1]["captureData"]["endpointOutput"]["data"]), b"y" * 20_000_000
            )
        finally:
            emulator.stop()
            type(self).emulator, *clients = kept
            type(self).sagemaker, type(self).runtime, type(self).s3, type(self).cloudwatch = clients

    def test_a_shadow_variant_gets_its_share_and_answers_nobody(self):
        production = self.variant("shadowed", ANSWER, variant="production")
        shadow = self.variant("shadowed", SHADOW, variant="shadow")
        self.deploy(
            "shadowed",
            ANSWER,
            variants=[production],
            ShadowProductionVariants=[shadow],
            DataCaptureConfig=self.config(),
        )
        for i in range(20):
            self.assertEqual(self.invoke("shadowed", b"%d" % i), b"A:%d" % i)
        self.failing("shadowed", b"sad")
        self.eventually(lambda: self.sum_of("shadowed", "Invocations", variant="shadow") == 21)
        self.eventually(lambda: self.sum_of("shadowed", "Invocations", variant="production") == 21)
        self.assertEqual(self.sum_of("shadowed", "Invocation5XXErrors", variant="shadow"), 1)
        outputs = collections.Counter()
        for key, records in self.captured("shadowed", 40).items():
            for record in records:
                data = base64.b64decode(record["captureData"]["endpointOutput"]["data"])
                outputs[(key.split("/")[2], data[:2])] += 1
        self.assertEqual(outputs, {("production", b"A:"): 20, ("shadow", b"B:"): 20})
        self.delete("shadowed")


if __name__ == "__main__":
    local_emulator.main()
