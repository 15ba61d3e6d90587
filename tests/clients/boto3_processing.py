"""boto3 runs processing jobs: inputs, outputs, several hosts, what a job says at its end, how it fails."""

import json
import os
import unittest

import local_emulator
from processing_jobs import ProcessingJobs, s3_input, s3_output

SUMS = """import json, os, sys
folder = "/opt/ml/processing/input"
total = sum(float(line) for name in sorted(os.listdir(folder)) if name.endswith(".csv")
            for line in open(os.path.join(folder, name)))
os.makedirs("/opt/ml/processing/out/deep", exist_ok=True)
with open("/opt/ml/processing/out/deep/sum.json", "w") as out:
    json.dump({"sum": total, "arguments": sys.argv[1:], "flavour": os.environ["FLAVOUR"]}, out)
with open("/opt/ml/output/message", "w") as out:
    out.write("summed up")
print("done")
"""
COUNT = """#include <fstream>
#include <iostream>
#include <string>

int main(int, char** argv) {
  std::ifstream in(argv[1]);
  int lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  std::ofstream("/opt/ml/processing/out/lines") << lines << "\\n";
  std::cout << "counted " << lines << std::endl;
}
"""
NAMES = "cd /opt/ml/processing/in; find . -type f | sort | tr '\\n' ' '"


