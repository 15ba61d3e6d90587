"""boto3 queues requests at asynchronous endpoints: outputs, failures, notifications, restarts."""

import datetime
import json
import time
import unittest
import urllib.request

import endpoints
import local_emulator
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

ANSWER = """
if body == b"sad": return self.reply(500, b"the model is sad")
if body == b"die": os._exit(3)
if body.startswith(b"sleep"): time.sleep(float(body.split()[1]))
said = self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "") + self.headers.get("Content-Type", "")
if len(body) > 1000: body = str(len(body)).encode()
self.reply(200, said.encode() + b":" + body, self.headers.get("Accept") or "text/plain")
"""
TOPICS = {
    "SuccessTopic": "arn:aws:sns:us-east-1:000000000000:good",
    "ErrorTopic": "arn:aws:sns:us-east-1:000000000000:bad",
    "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
}


class Async(endpoints.EndpointTest):
    def deploy_async(self, name, answer=ANSWER, concurrency=None, **more):
        output = {"S3OutputPath": "s3://bucket/out/", "S3FailurePath": "s3://bucket/failed"}
        config = {"OutputConfig": {**output, "NotificationConfig": TOPICS}}
        if concurrency:
            config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": concurrency}
        self.deploy(name, answer, AsyncInferenceConfig=config, **more)

    def ask(self, name, body=None, key="input", **more):
        """Puts the input to S3 and queues the request."""
        if body is not None:
            self.s3.put_object(Bucket="bucket", Key=key, Body=body, ContentType="text/x-input")
        return self.runtime.invoke_endpoint_async(EndpointName=name, InputLocation=f"s3://bucket/{key}", **more)

    def object_at(self, uri, within_s=40):
        bucket, key = uri[len("s3://") :].split("/", 1)

        def found():
            try:
                return self.s3.get_object(Bucket=bucket, Key=key)
            except ClientError:
                return None

        return self.eventually(found, within_s)

    def output(self, reply):
        return self.object_at(reply["OutputLocation"])["Body"].read()

    def notifications(self, name):
        with urllib.request.urlopen(f"{self.emulator.url}/_local/endpoints/{name}/notifications") as answer:
            return json.load(answer)["Notifications"]

    def metric(self, name, metric, statistic, variant=None):
        dimensions = [{"Name": "EndpointName", "Value": name}]
        dimensions += [{"Name": "VariantName", "Value": variant}] if variant else []
        now = datetime.datetime.now(datetime.timezone.utc)
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=now - datetime.timedelta(minutes=10),
            EndTime=now + datetime.timedelta(minutes=10),
            Period=3600,
            Statistics=[statistic],
        )["Datapoints"]
        return max([point[statistic] for point in points], default=None)

    def test_requests_end_in_outputs_and_failures(self):
        self.deploy_async("works")
        types = {"ContentType": "text/csv", "Accept": "application/json"}
        reply = self.ask("works", b"hello", CustomAttributes="c-", InferenceId="i1", **types)
        self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 202)
        self.assertEqual((reply["InferenceId"], reply["OutputLocation"]), ("i1", "s3://bucket/out/i1.out"))
        written = self.object_at(reply["OutputLocation"])
        self.assertEqual((written["Body"].read(), written["ContentType"]), (b"c-text/csv:hello", "application/json"))
        large = self.ask("works", b"x" * 30_000_000, key="large")  # more than a synchronous request may have
        self.assertEqual(self.output(large), b"text/x-input:30000000")

        failed = self.ask("works", b"sad", InferenceId="i2")
        reason = self.object_at("s3://bucket/failed/i2-error.out")["Body"].read().decode()
        self.assertIn('Received server error (500) from primary with message "the model is sad"', reason)
        missing = self.ask("works", key="nowhere")
        reason = self.object_at(f"s3://bucket/failed/{missing['InferenceId']}-error.out")["Body"].read().decode()
        self.assertEqual(reason, "Could not find the input data at s3://bucket/nowhere.")
        late = self.ask("works", b"sleep 20", InvocationTimeoutSeconds=1)
        reason = self.object_at(f"s3://bucket/failed/{late['InferenceId']}-error.out")["Body"].read().decode()
        self.assertIn("Your invocation timed out", reason)

        told = {note["Message"]["inferenceId"]: note for note in self.notifications("works")}
        self.assertEqual(told["i1"]["TopicArn"], TOPICS["SuccessTopic"])
        message = told["i1"]["Message"]
        for member in ("eventTime", "receivedTime"):
            self.assertRegex(message.pop(member), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            message,
            {
                "awsRegion": "us-east-1",
                "invocationStatus": "Completed",
                "requestParameters": {
                    "contentType": "text/csv",
                    "endpointName": "works",
                    "inputLocation": "s3://bucket/input",
                },
                "responseParameters": {"contentType": "application/json", "outputLocation": reply["OutputLocation"]},
                "responseBody": {"content": "c-text/csv:hello", "encoding": "UTF-8"},
                "inferenceId": "i1",
                "eventVersion": "1.0",
                "eventSource": "aws:sagemaker",
                "eventName": "InferenceResult",
            },
        )
        self.assertEqual(told[failed["InferenceId"]]["TopicArn"], TOPICS["ErrorTopic"])
        self.assertEqual(told["i2"]["Message"]["invocationStatus"], "Failed")
        self.assertIn("the model is sad", told["i2"]["Message"]["failureReason"])
        self.eventually(lambda: self.metric("works", "InvocationsProcessed", "Sum", "AllTraffic") == 2)
        self.eventually(lambda: self.metric("works", "InvocationFailures", "Sum", "AllTraffic") == 2)
        self.assertEqual(self.metric("works", "RequestDownloadFailures", "Sum", "AllTraffic"), 1)
        self.assertIsNotNone(self.metric("works", "TimeInBacklog", "Average", "AllTraffic"))
        self.assertEqual(self.metric("works", "HasBacklogWithoutCapacity", "Maximum"), 0)
        self.delete("works")

    def test_a_container_that_ends_under_a_request_gets_it_again(self):
        self.deploy_async("dies")
        reply = self.ask("dies", b"die")
        reason = self.object_at(reply["FailureLocation"])["Body"].read().decode()
        self.assertIn("Received server error (0)", reason)
        self.assertEqual(self.output(self.ask("dies", b"after", key="after")), b"text/x-input:after")
        self.delete("dies")

    def test_refusals(self):
        self.deploy_async("strict")
        self.deploy("plain", ANSWER)
        runtime = self.runtime
        self.assertEqual(
            self.refusal(lambda: runtime.invoke_endpoint(EndpointName="strict", Body=b"x")),
            ("ValidationError", "Endpoint strict of type ASYNC does not support this inference type."),
        )
        self.assertEqual(
            self.refusal(lambda: self.ask("plain", b"x")),
            ("ValidationError", "Endpoint plain of type REALTIME does not support this inference type."),
        )
        self.assertEqual(
            self.refusal(lambda: self.ask("nowhere", b"x")),
            ("ValidationError", "Endpoint nowhere of account 000000000000 not found."),
        )
        for more in ({"RequestTTLSeconds": 59}, {"InvocationTimeoutSeconds": 3601}):
            client = self.emulator.client("sagemaker-runtime", retries=False, parameter_validation=False)
            code, message = self.refusal(
                lambda: client.invoke_endpoint_async(EndpointName="strict", InputLocation="s3://bucket/input", **more)
            )
            self.assertIn("Member must have value", message)
        self.delete("plain")
        self.delete("strict")

    def test_concurrency_is_limited_and_a_deleted_endpoint_forgets(self):
        self.deploy_async("slow", concurrency=2)
        replies = [self.ask("slow", b"sleep 0.3", key=f"slow/{i}") for i in range(6)]
        start = time.monotonic()
        for reply in replies:
            self.output(reply)
        self.assertGreater(time.monotonic() - start, 0.5)  # three times two of them
        last = [self.ask("slow", b"sleep 1", key=f"slow/{i}") for i in range(6)]
        self.delete("slow")
        self.deploy_async("slow")
        self.assertEqual(self.notifications("slow"), [])
        self.output(self.ask("slow", b"new", key="slow/new"))
        listing = self.s3.list_objects_v2(Bucket="bucket", Prefix="out/")["Contents"]
        kept = {"s3://bucket/" + entry["Key"] for entry in listing}
        # Two were under way, and what is under way may end.
        self.assertFalse([reply for reply in last[2:] if reply["OutputLocation"] in kept])
        self.delete("slow")

    def test_requests_wait_for_instances(self):
        self.deploy_async("empty")
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="empty",
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}],
        )
        self.in_service("empty")
        reply = self.ask("empty", b"patient")
        self.eventually(lambda: self.metric("empty", "HasBacklogWithoutCapacity", "Maximum") == 1)
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="empty",
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}],
        )
        self.assertEqual(self.output(reply), b"text/x-input:patient")
        self.delete("empty")

    def ask_inline(self, name, body, **headers):
        """What the operation puts on the wire, with members that are younger than this boto3."""
        url = f"{self.emulator.url}/endpoints/{name}/async-invocations"
        headers = {"X-Amzn-SageMaker-" + header: value for header, value in headers.items()}
        request = AWSRequest("POST", url, data=body, headers=headers)
        credentials = Credentials(local_emulator.sagemaker_local.ACCESS_KEY, local_emulator.sagemaker_local.SECRET_KEY)
        SigV4Auth(credentials, "sagemaker", local_emulator.REGION).add_auth(request)
        return URLLib3Session(verify=self.emulator.ca_file or True).send(request.prepare())

    def test_inline_bodies_filenames_and_extensions(self):
        self.deploy_async("inline")
        more = {"Content-Type": "text/inline", "Filename": "answer.txt", "S3OutputPathExtension": "a/b"}
        answer = self.ask_inline("inline", b"in the request", **more)
        self.assertEqual(answer.status_code, 202)
        self.assertEqual(list(json.loads(answer.content)), ["InferenceId"])
        output = answer.headers["X-Amzn-SageMaker-OutputLocation"]
        self.assertEqual(output, "s3://bucket/out/a/b/answer.txt")
        self.assertEqual(
            answer.headers["X-Amzn-SageMaker-FailureLocation"], "s3://bucket/failed/a/b/answer-error.out"
        )
        self.assertEqual(self.object_at(output)["Body"].read(), b"text/inline:in the request")
        for body, more, words in (
            (b"x", {"InputLocation": "s3://bucket/x"}, "Provide exactly one of them."),
            (b"", {}, "Provide exactly one of them."),
            (b"x" * 128_001, {}, "Value at 'body' failed to satisfy constraint: Member must have length"),
            (b"x", {"Filename": "../up"}, "Value at 'filename' failed to satisfy constraint"),
            (b"x", {"RequestTTLSeconds": "soon"}, "is not a number"),
        ):
            answer = self.ask_inline("inline", body, **more)
            self.assertEqual((answer.status_code, answer.headers["x-amzn-ErrorType"]), (400, "ValidationError"))
            self.assertIn(words, json.loads(answer.content)["Message"])
        self.delete("inline")

    def test_the_queue_survives_kill_and_restart(self):
        self.deploy_async("kept", concurrency=1)
        replies = [self.ask("kept", b"sleep 0.4", key=f"kept/{i}") for i in range(5)]
        self.output(replies[0])
        self.emulator.kill()
        self.emulator.start()
        self.make_clients()
        for reply in replies:
            self.assertEqual(self.output(reply), b"text/x-input:sleep 0.4")
        replies = [self.ask("kept", b"sleep 0.4", key=f"kept/{i}") for i in range(5)]
        self.emulator.process.terminate()
        self.emulator.process.wait(20)
        self.emulator.start()
        type(self).make_clients()
        for reply in replies:
            self.assertEqual(self.output(reply), b"text/x-input:sleep 0.4")
        listing = self.s3.list_objects_v2(Bucket="bucket", Prefix="failed/").get("Contents", [])
        failures = {"s3://bucket/" + entry["Key"] for entry in listing}
        self.assertFalse([reply for reply in replies if reply["FailureLocation"] in failures])
        self.delete("kept")


if __name__ == "__main__":
    local_emulator.main()
