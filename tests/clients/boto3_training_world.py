"""What a training job sees and what it leaves, through boto3: /opt/ml, variables, secrets, limits, artifacts in S3."""

import io
import json
import os
import tarfile
import time

import local_emulator
from botocore.exceptions import ClientError, ParamValidationError



class TrainingWorld(local_emulator.TrainingJobs, local_emulator.EmulatorTest):
    @staticmethod
    def emulator_class():
        return local_emulator.LocalEmulator(environment={"HOST_SECRET": "of the host", "HF_TOKEN": "of the host"})

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.logs = cls.emulator.client("logs")
        cls.s3.create_bucket(Bucket="jobs")
        cls.s3.put_object(Bucket="jobs", Key="input/x", Body=b"stored secret")
        cls.number = 0

    def create(self, script, hosts=1, output=None, **changes):
        type(self).number += 1
        name = f"world-{self.number}"
        request = {
            "TrainingJobName": name,
            "RoleArn": local_emulator.ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": self.emulator.program(name, script),
                "TrainingInputMode": "File",
            },
            "OutputDataConfig": {"S3OutputPath": "s3://jobs/output", **(output or {})},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 100},
        }
        request.update(changes)
        try:
            self.sagemaker.create_training_job(**request)
        except ParamValidationError as error:
            self.skipTest(f"this botocore is older than a member of the request: {error}")
        return name

    def completed(self, *arguments, **options):
        name = self.create(*arguments, **options)
        job = self.ended(name)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        return name, self.messages(name)

    def keys(self, name):
        found = self.s3.list_objects_v2(Bucket="jobs", Prefix=f"output/{name}/output/").get("Contents", [])
        return [entry["Key"].split("/output/", 1)[1] for entry in found]

    # ---- what a job sees ------------------------------------------------------------------------

    def test_configuration_files_hold_what_was_asked(self):
        script = "#!/bin/sh\ncd /opt/ml/input/config; for f in *; do printf '%s %s\\n' $f \"$(cat $f)\"; done\n"
        metrics = [{"Name": "loss", "Regex": "loss=(.*)"}]
        hook = {"S3OutputPath": "s3://jobs/debug", "HookParameters": {"save_interval": "10"}}
        profiler = {"S3OutputPath": "s3://jobs/profile", "ProfilingIntervalInMilliseconds": 500}
        text = "it's \"quoted\" \\ $(x) `y` \t"
        name, lines = self.completed(
            script,
            HyperParameters={"text": text},
            AlgorithmSpecification={
                "TrainingImage": self.emulator.program("config", script),
                "TrainingInputMode": "File",
                "MetricDefinitions": metrics,
            },
            DebugHookConfig=hook,
            ProfilerConfig=profiler,
        )
        files = {line.split(" ", 1)[0]: json.loads(line.split(" ", 1)[1]) for line in lines}
        self.assertEqual(
            sorted(files),
            [
                "debughookconfig.json",
                "hyperparameters.json",
                "init-config.json",
                "inputdataconfig.json",
                "metric-definition-regex.json",
                "profilerconfig.json",
                "resourceconfig.json",
                "trainingjobconfig.json",
                "upstreamoutputdataconfig.json",
            ],
        )
        self.assertEqual(files["hyperparameters.json"], {"text": text})
        self.assertEqual(files["metric-definition-regex.json"], metrics)
        self.assertEqual(files["debughookconfig.json"], {**hook, "LocalPath": "/opt/ml/output/tensors"})
        self.assertEqual(files["profilerconfig.json"], profiler)
        self.assertEqual(files["trainingjobconfig.json"]["TrainingJobName"], name)
        self.assertEqual(files["upstreamoutputdataconfig.json"]["S3OutputPath"], "s3://jobs/output")
        _, lines = self.completed("#!/bin/sh\nls /opt/ml/input/config\n")
        self.assertNotIn("debughookconfig.json", lines)  # its presence would switch the debugger on
        self.assertNotIn("profilerconfig.json", lines)

    def test_variables_are_the_platforms_and_the_requests_and_nothing_of_the_host(self):
        name, lines = self.completed(
            "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ\n",
            Environment={"FLAVOUR": "two words", "AWS_REGION": "eu-west-3", "TRAINING_JOB_NAME": "mine"},
        )
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        expected = {
            "TRAINING_JOB_NAME": name,
            "TRAINING_JOB_ARN": f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
            "FLAVOUR": "two words",
            "AWS_REGION": "eu-west-3",  # the request wins
            "AWS_DEFAULT_REGION": "us-east-1",
            "SAGEMAKER_REGION": "us-east-1",
            "S3_ENDPOINT_URL": values["AWS_ENDPOINT_URL"],
            "CURRENT_HOST": "algo-1",
            "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
            "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-1"]',
            "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
            "SM_IS_HETERO": "false",
        }
        self.assertEqual({name: values.get(name) for name in expected}, expected)
        self.assertNotIn("of the host", "\n".join(lines))

    def test_other_peoples_files_are_out_of_reach(self):
        if "isolated" in " ".join(self.completed("#!/bin/sh\n")[1]):
            self.skipTest("there is no bubblewrap here")
        data = self.emulator.data
        other = self.create("#!/bin/sh\necho mine > /opt/ml/model/secret; echo up; exec sleep 90\n")
        deadline = time.monotonic() + 30
        while "up" not in self.messages(other) and time.monotonic() < deadline:
            time.sleep(0.05)
        _, lines = self.completed(
            f"#!/bin/sh\ncd {data}\ncat work/training/{other}/algo-1/ml/model/secret objects/*/*/* records.db\n"
            f"grep -rl 'stored secret' {data} 2>/dev/null\n"
            "ls /proc | grep -c '^[0-9]'; (echo x > /etc/x) 2>/dev/null || echo read-only\n"
        )
        text = "\n".join(lines)
        self.assertNotIn("stored secret", text)
        self.assertNotIn("mine", text)
        self.assertIn("records.db: No such file", text)
        self.assertIn("read-only", lines)
        self.sagemaker.stop_training_job(TrainingJobName=other)
        self.assertEqual(self.ended(other)["TrainingJobStatus"], "Stopped")

    def test_entry_point_and_arguments_are_taken_literally(self):
        image = self.emulator.program("never-run", "#!/bin/sh\necho the image ran\n")
        name, lines = self.completed(
            "",
            AlgorithmSpecification={
                "TrainingImage": image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/sh", "-c", 'echo "$# $0 $1"; pwd'],
                "ContainerArguments": ["zero; $(x)", "one 'two'"],
            },
        )
        folder = os.path.join(self.emulator.data, "work", "training", name, "algo-1", "work")
        self.assertEqual(lines[:2], ["1 zero; $(x) one 'two'", folder])

    def test_a_newline_is_refused_where_aws_refuses_it(self):
        with self.assertRaises(ClientError) as caught:
            self.create("#!/bin/sh\n", HyperParameters={"text": "two\nlines"})
        self.assertEqual(caught.exception.response["Error"]["Code"], "ValidationException")
        self.assertIn("at 'hyperParameters' failed to satisfy constraint", str(caught.exception))

    def test_binary_output_and_endless_lines_are_kept_as_text(self):
        _, lines = self.completed(
            "#!/bin/sh\nprintf 'a\\377\\376b\\n'; echo \"err\" >&2\n"
            "head -c 600000 /dev/zero | tr '\\0' x; echo; echo end\n"
        )
        self.assertEqual(lines[:2], ["a\ufffd\ufffdb", "err"])
        self.assertEqual([len(line) for line in lines[2:-1]], [262144, 262144, 600000 - 2 * 262144])
        self.assertEqual(lines[-1], "end")

    def test_a_misbehaving_job_fails_and_the_emulator_goes_on(self):
        endless = self.create(  # deaf, with a daemon in a session of its own, writing beyond its volume
            "#!/bin/sh\ntrap '' TERM\n(setsid sh -c \"trap '' TERM; while :; do sleep 0.1; done\" &)\n"
            "truncate -s 2G /opt/ml/model/big; echo code=$?; yes filling the log | head -n 20000; exit 5\n"
        )
        job = self.ended(endless)
        self.assertEqual(job["FailureReason"], "AlgorithmError: , exit code: 5")
        self.assertNotIn("code=0", self.messages(endless))
        hungry = self.create(
            "#!/usr/bin/env python3\nimport mmap\nblocks = []\nwhile True:\n"
            "  blocks.append(mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))\n",
            ResourceConfig={"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
        )
        job = self.ended(hungry)
        self.assertEqual(job["TrainingJobStatus"], "Failed")
        self.assertTrue(job["FailureReason"].startswith("AlgorithmError: "), job["FailureReason"])
        self.completed("#!/bin/sh\n")

    # ---- what a job leaves ----------------------------------------------------------------------

    def test_two_hosts_leave_one_model_and_one_output(self):
        name, _ = self.completed(
            "#!/bin/sh\necho $SM_CURRENT_HOST > $SM_MODEL_DIR/$SM_CURRENT_HOST\n"
            "echo $SM_CURRENT_HOST > $SM_OUTPUT_DATA_DIR/$SM_CURRENT_HOST; ln -s /etc/passwd $SM_MODEL_DIR/link\n",
            hosts=2,
            output={"KmsKeyId": "alias/ours"},
        )
        self.assertEqual(self.keys(name), ["model.tar.gz", "output.tar.gz"])
        for archive in ("model", "output"):
            answer = self.s3.get_object(Bucket="jobs", Key=f"output/{name}/output/{archive}.tar.gz")
            self.assertEqual(answer["ContentType"], "application/x-gzip")
            self.assertEqual((answer["ServerSideEncryption"], answer["SSEKMSKeyId"]), ("aws:kms", "alias/ours"))
            with tarfile.open(fileobj=io.BytesIO(answer["Body"].read()), mode="r:gz") as tar:
                members = {member.name: member for member in tar.getmembers()}
            for host in ("algo-1", "algo-2"):
                self.assertTrue(members[host].isfile())
            self.assertTrue(archive == "output" or members["link"].issym())

    def test_without_compression_every_file_is_an_object(self):
        name, _ = self.completed(
            "#!/bin/sh\ncd /opt/ml/model; mkdir -p deep/er empty; echo weights > deep/er/w.bin; : > none\n"
            "echo a > 'a name +%&=\u00e9'; echo report > /opt/ml/output/data/r.txt\n"
            "ln -s /etc/passwd link; mkfifo pipe; ln none hard\n",
            output={"CompressionType": "NONE"},
        )
        self.assertEqual(
            self.keys(name),
            ["model/a name +%&=\u00e9", "model/deep/er/w.bin", "model/hard", "model/none", "output/r.txt"],
        )
        body = self.s3.get_object(Bucket="jobs", Key=f"output/{name}/output/model/deep/er/w.bin")["Body"].read()
        self.assertEqual(body, b"weights\n")
        self.assertEqual(
            self.describe(name)["ModelArtifacts"]["S3ModelArtifacts"], f"s3://jobs/output/{name}/output/model/"
        )

    def test_a_name_that_cannot_be_a_key_fails_the_upload(self):
        name = self.create(
            "#!/bin/sh\n: > \"/opt/ml/model/$(printf 'x\\377')\"\n", output={"CompressionType": "NONE"}
        )
        self.assertIn("Artifact upload failed", self.ended(name)["FailureReason"])
        self.completed("#!/bin/sh\n: > \"/opt/ml/model/$(printf 'x\\377')\"\n")

    def test_a_failure_text_of_a_job_that_succeeds_is_no_failure(self):
        name, _ = self.completed("#!/bin/sh\necho warning > /opt/ml/output/failure\n")
        self.assertNotIn("FailureReason", self.describe(name))

    def test_a_failed_job_leaves_its_output_and_no_model(self):
        name = self.create(
            "#!/bin/sh\necho x > /opt/ml/model/x; echo log > /opt/ml/output/data/log\n"
            "echo the reason > /opt/ml/output/failure; exit 1\n"
        )
        self.assertEqual(self.ended(name)["FailureReason"], "AlgorithmError: the reason")
        self.assertEqual(self.keys(name), ["output.tar.gz"])

    def test_no_work_is_left_behind(self):
        self.completed("#!/bin/sh\nmkdir -p /opt/ml/model/locked && chmod 0 /opt/ml/model/locked\n")
        with self.assertRaises(ClientError):
            self.describe("nobody")
        deadline = time.monotonic() + 20
        folder = os.path.join(self.emulator.data, "work", "training")
        while os.listdir(folder) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    local_emulator.main()