class Processing(ProcessingJobs, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.attach(cls, cls.emulator)
        cls.s3.create_bucket(Bucket=cls.bucket)

    def script_job(self, file, script, command, name=None, **changes):
        """As ScriptProcessor asks for one: the script is an input. `name`: of the job, unless it is the file's."""
        name = name or file
        folder = "/opt/ml/processing/input/code"
        application = {"ImageUri": "sagemaker-python", "ContainerEntrypoint": [*command, f"{folder}/{file}"]}
        application.update(changes.pop("application", {}))
        inputs = [s3_input("code", self.put(f"{name}/code/{file}", script), folder), *changes.pop("inputs", [])]
        return self.create(name, None, inputs, AppSpecification=application, **changes)

    def test_a_python_script_with_arguments_and_an_exit_message(self):
        for part, numbers in (("a.csv", "1\n2\n"), ("b.csv", "3.5\n")):
            self.put(f"sums/data/{part}", numbers)
        arn = self.script_job(
            "sums",
            SUMS,
            ["python3"],
            application={"ContainerArguments": ["--scale", "two words"]},
            inputs=[s3_input("input", "s3://jobs/sums/data/", "/opt/ml/processing/input")],
            outputs=[s3_output("out", "s3://jobs/sums/result")],
            Environment={"FLAVOUR": "sour"},
            Tags=[{"Key": "team", "Value": "a"}],
            NetworkConfig={"EnableInterContainerTrafficEncryption": True},
            ExperimentConfig={"ExperimentName": "e"},
        )
        job = self.completed("sums")
        self.assertEqual(arn, "arn:aws:sagemaker:us-east-1:000000000000:processing-job/sums")
        result = json.loads(self.objects("sums/result/")["deep/sum.json"])
        self.assertEqual(result, {"sum": 6.5, "arguments": ["--scale", "two words"], "flavour": "sour"})
        self.assertEqual(job["ExitMessage"], "summed up")
        self.assertEqual(job["ProcessingJobArn"], arn)
        self.assertEqual(job["Environment"], {"FLAVOUR": "sour"})
        self.assertEqual(job["NetworkConfig"], {"EnableInterContainerTrafficEncryption": True})
        self.assertEqual(job["ExperimentConfig"], {"ExperimentName": "e"})
        self.assertEqual(job["RoleArn"], local_emulator.ROLE)
        self.assertLessEqual(job["CreationTime"], job["ProcessingStartTime"])
        self.assertLessEqual(job["ProcessingStartTime"], job["ProcessingEndTime"])
        self.assertEqual(job["ProcessingEndTime"], job["LastModifiedTime"])
        code = job["ProcessingInputs"][0]
        self.assertIs(code["AppManaged"], False)
        self.assertEqual(code["S3Input"]["S3DataDistributionType"], "FullyReplicated")
        self.assertIs(job["ProcessingOutputConfig"]["Outputs"][0]["AppManaged"], False)
        self.assertEqual(self.sagemaker.list_tags(ResourceArn=arn)["Tags"], [{"Key": "team", "Value": "a"}])
        self.assertIn("done", self.job_messages("sums"))
        streams = self.logs.describe_log_streams(logGroupName=self.log_group, logStreamNamePrefix="sums/")
        self.assertRegex(streams["logStreams"][0]["logStreamName"], r"^sums/algo-1-\d{10}$")

    def test_a_bash_script(self):
        self.script_job(
            "shell",
            "cd /opt/ml/processing/out; mkdir -p a; echo $0 > a/b; ln -s b a/l",
            ["/bin/bash"],
            outputs=[s3_output("out", "s3://jobs/shell/out/")],
        )
        self.completed("shell")
        # Links are not followed and not stored.
        self.assertEqual(self.objects("shell/out/"), {"a/b": "/opt/ml/processing/input/code/shell\n"})

    def test_a_cpp_file(self):
        if not os.path.exists(os.path.join(os.path.dirname(os.environ["SAGEMAKER_LOCAL_BIN"]), "sagemaker-cpp-image")):
            self.skipTest("the C++ image is not built here")
        self.script_job(
            "count.cpp",
            COUNT,
            [],
            name="count",
            application={"ImageUri": "sagemaker-cpp", "ContainerArguments": ["/opt/ml/processing/data/lines.csv"]},
            inputs=[s3_input("data", self.put("count/data/lines.csv", "1\n2\n3\n"))],
            outputs=[s3_output("out", "s3://jobs/count/out")],
        )
        self.completed("count")
        self.assertEqual(self.objects("count/out/"), {"lines": "3\n"})
        self.assertIn("counted 3", self.job_messages("count"))

    def test_what_a_container_is_told(self):
        self.create(
            "told",
            "#!/bin/sh\ncd /opt/ml/processing/out\ncp /opt/ml/config/*.json .\nenv > env\n",
            [{**s3_input("own", "s3://jobs/nothing/there"), "AppManaged": True}],
            [s3_output("out", "s3://jobs/told/out"), {**s3_output("own", "s3://jobs/own"), "AppManaged": True}],
        )
        job = self.completed("told")
        files = self.objects("told/out/")
        config = json.loads(files["processingjobconfig.json"])
        self.assertEqual(config["ProcessingJobArn"], job["ProcessingJobArn"])
        self.assertEqual(config["ProcessingJobName"], "told")
        self.assertIsNone(config["AppSpecification"]["ContainerEntrypoint"])
        self.assertEqual(config["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"], 5)
        self.assertIsNone(config["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"])
        self.assertEqual(config["ProcessingInputs"][0]["S3Input"]["S3Uri"], "s3://jobs/nothing/there")
        outputs = config["ProcessingOutputConfig"]["Outputs"]
        self.assertEqual([output["AppManaged"] for output in outputs], [False, True])
        self.assertEqual(config["StoppingCondition"], {"MaxRuntimeInSeconds": 600})
        resources = json.loads(files["resourceconfig.json"])
        self.assertEqual((resources["current_host"], resources["hosts"]), ("algo-1", ["algo-1"]))
        environment = files["env"].splitlines()
        self.assertIn("PROCESSING_JOB_NAME=told", environment)
        self.assertIn(f"PROCESSING_JOB_ARN={job['ProcessingJobArn']}", environment)
        self.assertIn("AWS_REGION=us-east-1", environment)
        self.assertNotIn("ExitMessage", job)

    def test_two_hosts_share_an_input_and_write_below_one_prefix(self):
        for name in ("a", "b", "c", "d/e"):
            self.put(f"hosts/in/{name}", name)
        script = (
            f"#!/bin/sh\nout=/opt/ml/processing/out/$(hostname)\n({NAMES}) > $out\n"
            "(cd /opt/ml/processing/all; ls | tr '\\n' ' ') >> $out\n"
            "hostname; printf $(hostname) > /opt/ml/output/message\n"
        )
        self.create(
            "hosts",
            script,
            [
                s3_input("in", "s3://jobs/hosts/in", S3DataDistributionType="ShardedByS3Key"),
                s3_input("all", "s3://jobs/hosts/in/"),
            ],
            [s3_output("out", "s3://jobs/hosts/out")],
            ProcessingResources=self.cluster(2),
        )
        job = self.completed("hosts")
        self.assertEqual(self.objects("hosts/out/"), {"algo-1": "./a ./c a b c d ", "algo-2": "./b ./d/e a b c d "})
        self.assertEqual(job["ExitMessage"], "algo-1algo-2")
        self.assertEqual(self.job_messages("hosts"), ["algo-1", "algo-2"])

    def test_a_manifest_names_the_objects(self):
        for name in ("x", "y", "z"):
            self.put(f"manifest/data/{name}", name)
        uri = self.put("manifest/list", json.dumps([{"prefix": "s3://jobs/manifest/"}, "data/x", "data/z"]))
        self.create(
            "manifest",
            f"#!/bin/sh\n({NAMES}) > /opt/ml/processing/out/names\n",
            [s3_input("in", uri, S3DataType="ManifestFile")],
            [s3_output("out", "s3://jobs/manifest/out")],
        )
        self.completed("manifest")
        self.assertEqual(self.objects("manifest/out/"), {"names": "./data/x ./data/z "})

    def test_continuous_outputs_are_there_while_the_job_runs(self):
        self.create(
            "steps",
            "#!/bin/sh\necho one > /opt/ml/processing/out/one\necho late > /opt/ml/processing/end/late\n"
            "trap 'echo two > /opt/ml/processing/out/two; exit 0' TERM\necho running\n"
            "while :; do sleep 0.05; done\n",
            outputs=[s3_output("out", "s3://jobs/steps/out", "Continuous"), s3_output("end", "s3://jobs/steps/end")],
        )
        self.until(lambda: self.objects("steps/out/"), "the first output")
        self.assertEqual(self.describe("steps")["ProcessingJobStatus"], "InProgress")
        self.assertEqual(self.objects("steps/out/"), {"one": "one\n"})
        self.assertEqual(self.objects("steps/end/"), {})
        self.stop("steps")
        self.assertEqual(self.ended("steps")["ProcessingJobStatus"], "Stopped")
        self.assertEqual(self.objects("steps/out/"), {"one": "one\n", "two": "two\n"})
        self.assertEqual(self.objects("steps/end/"), {"late": "late\n"})

    def test_a_job_that_fails_keeps_its_outputs_and_its_message(self):
        self.create(
            "fails",
            "#!/bin/sh\necho half > /opt/ml/processing/out/half\n"
            "printf 'the data is sour' > /opt/ml/output/message\nexit 3\n",
            outputs=[s3_output("out", "s3://jobs/fails/out")],
        )
        job = self.ended("fails")
        self.assertEqual(job["ProcessingJobStatus"], "Failed")
        self.assertTrue(job["FailureReason"].startswith("AlgorithmError: "), job["FailureReason"])
        self.assertEqual(job["ExitMessage"], "the data is sour")
        self.assertEqual(self.objects("fails/out/"), {"half": "half\n"})
        summaries = self.sagemaker.list_processing_jobs(StatusEquals="Failed", NameContains="fails")
        summary = summaries["ProcessingJobSummaries"][0]
        self.assertEqual(summary["ExitMessage"], "the data is sour")
        self.assertEqual(summary["FailureReason"], job["FailureReason"])
        self.assertEqual(summary["ProcessingEndTime"], job["ProcessingEndTime"])

    def test_what_stands_in_the_place_of_an_output_folder_is_not_followed(self):
        self.create(
            "moved",
            "#!/bin/sh\nmv /opt/ml/processing/out /opt/ml/processing/elsewhere\n"
            "ln -s /etc /opt/ml/processing/out\n",
            outputs=[s3_output("out", "s3://jobs/moved/out"), s3_output("good", "s3://jobs/moved/good")],
        )
        self.completed("moved")
        self.assertEqual(self.objects("moved/"), {})
        said = [line for line in self.job_messages("moved") if "is no folder any more" in line]
        self.assertEqual(
            said, ["sagemaker-local: /opt/ml/processing/out is no folder any more: nothing of it is uploaded"]
        )

    def test_an_input_without_objects_fails_the_job(self):
        self.create(
            "nothing",
            "#!/bin/sh\nexit 0\n",
            [s3_input("in", "s3://jobs/nobody/put/this")],
            [s3_output("out", "s3://jobs/nothing/out")],
        )
        job = self.ended("nothing")
        self.assertEqual(job["ProcessingJobStatus"], "Failed")
        self.assertIn("ClientError: ", job["FailureReason"])
        self.assertIn('No S3 objects found under S3 URL "s3://jobs/nobody/put/this"', job["FailureReason"])
        self.assertNotIn("ProcessingStartTime", job)

    def test_an_output_that_cannot_be_stored_fails_the_job(self):
        for name, uri, mode in (
            ("lost", "s3://no-such-bucket/out", "EndOfJob"),
            ("lost-continuous", "s3://no-such-bucket/out", "Continuous"),
        ):
            self.create(
                name,
                "#!/bin/sh\necho a > /opt/ml/processing/out/a\necho b > /opt/ml/processing/good/b\n",
                outputs=[s3_output("out", uri, mode), s3_output("good", f"s3://jobs/{name}/good", mode)],
            )
            job = self.ended(name)
            self.assertEqual(job["ProcessingJobStatus"], "Failed")
            self.assertEqual(
                job["FailureReason"], "ClientError: Failed to upload data. a: no such bucket: no-such-bucket"
            )
            self.assertEqual(self.objects(f"{name}/good/"), {"b": "b\n"})

    def test_a_name_that_is_no_key_fails_the_job(self):
        self.create(
            "bytes",
            "#!/bin/sh\ncd /opt/ml/processing/out\n: > \"$(printf 'a\\377b')\"\necho c > c\n",
            outputs=[s3_output("out", "s3://jobs/bytes/out")],
        )
        job = self.ended("bytes")
        self.assertEqual(
            job["FailureReason"],
            "ClientError: Failed to upload data. a?b: its name cannot be the key of an object",
        )
        self.assertEqual(self.objects("bytes/out/"), {"c": "c\n"})

    def test_outputs_are_encrypted_with_the_key_that_is_asked_for(self):
        request = self.request("key", "#!/bin/sh\necho a > /opt/ml/processing/out/a\n")
        for mode in ("EndOfJob", "Continuous"):
            output = {"Outputs": [s3_output("out", f"s3://jobs/key/{mode}", mode)], "KmsKeyId": "alias/own"}
            name = "key-" + mode.lower()
            self.sagemaker.create_processing_job(
                **{**request, "ProcessingJobName": name, "ProcessingOutputConfig": output}
            )
            self.completed(name)
            stored = self.s3.head_object(Bucket="jobs", Key=f"key/{mode}/a")
            self.assertEqual((stored["ServerSideEncryption"], stored["SSEKMSKeyId"]), ("aws:kms", "alias/own"))


if __name__ == "__main__":
    local_emulator.main()
