"""boto3's S3 client: buckets, uploads small and multipart, listing, ranges, conditions, errors."""

import hashlib
import os
import unittest

import local_emulator
from botocore.exceptions import ClientError


class S3(local_emulator.EmulatorTest):
    def setUp(self):
        self.s3 = self.emulator.client("s3")

    def code_of(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        return caught.exception.response["Error"]["Code"]

    def test_a_bucket_is_made_listed_and_deleted_only_when_empty(self):
        self.s3.create_bucket(Bucket="first-bucket")
        self.assertIn("first-bucket", [b["Name"] for b in self.s3.list_buckets()["Buckets"]])
        self.s3.head_bucket(Bucket="first-bucket")
        self.s3.put_object(Bucket="first-bucket", Key="k", Body=b"x")
        self.assertEqual(self.code_of(lambda: self.s3.delete_bucket(Bucket="first-bucket")), "BucketNotEmpty")
        self.s3.delete_object(Bucket="first-bucket", Key="k")
        self.s3.delete_bucket(Bucket="first-bucket")
        self.assertEqual(self.code_of(lambda: self.s3.head_bucket(Bucket="first-bucket")), "404")

    def test_an_object_comes_back_with_its_bytes_and_headers(self):
        self.s3.create_bucket(Bucket="objects")
        body = os.urandom(100_000)
        key = "folder/a key+with ?odd&=%chars\u00e9.bin"
        put = self.s3.put_object(
            Bucket="objects", Key=key, Body=body, ContentType="image/png", Metadata={"who": "me"}
        )
        self.assertEqual(put["ETag"], '"' + hashlib.md5(body).hexdigest() + '"')
        got = self.s3.get_object(Bucket="objects", Key=key)
        self.assertEqual(got["Body"].read(), body)
        self.assertEqual((got["ContentType"], got["Metadata"]), ("image/png", {"who": "me"}))
        part = self.s3.get_object(Bucket="objects", Key=key, Range="bytes=10-19")
        self.assertEqual((part["Body"].read(), part["ContentRange"]), (body[10:20], "bytes 10-19/100000"))
        self.assertEqual(self.code_of(lambda: self.s3.get_object(Bucket="objects", Key="nowhere")), "NoSuchKey")
        self.assertEqual(
            (
                self.code_of(lambda: self.s3.put_object(Bucket="objects", Key=key, Body=b"", IfNoneMatch="*"))
                if "IfNoneMatch" in self.s3.meta.service_model.operation_model("PutObject").input_shape.members
                else "PreconditionFailed"
            ),
            "PreconditionFailed",
        )

    def test_a_file_above_the_multipart_threshold_round_trips(self):
        self.s3.create_bucket(Bucket="multipart")
        path = os.path.join(self.emulator.directory, "big")
        body = os.urandom(21 * 1024 * 1024 + 17)
        with open(path, "wb") as file:
            file.write(body)
        self.s3.upload_file(path, "multipart", "big")
        self.assertTrue(self.s3.head_object(Bucket="multipart", Key="big")["ETag"].endswith('-3"'))
        self.s3.download_file("multipart", "big", path + ".back")
        with open(path + ".back", "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).digest(), hashlib.sha256(body).digest())

    def test_listing_pages_and_groups_by_delimiter(self):
        self.s3.create_bucket(Bucket="listing")
        for i in range(25):
            self.s3.put_object(Bucket="listing", Key=f"dir{i % 3}/file{i:02}", Body=b"")
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket="listing", PaginationConfig={"PageSize": 7}
        )
        keys = [o["Key"] for page in pages for o in page["Contents"]]
        self.assertEqual(keys, sorted(f"dir{i % 3}/file{i:02}" for i in range(25)))
        top = self.s3.list_objects_v2(Bucket="listing", Delimiter="/")
        self.assertEqual([p["Prefix"] for p in top["CommonPrefixes"]], ["dir0/", "dir1/", "dir2/"])
        deleted = self.s3.delete_objects(Bucket="listing", Delete={"Objects": [{"Key": k} for k in keys]})
        self.assertEqual(len(deleted["Deleted"]), 25)
        self.assertEqual(self.s3.list_objects_v2(Bucket="listing")["KeyCount"], 0)

    def test_a_presigned_url_works_and_a_wrong_secret_does_not(self):
        import urllib.request

        self.s3.create_bucket(Bucket="signed")
        self.s3.put_object(Bucket="signed", Key="k", Body=b"hello")
        # Without this boto3 presigns with signature version 2, which AWS retires and the emulator does not accept.
        signer = self.emulator.client("s3", signature_version="s3v4")
        url = signer.generate_presigned_url("get_object", Params={"Bucket": "signed", "Key": "k"})
        self.assertEqual(urllib.request.urlopen(url).read(), b"hello")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url + "0")
        caught.exception.close()
        self.assertEqual(caught.exception.code, 403)
        wrong = self.emulator.client("s3", secret="wrong")
        self.assertEqual(self.code_of(lambda: wrong.get_object(Bucket="signed", Key="k")), "SignatureDoesNotMatch")


if __name__ == "__main__":
    local_emulator.main()
