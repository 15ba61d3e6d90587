"""boto3 invokes endpoints of several containers (pipelines and direct invocation) and of several models."""

import threading
import unittest

import endpoints
import local_emulator

STAGE = endpoints.program("""
stage = os.environ["STAGE"]
kind = "text/x-" + stage
if body == b"fail in " + stage.encode(): return self.reply(400, b"not in this stage")
seen = self.headers.get("Content-Type", "") + ";" + self.headers.get("X-Amzn-SageMaker-Inference-Id", "")
if body == b"headers": return self.reply(200, seen.encode(), kind)
self.reply(200, body + b">" + stage.encode(), kind)
""")

# Has room for two models, and tells in its answers how often it has loaded one.
MODELS = """#!/usr/bin/env python3
import http.server, json, os, threading, time
models, loads, lock = {}, {}, threading.Lock()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(200)
    def do_DELETE(self):
        with lock: self.reply(200 if models.pop(self.path.split("/")[2], None) else 404)
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/models": return self.load(json.loads(body))
        word = models.get(self.path.split("/")[2])
        if body == b"die": os._exit(9)
        if word is None: return self.reply(404)
        count = sum(loads.values())
        self.reply(200, f"{word} {self.headers['X-Amzn-SageMaker-Target-Model']} {count}".encode())
    def load(self, request):
        name = request["model_name"]
        word = open(request["url"] + "/word").read()
        if word == "slow": time.sleep(2)
        if word == "broken": return self.reply(500, b"this model is broken")
        with lock:
            if name in models: return self.reply(409)
            if len(models) == 2: return self.reply(507)
            models[name] = word
            loads[name] = loads.get(name, 0) + 1
        self.reply(200)
assert os.environ["SAGEMAKER_MULTI_MODEL"] == "true"
host, port = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
"""


