"""CloudWatch Logs and CloudWatch metrics through boto3 and the aws CLI, unchanged."""

import datetime
import os
import shutil
import subprocess
import time

import botocore.config
import botocore.loaders
import botocore.session
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


class Metrics(Foreign):
    """In the protocol that this boto3 prefers: query (1.26) or JSON (today)."""

    protocol = None

    def setUp(self):
        if self.protocol:
            self.require_protocol()
        self.metrics = self.client()
        self.space = "Test/" + self.id().rsplit(".", 1)[1] + "/" + str(self.protocol)
        self.minute = int(time.time()) // 60 * 60 - 300

    def client(self):
        return self.emulator.client("cloudwatch")

    def time(self, offset=0):
        return datetime.datetime.fromtimestamp(self.minute + offset, datetime.timezone.utc)

    def put(self, *data):
        self.metrics.put_metric_data(
            Namespace=self.space, MetricData=[{"Timestamp": self.time(), **datum} for datum in data]
        )

    def statistics(self, name="m", period=60, **more):
        more.setdefault("Statistics", ["SampleCount", "Sum", "Average", "Minimum", "Maximum"])
        answer = self.metrics.get_metric_statistics(
            Namespace=self.space,
            MetricName=name,
            StartTime=self.time(-600),
            EndTime=self.time(600),
            Period=period,
            **more,
        )
        return sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])

    def query(self, *queries, **more):
        return self.metrics.get_metric_data(
            MetricDataQueries=queries, StartTime=self.time(-600), EndTime=self.time(600), **more
        )

    def stat(self, query, name="m", stat="Sum", period=60, **more):
        metric = {"Namespace": self.space, "MetricName": name}
        return {"Id": query, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}

    def test_values_become_statistics(self):
        self.put(
            {"MetricName": "m", "Value": 3.5, "Unit": "Seconds"},
            {"MetricName": "m", "Values": [1, 2.5], "Counts": [2, 1], "Unit": "Seconds"},
            {"MetricName": "m", "Value": 7, "Unit": "Seconds", "Timestamp": self.time(60)},
        )
        first, second = self.statistics()
        self.assertEqual(first["Timestamp"], self.time())
        self.assertEqual(first["Unit"], "Seconds")
        self.assertEqual(
            [first[name] for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum")], [4, 8, 2, 1, 3.5]
        )
        self.assertEqual(second["Sum"], 7)
        self.assertEqual(len(self.statistics(Unit="Bytes")), 0)
        percentiles = self.statistics(Statistics=["Sum"], ExtendedStatistics=["p50", "p99.9"], period=1200)
        self.assertEqual(percentiles[0]["ExtendedStatistics"], {"p50": 2.5, "p99.9": 7})

    def test_a_statistic_set_and_dimensions(self):
        dimension = [{"Name": "Host", "Value": "algo-1"}, {"Name": "A", "Value": "b"}]
        self.put(
            {
                "MetricName": "m",
                "Dimensions": dimension,
                "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4},
            },
            {"MetricName": "m", "Value": 1},
        )
        (point,) = self.statistics(Dimensions=list(reversed(dimension)))
        self.assertEqual((point["Average"], point["Maximum"]), (2.5, 4))
        (plain,) = self.statistics()
        self.assertEqual(plain["Sum"], 1)
        listed = self.metrics.list_metrics(
            Namespace=self.space, Dimensions=[{"Name": "Host"}], RecentlyActive="PT3H"
        )["Metrics"]
        self.assertEqual(len(listed), 1)
        self.assertEqual(sorted(listed[0]["Dimensions"], key=str), sorted(dimension, key=str))
        self.assertEqual(len(self.metrics.list_metrics(Namespace=self.space, MetricName="m")["Metrics"]), 2)

    def test_many_metrics_are_put_compressed_and_listed_in_pages(self):
        self.put(*[{"MetricName": f"metric-{i:04}", "Value": i} for i in range(600)])
        pages = list(self.metrics.get_paginator("list_metrics").paginate(Namespace=self.space))
        self.assertEqual([len(page["Metrics"]) for page in pages], [500, 100])
        names = [metric["MetricName"] for page in pages for metric in page["Metrics"]]
        self.assertEqual(names, [f"metric-{i:04}" for i in range(600)])

    def test_metric_data_with_expressions_and_pages(self):
        for i in range(5):
            self.put({"MetricName": "m", "Value": i + 1, "Timestamp": self.time(60 * i)})
        answer = self.query(
            self.stat("m1"),
            self.stat("hidden", stat="Maximum", ReturnData=False),
            {"Id": "e1", "Expression": "(m1 + hidden) * 10 - 1", "Label": "math"},
            ScanBy="TimestampAscending",
        )["MetricDataResults"]
        self.assertEqual([result["Id"] for result in answer], ["m1", "e1"])
        self.assertEqual(answer[0]["Values"], [1, 2, 3, 4, 5])
        self.assertEqual(answer[0]["Timestamps"], [self.time(60 * i) for i in range(5)])
        self.assertEqual(answer[1]["Values"], [19, 39, 59, 79, 99])
        self.assertEqual((answer[1]["Label"], answer[1]["StatusCode"]), ("math", "Complete"))
        pages = self.metrics.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self.stat("m1"), self.stat("m2", stat="Average")],
            StartTime=self.time(-600),
            EndTime=self.time(600),
            PaginationConfig={"PageSize": 3},
        )
        values = {"m1": [], "m2": []}
        for page in pages:
            for result in page["MetricDataResults"]:
                values[result["Id"]] += result["Values"]
        self.assertEqual(values, {"m1": [5, 4, 3, 2, 1], "m2": [5, 4, 3, 2, 1]})

    def test_what_aws_refuses_is_refused_in_its_words(self):
        self.assertEqual(
            self.fault_of(lambda: self.put({"MetricName": "m", "Value": 1, "Values": [1]})),
            (
                "InvalidParameterCombination",
                "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive "
                "and you have specified both.",
            ),
        )
        self.assertEqual(
            self.fault_of(lambda: self.put({"MetricName": "m", "Value": float("inf")}))[0],
            "InvalidParameterValue",
        )
        self.assertEqual(
            self.fault_of(lambda: self.statistics(period=60, Statistics=["Median"]))[0], "ValidationError"
        )
        code, message = self.fault_of(
            lambda: self.metrics.get_metric_statistics(
                Namespace=self.space,
                MetricName="m",
                StartTime=self.time(-86_460),
                EndTime=self.time(),
                Period=60,
                Statistics=["Sum"],
            )
        )
        self.assertEqual(code, "InvalidParameterCombination")
        self.assertEqual(
            message,
            "You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range.",
        )
        self.assertEqual(
            self.fault_of(lambda: self.query({"Id": "e1", "Expression": "SEARCH('x', 'Sum')"})),
            ("ValidationError", "Error in expression: the function SEARCH is not implemented by sagemaker-local."),
        )
        self.assertEqual(self.fault_of(lambda: self.query(self.stat("m1"), NextToken="x"))[0], "InvalidNextToken")
        self.assertEqual(len(self.statistics()), 0)

    def test_operations_that_are_not_here_and_wrong_secrets(self):
        code, message = self.fault_of(self.metrics.list_dashboards)
        self.assertIn("ListDashboards", message)
        self.assertIn(code, ("UnknownOperationException", "InvalidAction"))
        stranger = self.emulator.client("cloudwatch", secret="wrong")
        code, _ = self.fault_of(stranger.list_metrics)
        self.assertIn(code, ("SignatureDoesNotMatch", "InvalidSignatureException"))


