"""boto3's S3 client: versions, delete markers, tags, attributes, keys of customers."""

import os
import unittest

import local_emulator
from botocore.exceptions import ClientError


class Versions(local_emulator.EmulatorTest):
    def setUp(self):
        self.s3 = self.emulator.client("s3")

    def bucket(self, name, versioned=True):
        self.s3.create_bucket(Bucket=name)
        if versioned:
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def error_of(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        return caught.exception.response

    def code_of(self, call):
        return self.error_of(call)["Error"]["Code"]

    def test_versions_are_kept_listed_and_read(self):
        bucket = self.bucket("kept")
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        ids = [self.s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2")]
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key="k")["VersionId"], ids[1])
        old = self.s3.get_object(Bucket=bucket, Key="k", VersionId=ids[0])
        self.assertEqual((old["Body"].read(), old["VersionId"]), (b"1", ids[0]))
        listed = self.s3.list_object_versions(Bucket=bucket)["Versions"]
        self.assertEqual([(v["VersionId"], v["IsLatest"]) for v in listed], [(ids[1], True), (ids[0], False)])
        self.assertEqual(
            self.code_of(lambda: self.s3.get_object(Bucket=bucket, Key="k", VersionId=ids[0][:-1])),
            "InvalidArgument",
        )

    def test_a_delete_marker_hides_and_its_deletion_brings_back(self):
        bucket = self.bucket("hidden")
        self.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        marker = self.s3.delete_object(Bucket=bucket, Key="k")
        self.assertTrue(marker["DeleteMarker"])
        hidden = self.error_of(lambda: self.s3.get_object(Bucket=bucket, Key="k"))
        self.assertEqual(hidden["Error"]["Code"], "NoSuchKey")
        headers = hidden["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(headers["x-amz-delete-marker"], "true")
        self.assertEqual(headers["x-amz-version-id"], marker["VersionId"])
        direct = self.error_of(
            lambda: self.s3.get_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
        )
        self.assertEqual(direct["Error"]["Code"], "MethodNotAllowed")
        self.assertEqual(direct["Error"]["ResourceType"], "DeleteMarker")
        self.assertEqual(direct["ResponseMetadata"]["HTTPHeaders"]["allow"], "DELETE")
        listed = self.s3.list_object_versions(Bucket=bucket)
        self.assertEqual([m["VersionId"] for m in listed["DeleteMarkers"]], [marker["VersionId"]])
        self.assertTrue(listed["DeleteMarkers"][0]["IsLatest"])
        self.s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key="k")["Body"].read(), b"1")

    def test_a_bucket_is_emptied_of_all_versions_page_by_page(self):
        bucket = self.bucket("emptied")
        for i in range(23):
            self.s3.put_object(Bucket=bucket, Key=f"k{i % 5}", Body=b"x")
        for i in range(5):
            self.s3.delete_object(Bucket=bucket, Key=f"k{i}")
        refused = self.error_of(lambda: self.s3.delete_bucket(Bucket=bucket))["Error"]
        self.assertEqual(
            refused["Message"],
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        )
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": 4}
        )
        deleted = 0
        for page in pages:  # what was listed is gone when the next page is asked for
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            objects = [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries]
            answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
            self.assertNotIn("Errors", answer)
            deleted += len(answer["Deleted"])
        self.assertEqual(deleted, 28)
        self.s3.delete_bucket(Bucket=bucket)

    def test_tags_of_objects(self):
        bucket = self.bucket("tagged", versioned=False)
        self.s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=two%20words")
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key="k")["TagCount"], 2)
        tags = self.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
        self.assertEqual(tags, [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}])
        new = [{"Key": "c", "Value": "\u00fc"}]
        self.s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": new})
        self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"], new)
        many = [{"Key": f"k{i}", "Value": ""} for i in range(11)]
        self.assertEqual(
            self.code_of(lambda: self.s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": many})),
            "BadRequest",
        )
        self.s3.copy_object(
            Bucket=bucket,
            Key="copy",
            CopySource={"Bucket": bucket, "Key": "k"},
            TaggingDirective="REPLACE",
            Tagging="d=4",
        )
        self.assertEqual(
            self.s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"], [{"Key": "d", "Value": "4"}]
        )
        self.s3.delete_object_tagging(Bucket=bucket, Key="k")
        self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"], [])

    def test_attributes_of_an_object_in_parts(self):
        bucket = self.bucket("attributes")
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="big", ChecksumAlgorithm="SHA256")
        names = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
        parts = []
        for number, body in ((1, os.urandom(5 << 20)), (2, b"rest")):
            part = self.s3.upload_part(PartNumber=number, Body=body, ChecksumAlgorithm="SHA256", **names)
            parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
        done = self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **names)
        self.assertEqual(len(done["VersionId"]), 32)
        attributes = self.s3.get_object_attributes(
            Bucket=bucket,
            Key="big",
            ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"],
        )
        self.assertEqual(attributes["ETag"], done["ETag"].strip('"'))
        self.assertEqual(attributes["ObjectSize"], (5 << 20) + 4)
        self.assertEqual(attributes["Checksum"]["ChecksumSHA256"], done["ChecksumSHA256"])
        self.assertEqual(attributes["ObjectParts"]["TotalPartsCount"], 2)
        listed = [p["ChecksumSHA256"] for p in attributes["ObjectParts"]["Parts"]]
        self.assertEqual(listed, [p["ChecksumSHA256"] for p in parts])
        self.assertEqual(attributes["VersionId"], done["VersionId"])

    def test_a_key_of_the_customer_is_asked_for_again(self):
        bucket = self.bucket("secrets", versioned=False)
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
        self.s3.put_object(Bucket=bucket, Key="k", Body=b"secret", **key)
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key="k", **key)["Body"].read(), b"secret")
        self.assertEqual(self.code_of(lambda: self.s3.get_object(Bucket=bucket, Key="k")), "InvalidRequest")
        wrong = dict(key, SSECustomerKey="x" * 32)
        self.assertEqual(
            self.code_of(lambda: self.s3.get_object(Bucket=bucket, Key="k", **wrong)), "AccessDenied"
        )


if __name__ == "__main__":
    local_emulator.main()
