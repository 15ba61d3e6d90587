"""boto3 on objects and their versions, uploads and tags: errors are what AWS was recorded to answer.

Compared are code, message and the names of the other elements. Where the recordings themselves are at hand, every row
of the table must be one of them.
"""

import base64
import os
import unittest

import local_emulator
from botocore.exceptions import ClientError
from s3_object_errors import KEY, rows

RECORDINGS = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../../shared/data/aws/aws_recorded_errors.txt"
)
PARSED = {"Code", "Message", "RequestId", "HostId"}


def crc32c(data):
    """In base64; botocore needs a native library for it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return base64.b64encode((crc ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


class Objects(local_emulator.EmulatorTest):
    def setUp(self):
        self.s3 = self.emulator.client("s3", retries=False, parameter_validation=False)

    def knows(self, operation, parameters):
        """Whether this release of boto3 has the parameters."""
        model = self.s3.meta.service_model.operation_model(self.s3.meta.method_to_api_mapping[operation])
        return set(parameters) <= set(model.input_shape.members)

    def make_world(self):
        s3 = self.s3
        s3.create_bucket(Bucket="plain")
        etag = s3.put_object(Bucket="plain", Key="key", Body=b"0123456789")["ETag"]
        s3.put_object(Bucket="plain", Key="cold", Body=b"x", StorageClass="GLACIER")
        s3.put_object(Bucket="plain", Key="secret", Body=b"x", **KEY)
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        world = {"etag": etag, "other_version": s3.put_object(Bucket="kept", Key="other", Body=b"x")["VersionId"]}
        world["version"] = s3.put_object(Bucket="kept", Key="key", Body=b"x")["VersionId"]
        world["marker"] = s3.delete_object(Bucket="kept", Key="key")["VersionId"]
        kinds = {
            "upload": {},
            "upload_crc32": {"ChecksumAlgorithm": "CRC32"},
            "upload_sha256": {"ChecksumAlgorithm": "SHA256"},
            "upload_full": {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"},
            "upload_secret": KEY,
            "upload_raced": {},
        }
        for name, options in kinds.items():
            key = "raced" if name == "upload_raced" else "big"
            if not self.knows("create_multipart_upload", options):
                world[name] = "none"
                continue
            world[name] = s3.create_multipart_upload(Bucket="plain", Key=key, **options)["UploadId"]
            checksum = {k: v for k, v in options.items() if k == "ChecksumAlgorithm"}
            if name == "upload_full":
                checksum = {"ChecksumCRC32C": crc32c(b"part")}
            customer_key = options if name == "upload_secret" else {}
            for number in (1, 2):
                part = s3.upload_part(
                    Bucket="plain",
                    Key=key,
                    UploadId=world[name],
                    PartNumber=number,
                    Body=b"part",
                    **checksum,
                    **customer_key,
                )
                world["part"] = part["ETag"]
        # Between the begin and the end of this upload its key was written and deleted.
        s3.put_object(Bucket="plain", Key="raced", Body=b"x")
        s3.delete_object(Bucket="plain", Key="raced")
        return world

    def test_errors_are_what_aws_was_recorded_to_answer(self):
        answered = 0
        for operation, parameters, code, message, names in rows(self.make_world()):
            parameters = {"Bucket": "plain", **parameters}
            unmade = parameters.get("UploadId") == "none" and code != "NoSuchUpload"
            if unmade or not self.knows(operation, parameters):
                continue
            with self.subTest(operation=operation, message=message):
                with self.assertRaises(ClientError) as caught:
                    getattr(self.s3, operation)(**parameters)
                error = caught.exception.response["Error"]
                self.assertEqual((error["Code"], error["Message"]), (code, message))
                self.assertEqual(set(error) - PARSED, set(names.split()))
                answered += 1
        self.assertGreater(answered, 60)

    @unittest.skipUnless(os.path.exists(RECORDINGS), "the recordings of AWS are not here")
    def test_the_table_says_what_was_recorded(self):
        with open(RECORDINGS, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split("\t") for line in file if line.startswith("s3\t")]
        recorded = {(line[1], line[2]): line[3] for line in lines}
        world = {name: name for name in self.world_names()}
        for operation, _, code, message, names in rows(world):
            with self.subTest(operation=operation, message=message):
                self.assertIn((code, message), recorded)
                self.assertEqual(recorded[code, message], "extra=" + str(sorted(names.split())))

    @staticmethod
    def world_names():
        uploads = ("upload", "upload_crc32", "upload_sha256", "upload_full", "upload_secret", "upload_raced")
        return ("etag", "other_version", "version", "marker", "part", *uploads)


if __name__ == "__main__":
    local_emulator.main()