class SeveralContainers(endpoints.Endpoints, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.logs = cls.emulator.client("logs")

    def stage(self, name, **more):
        return {"Image": self.emulator.program("stage", STAGE), "Environment": {"STAGE": name}, **more}

    def test_the_answer_of_each_container_of_a_pipeline_is_the_request_of_the_next(self):
        endpoint = self.deploy("pipeline", self.stage("one"), self.stage("two"), self.stage("three"))
        images = endpoint["ProductionVariants"][0]["DeployedImages"]
        self.assertEqual(len(images), 3)
        reply = self.invoke("pipeline", b"body", ContentType="text/plain")
        self.assertEqual(reply["Body"].read(), b"body>one>two>three")
        self.assertEqual(reply["ContentType"], "text/x-three")
        # The second container reads what the first one says that it is.
        self.assertEqual(
            self.answer("pipeline", b"headers", ContentType="text/plain", InferenceId="id-1"),
            b"text/plain;id-1>two>three",
        )
        with self.assertRaises(self.runtime.exceptions.ModelError) as caught:
            self.invoke("pipeline", b"fail in one")
        self.assertIn("Received client error (400) from container-1 with message", str(caught.exception))
        self.assertEqual(
            self.refusal(self.invoke, "pipeline", b"x", TargetContainerHostname="container-1"),
            (
                "ValidationError",
                "TargetContainerHostname can only be used with a multi-container endpoint in Direct invocation mode.",
            ),
        )
        streams = self.logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/pipeline")["logStreams"]
        names = sorted(stream["logStreamName"].split("/")[2] for stream in streams)
        self.assertEqual(names, ["container-1", "container-2", "container-3"])
        model = self.sagemaker.describe_model(ModelName="pipeline")
        self.assertEqual(model["InferenceExecutionConfig"]["Mode"], "Serial")
        self.delete("pipeline")

    def test_containers_are_invoked_directly_by_their_names(self):
        self.create_model(
            "direct",
            self.stage("one", ContainerHostname="first"),
            self.stage("two", ContainerHostname="second"),
            InferenceExecutionConfig={"Mode": "Direct"},
        )
        self.create_endpoint("direct", self.variant("direct", count=2))
        self.in_service("direct")
        self.assertEqual(self.answer("direct", b"body", TargetContainerHostname="first"), b"body>one")
        self.assertEqual(self.answer("direct", b"body", TargetContainerHostname="second"), b"body>two")
        code, _ = self.refusal(self.invoke, "direct", b"body")
        self.assertEqual(code, "ValidationError")
        code, message = self.refusal(self.invoke, "direct", b"body", TargetContainerHostname="third")
        self.assertEqual((code, message), ("ValidationError", "Container third not found for endpoint direct."))
        self.delete("direct")

    def test_containers_of_one_model_have_names_of_their_own(self):
        code, message = self.refusal(
            self.create_model,
            "twice",
            self.stage("one", ContainerHostname="same"),
            self.stage("two", ContainerHostname="same"),
        )
        self.assertEqual((code, message), ("ValidationException", 'Container hostnames must be unique: "same".'))


class SeveralModels(endpoints.Endpoints, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.s3.create_bucket(Bucket="models")
        for word in ("red", "green", "blue", "broken", "slow"):
            cls.s3.put_object(
                Bucket="models", Key=f"many/{word}.tar.gz", Body=endpoints.archive(word=word)
            )
        cls.s3.put_object(Bucket="models", Key="many/no.tar.gz", Body=b"no archive")

    def deploy_models(self, name, count=1, **more):
        container = {
            "Image": self.emulator.program("models", MODELS),
            "Mode": "MultiModel",
            "ModelDataUrl": "s3://models/many/",
            **more,
        }
        return self.deploy(name, container, count=count)

    def ask(self, name, target, body=b""):
        return self.answer(name, body, TargetModel=target).decode().split()

    def test_models_are_loaded_when_they_are_asked_for_and_make_room_for_others(self):
        self.deploy_models("many")
        self.assertEqual(self.ask("many", "red.tar.gz"), ["red", "red.tar.gz", "1"])
        self.assertEqual(self.ask("many", "red.tar.gz")[2], "1")
        self.assertEqual(self.ask("many", "green.tar.gz"), ["green", "green.tar.gz", "2"])
        # There is room for two: red was asked for the longest ago.
        self.assertEqual(self.ask("many", "blue.tar.gz")[::2], ["blue", "3"])
        self.assertEqual(self.ask("many", "green.tar.gz")[::2], ["green", "3"])
        self.assertEqual(self.ask("many", "red.tar.gz")[::2], ["red", "4"])
        # A model that was uploaded after the endpoint was created.
        self.s3.put_object(Bucket="models", Key="many/a/new.tar.gz", Body=endpoints.archive(word="new"))
        self.assertEqual(self.ask("many", "a/new.tar.gz")[0], "new")
        self.delete("many")

    def test_what_cannot_be_loaded_is_told_and_can_be_tried_again(self):
        self.deploy_models("refuses")
        code, message = self.refusal(self.invoke, "refuses", b"", TargetModel="none.tar.gz")
        self.assertEqual(code, "ValidationError")
        self.assertIn("Failed to download model data(bucket: models, key: many/none.tar.gz)", message)
        code, message = self.refusal(self.invoke, "refuses", b"", TargetModel="no.tar.gz")
        self.assertEqual(code, "ValidationError")
        self.assertIn("Failed to extract model data archive s3://models/many/no.tar.gz", message)
        for _ in range(2):
            with self.assertRaises(self.runtime.exceptions.ModelError) as caught:
                self.invoke("refuses", b"", TargetModel="broken.tar.gz")
            self.assertEqual(caught.exception.response["OriginalStatusCode"], 500)
            self.assertEqual(caught.exception.response["OriginalMessage"], "this model is broken")
        self.s3.put_object(Bucket="models", Key="many/none.tar.gz", Body=endpoints.archive(word="late"))
        self.assertEqual(self.ask("refuses", "none.tar.gz")[0], "late")
        code, _ = self.refusal(self.invoke, "refuses", b"")
        self.assertEqual(code, "ValidationError")
        code, _ = self.refusal(self.invoke, "refuses", b"", TargetModel="../many/red.tar.gz")
        self.assertEqual(code, "ValidationError")
        self.delete("refuses")

    def test_a_container_that_died_has_its_models_again(self):
        self.deploy_models("dies")
        self.assertEqual(self.ask("dies", "red.tar.gz")[::2], ["red", "1"])
        self.refusal(self.invoke, "dies", b"die", TargetModel="red.tar.gz")
        answers = []
        while not answers:
            try:
                answers.append(self.ask("dies", "red.tar.gz")[::2])
            except self.runtime.exceptions.ModelError:
                pass  # it is being started again
        self.assertEqual(answers, [["red", "1"]])  # the new process has loaded it once
        self.delete("dies")

    def test_many_at_once_load_a_model_once(self):
        self.deploy_models("at-once")
        answers = []

        def ask():
            answers.append(tuple(self.ask("at-once", "slow.tar.gz")[::2]))

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(answers), {("slow", "1")})
        self.assertEqual(len(answers), 12)
        self.delete("at-once")

    def test_many_threads_fight_for_the_room_of_two_models(self):
        self.deploy_models("fight", count=2)
        wrong = []

        def ask(index):
            for turn in range(20):
                word = ("red", "green", "blue", "slow")[(index + turn) % 3]
                try:
                    answer = self.ask("fight", word + ".tar.gz")
                    if answer[0] != word:
                        wrong.append((word, answer))
                except self.runtime.exceptions.ModelError as error:
                    # Every model that is loaded may be in use just now: that is the container's 507.
                    if error.response["OriginalStatusCode"] != 507:
                        wrong.append(error.response)

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.delete("fight")


if __name__ == "__main__":
    local_emulator.main()
