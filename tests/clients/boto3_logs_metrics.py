"""CloudWatch Logs and CloudWatch metrics through boto3 and the aws CLI, unchanged."""

import shutil
import subprocess
import time
import unittest

import local_emulator
from botocore.exceptions import ClientError


def now_ms():
    return int(time.time() * 1000)


class Foreign(local_emulator.EmulatorTest):
    def fault_of(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]


class Logs(Foreign):
    def setUp(self):
        self.logs = self.emulator.client("logs")
        self.group = "/test/" + self.id().rsplit(".", 1)[1]
        self.logs.create_log_group(logGroupName=self.group, tags={"team": "a"})

    def stream(self, name, *messages, start=None):
        self.logs.create_log_stream(logGroupName=self.group, logStreamName=name)
        start = now_ms() - 10_000 if start is None else start
        events = [{"timestamp": start + i, "message": message} for i, message in enumerate(messages)]
        if events:
            self.logs.put_log_events(logGroupName=self.group, logStreamName=name, logEvents=events)

    def test_retention_and_tags_of_a_group(self):
        self.logs.put_retention_policy(logGroupName=self.group, retentionInDays=14)
        group = self.logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"][0]
        self.assertEqual(group["retentionInDays"], 14)
        code, message = self.fault_of(
            lambda: self.logs.put_retention_policy(logGroupName=self.group, retentionInDays=15)
        )
        self.assertEqual(code, "InvalidParameterException")
        self.assertIn("Member must satisfy enum value set: [1, 3, 5, 7", message)
        self.logs.delete_retention_policy(logGroupName=self.group)
        self.logs.tag_log_group(logGroupName=self.group, tags={"stage": "test"})
        self.assertEqual(
            self.logs.list_tags_log_group(logGroupName=self.group)["tags"], {"team": "a", "stage": "test"}
        )
        arn = group["arn"][: -len(":*")]
        if hasattr(self.logs, "tag_resource"):
            self.logs.tag_resource(resourceArn=arn, tags={"team": "b"})
            self.logs.untag_resource(resourceArn=arn, tagKeys=["stage"])
            self.assertEqual(self.logs.list_tags_for_resource(resourceArn=arn)["tags"], {"team": "b"})

    def test_filter_patterns_of_every_kind(self):
        self.stream("plain", "ERROR disk full", "INFO ok", '10.0.0.1 "GET /" 404 12')
        self.stream("json", '{"level": "error", "code": 500}', '{"level": "info", "code": 200}')
        pages = self.logs.get_paginator("filter_log_events")

        def found(pattern, **more):
            events = pages.paginate(logGroupName=self.group, filterPattern=pattern, **more)
            return [event["message"] for page in events for event in page["events"]]

        self.assertEqual(found("ERROR"), ["ERROR disk full"])
        self.assertEqual(found('"disk full"'), ["ERROR disk full"])
        self.assertEqual(found("?ERROR ?INFO -ok"), ["ERROR disk full"])
        self.assertEqual(found("%E[R]+OR%"), ["ERROR disk full"])
        self.assertEqual(found("{ $.code >= 500 && $.level = error }"), ['{"level": "error", "code": 500}'])
        self.assertEqual(found("[ip, request, status = 4*, bytes]"), ['10.0.0.1 "GET /" 404 12'])
        self.assertEqual(len(found("", PaginationConfig={"PageSize": 2})), 5)
        self.assertEqual(len(found("", logStreamNamePrefix="js")), 2)

    def test_what_is_not_implemented_says_so_by_name(self):
        code, message = self.fault_of(lambda: self.logs.describe_metric_filters(logGroupName=self.group))
        self.assertEqual(code, "UnknownOperationException")
        self.assertIn("DescribeMetricFilters", message)

    def test_the_limits_of_a_batch(self):
        self.stream("limits")

        def put(*events):
            self.logs.put_log_events(
                logGroupName=self.group,
                logStreamName="limits",
                logEvents=[{"timestamp": time, "message": message} for time, message in events],
            )

        now = now_ms()
        code, message = self.fault_of(lambda: put((now, "x" * 1_048_551)))
        self.assertEqual(
            (code, message),
            ("InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576"),
        )
        put((now, "x" * 1_048_550))
        code, message = self.fault_of(lambda: put(*[(now, "m")] * 10_001))
        self.assertEqual(code, "InvalidParameterException")
        self.assertIn("less than or equal to 10000", message)
        put(*[(now, "m")] * 10_000)
        code, message = self.fault_of(lambda: put((now, "a"), (now - 1, "b")))
        self.assertIn("chronological order", message)
        code, message = self.fault_of(lambda: put((now - 86_400_001, "a"), (now, "b")))
        self.assertIn("24 hours", message)

    def test_aws_logs_tail_shows_the_lines(self):
        self.stream("job/algo-1", "first line", "second line with \u00e9")
        self.stream("job/algo-2", "other host")
        environment = self.emulator.client_environment(PYTHONIOENCODING="utf-8")
        tailed = 0
        for program in sorted(set(filter(None, map(shutil.which, ["aws", "/usr/bin/aws"])))):
            command = [program, "--endpoint-url", self.emulator.url, "logs", "tail", self.group]
            if subprocess.run([program, "logs", "tail", "help"], capture_output=True, env=environment).returncode:
                continue  # version 1 of the CLI has no `logs tail`
            run = subprocess.run(
                [*command, "--since", "1h", "--log-stream-name-prefix", "job/algo-1"],
                capture_output=True,
                env=environment,
                timeout=60,
            )
            self.assertEqual(run.returncode, 0, run.stderr.decode())
            lines = run.stdout.decode().splitlines()
            self.assertEqual([line.split(" ", 2)[1] for line in lines], ["job/algo-1"] * 2)
            self.assertTrue(lines[0].endswith("first line") and lines[1].endswith("second line with \u00e9"))
            tailed += 1
        if not tailed:
            self.skipTest("no aws CLI with `logs tail` here")


if __name__ == "__main__":
    local_emulator.main()
