"""boto3 feeds training jobs: every input mode, manifests, sharding, shuffling, RecordIO, gzip, and what is refused."""

import gzip
import json
import struct

import local_emulator
from botocore.exceptions import ClientError, ParamValidationError

# Prints the hexadecimal bytes of one epoch of a Pipe channel.
READ_EPOCHS = """#!/bin/sh
for epoch in 0 1 2; do
  echo "$(hostname) epoch $epoch: $(od -An -v -tx1 /opt/ml/input/data/train_$epoch | tr -d ' \\n')"
done
"""
LIST_FILES = """#!/bin/sh
cd /opt/ml/input/data && echo "$SM_CURRENT_HOST files: $(find . -type f | LC_ALL=C sort | tr '\\n' ' ')"
"""


def record(data):
    return struct.pack("<II", 0xCED7230A, len(data)) + data + b"\0" * (-len(data) % 4)


def channel(uri, name="train", data_type="S3Prefix", distribution=None, source=None, **members):
    s3 = {"S3DataType": data_type, "S3Uri": uri, **(source or {})}
    if distribution:
        s3["S3DataDistributionType"] = distribution
    return {"ChannelName": name, "DataSource": {"S3DataSource": s3}, **members}


class TrainingInputs(local_emulator.TrainingJobs, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.logs = cls.emulator.client("logs")
        cls.s3.create_bucket(Bucket="data")
        for number in range(6):
            cls.put(f"parts/{number}", b"%d" % number)
        cls.number = 0

    @classmethod
    def put(cls, key, body):
        cls.s3.put_object(Bucket="data", Key=key, Body=body)

    def create(self, channels, script=READ_EPOCHS, mode="Pipe", hosts=1, **changes):
        type(self).number += 1
        name = f"job-{self.number}"
        request = {
            "TrainingJobName": name,
            "RoleArn": local_emulator.ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": self.emulator.program(name, script),
                "TrainingInputMode": mode,
            },
            "InputDataConfig": channels,
            "OutputDataConfig": {"S3OutputPath": "s3://data/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        request.update(changes)
        self.sagemaker.create_training_job(**request)
        return name

    def messages(self, name):
        job = self.ended(name)
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        return super().messages(name)

    def epochs(self, *arguments, **options):
        """What each host got in each epoch, as bytes, by host."""
        hosts = {}
        for line in self.messages(self.create(*arguments, **options)):
            host, _, _, data = line.split(" ")
            hosts.setdefault(host, []).append(bytes.fromhex(data))
        return hosts

    def refusal(self, *arguments, code="ValidationException", **options):
        with self.assertRaises(ClientError) as caught:
            self.create(*arguments, **options)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code)
        return error["Message"]

    # ---- Pipe -----------------------------------------------------------------------------------

    def test_a_pipe_gives_all_objects_in_key_order_in_every_epoch(self):
        self.assertEqual(self.epochs([channel("s3://data/parts/")]), {"algo-1": [b"012345"] * 3})

    def test_record_io_frames_objects(self):
        wanted = b"".join(record(b"%d" % number) for number in range(6))
        got = self.epochs([channel("s3://data/parts/", RecordWrapperType="RecordIO")])
        self.assertEqual(got, {"algo-1": [wanted] * 3})

    def test_gzip_objects_are_unpacked(self):
        self.put("packed/1.gz", gzip.compress(b"first "))
        self.put("packed/2.gz", gzip.compress(b"second"))
        got = self.epochs([channel("s3://data/packed/", CompressionType="Gzip")])
        self.assertEqual(got["algo-1"][0], b"first second")

    def test_shuffling_is_seeded_and_another_one_in_each_epoch(self):
        shuffled = {"ShuffleConfig": {"Seed": 7}}
        first = self.epochs([channel("s3://data/parts/", **shuffled)])["algo-1"]
        again = self.epochs([channel("s3://data/parts/", **shuffled)])["algo-1"]
        other = self.epochs([channel("s3://data/parts/", ShuffleConfig={"Seed": 8})])["algo-1"]
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertGreater(len(set(first)), 1)
        for epoch in first:
            self.assertEqual(sorted(epoch), sorted(b"012345"))

    def test_shards_are_shuffled_over_the_hosts(self):
        plain = self.epochs([channel("s3://data/parts/", distribution="ShardedByS3Key")], hosts=2)
        self.assertEqual(plain, {"algo-1": [b"024"] * 3, "algo-2": [b"135"] * 3})
        moved = self.epochs(
            [channel("s3://data/parts/", distribution="ShardedByS3Key", ShuffleConfig={"Seed": 3})], hosts=2
        )
        for one, two in zip(moved["algo-1"], moved["algo-2"]):
            self.assertEqual((len(one), sorted(one + two)), (3, sorted(b"012345")))
        self.assertGreater(len({bytes(sorted(epoch)) for epoch in moved["algo-1"]}), 1)

    def test_an_augmented_manifest_gives_the_attributes_in_order(self):
        lines = [
            {"author": "Herman", "line": "Call me Ishmael", "n": 1, "image-ref": "s3://data/parts/3", "box": [1, 2]},
            {"image-ref": "s3://data/parts/4", "n": 2.5, "line": "caf\u00e9", "box": {"a": None}},
        ]
        self.put("augmented.manifest", "\n".join(json.dumps(line) for line in lines).encode() + b"\n\n")
        source = {"AttributeNames": ["image-ref", "line", "n", "box"]}
        values = [b"3", b"Call me Ishmael", b"1", b"[1,2]", b"4", "caf\u00e9".encode(), b"2.5", b'{"a":null}']
        manifest = "s3://data/augmented.manifest"
        framed = channel(manifest, data_type="AugmentedManifestFile", source=source, RecordWrapperType="RecordIO")
        self.assertEqual(self.epochs([framed])["algo-1"][0], b"".join(record(value) for value in values))
        plain = channel(manifest, data_type="AugmentedManifestFile", source=source)
        self.assertEqual(self.epochs([plain])["algo-1"][0], b"".join(values))

    def test_an_augmented_manifest_with_a_missing_object_or_attribute_fails_the_job(self):
        cases = {
            '{"image-ref": "s3://data/nowhere"}': "Unable to download object s3://data/nowhere (NoSuchKey",
            '{"label": 1}': 'has no attribute "image-ref"',
            '{"image-ref": 3}': 'has no S3 URI as the value of "image-ref"',
            "no json": "is not JSON",
            "\n": "No S3 objects found",
        }
        for number, (line, reason) in enumerate(cases.items()):
            self.put(f"broken-{number}.manifest", line.encode())
            source = {"AttributeNames": ["image-ref"]}
            name = self.create(
                [channel(f"s3://data/broken-{number}.manifest", data_type="AugmentedManifestFile", source=source)]
            )
            job = self.ended(name)
            self.assertEqual(job["TrainingJobStatus"], "Failed")
            self.assertTrue(job["FailureReason"].startswith("ClientError: Data download failed:"), job)
            self.assertIn(reason, job["FailureReason"])

    # ---- File and FastFile ----------------------------------------------------------------------

    def test_manifests_place_files_by_their_relative_names(self):
        self.put("list.manifest", b'[{"prefix": "s3://data/"}, "parts/1", "parts/4"]')
        files = channel("s3://data/list.manifest", data_type="ManifestFile")
        self.assertEqual(
            self.messages(self.create([files], LIST_FILES, "File")),
            ["algo-1 files: ./train/parts/1 ./train/parts/4 "],
        )
        self.assertEqual(self.epochs([files])["algo-1"][0], b"14")

    def test_a_manifest_that_names_a_missing_object_fails_the_job(self):
        self.put("gone.manifest", b'[{"prefix": "s3://data/"}, "parts/1", "parts/nowhere"]')
        name = self.create([channel("s3://data/gone.manifest", data_type="ManifestFile")], LIST_FILES, "File")
        self.assertEqual(
            self.ended(name)["FailureReason"],
            "ClientError: Data download failed:Failed to download data. Unable to download object "
            "s3://data/parts/nowhere (NoSuchKey: The specified key does not exist.)",
        )

    def test_keys_that_cannot_be_files_together_fail_the_job_without_naming_this_machine(self):
        self.put("collide/a", b"file")
        self.put("collide/a/b", b"below it")
        name = self.create([channel("s3://data/collide/")], LIST_FILES, "File")
        reason = self.ended(name)["FailureReason"]
        self.assertTrue(reason.startswith("ClientError: Data download failed:"), reason)
        self.assertNotIn(self.emulator.directory, reason)

    def test_every_host_gets_its_shard(self):
        for mode in ("File", "FastFile"):
            lines = self.messages(
                self.create([channel("s3://data/parts/", distribution="ShardedByS3Key")], LIST_FILES, mode, hosts=4)
            )
            self.assertEqual(
                sorted(lines),
                [
                    "algo-1 files: ./train/0 ./train/4 ",
                    "algo-2 files: ./train/1 ./train/5 ",
                    "algo-3 files: ./train/2 ",
                    "algo-4 files: ./train/3 ",
                ],
            )

    def test_channels_may_have_different_modes(self):
        script = "#!/bin/sh\ncat /opt/ml/input/data/one/1 /opt/ml/input/data/two/2 /opt/ml/input/data/three_0\n"
        name = self.create(
            [
                channel("s3://data/parts/", "one"),
                channel("s3://data/parts", "two", InputMode="FastFile"),
                channel("s3://data/parts/", "three", InputMode="Pipe"),
            ],
            script,
            "File",
        )
        self.assertEqual(self.messages(name), ["12012345"])
        statuses = [t["Status"] for t in self.ended(name)["SecondaryStatusTransitions"]]
        self.assertEqual(statuses, ["Starting", "Downloading", "Training", "Uploading", "Completed"])

    def test_fast_file_copies_nothing_and_lets_nothing_be_changed(self):
        script = (
            "#!/bin/sh\ncd /opt/ml/input/data/train\n"
            "(echo changed > 3) 2>/dev/null || echo refused\nrm -f 3 2>/dev/null || echo refused\ncat 3\n"
        )
        name = self.create([channel("s3://data/parts/")], script, "FastFile")
        self.assertEqual(self.messages(name), ["refused", "refused", "3"])
        self.assertEqual(self.s3.get_object(Bucket="data", Key="parts/3")["Body"].read(), b"3")
        statuses = [t["Status"] for t in self.ended(name)["SecondaryStatusTransitions"]]
        self.assertEqual(statuses, ["Starting", "Training", "Uploading", "Completed"])

    def test_fast_file_wants_a_whole_folder_or_object(self):
        job = self.ended(self.create([channel("s3://data/par")], LIST_FILES, "FastFile"))
        self.assertEqual(
            job["FailureReason"],
            "ClientError: Data download failed:Failed to download data. For FastFile mode, partial S3 prefix is not "
            "supported. S3 prefix has to end with a full file or folder. Add a trailing '/' to the S3 prefix if it "
            "ends with a folder name that is also a prefix for other folders.",
        )
        self.messages(self.create([channel("s3://data/parts/3")], LIST_FILES, "FastFile"))

    def test_a_model_channel_brings_an_earlier_artifact(self):
        first = self.create(
            [channel("s3://data/parts/")], "#!/bin/sh\necho weights > /opt/ml/model/weights\n", "File"
        )
        model = self.ended(first)["ModelArtifacts"]["S3ModelArtifacts"]
        name = self.create(
            [channel(model, "model", ContentType="application/x-sagemaker-model")],
            "#!/bin/sh\ncd /opt/ml/input/data/model && tar xzf model.tar.gz && cat weights\n",
            "File",
        )
        self.assertEqual(self.messages(name), ["weights"])

    # ---- instance groups ------------------------------------------------------------------------

    def test_channels_go_to_their_instance_groups(self):
        groups = [
            {"InstanceGroupName": "readers", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
            {"InstanceGroupName": "trainers", "InstanceType": "ml.m5.large", "InstanceCount": 1},
        ]
        name = self.create(
            [
                channel(
                    "s3://data/parts/",
                    distribution="ShardedByS3Key",
                    source={"InstanceGroupNames": ["readers"]},
                ),
                channel("s3://data/parts/5", "all"),
            ],
            LIST_FILES,
            "File",
            ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 5},
        )
        self.assertEqual(
            sorted(self.messages(name)),
            [
                "algo-1 files: ./all/5 ./train/0 ./train/2 ./train/4 ",
                "algo-2 files: ./all/5 ./train/1 ./train/3 ./train/5 ",
                "algo-3 files: ./all/5 ",
            ],
        )
        self.assertEqual(self.ended(name)["ResourceConfig"]["InstanceGroups"], groups)

    # ---- refusals -------------------------------------------------------------------------------

    def test_what_aws_refuses_is_refused(self):
        parts = "s3://data/parts/"
        augmented = {"data_type": "AugmentedManifestFile", "source": {"AttributeNames": ["a"]}}
        cases = [
            (channel(parts, **augmented), "File", "can only be used if the channel's input mode is Pipe"),
            (channel(parts, **augmented), "FastFile", "can only be used if the channel's input mode is Pipe"),
            (channel(parts, data_type="AugmentedManifestFile"), "Pipe", "AttributeNames must be specified"),
            (channel(parts, source={"AttributeNames": ["a"]}), "Pipe", "AttributeNames can only be specified"),
            (channel(parts, data_type="ManifestFile"), "FastFile", "supports S3DataType S3Prefix only"),
            (channel(parts, CompressionType="Gzip"), "File", "CompressionType Gzip is supported in Pipe"),
            (channel(parts, RecordWrapperType="RecordIO"), "FastFile", "RecordWrapperType RecordIO is supported"),
            (channel(parts, source={"InstanceGroupNames": ["x"]}), "File", 'InstanceGroupNames contains "x"'),
            (channel("s3://data/none/"), "Pipe", 'No S3 objects found under S3 URL "s3://data/none/"'),
            (channel("s3://data/none", **augmented), "Pipe", 'No S3 objects found under S3 URL "s3://data/none"'),
            (channel(parts, data_type="ManifestFile"), "File", "No S3 objects found under S3 URL"),
            (channel(parts, ContentType="application/x-sagemaker-model"), "Pipe", "choose File input mode"),
        ]
        for one, mode, message in cases:
            self.assertIn(message, self.refusal([one], mode=mode))
        self.assertIn("must be unique: train", self.refusal([channel(parts), channel(parts)]))
        file_system = {
            "FileSystemDataSource": {
                "FileSystemId": "fs-12345678901",
                "FileSystemAccessMode": "ro",
                "FileSystemType": "EFS",
                "DirectoryPath": "/x",
            }
        }
        self.assertIn(
            "DataSource.FileSystemDataSource (channel train) is not implemented by sagemaker-local yet",
            self.refusal([{"ChannelName": "train", "DataSource": file_system}]),
        )
        hub = {"HubAccessConfig": {"HubContentArn": "arn:aws:sagemaker:us-east-1:000000000000:hub-content/x"}}
        try:
            self.assertIn("S3DataSource.HubAccessConfig", self.refusal([channel(parts, source=hub)]))
        except ParamValidationError:  # a botocore that is older than the member
            pass
        self.assertIn(
            "either InstanceGroups, or InstanceType and InstanceCount",
            self.refusal(
                [channel(parts)],
                ResourceConfig={
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "InstanceGroups": [
                        {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 1}
                    ],
                    "VolumeSizeInGB": 5,
                },
            ),
        )

    def test_more_instances_than_there_can_be_are_over_the_quota(self):
        wanted = "is 250 Instances, with current utilization of 0 Instances and a request delta of 3000000 Instances"
        for resources in (
            {"InstanceType": "ml.m5.large", "InstanceCount": 3000000},
            {
                "InstanceGroups": [
                    {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 3000000}
                ]
            },
        ):
            message = self.refusal(
                [channel("s3://data/parts/")],
                code="ResourceLimitExceeded",
                ResourceConfig={**resources, "VolumeSizeInGB": 1},
            )
            self.assertIn(wanted, message)


if __name__ == "__main__":
    local_emulator.main()