class MetricsOfProtocol(Metrics):
    """Today's boto3 made to speak another of the protocols that its model of CloudWatch names."""

    def require_protocol(self):
        model = self.emulator.client("cloudwatch").meta.service_model
        if self.protocol not in model.metadata.get("protocols", []):
            self.skipTest(f"this botocore's CloudWatch has no choice of protocols, such as {self.protocol}")

    def client(self):
        loader = botocore.loaders.Loader()
        original = loader.load_service_model

        def load_service_model(name, type_name, *arguments, **more):
            model = original(name, type_name, *arguments, **more)
            if name == "cloudwatch" and type_name == "service-2":
                model = {**model, "metadata": {**model["metadata"], "protocol": self.protocol}}
                model["metadata"]["protocols"] = [self.protocol]
            return model

        loader.load_service_model = load_service_model
        session = botocore.session.Session()
        session.register_component("data_loader", loader)
        return session.create_client(
            "cloudwatch",
            endpoint_url=self.emulator.url,
            region_name=local_emulator.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(retries={"max_attempts": 0}),
        )


class MetricsInJson(MetricsOfProtocol):
    protocol = "json"


class MetricsInCbor(MetricsOfProtocol):
    protocol = "smithy-rpc-v2-cbor"


class MetricsInQuery(MetricsOfProtocol):
    protocol = "query"


del MetricsOfProtocol  # its subclasses are the tests

if __name__ == "__main__":
    local_emulator.main()
