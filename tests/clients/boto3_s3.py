"""boto3's S3 client: buckets, uploads small and multipart, listing, ranges, conditions, errors."""

import hashlib
import os
import unittest

import boto3
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

    def test_an_empty_object_does_not_spoil_its_connection(self):
        # botocore asks before every body, an empty one too; what it is told then it remembers for the connection.
        self.s3.create_bucket(Bucket="empty")
        for _ in range(2):
            self.s3.put_object(Bucket="empty", Key="nothing", Body=b"")
            self.assertIn("ETag", self.s3.put_object(Bucket="empty", Key="something", Body=b"x"))
            refused = lambda: self.s3.put_object(Bucket="nowhere-at-all", Key="nothing", Body=b"")  # noqa: E731
            self.assertEqual(self.code_of(refused), "NoSuchBucket")
            self.assertIn("ETag", self.s3.put_object(Bucket="empty", Key="something", Body=b"x"))

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
        # None: version 2 with boto3 for us-east-1, unless a bucket's name or an option asks for 4.
        for version in (None, "s3", "s3v4"):
            options = {"signature_version": version} if version else {}
            signer = self.emulator.client("s3", **options)
            target = {"Bucket": "signed", "Key": "a key+.txt"}
            put = signer.generate_presigned_url("put_object", Params={**target, "ContentType": "text/plain"})
            self.assertEqual("X-Amz-Algorithm=" in put, version == "s3v4")
            request = urllib.request.Request(put, b"hello", {"Content-Type": "text/plain"}, method="PUT")
            urllib.request.urlopen(request).close()
            get = signer.generate_presigned_url(
                "get_object", Params={**target, "ResponseContentType": "text/x-other"}, ExpiresIn=60
            )
            with urllib.request.urlopen(get) as answer:
                self.assertEqual((answer.read(), answer.headers["Content-Type"]), (b"hello", "text/x-other"))
            for changed in (get + "0", get + "&versionId=1", get.replace("key", "kez")):
                with self.assertRaises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(changed)
                with caught.exception as error:
                    self.assertEqual(error.code, 403, changed)
            if version == "s3v4":
                continue  # botocore with the AWS CRT makes no URL that is over
            over = signer.generate_presigned_url("get_object", Params=target, ExpiresIn=-10)
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(over)
            with caught.exception as error:
                self.assertIn(b"Request has expired", error.read())
        wrong = self.emulator.client("s3", secret="wrong")
        self.assertEqual(self.code_of(lambda: wrong.get_object(Bucket="signed", Key="k")), "SignatureDoesNotMatch")

    def test_headers_signed_with_version_2(self):
        old = self.emulator.client("s3", signature_version="s3")
        old.create_bucket(Bucket="old-signer")
        old.put_object(Bucket="old-signer", Key="a b+\u00e9", Body=b"x" * 1000, Metadata={"who": "me"})
        self.assertEqual(old.get_object(Bucket="old-signer", Key="a b+\u00e9")["Metadata"], {"who": "me"})
        wrong = self.emulator.client("s3", secret="wrong", signature_version="s3")
        self.assertEqual(self.code_of(lambda: wrong.list_objects(Bucket="old-signer")), "SignatureDoesNotMatch")
        if tuple(map(int, boto3.__version__.split(".")[:2])) < (1, 28):
            return  # it signs "?uploads?uploads", which AWS refuses as well
        upload = old.create_multipart_upload(Bucket="old-signer", Key="parts")["UploadId"]
        part = old.upload_part(Bucket="old-signer", Key="parts", UploadId=upload, PartNumber=1, Body=b"y")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        old.complete_multipart_upload(Bucket="old-signer", Key="parts", UploadId=upload, MultipartUpload=parts)
        self.assertEqual(old.list_objects_v2(Bucket="old-signer", Prefix="p")["KeyCount"], 1)
        old.delete_objects(Bucket="old-signer", Delete={"Objects": [{"Key": "parts"}]})


if __name__ == "__main__":
    local_emulator.main()
